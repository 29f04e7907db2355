// TCP reassembly: from segments as they were seen to the two byte streams of each connection, in the order of time.
//
// Everything is known before anything is told, so the rule is simple: the segments of one direction are sorted by
// their place in the stream, bytes seen twice are taken once, and a hole that nothing fills is a gap. What comes behind
// a hole that was filled late counts as arrived when it was filled, as it did for the receiver.

import { type CaptureLimits, DEFAULT_CAPTURE_LIMITS } from "./capture.ts";
import { CaptureError } from "./errors.ts";
import type { Segment } from "./segment.ts";

/** One of the two sides of a TCP connection: 0 is the one that connected, or was seen first. */
export type Side = 0 | 1;

export type TcpEvent =
  | { readonly type: "bytes"; readonly side: Side; readonly time: number | undefined; readonly bytes: Uint8Array }
  | { readonly type: "gap"; readonly side: Side; readonly time: number | undefined; readonly missing: number }
  | {
      readonly type: "end";
      readonly side: Side;
      readonly time: number | undefined;
      readonly how: "closed" | "reset";
    };

/** A connection; `side` of its events is who sent. */
export interface TcpConnection {
  readonly addresses: readonly [string, string];
  readonly ports: readonly [number, number];
  readonly events: readonly TcpEvent[];
}

interface Piece {
  /** Place of the first byte in the stream; the first one sent has 0. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** Place of its packet in the file. */
  readonly order: number;
  readonly time: number | undefined;
  readonly end: "closed" | "reset" | undefined;
}

class Half {
  readonly pieces: Piece[] = [];
  initialSequence: number | undefined;
  /** Where the furthest byte so far ends, as an offset and as the sequence number. */
  #furthest = 0;
  #furthestSequence: number | undefined;
  /** Where the stream starts, if its SYN was seen. */
  #start: number | undefined;
  #hasEnd = false;

  add(segment: Segment, order: number): void {
    const first = segment.syn ? (segment.sequence + 1) >>> 0 : segment.sequence;
    this.#furthestSequence ??= first;
    // Signed difference of 32 bits: right across the wrap as long as no segment is 2 GiB away.
    const offset = this.#furthest + ((first - this.#furthestSequence) | 0);
    if (segment.syn && this.initialSequence === undefined) {
      this.initialSequence = segment.sequence;
      this.#start = offset;
    }
    const bytes = segment.rst ? segment.payload.subarray(0, 0) : segment.payload;
    const end = segment.rst ? "reset" : segment.fin ? "closed" : undefined;
    const finish = offset + bytes.length;
    if (finish > this.#furthest && !segment.rst) {
      this.#furthest = finish;
      this.#furthestSequence = (first + bytes.length) >>> 0;
    }
    if (bytes.length === 0 && (end === undefined || this.#hasEnd)) return;
    if (end !== undefined) this.#hasEnd = true;
    this.pieces.push({ offset, bytes, order, time: segment.time, end });
  }

  /** The stream in order. Events carry the place in the file at which they count. */
  assemble(side: Side): { readonly order: number; readonly event: TcpEvent }[] {
    const sorted = this.pieces.toSorted((a, b) => a.offset - b.offset || a.order - b.order);
    const found: { order: number; event: TcpEvent }[] = [];
    let at = this.#start ?? sorted.find((piece) => piece.end !== "reset")?.offset ?? 0;
    let order = 0;
    let time: number | undefined;
    let ended: Piece | undefined;
    for (const piece of sorted) {
      if (piece.end !== undefined) ended ??= piece;
      const finish = piece.offset + piece.bytes.length;
      // A reset's sequence number tells nothing of bytes missing before it.
      const reaches = piece.end === "closed" ? finish >= at : finish > at;
      if (!reaches) continue;
      if (piece.order >= order) {
        order = piece.order;
        time = piece.time;
      }
      if (piece.offset > at) {
        if (piece.end === "reset") continue;
        found.push({ order, event: { type: "gap", side, time, missing: piece.offset - at } });
        at = piece.offset;
      }
      if (finish > at) {
        found.push({ order, event: { type: "bytes", side, time, bytes: piece.bytes.subarray(at - piece.offset) } });
        at = finish;
      }
    }
    if (ended?.end !== undefined) {
      const last = Math.max(order, ended.order);
      found.push({ order: last, event: { type: "end", side, time: ended.time ?? time, how: ended.end } });
    }
    return found;
  }
}

class Connection {
  readonly addresses: readonly [string, string];
  readonly ports: readonly [number, number];
  readonly halves: readonly [Half, Half] = [new Half(), new Half()];

  constructor(from: string, to: string, ports: readonly [number, number]) {
    this.addresses = [from, to];
    this.ports = ports;
  }

  assemble(): TcpConnection {
    const [left, right] = this.halves;
    // The sort is stable, and each half is in order already.
    const events = [...left.assemble(0), ...right.assemble(1)].sort((a, b) => a.order - b.order);
    return { addresses: this.addresses, ports: this.ports, events: events.map(({ event }) => event) };
  }
}

/**
 * Joins segments, in the order of the file, to connections. A second SYN with another sequence number between the same
 * ports begins a new connection.
 *
 * @throws {CaptureError} `CAPTURE_LIMIT`
 */
export function reassemble(
  segments: Iterable<Segment>,
  limits: CaptureLimits = DEFAULT_CAPTURE_LIMITS,
): readonly TcpConnection[] {
  const all: Connection[] = [];
  const open = new Map<string, Connection>();
  let order = 0;
  for (const segment of segments) {
    order += 1;
    const { from, to } = segment;
    const key = from < to ? `${from} ${to}` : `${to} ${from}`;
    let connection = open.get(key);
    const begins = segment.syn && !segment.ack;
    const known = connection?.halves[sideOf(connection, from)].initialSequence;
    const again = begins && connection !== undefined && known !== segment.sequence;
    if (connection === undefined || again) {
      if (all.length === limits.maxConnections) {
        throw new CaptureError("CAPTURE_LIMIT", `more than ${limits.maxConnections} TCP connections; filter the file`);
      }
      // Only the answer to a SYN that is not in the file shows who connected.
      const answer = segment.syn && segment.ack;
      connection = answer
        ? new Connection(to, from, [segment.toPort, segment.fromPort])
        : new Connection(from, to, [segment.fromPort, segment.toPort]);
      open.set(key, connection);
      all.push(connection);
    }
    connection.halves[sideOf(connection, from)].add(segment, order);
  }
  return all.map((connection) => connection.assemble());
}

function sideOf(connection: Connection, from: string): Side {
  return connection.addresses[0] === from ? 0 : 1;
}
