// Conditional requests and ranges (RFC 9110, sections 13 and 14) against something whole: a file, or a cached response.

import fresh from "fresh";
import parseRange from "range-parser";

/** The request's headers, by name in any case; repeated ones joined. */
export interface HeaderLookup {
  get(name: string): string | null;
}

/** What identifies a version of what is asked for. */
export interface Validators {
  readonly etag?: string | undefined;
  /** As in the Last-Modified header. */
  readonly modified?: string | undefined;
}

/** Whether the visitor has this version already: then the answer is 304. */
export function isFresh(headers: HeaderLookup, { etag, modified }: Validators): boolean {
  const noneMatch = headers.get("if-none-match");
  const modifiedSince = headers.get("if-modified-since");
  if (noneMatch === null && modifiedSince === null) return false;
  return fresh(
    {
      "if-none-match": noneMatch ?? undefined,
      "if-modified-since": modifiedSince ?? undefined,
      "cache-control": headers.get("cache-control") ?? undefined,
    },
    { etag, "last-modified": modified },
  );
}

/**
 * The range to send, `end` excluded. `undefined` for the whole: no range, one that makes no sense, several ranges (a
 * server may ignore them), or an If-Range that names another version.
 *
 * @param size bytes of the whole
 */
export function rangeOf(
  headers: HeaderLookup,
  size: number,
  { etag, modified }: Validators,
): { start: number; end: number } | "unsatisfiable" | undefined {
  const header = headers.get("range");
  if (header === null) return undefined;
  const ifRange = headers.get("if-range");
  // A weak validator does not promise the same bytes (RFC 9110, section 13.1.5).
  if (ifRange !== null && (ifRange.startsWith("W/") || (ifRange !== etag && ifRange !== modified))) return undefined;

  const ranges = parseRange(size, header, { combine: true });
  if (ranges === -1) return header.startsWith("bytes=") ? "unsatisfiable" : undefined;
  if (ranges === -2 || ranges.type !== "bytes" || ranges.length !== 1) return undefined;
  const [range] = ranges;
  return range && { start: range.start, end: range.end + 1 };
}
