// Names under which responses are stored.

import type { CacheRequest, Conditional } from "./options.ts";
import type { VaryRecord } from "./store.ts";

/** The URL; with the method in front where that is neither GET nor HEAD. */
export function defaultKey({ method, url }: CacheRequest): string {
  return method === "GET" || method === "HEAD" ? url : `${method} ${url}`;
}

/** The name of the variant for a request: the values of the chosen headers, white space made alike. */
export function variantName(vary: VaryRecord, request: CacheRequest): string {
  const values = vary.names.map((name) =>
    (request.headers.get(name) ?? "\0").replace(/\s+/g, " ").replace(/ ?, ?/g, ","),
  );
  // No header holds a line end.
  return [vary.key, vary.generation, ...values].join("\n");
}

/** Request headers that ask for a part, or for news: the cache answers them itself, from the whole. */
const OWN_HEADERS = new Set([
  "if-match",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
  "if-range",
  "range",
]);

/** The visitor's headers for a script whose answer is shared, with the cache's conditions in place of the visitor's. */
export function headersForScript(
  headers: Iterable<readonly [string, string]>,
  conditional: Conditional | undefined,
): [string, string][] {
  const kept: [string, string][] = [];
  for (const [name, value] of headers) if (!OWN_HEADERS.has(name.toLowerCase())) kept.push([name, value]);
  if (conditional?.etag !== undefined) kept.push(["If-None-Match", conditional.etag]);
  if (conditional?.lastModified !== undefined) kept.push(["If-Modified-Since", conditional.lastModified]);
  return kept;
}

/** Whether the visitor asks for a part, or for news. */
export function asksForPart({ headers }: CacheRequest): boolean {
  for (const name of OWN_HEADERS) if (headers.get(name) !== null) return true;
  return false;
}
