// A script's headers on their way to the visitor: which are passed on, and which are meant for the gateway.

import type { CgiHead, NameValue } from "../../cgi/index.ts";
import type { ReplyWishes } from "../answer/reply.ts";
import { GatewayError } from "../errors.ts";

/** What becomes of a script's headers. Names in lower case. */
export interface HeaderPolicy {
  /** Not passed on. nginx: `fastcgi_hide_header`. */
  readonly hide: ReadonlySet<string>;
  /** Passed on though they are hidden by default: those of X-Accel-*. nginx: `fastcgi_pass_header`. */
  readonly pass: ReadonlySet<string>;
  /** Without effect here: X-Accel-* and X-Sendfile. nginx: `fastcgi_ignore_headers`. */
  readonly ignore: ReadonlySet<string>;
  /** X-Accel-Expires stays, for the cache, which takes it off. */
  readonly keepExpires?: boolean;
}

/** A script's head, sorted. */
export interface ResponseHead {
  /** For the visitor, without those of one connection and without Content-Length. */
  readonly headers: [string, string][];
  /** The script's Content-Length. */
  readonly contentLength: number | undefined;
  /** Path, or name of a location, that answers in the script's place (X-Accel-Redirect). */
  readonly accelRedirect: string | undefined;
  /** File that is sent in the script's place (X-Sendfile), as the script sees it. */
  readonly sendFile: string | undefined;
  /** X-Accel-Buffering. */
  readonly buffering: boolean | undefined;
  readonly wishes: ReplyWishes | undefined;
}

/** Headers of one connection (RFC 9110, section 7.6.1); what follows them is the HTTP server's business. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Sorts the headers of a script's answer.
 * @throws {GatewayError} `GATEWAY_BAD_OUTPUT` for a Content-Length that is no number, or two different ones
 */
export function responseHead(head: CgiHead, policy?: HeaderPolicy): ResponseHead {
  let headers: [string, string][] = [];
  let contentLength: number | undefined;
  let named: Set<string> | undefined;
  let accel: Map<string, string> | undefined;
  for (const header of head.headers) {
    const [name, value] = header;
    const lower = name.toLowerCase();
    if (lower === "content-length") {
      contentLength = lengthOf(value, contentLength);
      continue;
    }
    if (HOP_BY_HOP.has(lower)) {
      if (lower === "connection") {
        named ??= new Set();
        for (const token of value.split(",")) named.add(token.trim().toLowerCase());
      }
      continue;
    }
    // Few names begin so: the test for these two letters is all that others pay.
    if (lower.startsWith("x-") && (lower.startsWith("x-accel-") || lower === "x-sendfile")) {
      if (policy?.ignore.has(lower) !== true) {
        accel ??= new Map();
        accel.set(lower, value);
      }
      const passed = policy?.pass.has(lower) === true || (lower === "x-accel-expires" && policy?.keepExpires === true);
      if (!passed) continue;
    }
    if (policy?.hide.has(lower) === true) continue;
    headers.push([name, value]);
  }
  if (named !== undefined) headers = headers.filter(([name]) => !named.has(name.toLowerCase()));
  if (accel === undefined) {
    return {
      headers,
      contentLength,
      accelRedirect: undefined,
      sendFile: undefined,
      buffering: undefined,
      wishes: undefined,
    };
  }
  charset(headers, accel.get("x-accel-charset"));
  return {
    headers,
    contentLength,
    accelRedirect: accel.get("x-accel-redirect") || undefined,
    sendFile: accel.get("x-sendfile") || undefined,
    buffering: switchOf(accel.get("x-accel-buffering")),
    wishes: rateOf(accel.get("x-accel-limit-rate")),
  };
}

function lengthOf(value: string, before: number | undefined): number {
  const length = /^[0-9]{1,15}$/.test(value) ? Number(value) : undefined;
  if (length === undefined || (before !== undefined && before !== length)) {
    throw badOutput(`the script's Content-Length is ${JSON.stringify(value)}; one number is allowed`);
  }
  return length;
}

function switchOf(value: string | undefined): boolean | undefined {
  const lower = value?.toLowerCase();
  return lower === "yes" ? true : lower === "no" ? false : undefined;
}

function rateOf(value: string | undefined): ReplyWishes | undefined {
  return value !== undefined && /^[0-9]{1,15}$/.test(value) ? { limitRate: Number(value) } : undefined;
}

/** Adds a charset to a type of text that names none. nginx converts too, between tables that nobody has any more. */
function charset(headers: [string, string][], name: string | undefined): void {
  if (name === undefined || name.toLowerCase() === "off" || !/^[A-Za-z0-9._:-]{1,40}$/.test(name)) return;
  const at = headers.findIndex(([other]) => other.toLowerCase() === "content-type");
  const type = headers[at];
  if (type === undefined || /;\s*charset\s*=/i.test(type[1])) return;
  headers[at] = [type[0], `${type[1]}; charset=${name}`];
}

/** Headers of a script that stay with the answer of whatever it redirects to inside, as in nginx. */
const CARRIED = new Set(["content-type", "set-cookie", "content-disposition", "cache-control", "expires"]);

/** Of a script's headers those that X-Accel-Redirect and X-Sendfile keep. */
export function carriedHeaders(headers: readonly NameValue[]): [string, string][] {
  return headers.filter(([name]) => CARRIED.has(name.toLowerCase())).map(([name, value]) => [name, value]);
}

/** The same, put onto the answer: in the place of its own, but cookies are added. */
export function carryOver(carried: readonly [string, string][], headers: [string, string][]): [string, string][] {
  if (carried.length === 0) return headers;
  const replaced = new Set(carried.map(([name]) => name.toLowerCase()));
  replaced.delete("set-cookie");
  return [...headers.filter(([name]) => !replaced.has(name.toLowerCase())), ...carried];
}

/** The script's answer is none. */
export function badOutput(message: string): GatewayError {
  return new GatewayError("GATEWAY_BAD_OUTPUT", 502, message);
}
