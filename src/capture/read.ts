// From a file to the FastCGI connections in it, whatever kind of file it is.

import {
  type Capture,
  type CapturedConnection,
  type CaptureEvent,
  type CaptureFormat,
  type CaptureLimits,
  DEFAULT_CAPTURE_LIMITS,
  type Direction,
} from "./capture.ts";
import { CaptureError } from "./errors.ts";
import { readHex } from "./hex.ts";
import type { PacketFile } from "./packets.ts";
import { isPcap, readPcap } from "./pcap.ts";
import { isPcapng, readPcapng } from "./pcapng.ts";
import { startsLikeRecord, startsLikeWebServer } from "./plausible.ts";
import { type NoSegment, readSegment, type Segment } from "./segment.ts";
import { reassemble, type Side, type TcpConnection } from "./tcp.ts";

/** How a capture is read where its bytes do not say it. */
export interface ReadOptions {
  /** Default: seen from the bytes. */
  readonly format?: CaptureFormat;
  /** The application's TCP port. Default: connections whose first bytes are a web server's are FastCGI. */
  readonly port?: number;
  readonly limits?: Partial<CaptureLimits>;
}

/**
 * Reads pcap, pcapng, a hex dump or bare records.
 *
 * @throws {CaptureError} naming what is wrong and where. Nothing else
 */
export function readCapture(bytes: Uint8Array, options: ReadOptions = {}): Capture {
  const limits = { ...DEFAULT_CAPTURE_LIMITS, ...options.limits };
  if (bytes.length > limits.maxBytes) {
    throw new CaptureError("CAPTURE_LIMIT", `${bytes.length} bytes, at most ${limits.maxBytes} are read; cut the file`);
  }
  const format = options.format ?? detectFormat(bytes);
  switch (format) {
    case "pcap":
      return fromPackets(format, readPcap(bytes, limits), options.port, limits);
    case "pcapng":
      return fromPackets(format, readPcapng(bytes, limits), options.port, limits);
    case "hex":
      return fromHex(bytes, limits);
    case "raw":
      return bare("raw", [{ type: "bytes", direction: "to-application", time: undefined, bytes }], true);
  }
}

/**
 * Tells a format by its first bytes.
 *
 * @throws {CaptureError} `CAPTURE_UNKNOWN_FORMAT`, or `CAPTURE_UNSUPPORTED` for a known one that is not read
 */
export function detectFormat(bytes: Uint8Array): CaptureFormat {
  if (bytes.length === 0) throw new CaptureError("CAPTURE_UNKNOWN_FORMAT", "there are no bytes");
  if (isPcapng(bytes)) return "pcapng";
  if (isPcap(bytes)) return "pcap";
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    throw new CaptureError("CAPTURE_UNSUPPORTED", "the file is compressed; use gunzip first");
  }
  if (startsLikeRecord(bytes)) return "raw";
  if (isText(bytes)) return "hex";
  const start = Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  throw new CaptureError(
    "CAPTURE_UNKNOWN_FORMAT",
    `begins with ${start}: neither pcap, pcapng, a hex dump nor a FastCGI record (version 1, then a type from 1 to 11)`,
  );
}

/** Whether the first 4 KiB are printable ASCII, but at most a few bytes: a dump may have been given a title. */
function isText(bytes: Uint8Array): boolean {
  const part = bytes.subarray(0, 4096);
  return part.every((byte) => (byte >= 0x20 && byte < 0x7f) || byte === 0x09 || byte === 0x0a || byte === 0x0d);
}

function fromPackets(
  format: CaptureFormat,
  file: PacketFile,
  port: number | undefined,
  limits: CaptureLimits,
): Capture {
  const skipped = new Map<NoSegment, number>();
  const segments: Segment[] = [];
  for (const packet of file.packets) {
    const segment = readSegment(packet);
    if (typeof segment === "string") skipped.set(segment, (skipped.get(segment) ?? 0) + 1);
    else segments.push(segment);
  }
  const all = reassemble(segments, limits);
  const connections: CapturedConnection[] = [];
  for (const connection of all) {
    const application = applicationSide(connection, port);
    if (application !== undefined) connections.push(toFastCgi(connection, application, connections.length + 1));
  }
  return {
    format,
    connections,
    packets: file.packets.length,
    otherConnections: all.length - connections.length,
    warnings: [...file.warnings, ...skippedWarnings(skipped)],
  };
}

function skippedWarnings(skipped: ReadonlyMap<NoSegment, number>): string[] {
  const words: Readonly<Record<Exclude<NoSegment, "other">, string>> = {
    fragment: "are IP fragments, which are not put together",
    cut: "are cut before the end of their TCP header",
    "link-type": "are of a link type that is not read (Ethernet, Linux cooked, loopback and raw IP are)",
  };
  return Object.entries(words).flatMap(([reason, text]) => {
    const count = skipped.get(reason as NoSegment) ?? 0;
    return count === 0 ? [] : [`${count} packets ${text}`];
  });
}

/** Which side is the application, or `undefined` when the connection is not FastCGI. */
function applicationSide(connection: TcpConnection, port: number | undefined): Side | undefined {
  if (port !== undefined) {
    if (connection.ports[1] === port) return 1;
    return connection.ports[0] === port ? 0 : undefined;
  }
  for (const side of [0, 1] as const) {
    if (startsLikeWebServer(firstBytes(connection, side))) return side === 0 ? 1 : 0;
  }
  return undefined;
}

/** The first 16 bytes that a side sent: a header and a BEGIN_REQUEST's body. */
function firstBytes(connection: TcpConnection, side: Side): Uint8Array {
  const start = new Uint8Array(16);
  let length = 0;
  for (const event of connection.events) {
    if (event.side !== side) continue;
    if (event.type !== "bytes" || length === start.length) break;
    const part = event.bytes.subarray(0, start.length - length);
    start.set(part, length);
    length += part.length;
  }
  return start.subarray(0, length);
}

function toFastCgi(connection: TcpConnection, application: Side, id: number): CapturedConnection {
  const webServer: Side = application === 0 ? 1 : 0;
  const directions: readonly Direction[] =
    application === 1 ? ["to-application", "to-web-server"] : ["to-web-server", "to-application"];
  return {
    id,
    webServer: connection.addresses[webServer],
    application: connection.addresses[application],
    events: connection.events.map(({ side, ...event }) => ({ ...event, direction: directions[side] as Direction })),
    mixed: false,
  };
}

function fromHex(bytes: Uint8Array, limits: CaptureLimits): Capture {
  // A dump is ASCII, and every byte becomes one character in any case.
  const text = new TextDecoder("latin1").decode(bytes);
  const runs = readHex(text, limits.maxBytes);
  if (!runs.some(({ side }) => side === 1)) {
    return bare(
      "hex",
      runs.map((run) => ({ type: "bytes", direction: "to-application", time: undefined, bytes: run.bytes })),
      true,
    );
  }
  const first = runs.find(({ side }) => side === 0);
  const application: Side = first === undefined || startsLikeWebServer(first.bytes) ? 1 : 0;
  const events = runs.map((run): CaptureEvent => {
    const direction = run.side === application ? "to-web-server" : "to-application";
    return { type: "bytes", direction, time: undefined, bytes: run.bytes };
  });
  return bare("hex", events, false);
}

function bare(format: CaptureFormat, events: readonly CaptureEvent[], mixed: boolean): Capture {
  return {
    format,
    connections: [{ id: 1, webServer: "web server", application: "application", events, mixed }],
    packets: 0,
    otherConnections: 0,
    warnings: [],
  };
}
