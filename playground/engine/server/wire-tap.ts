// Looks on at both hops: every record that passes a transport, without holding it up. What it saw goes to the page in
// batches; when the page is slow, the oldest is dropped.

import { RecordType } from "../../../src/codec/index.ts";
import type { Transport } from "../../../src/transport/transport.ts";
import { CHILD_HOP, MALFORMED, TO_WEB_SERVER, WIRE_ROW, type WireBatch } from "../protocol.ts";
import { RecordCutter } from "../record-cutter.ts";
import type { Direction, Hop, WireClosed, WireLimits, WireOpened } from "../types.ts";

/** Milliseconds between two batches: a frame of a screen. */
const FRAME = 16;

/** Batches under way to the page. */
const MOST_UNSHOWN = 2;

/** The param by which a request is known on both hops, as nginx's `$request_id` is passed on. */
const REQUEST_ID = new TextEncoder().encode("HTTP_X_REQUEST_ID");

interface Seen {
  readonly seq: number;
  readonly time: number;
  readonly connection: number;
  request: number;
  readonly bytes: Uint8Array;
  readonly flags: number;
}

/** What a tapped transport is. */
export interface Tapped {
  readonly hop: Hop;
  readonly pid: number;
  readonly origin: WireOpened["origin"];
  /** Which side the transport belongs to: what comes out of it was sent by the other one. */
  readonly side: "application" | "web-server";
}

export class WireTap {
  readonly #limits: WireLimits;
  readonly #post: (batch: WireBatch) => void;
  #records: Seen[] = [];
  #others: (WireOpened | WireClosed)[] = [];
  #bytes = 0;
  #dropped = 0;
  #seq = 0;
  #connections = 0;
  #unshown = 0;
  #planned = false;
  #on = true;

  /** @param post sends a batch; its buffers are the receiver's */
  constructor(limits: WireLimits, post: (batch: WireBatch) => void) {
    this.#limits = limits;
    this.#post = post;
  }

  /** Stops or goes on. */
  record(on: boolean): void {
    this.#on = on;
  }

  /** The page has shown a batch. */
  shown(): void {
    this.#unshown -= 1;
    this.#plan();
  }

  /** A transport that tells the tap what passes. */
  wrap(transport: Transport, tapped: Tapped): { readonly transport: Transport; readonly connection: number } {
    const connection = ++this.#connections;
    const { hop, pid, origin, side } = tapped;
    if (this.#on) this.#others.push({ kind: "opened", ...this.#next(), hop, connection, pid, origin });
    this.#plan();
    const requests = new Map<number, Seen | number>();
    const incoming = side === "application" ? "to-application" : "to-web-server";
    const outgoing = side === "application" ? "to-web-server" : "to-application";
    const look = (direction: Direction) => {
      const cutter = new RecordCutter();
      const flags = (hop === "child" ? CHILD_HOP : 0) | (direction === "to-web-server" ? TO_WEB_SERVER : 0);
      const take = (bytes: Uint8Array, isRecord: boolean) =>
        this.#take(bytes, connection, flags | (isRecord ? 0 : MALFORMED), requests);
      return {
        push: (chunk: Uint8Array) => cutter.push(chunk, take),
        end: () => cutter.end(take),
      };
    };
    const input = look(incoming);
    const output = look(outgoing);
    let open = true;
    const end = (error?: string) => {
      if (!open) return;
      open = false;
      input.end();
      output.end();
      if (!this.#on) return;
      this.#others.push({
        kind: "closed",
        ...this.#next(),
        hop,
        connection,
        ...(error === undefined ? {} : { error }),
      });
      this.#plan();
    };
    const probe = transport.probe?.bind(transport);
    return {
      connection,
      transport: {
        start: (handler) =>
          transport.start({
            onChunk(chunk) {
              input.push(chunk);
              return handler.onChunk(chunk);
            },
            onEnd(error) {
              end(error?.message);
              handler.onEnd(error);
            },
            onGone: (error) => handler.onGone?.(error),
          }),
        write(chunks) {
          if (open) for (const chunk of chunks) output.push(chunk);
          return transport.write(chunks);
        },
        close() {
          transport.close();
          end();
        },
        reset() {
          transport.reset();
          end("reset");
        },
        ...(probe === undefined ? {} : { probe }),
      },
    };
  }

  #take(bytes: Uint8Array, connection: number, flags: number, requests: Map<number, Seen | number>): void {
    const malformed = (flags & MALFORMED) !== 0;
    const type = bytes[1];
    const id = malformed ? 0 : (bytes[2] as number) * 256 + (bytes[3] as number);
    const known = requests.get(id);
    let request = typeof known === "number" ? known : 0;
    if (type === RecordType.PARAMS && typeof known === "object") {
      request = requestNumber(bytes);
      known.request = request;
      requests.set(id, request);
    }
    if (type === RecordType.END_REQUEST) requests.delete(id);
    if (!this.#on) return;
    const seen: Seen = { ...this.#next(), connection, request, bytes, flags };
    // Its request is known when the params come, which is mostly in the same chunk.
    if (type === RecordType.BEGIN_REQUEST && !malformed) requests.set(id, seen);
    this.#records.push(seen);
    this.#bytes += bytes.length;
    this.#drop();
    this.#plan();
  }

  #next(): { readonly seq: number; readonly time: number } {
    return { seq: ++this.#seq, time: performance.timeOrigin + performance.now() };
  }

  #drop(): void {
    if (this.#records.length <= this.#limits.maxEvents && this.#bytes <= this.#limits.maxBytes) return;
    // A quarter at a time, so that dropping costs little.
    const gone = this.#records.splice(0, Math.max(1, this.#records.length >> 2));
    for (const { bytes } of gone) this.#bytes -= bytes.length;
    this.#dropped += gone.length;
    if (this.#others.length > this.#limits.maxEvents) {
      this.#dropped += this.#others.splice(0, this.#others.length >> 1).length;
    }
  }

  #plan(): void {
    if (this.#planned || this.#unshown >= MOST_UNSHOWN || this.#records.length + this.#others.length === 0) return;
    this.#planned = true;
    setTimeout(() => this.#flush(), FRAME);
  }

  #flush(): void {
    this.#planned = false;
    const records = this.#records;
    const rows = new Float64Array(records.length * WIRE_ROW);
    const bytes = new Uint8Array(this.#bytes);
    let row = 0;
    let at = 0;
    for (const seen of records) {
      rows.set([seen.seq, seen.time, seen.connection, seen.request, seen.bytes.length, seen.flags], row);
      bytes.set(seen.bytes, at);
      row += WIRE_ROW;
      at += seen.bytes.length;
    }
    this.#unshown += 1;
    this.#post({ rows, bytes, others: this.#others, dropped: this.#dropped });
    this.#records = [];
    this.#others = [];
    this.#bytes = 0;
    this.#dropped = 0;
  }
}

/** The number that the web server gave the request; 0 when the record does not hold it. */
function requestNumber(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(REQUEST_ID.length, 8); at !== -1; at = bytes.indexOf(REQUEST_ID.length, at + 1)) {
    const start = at + 2;
    if (!REQUEST_ID.every((byte, i) => bytes[start + i] === byte)) continue;
    const value = start + REQUEST_ID.length;
    const number = Number(new TextDecoder().decode(bytes.subarray(value, value + (bytes[at + 1] as number))));
    return Number.isSafeInteger(number) ? number : 0;
  }
  return 0;
}
