// The classic capture file of tcpdump: one header, then packets. Both byte orders, microseconds and nanoseconds.

import { viewOf } from "../codec/index.ts";
import type { CaptureLimits } from "./capture.ts";
import { CaptureError } from "./errors.ts";
import { type PacketFile, PacketList } from "./packets.ts";

/** The magic number as its bytes stand in the file, with what it says. */
const MAGICS = new Map<number, { readonly littleEndian: boolean; readonly ticksPerSecond: number }>([
  [0xa1b2c3d4, { littleEndian: false, ticksPerSecond: 1e6 }],
  [0xd4c3b2a1, { littleEndian: true, ticksPerSecond: 1e6 }],
  [0xa1b23c4d, { littleEndian: false, ticksPerSecond: 1e9 }],
  [0x4d3cb2a1, { littleEndian: true, ticksPerSecond: 1e9 }],
]);

const FILE_HEADER_LENGTH = 24;
const PACKET_HEADER_LENGTH = 16;

/** Most bytes of one packet that libpcap itself reads (MAXIMUM_SNAPLEN). More means that the file is damaged. */
const MAX_PACKET_LENGTH = 262_144;

export function isPcap(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && MAGICS.has(viewOf(bytes).getUint32(0));
}

/**
 * Reads a pcap file. One that ends inside a packet gives the packets before, and a warning.
 *
 * @throws {CaptureError} `CAPTURE_MALFORMED`, `CAPTURE_LIMIT`
 */
export function readPcap(bytes: Uint8Array, limits?: CaptureLimits): PacketFile {
  const view = viewOf(bytes);
  const kind = bytes.length < 4 ? undefined : MAGICS.get(view.getUint32(0));
  if (kind === undefined) throw new CaptureError("CAPTURE_MALFORMED", "not a pcap file: its magic number is missing");
  if (bytes.length < FILE_HEADER_LENGTH) {
    throw new CaptureError(
      "CAPTURE_MALFORMED",
      `the pcap header is cut: ${bytes.length} of ${FILE_HEADER_LENGTH} bytes`,
    );
  }
  const { littleEndian, ticksPerSecond } = kind;
  // The upper bits tell the length of a frame check sequence, which does not disturb us.
  const linkType = view.getUint32(20, littleEndian) & 0xffff;
  const list = new PacketList(limits);
  let at = FILE_HEADER_LENGTH;
  while (at < bytes.length) {
    if (bytes.length - at < PACKET_HEADER_LENGTH) {
      list.warnings.push(`the file ends inside the header of packet ${list.packets.length + 1}`);
      break;
    }
    const seconds = view.getUint32(at, littleEndian);
    const ticks = view.getUint32(at + 4, littleEndian);
    const length = view.getUint32(at + 8, littleEndian);
    if (length > MAX_PACKET_LENGTH) {
      throw new CaptureError(
        "CAPTURE_MALFORMED",
        `packet ${list.packets.length + 1} at byte ${at} announces ${length} bytes, at most ${MAX_PACKET_LENGTH} are possible`,
      );
    }
    at += PACKET_HEADER_LENGTH;
    if (bytes.length - at < length) {
      list.warnings.push(`the file ends inside packet ${list.packets.length + 1}`);
      break;
    }
    list.add({
      time: seconds * 1000 + (ticks / ticksPerSecond) * 1000,
      linkType,
      bytes: bytes.subarray(at, at + length),
    });
    at += length;
  }
  return list;
}
