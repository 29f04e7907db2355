// ASN.1 in its distinguished encoding (X.690), as far as a certificate needs it.

import { concat } from "../byte-pipe.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Tag, length, content. */
export function der(tag: number, ...content: readonly Uint8Array[]): Bytes {
  const body = concat(...content);
  const length = body.length;
  // The long form, with as few bytes as hold it: nothing here comes near 64 KiB.
  const head =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return concat(Uint8Array.from(head), body);
}

export const sequence = (...content: readonly Uint8Array[]): Bytes => der(0x30, ...content);
export const set = (...content: readonly Uint8Array[]): Bytes => der(0x31, ...content);
export const boolean = (value: boolean): Bytes => der(0x01, Uint8Array.of(value ? 0xff : 0));
export const octets = (...content: readonly Uint8Array[]): Bytes => der(0x04, ...content);
export const utf8 = (text: string): Bytes => der(0x0c, new TextEncoder().encode(text));

/** `unused`: bits of the last byte that do not count. */
export const bits = (content: Uint8Array, unused = 0): Bytes => der(0x03, Uint8Array.of(unused), content);

/** A tag of the surrounding type's own; `constructed` when the content is encoded itself. */
export const tagged = (tag: number, constructed: boolean, ...content: readonly Uint8Array[]): Bytes =>
  der((constructed ? 0xa0 : 0x80) | tag, ...content);

/** A number that is not negative, big-endian. */
export function integer(bytes: Uint8Array): Bytes {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const digits = bytes.subarray(start);
  // The top bit is the sign.
  return der(0x02, (digits[0] ?? 0) >= 0x80 || digits.length === 0 ? Uint8Array.of(0) : new Uint8Array(0), digits);
}

/** An object identifier, such as "2.5.4.3". */
export function oid(dotted: string): Bytes {
  const [first = 0, second = 0, ...others] = dotted.split(".").map(Number);
  const bytes: number[] = [first * 40 + second];
  for (const other of others) {
    const digits = [other & 0x7f];
    for (let rest = other >>> 7; rest > 0; rest >>>= 7) digits.unshift((rest & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return der(0x06, Uint8Array.from(bytes));
}

/** A time with whole seconds: UTCTime before 2050, as RFC 5280, section 4.1.2.5 wants it. */
export function time(date: Date): Bytes {
  const digits = `${date.toISOString().replace(/[-:T]|\..*/g, "")}Z`;
  const short = date.getUTCFullYear() < 2050;
  return der(short ? 0x17 : 0x18, new TextEncoder().encode(short ? digits.slice(2) : digits));
}

/** A signature of Web Crypto (r and s, side by side) as X.509 and TLS have it. */
export function ecdsaSignature(raw: Uint8Array): Bytes {
  const half = raw.length / 2;
  return sequence(integer(raw.subarray(0, half)), integer(raw.subarray(half)));
}
