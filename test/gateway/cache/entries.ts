// Entries as a cache makes them, for tests of stores.

import type { CacheEntry } from "../../../src/gateway/cache/index.ts";

export function entryOf(changes: Partial<CacheEntry> = {}): CacheEntry {
  const body = changes.body ?? new TextEncoder().encode("body");
  return {
    kind: "response",
    key: "http://example.test/",
    status: 200,
    statusText: "",
    headers: [
      ["content-type", "text/plain"],
      ["Content-Length", String(body.length)],
    ],
    body,
    requestedAt: 1_000,
    storedAt: 2_000,
    age: 0,
    freshUntil: 62_000,
    updatingUntil: 62_000,
    errorUntil: 62_000,
    mustRevalidate: false,
    forAuthorized: false,
    tags: [],
    ...changes,
  };
}
