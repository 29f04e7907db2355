// Headers that the configuration adds to answers, and how long files may be kept.

import type { TemplateEntry } from "../config/resolved.ts";
import type { Variables } from "../config/template.ts";
import { type Reply, removeHeader, setHeader } from "./reply.ts";

/** Headers of which an answer has several, so that one more does not take the place of the others. */
const SEVERAL = new Set(["set-cookie", "link", "vary", "via", "www-authenticate", "content-security-policy"]);

/**
 * Adds headers to an answer. One takes the place of the answer's own of that name, unless an answer can have several; an
 * empty value removes it.
 */
export function addHeaders(reply: Reply, headers: readonly TemplateEntry[], variables: Variables): void {
  for (const { name, value } of headers) {
    // What a visitor may have put into a variable must not become a line of its own.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed.
    const text = value(variables).replace(/[\0-\x08\x0a-\x1f\x7f]/g, "");
    if (text === "") removeHeader(reply, name.toLowerCase());
    else if (SEVERAL.has(name.toLowerCase())) reply.headers = [...reply.headers, [name, text]];
    else setHeader(reply, name, text);
  }
}

/** Ten years, as nginx's `max`. */
const MAX_AGE = 315_360_000;

/** Statuses that `expires` is for, as in nginx. */
const KEPT = new Set([200, 201, 204, 206, 301, 302, 303, 304, 307, 308]);

/**
 * Says how long a file may be kept: Expires and Cache-Control.
 * @param expires seconds; below 0: not at all
 * @param now milliseconds since 1970
 */
export function setExpires(reply: Reply, expires: number | "max" | "epoch", now: number): void {
  if (!KEPT.has(reply.status)) return;
  if (expires === "epoch" || (expires !== "max" && expires < 0)) {
    setHeader(
      reply,
      "Expires",
      expires === "epoch" ? new Date(1000).toUTCString() : httpDate(now + Number(expires) * 1000),
    );
    setHeader(reply, "Cache-Control", "no-cache");
    return;
  }
  // nginx's `max` is a date, not a distance.
  setHeader(reply, "Expires", expires === "max" ? "Thu, 31 Dec 2037 23:55:55 GMT" : httpDate(now + expires * 1000));
  setHeader(reply, "Cache-Control", `max-age=${expires === "max" ? MAX_AGE : expires}`);
}

function httpDate(milliseconds: number): string {
  return new Date(milliseconds).toUTCString();
}
