// Whether a response may be stored, and for how long: the script's headers first (RFC 9111), then the operator's table.

import CachePolicy from "http-cache-semantics";
import type { IgnorableHeader, ValidTimes } from "./options.ts";

/** What of a request and its response decides. Names in lower case, repeated headers joined. */
export interface Storable {
  readonly authorized: boolean;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

export interface FreshnessRules {
  readonly valid?: ValidTimes | undefined;
  readonly ignoreHeaders?: readonly IgnorableHeader[] | undefined;
  /** Whether a response that is stale from the start is of use, because it can be confirmed. */
  readonly revalidate: boolean;
}

/** Milliseconds since the epoch, but `age`. As in `CacheEntry`. */
export interface Freshness {
  readonly age: number;
  readonly freshUntil: number;
  readonly updatingUntil: number;
  readonly errorUntil: number;
  readonly mustRevalidate: boolean;
  readonly forAuthorized: boolean;
  /** Request headers that choose the variant, lower case. */
  readonly vary: readonly string[];
}

/** A year: what is longer is as good as for ever, and stays far from the end of what a date can say. */
const LONGEST = 365 * 24 * 3600;

/** nginx keeps 128 bytes of Vary; a longer one is not cached. */
const MAX_VARY = 128;

/** Statuses that a number alone stands for in `valid`. */
const DEFAULT_STATUSES = [200, 301, 302];

/**
 * How long a response may be used, or `undefined` when it may not be stored.
 *
 * @param now when it came, in milliseconds since the epoch
 */
export function freshnessOf(response: Storable, rules: FreshnessRules, now: number): Freshness | undefined {
  // Parts of something, and answers about something that the visitor has.
  if (response.status < 200 || response.status === 206 || response.status === 304) return undefined;
  const headers = heeded(response.headers, rules.ignoreHeaders ?? []);
  if (headers["set-cookie"] !== undefined) return undefined;
  const vary = varyNames(headers.vary ?? "");
  if (vary === undefined) return undefined;

  const control = headers["cache-control"] ?? "";
  const forAuthorized = ["public", "must-revalidate", "s-maxage"].some(
    (name) => directive(control, name) !== undefined,
  );
  if (response.authorized && !forAuthorized) return undefined;
  const always = { forAuthorized, vary };

  const accel = accelExpires(headers["x-accel-expires"], now);
  if (accel !== undefined) {
    if (accel <= 0) return undefined;
    return { ...lasting(now, accel, 0, 0), age: 0, mustRevalidate: false, ...always };
  }

  const policy = new CachePolicy(
    { method: "GET", url: "", headers: response.authorized ? { authorization: "-" } : {} },
    // Any final status may be cached when the response or the operator says so; no lifetime is guessed.
    {
      status: 200,
      headers: { ...headers, date: dateOf(headers.date, now), "cache-control": withoutReuseRules(control) },
    },
    // `immutable` is no lifetime (RFC 8246).
    { immutableMinTimeToLive: 0 },
  );
  if (!policy.storable()) return undefined;
  const noCache =
    directive(control, "no-cache") !== undefined || (control === "" && /no-cache/i.test(headers.pragma ?? ""));
  const mustRevalidate =
    noCache || ["must-revalidate", "proxy-revalidate"].some((name) => directive(control, name) !== undefined);

  const explicit =
    noCache ||
    headers.expires !== undefined ||
    ["max-age", "s-maxage"].some((name) => directive(control, name) !== undefined);
  const age = explicit ? seconds(headers.age) : 0;
  const lifetime = explicit ? (noCache ? 0 : policy.maxAge()) - age : validTime(rules.valid, response.status);
  if (!explicit && lifetime <= 0) return undefined;
  const times = lasting(
    now,
    lifetime,
    mustRevalidate ? 0 : seconds(directive(control, "stale-while-revalidate")),
    mustRevalidate ? 0 : seconds(directive(control, "stale-if-error")),
  );
  const validators = headers.etag !== undefined || headers["last-modified"] !== undefined;
  const useful = times.updatingUntil > now || times.errorUntil > now || (rules.revalidate && validators);
  return useful || times.freshUntil > now ? { ...times, age, mustRevalidate, ...always } : undefined;
}

function lasting(now: number, lifetime: number, whileRevalidate: number, ifError: number) {
  const freshUntil = now + Math.max(-LONGEST, Math.min(lifetime, LONGEST)) * 1000;
  const after = (time: number) => freshUntil + Math.min(time, LONGEST) * 1000;
  return { freshUntil, updatingUntil: after(whileRevalidate), errorUntil: after(ifError) };
}

/** The headers that the operator lets decide. Cache-Control in lower case: so are its directives compared. */
function heeded(
  headers: Readonly<Record<string, string>>,
  ignored: readonly IgnorableHeader[],
): Readonly<Partial<Record<string, string>>> {
  const kept: Partial<Record<string, string>> = { ...headers };
  for (const name of ignored) delete kept[name.toLowerCase()];
  if (ignored.includes("Cache-Control")) delete kept.pragma;
  if (kept["cache-control"] !== undefined) kept["cache-control"] = kept["cache-control"].toLowerCase();
  return kept;
}

/** Value of a directive; empty for one without a value. `control` is in lower case. */
function directive(control: string, name: string): string | undefined {
  for (const part of control.split(",")) {
    const at = part.indexOf("=");
    if ((at < 0 ? part : part.slice(0, at)).trim() === name) {
      return at < 0
        ? ""
        : part
            .slice(at + 1)
            .trim()
            .replace(/^"|"$/g, "");
    }
  }
  return undefined;
}

/** http-cache-semantics takes `proxy-revalidate` for "stale at once"; it forbids only to use what is stale. */
function withoutReuseRules(control: string): string {
  return control
    .split(",")
    .filter((part) => part.trim() !== "proxy-revalidate")
    .join(",");
}

/** The response's own date, or the time it came. */
function dateOf(header: string | undefined, now: number): string {
  return header === undefined || Number.isNaN(Date.parse(header)) ? new Date(now).toUTCString() : header;
}

/** A number of seconds; 0 for what is none. */
function seconds(value: string | undefined): number {
  return value !== undefined && /^\s*\d{1,15}\s*$/.test(value) ? Number(value) : 0;
}

/** Seconds, or `@` and a time: nginx's own header. `undefined` for what is neither. */
function accelExpires(value: string | undefined, now: number): number | undefined {
  const match = /^\s*(@?)(\d{1,15})\s*$/.exec(value ?? "");
  if (match === null) return undefined;
  return match[1] === "@" ? Number(match[2]) - now / 1000 : Number(match[2]);
}

function validTime(valid: ValidTimes | undefined, status: number): number {
  if (typeof valid === "number") return DEFAULT_STATUSES.includes(status) ? valid : 0;
  return valid?.[status] ?? valid?.any ?? 0;
}

/** `undefined` for what never matches again, or is too long. */
function varyNames(header: string): readonly string[] | undefined {
  if (header.length > MAX_VARY) return undefined;
  const names = header
    .toLowerCase()
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  return names.includes("*") ? undefined : [...new Set(names)].sort();
}
