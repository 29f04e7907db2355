// Kinds of values: how the text of a directive becomes what it means.

/** The meaning, or what would have been allowed. */
export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly allowed: string };

/** Reads a text. */
export type Kind<T> = (text: string) => Read<T>;

const accept = <T>(value: T): Read<T> => ({ ok: true, value });
const refuse = (allowed: string): { readonly ok: false; readonly allowed: string } => ({ ok: false, allowed });

/** Any text, "" included. */
export const text: Kind<string> = accept;

/** A text, where an empty one is the same as none. */
export const optional: Kind<string | undefined> = (given) => accept(given === "" ? undefined : given);

/** The scanner has made "1" and "" of bare switches; quoted ones come as they are. */
export const boolean: Kind<boolean> = (given) => {
  if (/^(1|on|yes|true)$/i.test(given)) return accept(true);
  if (/^(0||off|no|false|none)$/i.test(given)) return accept(false);
  return refuse("yes, no, on, off, true, false, 1 or 0");
};

/** A whole number in a range. */
export function integer(min: number, max: number): Kind<number> {
  return (given) => {
    const value = Number(given);
    if (/^-?\d+$/.test(given) && value >= min && value <= max) return accept(value);
    return refuse(`a whole number from ${min} to ${max}`);
  };
}

/** Seconds in each unit. */
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 60 * 60, d: 24 * 60 * 60 };

/** php-fpm keeps seconds in 32 bits; a timer of the platform keeps milliseconds in as many. */
const MOST_SECONDS = Math.floor((2 ** 31 - 1) / 1000);

/**
 * A duration, in milliseconds: `30`, `30s`, `5m`, `2h`, `1d`. php-fpm reads `1h30m` as 60 s, `-5` and `abc9` as they fall:
 * these are refused.
 */
export const duration: Kind<number> = (given) => {
  const match = /^(\d+)([smhd]?)$/.exec(given);
  const seconds = match === null ? Number.NaN : Number(match[1]) * (UNITS[match[2] || "s"] ?? 1);
  if (seconds <= MOST_SECONDS) return accept(seconds * 1000);
  return refuse("a number and s, m, h or d (seconds without), such as 30s; at most 24d");
};

/** One of some words, whatever the case. */
export function oneOf<T extends string>(words: Readonly<Record<string, T>>, allowed: string): Kind<T> {
  return (given) => {
    const found = Object.hasOwn(words, given.toLowerCase()) ? words[given.toLowerCase()] : undefined;
    return found === undefined ? refuse(allowed) : accept(found);
  };
}

/** `unlimited`, as -1, or a number. */
export const coreLimit: Kind<number> = (given) => {
  if (given.toLowerCase() === "unlimited") return accept(-1);
  const read = integer(0, 2 ** 31 - 1)(given);
  return read.ok ? read : refuse("unlimited or a whole number from 0");
};

/** Permissions of a socket: `0660`. */
export const octalMode: Kind<number> = (given) =>
  /^0?[0-7]{3}$/.test(given) ? accept(Number.parseInt(given, 8)) : refuse("an octal mode such as 0660");

/** A path of the status or ping page. */
export const urlPath: Kind<string | undefined> = (given) => {
  if (given === "") return accept(undefined);
  if (/^\/[A-Za-z0-9/_.~-]+$/.test(given)) return accept(given);
  return refuse("a path that starts with / and has one or more of A-Z a-z 0-9 / _ - . ~ after it");
};

/** Words between blanks. */
export const words: Kind<readonly string[]> = (given) => accept(given.split(/[ \t]+/).filter((word) => word !== ""));

/** IP addresses between commas; none: anybody. */
export const addresses: Kind<readonly string[] | undefined> = (given) => {
  const list = given.split(",").map((part) => part.trim());
  const present = list.filter((part) => part !== "");
  const wrong = present.find((part) => !isAddress(part));
  if (wrong !== undefined) return refuse(`IPv4 and IPv6 addresses between commas, not ${JSON.stringify(wrong)}`);
  return accept(present.length === 0 ? undefined : present);
};

function isAddress(given: string): boolean {
  const bytes = given.split(".");
  if (bytes.length === 4 && bytes.every((byte) => /^\d{1,3}$/.test(byte) && Number(byte) <= 255)) return true;
  if (!/^[0-9A-Fa-f:.]{2,45}$/.test(given)) return false;
  try {
    // The platform's own parser of addresses.
    return new URL(`http://[${given}]/`).hostname !== "";
  } catch {
    return false;
  }
}
