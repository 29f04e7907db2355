// What a capture holds, whichever file it came from: connections, and what passed on each in the order of time.

/** Which way bytes go. */
export type Direction = "to-application" | "to-web-server";

/** Something that happened on a connection. Times are milliseconds since 1970 with fractions, `undefined` if unknown. */
export type CaptureEvent =
  /** Bytes as they came, cut anywhere. A view of the file read, not a copy. */
  | {
      readonly type: "bytes";
      readonly direction: Direction;
      readonly time: number | undefined;
      readonly bytes: Uint8Array;
    }
  /** Bytes that were sent but are not in the capture. */
  | { readonly type: "gap"; readonly direction: Direction; readonly time: number | undefined; readonly missing: number }
  /** The sender of this direction has ended its side, or broken the connection off. */
  | {
      readonly type: "end";
      readonly direction: Direction;
      readonly time: number | undefined;
      readonly how: "closed" | "reset";
    };

/** One FastCGI connection. */
export interface CapturedConnection {
  /** From 1, in the order of their first packets. */
  readonly id: number;
  /** Addresses as `127.0.0.1:9000` or `[::1]:9000`; words where the source has none. */
  readonly webServer: string;
  readonly application: string;
  readonly events: readonly CaptureEvent[];
  /** The source has both directions in one stream: each record's direction follows from its type. */
  readonly mixed: boolean;
}

/** Kinds of captures that can be read. */
export type CaptureFormat = "pcap" | "pcapng" | "hex" | "raw";

/** A capture: its FastCGI connections, and what else was in it. */
export interface Capture {
  readonly format: CaptureFormat;
  readonly connections: readonly CapturedConnection[];
  /** Packets in the file; 0 for hex and raw. */
  readonly packets: number;
  /** TCP connections that are not FastCGI, or not on the port asked for. */
  readonly otherConnections: number;
  /** What is odd but did not stop the reading, in plain words. */
  readonly warnings: readonly string[];
}

/** How much is read. */
export interface CaptureLimits {
  /** Bytes of the file. Default 256 MiB. */
  readonly maxBytes: number;
  /** Packets. Default 2,000,000. */
  readonly maxPackets: number;
  /** TCP connections. Default 65,536. */
  readonly maxConnections: number;
}

/** The limits of a capture unless others are given. */
export const DEFAULT_CAPTURE_LIMITS: CaptureLimits = {
  maxBytes: 256 * 1024 * 1024,
  maxPackets: 2_000_000,
  maxConnections: 65_536,
};

/** The other direction. */
export function opposite(direction: Direction): Direction {
  return direction === "to-application" ? "to-web-server" : "to-application";
}
