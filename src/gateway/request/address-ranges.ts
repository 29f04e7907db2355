// IP addresses and ranges of them (CIDR), for deciding whom to believe.

/** Ranges, ready to be asked. */
export interface AddressRanges {
  /** Whether an address, in its usual notation, is in one of them. `undefined` is a peer on a Unix socket. */
  has(address: string | undefined): boolean;
}

/**
 * @param ranges `192.0.2.1`, `10.0.0.0/8`, `2001:db8::/32`; `unix:` for peers on a Unix socket, as in nginx
 * @throws {RangeError} for anything else, and for bits set behind the prefix: `10.1.2.3/8` is more likely a mistake
 */
export function addressRanges(ranges: readonly string[]): AddressRanges {
  const parsed: { readonly network: readonly number[]; readonly bits: number }[] = [];
  let unix = false;
  for (const range of ranges) {
    if (range === "unix:") {
      unix = true;
      continue;
    }
    const slash = range.indexOf("/");
    const network = parseAddress(slash === -1 ? range : range.slice(0, slash));
    const prefix = slash === -1 ? "" : range.slice(slash + 1);
    if (network === undefined || (slash !== -1 && !/^[0-9]{1,3}$/.test(prefix))) {
      throw new RangeError(`${JSON.stringify(range)} is no address and no range such as 10.0.0.0/8 or 2001:db8::/32`);
    }
    const width = network.length * 8;
    // A mapped range (::ffff:10.0.0.0/104) was written for 128 bits.
    const shift = range.includes(":") && network.length === 4 ? 96 : 0;
    const bits = slash === -1 ? width : Number(prefix) - shift;
    if (bits < 0 || bits > width) throw new RangeError(`${range}: a prefix of ${prefix} bits is not possible`);
    if (network.some((byte, index) => (byte & ~maskByte(bits, index) & 0xff) !== 0)) {
      throw new RangeError(`${range} has bits set behind its prefix of ${prefix}`);
    }
    parsed.push({ network, bits });
  }
  return {
    has(address) {
      if (address === undefined) return unix;
      const bytes = parseAddress(address);
      if (bytes === undefined) return false;
      return parsed.some(
        ({ network, bits }) =>
          network.length === bytes.length &&
          network.every((byte, index) => byte === ((bytes[index] as number) & maskByte(bits, index))),
      );
    },
  };
}

/** The part of a prefix that falls on byte `index`. */
function maskByte(bits: number, index: number): number {
  const here = Math.min(8, Math.max(0, bits - index * 8));
  return (0xff << (8 - here)) & 0xff;
}

/**
 * The bytes of an address: 4 or 16. An IPv4 address in IPv6 clothes (`::ffff:192.0.2.1`) is the IPv4 address. No zone, no
 * port, no leading zeros: some read `010` as eight.
 */
export function parseAddress(text: string): readonly number[] | undefined {
  return text.includes(":") ? parseV6(text) : parseV4(text);
}

function parseV4(text: string): number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const bytes: number[] = [];
  for (const part of parts) {
    if (!/^(?:0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined;
    bytes.push(Number(part));
  }
  return bytes;
}

function parseV6(text: string): number[] | undefined {
  if (text.length > 45) return undefined;
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const groups: number[][] = [];
  for (const [index, half] of halves.entries()) {
    const bytes = parseGroups(half, index === halves.length - 1);
    if (bytes === undefined) return undefined;
    groups.push(bytes);
  }
  const [head = [], tail] = groups;
  if (tail === undefined) return head.length === 16 ? unmapped(head) : undefined;
  const zeros = 16 - head.length - tail.length;
  return zeros < 2 ? undefined : unmapped([...head, ...new Array<number>(zeros).fill(0), ...tail]);
}

/** The bytes of groups between colons; the last two may be written as an IPv4 address. */
function parseGroups(text: string, isLast: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [index, group] of groups.entries()) {
    if (isLast && index === groups.length - 1 && group.includes(".")) {
      const v4 = parseV4(group);
      if (v4 === undefined) return undefined;
      bytes.push(...v4);
    } else {
      if (!/^[0-9A-Fa-f]{1,4}$/.test(group)) return undefined;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    }
  }
  return bytes;
}

function unmapped(bytes: number[]): number[] {
  const mapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return mapped ? bytes.slice(12) : bytes;
}
