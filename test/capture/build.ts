// Captures made for tests: frames of any link type around TCP, in files of any kind.

import type { CaptureEvent, Direction } from "../../src/capture/capture.ts";
import { tcpFrame } from "../../src/capture/tcp-frame.ts";
import {
  concat,
  encodeBeginRequest,
  encodeEndRequest,
  encodeParams,
  encodeStream,
  encodeStreamEnd,
  type Pair,
  RecordType,
} from "../../src/codec/index.ts";

export interface TestSegment {
  readonly toApplication: boolean;
  readonly sequence: number;
  readonly acknowledge?: number;
  readonly flags?: Parameters<typeof tcpFrame>[0]["flags"];
  readonly payload?: Uint8Array;
  readonly webServerPort?: number;
}

/** Where the application of the tests listens. */
export const PORT = 9000;

/** An Ethernet frame. */
export function ethernet(segment: TestSegment): Uint8Array {
  return tcpFrame({
    webServerPort: 40_000,
    applicationPort: PORT,
    acknowledge: 0,
    flags: { ack: true },
    payload: new Uint8Array(0),
    ...segment,
  });
}

/** The same packet under another link layer: the Ethernet header is replaced. */
export const LINK_LAYERS: Readonly<Record<string, { readonly linkType: number; wrap(frame: Uint8Array): Uint8Array }>> =
  {
    Ethernet: { linkType: 1, wrap: (frame) => frame },
    "Ethernet with a VLAN tag": {
      linkType: 1,
      wrap: (frame) => concat([frame.subarray(0, 12), Uint8Array.of(0x81, 0, 0, 7), frame.subarray(12)]),
    },
    "Linux cooked v1": {
      linkType: 113,
      wrap: (frame) => concat([new Uint8Array(14), Uint8Array.of(8, 0), frame.subarray(14)]),
    },
    "Linux cooked v2": {
      linkType: 276,
      wrap: (frame) => concat([Uint8Array.of(8, 0), new Uint8Array(18), frame.subarray(14)]),
    },
    "BSD loopback": { linkType: 0, wrap: (frame) => concat([Uint8Array.of(2, 0, 0, 0), frame.subarray(14)]) },
    "OpenBSD loopback": { linkType: 108, wrap: (frame) => concat([Uint8Array.of(0, 0, 0, 2), frame.subarray(14)]) },
    "raw IP": { linkType: 101, wrap: (frame) => frame.subarray(14) },
    "raw IPv4": { linkType: 228, wrap: (frame) => frame.subarray(14) },
  };

/** The TCP of an Ethernet frame over IPv6, with a hop-by-hop header in front. */
export function overIpv6(frame: Uint8Array): Uint8Array {
  const tcp = frame.subarray(34);
  const header = new Uint8Array(48);
  const view = new DataView(header.buffer);
  header[0] = 0x60;
  view.setUint16(4, tcp.length + 8);
  header[6] = 0;
  header[7] = 64;
  header[23] = 1;
  header[39] = 1;
  header[40] = 6;
  return concat([header, tcp]);
}

export interface PcapOptions {
  readonly littleEndian?: boolean;
  readonly nanoseconds?: boolean;
  readonly linkType?: number;
}

/** A pcap file: packet n at n milliseconds and 5 microseconds. */
export function pcap(frames: readonly Uint8Array[], options: PcapOptions = {}): Uint8Array {
  const { littleEndian = true, nanoseconds = false, linkType = 1 } = options;
  const head = new DataView(new ArrayBuffer(24));
  head.setUint32(0, nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, littleEndian);
  head.setUint16(4, 2, littleEndian);
  head.setUint16(6, 4, littleEndian);
  head.setUint32(16, 65_535, littleEndian);
  head.setUint32(20, linkType, littleEndian);
  const parts: Uint8Array[] = [new Uint8Array(head.buffer)];
  frames.forEach((frame, index) => {
    const packet = new DataView(new ArrayBuffer(16));
    const micros = index * 1000 + 5;
    packet.setUint32(0, 1, littleEndian);
    packet.setUint32(4, nanoseconds ? micros * 1000 : micros, littleEndian);
    packet.setUint32(8, frame.length, littleEndian);
    packet.setUint32(12, frame.length, littleEndian);
    parts.push(new Uint8Array(packet.buffer), frame);
  });
  return concat(parts);
}

/** One block of pcapng. */
export function block(type: number, body: Uint8Array, littleEndian: boolean): Uint8Array {
  const padded = body.length + (-body.length & 3);
  const bytes = new Uint8Array(padded + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, littleEndian);
  view.setUint32(4, bytes.length, littleEndian);
  view.setUint32(bytes.length - 4, bytes.length, littleEndian);
  bytes.set(body, 8);
  return bytes;
}

export function sectionBlock(littleEndian: boolean): Uint8Array {
  const body = new DataView(new ArrayBuffer(16));
  body.setUint32(0, 0x1a2b3c4d, littleEndian);
  body.setUint16(4, 1, littleEndian);
  body.setBigInt64(8, -1n, littleEndian);
  return block(0x0a0d0d0a, new Uint8Array(body.buffer), littleEndian);
}

/** @param resolution the byte of if_tsresol; none for microseconds */
export function interfaceBlock(linkType: number, littleEndian: boolean, resolution?: number): Uint8Array {
  const body = new DataView(new ArrayBuffer(resolution === undefined ? 8 : 20));
  body.setUint16(0, linkType, littleEndian);
  if (resolution !== undefined) {
    body.setUint16(8, 9, littleEndian);
    body.setUint16(10, 1, littleEndian);
    body.setUint8(12, resolution);
  }
  return block(1, new Uint8Array(body.buffer), littleEndian);
}

export function enhancedBlock(ticks: bigint, frame: Uint8Array, littleEndian: boolean, face = 0): Uint8Array {
  const head = new DataView(new ArrayBuffer(20));
  head.setUint32(0, face, littleEndian);
  head.setUint32(4, Number(ticks >> 32n), littleEndian);
  head.setUint32(8, Number(ticks & 0xffffffffn), littleEndian);
  head.setUint32(12, frame.length, littleEndian);
  head.setUint32(16, frame.length, littleEndian);
  return block(6, concat([new Uint8Array(head.buffer), frame]), littleEndian);
}

export function simpleBlock(frame: Uint8Array, littleEndian: boolean): Uint8Array {
  const head = new DataView(new ArrayBuffer(4));
  head.setUint32(0, frame.length, littleEndian);
  return block(3, concat([new Uint8Array(head.buffer), frame]), littleEndian);
}

const text = new TextEncoder();

/** A request as a web server sends it. */
export function request(id: number, pairs: readonly Pair[] = [["REQUEST_METHOD", "GET"]], stdin = ""): Uint8Array {
  return concat([
    encodeBeginRequest(id, "responder", true),
    ...encodeParams(pairs).flatMap((params) => encodeStream(RecordType.PARAMS, id, params)),
    encodeStreamEnd(RecordType.PARAMS, id),
    ...encodeStream(RecordType.STDIN, id, text.encode(stdin)),
    encodeStreamEnd(RecordType.STDIN, id),
  ]);
}

/** Its answer. */
export function answer(id: number, stdout: string, stderr = ""): Uint8Array {
  return concat([
    ...encodeStream(RecordType.STDERR, id, text.encode(stderr)),
    ...encodeStream(RecordType.STDOUT, id, text.encode(stdout)),
    encodeEndRequest(id, 0),
  ]);
}

export function bytes(direction: Direction, chunk: Uint8Array, time?: number): CaptureEvent {
  return { type: "bytes", direction, time, bytes: chunk };
}
