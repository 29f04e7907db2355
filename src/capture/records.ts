// From the bytes of a connection to its records as they stood on the wire: padding, order, times, and what is broken.

import { concat, HEADER_LENGTH, RecordType, VERSION } from "../codec/index.ts";
import type { CapturedConnection, Direction } from "./capture.ts";
import { findRecord } from "./plausible.ts";

/** A whole record. */
export interface CapturedRecord {
  readonly type: "record";
  readonly direction: Direction;
  /** When its first and its last byte came; milliseconds since 1970, `undefined` if unknown. */
  readonly started: number | undefined;
  readonly time: number | undefined;
  /** Place of its first byte in the stream of its direction, gaps counted. */
  readonly offset: number;
  /** Header, content and padding. A view of the chunk when it lay whole in one, else a copy. */
  readonly bytes: Uint8Array;
  readonly recordType: number;
  readonly requestId: number;
  readonly contentLength: number;
  readonly paddingLength: number;
}

/** Bytes that are no whole record. */
export interface CapturedFragment {
  readonly type: "fragment";
  readonly direction: Direction;
  readonly started: number | undefined;
  readonly time: number | undefined;
  readonly offset: number;
  readonly bytes: Uint8Array;
  /**
   * `cut`: a record whose rest never came. `bad-version`: no FastCGI from here on. `after-gap`: where the next record
   * starts is not known. `limit`: no bytes; more records than are read.
   */
  readonly reason: "cut" | "bad-version" | "after-gap" | "limit";
  /** What is wrong, in plain words. */
  readonly problem: string;
}

/** Bytes that are missing in the capture. */
export interface CapturedGap {
  readonly type: "gap";
  readonly direction: Direction;
  readonly time: number | undefined;
  readonly offset: number;
  readonly missing: number;
}

/** The sender of this direction ended its side, or broke the connection. */
export interface CapturedEnd {
  readonly type: "end";
  readonly direction: Direction;
  readonly time: number | undefined;
  readonly how: "closed" | "reset";
}

/** What a direction of a connection consists of, in order. */
export type CapturedItem = CapturedRecord | CapturedFragment | CapturedGap | CapturedEnd;

/** Record types that only applications send. */
const FROM_APPLICATION: readonly number[] = [
  RecordType.END_REQUEST,
  RecordType.STDOUT,
  RecordType.STDERR,
  RecordType.GET_VALUES_RESULT,
  RecordType.UNKNOWN_TYPE,
];

/** The content of a record: a view. */
export function contentOf(record: CapturedRecord): Uint8Array {
  return record.bytes.subarray(HEADER_LENGTH, HEADER_LENGTH + record.contentLength);
}

/** Most items that are made: each is an object of about 1 KB when followed, and a record may have 8 bytes only. */
export const MAX_ITEMS = 1_000_000;

/**
 * What passed on a connection, in order. Never throws: what cannot be read is among the items.
 *
 * @param maxItems most items that are made; behind them comes one fragment that says so
 */
export function recordsOf(connection: CapturedConnection, maxItems: number = MAX_ITEMS): readonly CapturedItem[] {
  const cutters = {
    "to-application": new RecordCutter("to-application"),
    "to-web-server": new RecordCutter("to-web-server"),
  };
  const items: CapturedItem[] = [];
  const add = (more: readonly CapturedItem[]) => {
    for (const item of more) items.push(connection.mixed ? withDirectionOfType(item) : item);
  };
  for (const event of connection.events) {
    const cutter = cutters[event.direction];
    if (event.type === "gap") add(cutter.gap(event.missing, event.time));
    if (event.type === "end") add([...cutter.end(event.time), event]);
    if (event.type !== "bytes") continue;
    for (let at = 0; at < event.bytes.length; at += BYTES_AT_A_TIME) {
      add(cutter.push(event.bytes.subarray(at, at + BYTES_AT_A_TIME), event.time));
      if (items.length > maxItems) return [...items.slice(0, maxItems), tooMany(event.direction, event.time, maxItems)];
    }
  }
  add(cutters["to-application"].end(undefined));
  add(cutters["to-web-server"].end(undefined));
  return items;
}

/** Bytes cut at a time, so that the limit of items is seen soon. A record across two of them is copied. */
const BYTES_AT_A_TIME = 1024 * 1024;

function tooMany(direction: Direction, time: number | undefined, maxItems: number): CapturedFragment {
  const problem = `more than ${maxItems} records; the rest is not read`;
  return {
    type: "fragment",
    direction,
    started: time,
    time,
    offset: 0,
    bytes: new Uint8Array(0),
    reason: "limit",
    problem,
  };
}

function withDirectionOfType(item: CapturedItem): CapturedItem {
  if (item.type !== "record") return item;
  return FROM_APPLICATION.includes(item.recordType) ? { ...item, direction: "to-web-server" } : item;
}

/**
 * Cuts one direction of a connection into records as its bytes come: for captures as well as live. It keeps at most one
 * record (65,798 bytes).
 */
