// A stored response as an answer: whole, a part of it, its head alone, or the news that the visitor has it already.

import type { Reply, ReplyBody } from "../answer/reply.ts";
import { isFresh, rangeOf } from "../static/conditional.ts";
import type { CacheRequest, CacheStatus } from "./options.ts";
import type { CacheEntry } from "./store.ts";

type HeaderList = [string, string][];

/** Headers of the whole that a 304 has too (RFC 9110, section 15.4.5). */
const NOT_MODIFIED_HEADERS = new Set([
  "cache-control",
  "content-location",
  "date",
  "etag",
  "expires",
  "last-modified",
  "vary",
]);

/** Headers that are about the bytes sent, and so not the same for a part. */
const LENGTH = "content-length";

/** The headers of the last answer of each entry: they change once a second, and a hit should cost little. */
const ready = new WeakMap<
  CacheEntry,
  { readonly age: number; readonly status: CacheStatus; readonly headers: HeaderList }
>();

/** Makes answers from entries. `statusHeader` as in `CacheOptions`. Their header lists are shared: copy before a change. */
export function answerer(statusHeader: string | undefined) {
  const readyHeaders = (entry: CacheEntry, status: CacheStatus, now: number): HeaderList => {
    const age = ageOf(entry, now);
    const last = ready.get(entry);
    if (last !== undefined && last.age === age && last.status === status) return last.headers;
    const headers: HeaderList = entry.headers.map(([name, value]) => [name, value]);
    headers.push(["Age", String(age)]);
    if (statusHeader !== undefined) headers.push([statusHeader, status]);
    ready.set(entry, { age, status, headers });
    return headers;
  };

  return (entry: CacheEntry, request: CacheRequest, status: CacheStatus, now: number): Reply => {
    const { headers: asked, method } = request;
    const headers = readyHeaders(entry, status, now);
    const whole = (body: ReplyBody): Reply => ({
      status: entry.status,
      ...(entry.statusText !== "" && { statusText: entry.statusText }),
      headers,
      body,
      ...(entry.wishes && { wishes: entry.wishes }),
    });
    if (entry.status !== 200) return whole(method === "HEAD" ? null : bodyOf(entry));

    const version = { etag: entry.etag, modified: entry.lastModified };
    if (isFresh(asked, version)) {
      const kept = new Set([...NOT_MODIFIED_HEADERS, "age", statusHeader?.toLowerCase()]);
      return { status: 304, headers: headers.filter(([name]) => kept.has(name.toLowerCase())), body: null };
    }
    if (method === "HEAD") return whole(null);

    const range = method === "GET" ? rangeOf(asked, entry.body.length, version) : undefined;
    if (range === undefined) return whole(entry.body);
    if (range === "unsatisfiable") {
      return {
        status: 416,
        headers: [
          ["Content-Range", `bytes */${entry.body.length}`],
          ["Content-Length", "0"],
          ...(statusHeader === undefined ? [] : ([[statusHeader, status]] as HeaderList)),
        ],
        body: null,
      };
    }
    const { start, end } = range;
    return {
      status: 206,
      headers: [
        ...headers.filter(([name]) => name.toLowerCase() !== LENGTH),
        ["Content-Length", String(end - start)],
        ["Content-Range", `bytes ${start}-${end - 1}/${entry.body.length}`],
      ],
      body: entry.body.subarray(start, end),
    };
  };
}

/** Seconds since the script made it. */
function ageOf(entry: CacheEntry, now: number): number {
  return entry.age + Math.max(0, Math.floor((now - entry.storedAt) / 1000));
}

/** A response with one of these statuses has no body, not even an empty one. */
function bodyOf(entry: CacheEntry): Uint8Array | null {
  return [204, 205].includes(entry.status) ? null : entry.body;
}
