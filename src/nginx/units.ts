// nginx's sizes and times.

/** Bytes of `8k`, `16M`, `1g`, `100`; `undefined` for what is none. */
export function sizeOf(text: string | undefined): number | undefined {
  const [, digits, unit = ""] = /^(\d+)([kmg]?)$/i.exec(text ?? "") ?? [];
  if (digits === undefined) return undefined;
  const bytes = Number(digits) * 1024 ** ["", "k", "m", "g"].indexOf(unit.toLowerCase());
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Milliseconds; months have 30 days, years 365, as in nginx. */
const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
  M: 30 * 86_400_000,
  y: 365 * 86_400_000,
};

/** Milliseconds of `30`, `1d`, `1h30m`, `100ms`; a bare number is seconds. `undefined` for what is none. */
export function timeOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^(?:\d+(?:ms|[smhdwMy])?\s*)+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, digits, unit = "s"] of text.matchAll(/(\d+)(ms|[smhdwMy])?/g))
    sum += Number(digits) * (UNITS[unit] ?? 0);
  return Number.isSafeInteger(sum) ? sum : undefined;
}

/** Whole seconds, rounded up so that something is never nothing. */
export function secondsOf(text: string | undefined): number | undefined {
  const milliseconds = timeOf(text);
  return milliseconds === undefined ? undefined : Math.ceil(milliseconds / 1000);
}
