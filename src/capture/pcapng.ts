// The capture file of Wireshark: blocks in sections. Read are the blocks that carry packets and those that say how.

import { viewOf } from "../codec/index.ts";
import type { CaptureLimits } from "./capture.ts";
import { CaptureError } from "./errors.ts";
import { type PacketFile, PacketList } from "./packets.ts";

/** Block types (draft-ietf-opsawg-pcapng, section 11.1). */
export const BlockType = {
  SECTION_HEADER: 0x0a0d0d0a,
  INTERFACE_DESCRIPTION: 1,
  PACKET: 2,
  SIMPLE_PACKET: 3,
  ENHANCED_PACKET: 6,
} as const;

/** Tells the byte order of a section. */
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

const OPTION_END = 0;
const OPTION_IF_TSRESOL = 9;
const OPTION_IF_TSOFFSET = 14;

/** Type, length, and the length again. */
const SMALLEST_BLOCK = 12;

/** Most interfaces of a section that are kept. */
const MAX_INTERFACES = 4096;

interface Interface {
  readonly linkType: number;
  readonly snapLength: number;
  readonly ticksPerSecond: bigint;
  readonly offsetSeconds: number;
}

export function isPcapng(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && viewOf(bytes).getUint32(0) === BlockType.SECTION_HEADER;
}

/**
 * Reads a pcapng file: sections, interfaces, enhanced, simple and old packet blocks. Other blocks and all options but
 * those about time are skipped. A file that ends inside a block (a capture that was killed) gives the packets before,
 * and a warning.
 *
 * @throws {CaptureError} `CAPTURE_MALFORMED`, `CAPTURE_LIMIT`
 */
export function readPcapng(bytes: Uint8Array, limits?: CaptureLimits): PacketFile {
  if (!isPcapng(bytes)) throw new CaptureError("CAPTURE_MALFORMED", "not a pcapng file: it begins with no section");
  const view = viewOf(bytes);
  const list = new PacketList(limits);
  let interfaces: Interface[] = [];
  let littleEndian = true;
  let at = 0;
  while (at < bytes.length) {
    const left = bytes.length - at;
    if (left < SMALLEST_BLOCK) {
      list.warnings.push(`the file ends inside a block at byte ${at}`);
      break;
    }
    const isSection = view.getUint32(at) === BlockType.SECTION_HEADER;
    if (isSection) {
      interfaces = [];
      littleEndian = sectionOrder(view, at);
    }
    const type = view.getUint32(at, littleEndian);
    const length = view.getUint32(at + 4, littleEndian);
    if (length < SMALLEST_BLOCK || length % 4 !== 0) {
      throw malformed(
        at,
        `a block has the length ${length}; it must be at least ${SMALLEST_BLOCK} and a multiple of 4`,
      );
    }
    if (length > left) {
      list.warnings.push(`the file ends inside a block at byte ${at}: ${left} of ${length} bytes`);
      break;
    }
    const repeated = view.getUint32(at + length - 4, littleEndian);
    if (repeated !== length) throw malformed(at, `a block has two lengths, ${length} and ${repeated}`);

    const body = bytes.subarray(at + 8, at + length - 4);
    if (type === BlockType.INTERFACE_DESCRIPTION) {
      if (interfaces.length === MAX_INTERFACES) {
        throw new CaptureError("CAPTURE_LIMIT", `more than ${MAX_INTERFACES} interfaces in one section`);
      }
      interfaces.push(readInterface(body, littleEndian, at));
    } else if (type === BlockType.ENHANCED_PACKET || type === BlockType.PACKET) {
      readPacket(list, interfaces, body, littleEndian, at, type === BlockType.PACKET);
    } else if (type === BlockType.SIMPLE_PACKET) {
      readSimplePacket(list, interfaces, body, littleEndian, at);
    }
    at += length;
  }
  return list;
}

/** Reads the byte order magic. Returns whether the section is little-endian. */
function sectionOrder(view: DataView, at: number): boolean {
  const magic = view.getUint32(at + 8);
  if (magic === BYTE_ORDER_MAGIC) return false;
  if (view.getUint32(at + 8, true) === BYTE_ORDER_MAGIC) return true;
  throw malformed(at, `a section has the byte order magic 0x${magic.toString(16)}`);
}

function readInterface(body: Uint8Array, littleEndian: boolean, at: number): Interface {
  if (body.length < 8) throw malformed(at, "an interface block is shorter than 20 bytes");
  const view = viewOf(body);
  let ticksPerSecond = 1_000_000n;
  let offsetSeconds = 0;
  let option = 8;
  while (option + 4 <= body.length) {
    const code = view.getUint16(option, littleEndian);
    const length = view.getUint16(option + 2, littleEndian);
    const start = option + 4;
    if (code === OPTION_END || start + length > body.length) break;
    if (code === OPTION_IF_TSRESOL && length >= 1) {
      const resolution = view.getUint8(start);
      const power = BigInt(resolution & 0x7f);
      ticksPerSecond = (resolution & 0x80) === 0 ? 10n ** power : 2n ** power;
    }
    if (code === OPTION_IF_TSOFFSET && length >= 8) offsetSeconds = Number(view.getBigInt64(start, littleEndian));
    option = start + length + (-length & 3);
  }
  return {
    linkType: view.getUint16(0, littleEndian),
    snapLength: view.getUint32(4, littleEndian),
    ticksPerSecond,
    offsetSeconds,
  };
}

function readPacket(
  list: PacketList,
  interfaces: readonly Interface[],
  body: Uint8Array,
  littleEndian: boolean,
  at: number,
  old: boolean,
): void {
  if (body.length < 20) throw malformed(at, "a packet block is shorter than 32 bytes");
  const view = viewOf(body);
  const number = old ? view.getUint16(0, littleEndian) : view.getUint32(0, littleEndian);
  const from = interfaces[number];
  if (from === undefined) throw malformed(at, `a packet of interface ${number}, which is not described`);
  const ticks = (BigInt(view.getUint32(4, littleEndian)) << 32n) | BigInt(view.getUint32(8, littleEndian));
  const length = view.getUint32(12, littleEndian);
  if (length > body.length - 20) throw malformed(at, `a packet of ${length} bytes in a block with ${body.length - 20}`);
  list.add({ time: milliseconds(ticks, from), linkType: from.linkType, bytes: body.subarray(20, 20 + length) });
}

function readSimplePacket(
  list: PacketList,
  interfaces: readonly Interface[],
  body: Uint8Array,
  littleEndian: boolean,
  at: number,
): void {
  const [from] = interfaces;
  if (from === undefined) throw malformed(at, "a packet before any interface is described");
  if (body.length < 4) throw malformed(at, "a simple packet block is shorter than 16 bytes");
  const original = viewOf(body).getUint32(0, littleEndian);
  const length = Math.min(original, from.snapLength === 0 ? original : from.snapLength, body.length - 4);
  list.add({ time: undefined, linkType: from.linkType, bytes: body.subarray(4, 4 + length) });
}

/** Whole seconds apart from the rest: nanoseconds since 1970 exceed what a number holds exactly. */
function milliseconds(ticks: bigint, from: Interface): number {
  const seconds = Number(ticks / from.ticksPerSecond) + from.offsetSeconds;
  return seconds * 1000 + (Number(ticks % from.ticksPerSecond) / Number(from.ticksPerSecond)) * 1000;
}

function malformed(at: number, what: string): CaptureError {
  return new CaptureError("CAPTURE_MALFORMED", `pcapng at byte ${at}: ${what}`);
}
