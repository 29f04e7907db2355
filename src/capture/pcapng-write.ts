// Writes what passed on FastCGI connections as a pcapng file, wrapped in Ethernet, IPv4 and TCP that never were: so
// Wireshark shows the records, and a capture of a Unix socket or a browser page is a file like any other.

import { concat, viewOf } from "../codec/index.ts";
import { type CapturedConnection, type Direction, opposite } from "./capture.ts";
import { CaptureError } from "./errors.ts";
import { BlockType, BYTE_ORDER_MAGIC } from "./pcapng.ts";
import { tcpFrame } from "./tcp-frame.ts";

/** The port at which Wireshark's `fcgi` dissector is told to look; the one that php-fpm has by default. */
export const APPLICATION_PORT = 9000;

/** Most bytes of a stream in one frame: far below the 65,495 that an IPv4 packet allows. */
const MAX_SEGMENT = 32 * 1024;

/** Ports of web servers: from the first one of the range that Linux hands out by itself, 28,000 connections round. */
const FIRST_PORT = 32_768;
const PORTS = 28_000;

const LINKTYPE_ETHERNET = 1;
const OPTION_COMMENT = 1;
const OPTION_IF_TSRESOL = 9;

/** Largest frame that the interface block announces. */
const SNAP_LENGTH = 262_144;

/** What the file shows of a connection. */
export interface PcapngConnectionOptions {
  /** Text shown at the first packet, such as the real addresses. */
  readonly comment?: string;
}

/**
 * Makes a pcapng file piece by piece: each call returns the bytes to append. A file that ends after any of them is a
 * correct file. Times are milliseconds since 1970.
 */
export class PcapngWriter {
  #connections = 0;

  /** The start of the file. */
  start(): Uint8Array<ArrayBuffer> {
    const section = new Uint8Array(16);
    const view = viewOf(section);
    view.setUint32(0, BYTE_ORDER_MAGIC);
    view.setUint16(4, 1);
    view.setUint16(6, 0);
    // The length of the section is not known: it grows.
    view.setBigInt64(8, -1n);
    const face = new Uint8Array(8);
    viewOf(face).setUint16(0, LINKTYPE_ETHERNET);
    viewOf(face).setUint32(4, SNAP_LENGTH);
    // Times in nanoseconds.
    const options = option(OPTION_IF_TSRESOL, new Uint8Array([9]));
    return concat([
      block(BlockType.SECTION_HEADER, [section]),
      block(BlockType.INTERFACE_DESCRIPTION, [face, options, new Uint8Array(4)]),
    ]);
  }

  /** Begins a connection; its bytes come from the object returned. */
  connect(time: number, options: PcapngConnectionOptions = {}): PcapngConnection {
    const number = this.#connections++;
    return new PcapngConnection(number, time, options.comment);
  }
}

/** One connection of a file. `opening` is to be appended first; each call returns what to append next. */
export class PcapngConnection {
  /** SYN, SYN+ACK, ACK. */
  readonly opening: Uint8Array<ArrayBuffer>;
  readonly #number: number;
  /** Next sequence number of each direction. Chosen apart, and not 0, so that nobody mistakes them for offsets. */
  readonly #next: Record<Direction, number>;
  readonly #ended: Record<Direction, boolean> = { "to-application": false, "to-web-server": false };

