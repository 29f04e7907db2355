// From a frame to the TCP segment in it: the layers between that captures commonly have.

import { viewOf } from "../codec/index.ts";
import type { Packet } from "./packets.ts";

export interface Segment {
  readonly time: number | undefined;
  /** Address and port, such as `127.0.0.1:9000` or `[::1]:9000`. */
  readonly from: string;
  readonly to: string;
  readonly fromPort: number;
  readonly toPort: number;
  readonly sequence: number;
  readonly syn: boolean;
  readonly ack: boolean;
  readonly fin: boolean;
  readonly rst: boolean;
  /** What was captured of the payload: a view. */
  readonly payload: Uint8Array;
}

/** Why a packet gives no segment. `other`: a protocol that is not TCP, nothing wrong. */
export type NoSegment = "other" | "fragment" | "cut" | "link-type";

/** Link types (LINKTYPE_ numbers) by where the network layer starts and how it is told. */
const LinkType = {
  NULL: 0,
  ETHERNET: 1,
  RAW_BSD: 12,
  RAW_OPENBSD: 14,
  RAW: 101,
  LOOP: 108,
  LINUX_SLL: 113,
  IPV4: 228,
  IPV6: 229,
  LINUX_SLL2: 276,
} as const;

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const VLAN_TAGS: readonly number[] = [0x8100, 0x88a8, 0x9100];

const PROTOCOL_TCP = 6;
const IPV6_FRAGMENT = 44;
const IPV6_AUTHENTICATION = 51;
/** Hop-by-hop, routing and destination options: each tells its length in units of 8 bytes. */
const IPV6_OPTIONS: readonly number[] = [0, 43, 60];

/** Reads the TCP segment of a packet. Never throws: what cannot be read has a reason. */
export function readSegment(packet: Packet): Segment | NoSegment {
  const network = networkLayer(packet);
  if (typeof network === "string") return network;
  const version = (network[0] ?? 0) >>> 4;
  if (version === 4) return readIpv4(network, packet.time);
  if (version === 6) return readIpv6(network, packet.time);
  return network.length === 0 ? "cut" : "other";
}

function networkLayer({ bytes, linkType }: Packet): Uint8Array | NoSegment {
  switch (linkType) {
    case LinkType.ETHERNET: {
      let at = 12;
      while (bytes.length >= at + 2 && VLAN_TAGS.includes(word(bytes, at))) at += 4;
      return afterEtherType(bytes, at, at + 2);
    }
    case LinkType.LINUX_SLL:
      return afterEtherType(bytes, 14, 16);
    case LinkType.LINUX_SLL2:
      return afterEtherType(bytes, 0, 20);
    case LinkType.NULL:
    case LinkType.LOOP:
      // The four bytes of the address family differ from system to system; the IP version behind them tells enough.
      return bytes.length < 4 ? "cut" : bytes.subarray(4);
    case LinkType.RAW:
    case LinkType.RAW_BSD:
    case LinkType.RAW_OPENBSD:
    case LinkType.IPV4:
    case LinkType.IPV6:
      return bytes;
    default:
      return "link-type";
  }
}

function afterEtherType(bytes: Uint8Array, typeAt: number, start: number): Uint8Array | NoSegment {
  if (bytes.length < start || bytes.length < typeAt + 2) return "cut";
  const type = word(bytes, typeAt);
  return type === ETHERTYPE_IPV4 || type === ETHERTYPE_IPV6 ? bytes.subarray(start) : "other";
}

function readIpv4(bytes: Uint8Array, time: number | undefined): Segment | NoSegment {
  if (bytes.length < 20) return "cut";
  const headerLength = ((bytes[0] as number) & 0x0f) * 4;
  if (headerLength < 20 || bytes.length < headerLength) return "cut";
  if (bytes[9] !== PROTOCOL_TCP) return "other";
  // More fragments, or not the first one.
  if ((word(bytes, 6) & 0x3fff) !== 0) return "fragment";
  const total = word(bytes, 2);
  // 0: the card cut the segments later than the capture looked (TSO). Else what follows is a frame's padding.
  const end = total === 0 ? bytes.length : Math.min(total, bytes.length);
  if (end < headerLength) return "cut";
  return readTcp(bytes.subarray(headerLength, end), time, dotted(bytes, 12), dotted(bytes, 16));
}

function readIpv6(bytes: Uint8Array, time: number | undefined): Segment | NoSegment {
  if (bytes.length < 40) return "cut";
  const announced = word(bytes, 4);
  const end = announced === 0 ? bytes.length : Math.min(40 + announced, bytes.length);
  let next = bytes[6] as number;
  let at = 40;
  while (next !== PROTOCOL_TCP) {
    if (at + 8 > end) return IPV6_OPTIONS.includes(next) || next === IPV6_AUTHENTICATION ? "cut" : "other";
    if (next === IPV6_FRAGMENT) {
      if ((word(bytes, at + 2) & 0xfff9) !== 0) return "fragment";
      next = bytes[at] as number;
      at += 8;
    } else if (IPV6_OPTIONS.includes(next)) {
      next = bytes[at] as number;
      at += ((bytes[at + 1] as number) + 1) * 8;
    } else if (next === IPV6_AUTHENTICATION) {
      next = bytes[at] as number;
      at += ((bytes[at + 1] as number) + 2) * 4;
    } else {
      return "other";
    }
  }
  if (at > end) return "cut";
  return readTcp(bytes.subarray(at, end), time, `[${colons(bytes, 8)}]`, `[${colons(bytes, 24)}]`);
}

function readTcp(bytes: Uint8Array, time: number | undefined, from: string, to: string): Segment | NoSegment {
  if (bytes.length < 20) return "cut";
  const headerLength = ((bytes[12] as number) >>> 4) * 4;
  if (headerLength < 20 || bytes.length < headerLength) return "cut";
  const flags = bytes[13] as number;
  const fromPort = word(bytes, 0);
  const toPort = word(bytes, 2);
  return {
    time,
    from: `${from}:${fromPort}`,
    to: `${to}:${toPort}`,
    fromPort,
    toPort,
    sequence: viewOf(bytes).getUint32(4),
    fin: (flags & 0x01) !== 0,
    syn: (flags & 0x02) !== 0,
    rst: (flags & 0x04) !== 0,
    ack: (flags & 0x10) !== 0,
    payload: bytes.subarray(headerLength),
  };
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

function dotted(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** An IPv6 address, its longest run of zeros shortened (RFC 5952). */
function colons(bytes: Uint8Array, at: number): string {
  const groups = Array.from({ length: 8 }, (_, index) => word(bytes, at + index * 2).toString(16)).join(":");
  const runs = groups.match(/(?:^|:)0(?::0)+(?=:|$)/g) ?? [];
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), "");
  if (longest === "") return groups;
  const where = groups.indexOf(longest);
  return `${groups.slice(0, where)}::${groups.slice(where + longest.length).replace(/^:/, "")}`;
}
