// An Ethernet frame with IPv4 and TCP around bytes, as if they had passed over the loopback of a machine.

import { viewOf } from "../codec/index.ts";

export interface TcpFrame {
  /** Else to the web server. */
  readonly toApplication: boolean;
  readonly webServerPort: number;
  readonly applicationPort: number;
  readonly sequence: number;
  readonly acknowledge: number;
  readonly flags: {
    readonly syn?: boolean;
    readonly ack?: boolean;
    readonly push?: boolean;
    readonly fin?: boolean;
    readonly rst?: boolean;
  };
  readonly payload: Uint8Array;
}

const ETHERNET = 14;
const IPV4 = 20;
const TCP = 20;

/**
 * Options of a SYN: segments of at most 32 KiB, and a window counted in units of 2^14 bytes (RFC 7323), or a long answer
 * would look like an overrun.
 */
const SYN_OPTIONS: readonly number[] = [2, 4, 0x80, 0, 3, 3, 14, 1];

/** Both ends on this machine, told apart: 127.0.0.1 is the web server, 127.0.0.2 the application. */
const WEB_SERVER: readonly number[] = [127, 0, 0, 1];
const APPLICATION: readonly number[] = [127, 0, 0, 2];

/** Locally administered addresses: no card has them. */
const WEB_SERVER_CARD: readonly number[] = [2, 0, 0, 0, 0, 1];
const APPLICATION_CARD: readonly number[] = [2, 0, 0, 0, 0, 2];

/** The frame, its checksums right. */
export function tcpFrame(frame: TcpFrame): Uint8Array<ArrayBuffer> {
  const { toApplication, flags, payload } = frame;
  const options = flags.syn === true ? SYN_OPTIONS : [];
  const tcpLength = TCP + options.length + payload.length;
  const bytes = new Uint8Array(ETHERNET + IPV4 + tcpLength);
  const view = viewOf(bytes);

  bytes.set(toApplication ? APPLICATION_CARD : WEB_SERVER_CARD, 0);
  bytes.set(toApplication ? WEB_SERVER_CARD : APPLICATION_CARD, 6);
  view.setUint16(12, 0x0800);

  bytes[ETHERNET] = 0x45;
  view.setUint16(ETHERNET + 2, IPV4 + tcpLength);
  // Do not fragment; 64 hops; TCP.
  view.setUint16(ETHERNET + 6, 0x4000);
  bytes[ETHERNET + 8] = 64;
  bytes[ETHERNET + 9] = 6;
  bytes.set(toApplication ? WEB_SERVER : APPLICATION, ETHERNET + 12);
  bytes.set(toApplication ? APPLICATION : WEB_SERVER, ETHERNET + 16);
  view.setUint16(ETHERNET + 10, checksum(bytes, ETHERNET, ETHERNET + IPV4, 0));

  const tcp = ETHERNET + IPV4;
  view.setUint16(tcp, toApplication ? frame.webServerPort : frame.applicationPort);
  view.setUint16(tcp + 2, toApplication ? frame.applicationPort : frame.webServerPort);
  view.setUint32(tcp + 4, frame.sequence);
  view.setUint32(tcp + 8, frame.acknowledge);
  bytes[tcp + 12] = ((TCP + options.length) / 4) << 4;
  bytes[tcp + 13] =
    (flags.fin === true ? 0x01 : 0) |
    (flags.syn === true ? 0x02 : 0) |
    (flags.rst === true ? 0x04 : 0) |
    (flags.push === true ? 0x08 : 0) |
    (flags.ack === true ? 0x10 : 0);
  view.setUint16(tcp + 14, 0xffff);
  bytes.set(options, tcp + TCP);
  bytes.set(payload, tcp + TCP + options.length);
  // The pseudo header: both addresses, the protocol, the length.
  let pseudo = 6 + tcpLength;
  for (let at = ETHERNET + 12; at < ETHERNET + 20; at += 2) pseudo += view.getUint16(at);
  view.setUint16(tcp + 16, checksum(bytes, tcp, bytes.length, pseudo));
  return bytes;
}

/** The Internet checksum (RFC 1071). */
function checksum(bytes: Uint8Array, start: number, end: number, initial: number): number {
  let sum = initial;
  for (let at = start; at < end; at += 2)
    sum += ((bytes[at] as number) << 8) | (at + 1 < end ? (bytes[at + 1] as number) : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