export class RecordCutter {
  readonly #direction: Direction;
  /** The start of a record, `#length` bytes of it. */
  #pending: Uint8Array<ArrayBuffer> = new Uint8Array(HEADER_LENGTH);
  #length = 0;
  #started: number | undefined;
  #time: number | undefined;
  #offset = 0;
  #state: "records" | "after-gap" | "lost" = "records";

  constructor(direction: Direction) {
    this.#direction = direction;
  }

  /** Takes bytes; returns what they complete. Whole records are views of `chunk`. */
  push(chunk: Uint8Array, time: number | undefined): CapturedItem[] {
    const items: CapturedItem[] = [];
    this.#time = time;
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === "lost") {
        items.push(this.#fragment(chunk.subarray(at), time, "bad-version", "behind bytes that are no FastCGI record"));
        break;
      }
      if (this.#state === "after-gap") {
        const next = findRecord(chunk, at);
        const end = next ?? chunk.length;
        if (end > at) {
          items.push(
            this.#fragment(chunk.subarray(at, end), time, "after-gap", "behind a gap, before the next record header"),
          );
        }
        at = end;
        if (next !== undefined) this.#state = "records";
        continue;
      }
      at = this.#length > 0 ? this.#fill(chunk, at, items) : this.#start(chunk, at, items);
    }
    return items;
  }

  /** Tells that `missing` bytes are not in the capture. */
  gap(missing: number, time: number | undefined): CapturedItem[] {
    const items = this.#flush("the rest is missing from the capture");
    items.push({ type: "gap", direction: this.#direction, time, offset: this.#offset, missing });
    this.#offset += missing;
    if (this.#state === "records") this.#state = "after-gap";
    return items;
  }

  /** Tells that no more bytes come. */
  end(time: number | undefined): CapturedItem[] {
    this.#time = time ?? this.#time;
    return this.#flush("the bytes end here");
  }

  /** Begins a record at `at`, and takes it if it lies whole in the chunk. Returns the offset behind what it took. */
  #start(chunk: Uint8Array, at: number, items: CapturedItem[]): number {
    if (chunk[at] !== VERSION) {
      this.#state = "lost";
      const problem = `version ${chunk[at]} where a record header should start; only ${VERSION} exists`;
      items.push(this.#fragment(chunk.subarray(at), this.#time, "bad-version", problem));
      return chunk.length;
    }
    this.#started = this.#time;
    if (chunk.length - at >= HEADER_LENGTH) {
      const end = at + lengthOf(chunk, at);
      if (end <= chunk.length) {
        items.push(this.#record(chunk.subarray(at, end)));
        return end;
      }
    }
    return this.#fill(chunk, at, items);
  }

  /** Adds to the record that is cut. */
  #fill(chunk: Uint8Array, from: number, items: CapturedItem[]): number {
    let at = from;
    if (this.#length < HEADER_LENGTH) {
      const part = chunk.subarray(at, at + HEADER_LENGTH - this.#length);
      this.#pending.set(part, this.#length);
      this.#length += part.length;
      at += part.length;
      if (this.#length < HEADER_LENGTH) return at;
      const whole = new Uint8Array(lengthOf(this.#pending, 0));
      whole.set(this.#pending);
      this.#pending = whole;
    }
    const part = chunk.subarray(at, at + this.#pending.length - this.#length);
    this.#pending.set(part, this.#length);
    this.#length += part.length;
    if (this.#length === this.#pending.length) {
      const bytes = this.#pending;
      this.#forget();
      items.push(this.#record(bytes));
    }
    return at + part.length;
  }

  #flush(why: string): CapturedItem[] {
    if (this.#length === 0) return [];
    const bytes = concat([this.#pending.subarray(0, this.#length)]);
    const told = this.#length >= HEADER_LENGTH ? this.#pending.length : HEADER_LENGTH;
    const what = this.#length >= HEADER_LENGTH ? "a record" : "a record header";
    this.#forget();
    return [this.#fragment(bytes, this.#started, "cut", `${what} of ${told} bytes, cut after ${bytes.length}: ${why}`)];
  }

  #forget(): void {
    this.#pending = new Uint8Array(HEADER_LENGTH);
    this.#length = 0;
  }

  #record(bytes: Uint8Array): CapturedRecord {
    const offset = this.#offset;
    this.#offset += bytes.length;
    return {
      type: "record",
      direction: this.#direction,
      started: this.#started,
      time: this.#time,
      offset,
      bytes,
      recordType: bytes[1] as number,
      requestId: word(bytes, 2),
      contentLength: word(bytes, 4),
      paddingLength: bytes[6] as number,
    };
  }

  #fragment(
    bytes: Uint8Array,
    started: number | undefined,
    reason: CapturedFragment["reason"],
    problem: string,
  ): CapturedFragment {
    const offset = this.#offset;
    this.#offset += bytes.length;
    return { type: "fragment", direction: this.#direction, started, time: this.#time, offset, bytes, reason, problem };
  }
}

function lengthOf(bytes: Uint8Array, at: number): number {
  return HEADER_LENGTH + word(bytes, at + 4) + (bytes[at + 6] as number);
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}
