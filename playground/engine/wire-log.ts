// What passed on the wire, as the page keeps it: the last of it, in order.

import { CHILD_HOP, MALFORMED, TO_WEB_SERVER, WIRE_ROW, type WireBatch } from "./protocol.ts";
import type { Wire, WireEvent, WireLimits, WireOpened, WireRecord } from "./types.ts";

export class WireLog implements Wire {
  readonly #limits: WireLimits;
  readonly #onRecord: (on: boolean) => void;
  #events: WireEvent[] = [];
  #bytes = 0;
  #dropped = 0;
  readonly #connections = new Map<number, { readonly opened: WireOpened; closed: boolean; events: number }>();

  constructor(limits: WireLimits, onRecord: (on: boolean) => void) {
    this.#limits = limits;
    this.#onRecord = onRecord;
  }

  get events(): readonly WireEvent[] {
    return this.#events;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get dropped(): number {
    return this.#dropped;
  }

  connection(number: number): WireOpened | undefined {
    return this.#connections.get(number)?.opened;
  }

  clear(): void {
    for (const event of this.#events) this.#forget(event);
    this.#events = [];
    this.#bytes = 0;
  }

  record(on: boolean): void {
    this.#onRecord(on);
  }

  /** Takes a batch in; gives its events, in order. */
  add(batch: WireBatch): readonly WireEvent[] {
    this.#dropped += batch.dropped;
    const added = merge(readRecords(batch), batch.others);
    for (const event of added) {
      if (event.kind === "record") this.#bytes += event.bytes.length;
      if (event.kind === "opened") this.#connections.set(event.connection, { opened: event, closed: false, events: 0 });
      const connection = this.#connections.get(event.connection);
      if (connection === undefined) continue;
      connection.events += 1;
      if (event.kind === "closed") connection.closed = true;
    }
    // A frame's events can be many: not as arguments of one call.
    for (const event of added) this.#events.push(event);
    this.#trim();
    return added;
  }

  #trim(): void {
    const { maxEvents, maxBytes } = this.#limits;
    let gone = 0;
    while (gone < this.#events.length && (this.#events.length - gone > maxEvents || this.#bytes > maxBytes)) {
      const event = this.#events[gone] as WireEvent;
      if (event.kind === "record") this.#bytes -= event.bytes.length;
      this.#forget(event);
      gone += 1;
    }
    if (gone === 0) return;
    this.#events.splice(0, gone);
    this.#dropped += gone;
  }

  #forget({ connection: number }: WireEvent): void {
    const connection = this.#connections.get(number);
    if (connection === undefined) return;
    connection.events -= 1;
    if (connection.closed && connection.events <= 0) this.#connections.delete(number);
  }
}

function readRecords({ rows, bytes }: WireBatch): WireRecord[] {
  const records: WireRecord[] = [];
  let at = 0;
  for (let row = 0; row < rows.length; row += WIRE_ROW) {
    const [seq = 0, time = 0, connection = 0, request = 0, length = 0, flags = 0] = rows.subarray(row, row + WIRE_ROW);
    // Copies: a view would keep its whole batch for as long as one record of it is kept.
    const own = bytes.slice(at, at + length);
    at += length;
    const malformed = (flags & MALFORMED) !== 0;
    const header = (index: number) => (malformed ? 0 : (own[index] ?? 0));
    records.push({
      kind: "record",
      seq,
      time,
      connection,
      request,
      bytes: own,
      malformed,
      hop: (flags & CHILD_HOP) !== 0 ? "child" : "web",
      direction: (flags & TO_WEB_SERVER) !== 0 ? "to-web-server" : "to-application",
      type: header(1),
      requestId: header(2) * 256 + header(3),
      contentLength: header(4) * 256 + header(5),
      paddingLength: header(6),
    });
  }
  return records;
}

/** Two lists in the order of their numbers, as one. */
function merge(records: readonly WireEvent[], others: readonly WireEvent[]): WireEvent[] {
  const merged: WireEvent[] = [];
  let next = 0;
  for (const record of records) {
    for (let other = others[next]; other !== undefined && other.seq < record.seq; other = others[next]) {
      merged.push(other);
      next += 1;
    }
    merged.push(record);
  }
  for (; next < others.length; next++) merged.push(others[next] as WireEvent);
  return merged;
}
