// If-Match and If-Unmodified-Since (RFC 9110, sections 13.1.1 and 13.1.4): whether a request was made for another version.

import type { HeaderLookup, Validators } from "./conditional.ts";

/** Whether the answer is 412. If-Unmodified-Since counts without If-Match only; a date that is none does not count. */
export function isOtherVersion(headers: HeaderLookup, { etag, modified }: Validators): boolean {
  const match = headers.get("if-match");
  if (match !== null) {
    if (match.trim() === "*") return false;
    // Compared strongly: a weak validator matches nothing.
    return !(match.match(/(?:W\/)?"[^"]*"/g) ?? []).some((tag) => tag === etag);
  }
  const since = headers.get("if-unmodified-since");
  if (since === null || modified === undefined) return false;
  const date = Date.parse(since);
  return !Number.isNaN(date) && Date.parse(modified) > date;
}