  constructor(number: number, time: number, comment: string | undefined) {
    this.#number = number;
    // When ports come round again, another number tells a new connection from a SYN that is sent twice.
    const first = (1_000_000 + number * 65_536) >>> 0;
    this.#next = { "to-application": first, "to-web-server": (first + 1_000_000) >>> 0 };
    const syn = this.#packet("to-application", time, { syn: true, ack: false }, EMPTY, comment);
    this.#next["to-application"] += 1;
    const answer = this.#packet("to-web-server", time, { syn: true, ack: true }, EMPTY);
    this.#next["to-web-server"] += 1;
    this.opening = concat([syn, answer, this.#packet("to-application", time, { ack: true }, EMPTY)]);
  }

  /**
   * Bytes that passed.
   *
   * @throws {CaptureError} `CAPTURE_INVALID_CALL` after the end of this direction
   */
  data(direction: Direction, time: number, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    this.#check(direction);
    const packets: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += MAX_SEGMENT) {
      const part = bytes.subarray(at, at + MAX_SEGMENT);
      packets.push(this.#packet(direction, time, { ack: true, push: true }, part));
      this.#next[direction] = (this.#next[direction] + part.length) >>> 0;
    }
    return concat(packets);
  }

  /** Bytes that passed but are not known: readers of the file see a gap. */
  skip(direction: Direction, missing: number): void {
    this.#check(direction);
    this.#next[direction] = (this.#next[direction] + missing) >>> 0;
  }

  /** The sender of this direction ends its side. Nothing when it has done so before. */
  end(direction: Direction, time: number): Uint8Array<ArrayBuffer> {
    if (this.#ended[direction]) return EMPTY;
    const fin = this.#packet(direction, time, { ack: true, fin: true }, EMPTY);
    this.#ended[direction] = true;
    this.#next[direction] = (this.#next[direction] + 1) >>> 0;
    return concat([fin, this.#packet(opposite(direction), time, { ack: true }, EMPTY)]);
  }

  /** The sender of this direction breaks the connection: nothing may follow, in either direction. */
  reset(direction: Direction, time: number): Uint8Array<ArrayBuffer> {
    if (this.#ended["to-application"] && this.#ended["to-web-server"]) return EMPTY;
    const packet = this.#packet(direction, time, { ack: true, rst: true }, EMPTY);
    this.#ended["to-application"] = true;
    this.#ended["to-web-server"] = true;
    return packet;
  }

  #check(direction: Direction): void {
    if (!this.#ended[direction]) return;
    throw new CaptureError("CAPTURE_INVALID_CALL", `bytes ${direction} after the end of that direction`);
  }

  #packet(
    direction: Direction,
    time: number,
    flags: Parameters<typeof tcpFrame>[0]["flags"],
    payload: Uint8Array,
    comment?: string,
  ): Uint8Array<ArrayBuffer> {
    const acknowledged = this.#next[opposite(direction)];
    const frame = tcpFrame({
      toApplication: direction === "to-application",
      webServerPort: FIRST_PORT + (this.#number % PORTS),
      applicationPort: APPLICATION_PORT,
      sequence: this.#next[direction],
      acknowledge: flags.ack === true ? acknowledged : 0,
      flags,
      payload,
    });
    return enhancedPacket(time, frame, comment);
  }
}

/**
 * A whole file of connections, as they were read or recorded. Without times, each event comes a microsecond after
 * the one before.
 */
export function writePcapng(connections: readonly CapturedConnection[]): Uint8Array<ArrayBuffer> {
  const writer = new PcapngWriter();
  const pieces: { readonly time: number; readonly bytes: Uint8Array }[] = [];
  for (const { webServer, application, events } of connections) {
    let time = events.find((event) => event.time !== undefined)?.time ?? 0;
    const connection = writer.connect(time, { comment: `${webServer} to ${application}` });
    pieces.push({ time, bytes: connection.opening });
    for (const event of events) {
      time = event.time === undefined ? time + 0.001 : Math.max(time, event.time);
      pieces.push({ time, bytes: writeEvent(connection, event, time) });
    }
  }
  // Stable: the packets of one connection keep their order.
  pieces.sort((a, b) => a.time - b.time);
  return concat([writer.start(), ...pieces.map(({ bytes }) => bytes)]);
}

function writeEvent(
  connection: PcapngConnection,
  event: CapturedConnection["events"][number],
  time: number,
): Uint8Array<ArrayBuffer> {
  switch (event.type) {
    case "bytes":
      return connection.data(event.direction, time, event.bytes);
    case "gap":
      connection.skip(event.direction, event.missing);
      return EMPTY;
    case "end":
      return event.how === "reset" ? connection.reset(event.direction, time) : connection.end(event.direction, time);
  }
}

const EMPTY = new Uint8Array(0);

function enhancedPacket(time: number, frame: Uint8Array, comment: string | undefined): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(20);
  const view = viewOf(head);
  // Whole milliseconds apart: nanoseconds since 1970 exceed what a number holds exactly.
  const whole = Math.floor(time);
  view.setBigUint64(4, BigInt(whole) * 1_000_000n + BigInt(Math.round((time - whole) * 1_000_000)));
  view.setUint32(12, frame.length);
  view.setUint32(16, frame.length);
  const padding = new Uint8Array(-frame.length & 3);
  if (comment === undefined) return block(BlockType.ENHANCED_PACKET, [head, frame, padding]);
  const text = new TextEncoder().encode(comment).subarray(0, 1024);
  return block(BlockType.ENHANCED_PACKET, [head, frame, padding, option(OPTION_COMMENT, text), new Uint8Array(4)]);
}

function option(code: number, value: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 + value.length + (-value.length & 3));
  viewOf(bytes).setUint16(0, code);
  viewOf(bytes).setUint16(2, value.length);
  bytes.set(value, 4);
  return bytes;
}

function block(type: number, parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 12);
  const bytes = new Uint8Array(length);
  const view = viewOf(bytes);
  view.setUint32(0, type);
  view.setUint32(4, length);
  view.setUint32(length - 4, length);
  let at = 8;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
