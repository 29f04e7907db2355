// A script's response as an entry: what is kept of its head, and what a 304 changes in it.

import type { Reply } from "../answer/reply.ts";
import type { Freshness } from "./freshness.ts";
import type { CacheEntry } from "./store.ts";

/** The head of a response. `joined`: names in lower case, repeated headers joined by commas. */
export interface Head {
  readonly status: number;
  readonly statusText: string;
  readonly list: readonly [string, string][];
  readonly joined: Readonly<Record<string, string>>;
  readonly wishes: Reply["wishes"];
}

export function headOf({ status, statusText, headers, wishes }: Reply): Head {
  return { status, statusText: statusText ?? "", list: headers, joined: joinedHeaders(headers), wishes };
}

function joinedHeaders(list: readonly (readonly [string, string])[]): Record<string, string> {
  const joined: Record<string, string> = {};
  for (const [name, value] of list) {
    const lower = name.toLowerCase();
    joined[lower] = joined[lower] === undefined ? value : `${joined[lower]}, ${value}`;
  }
  return joined;
}

/** For this cache only; nginx hides it too. */
const HIDDEN = "x-accel-expires";

/** Never stored: they are made for each answer, or are one visitor's. */
const NOT_STORED = new Set([HIDDEN, "age", "content-length", "set-cookie", "x-cache-status"]);

/** Headers that a 304 does not change: the body stays (RFC 9111, section 3.2). */
const BODY_HEADERS = new Set(["content-encoding", "content-length", "content-range", "content-type"]);

/** The reply for the visitor who waits for the script. The same object when nothing is to be changed. */
export function shownReply(reply: Reply, head: Head, added: readonly (readonly [string, string])[]): Reply {
  if (added.length === 0 && head.joined[HIDDEN] === undefined) return reply;
  const headers = head.list.filter(([name]) => name.toLowerCase() !== HIDDEN);
  for (const [name, value] of added) headers.push([name, value]);
  return {
    status: reply.status,
    ...(reply.statusText !== undefined && { statusText: reply.statusText }),
    headers,
    body: reply.body,
    ...(reply.wishes && { wishes: reply.wishes }),
  };
}

/** What an entry says beside its head and its lifetime. */
export interface EntryFacts {
  readonly key: string;
  readonly requestedAt: number;
  readonly storedAt: number;
  readonly tags: readonly string[];
}

export function makeEntry(head: Head, body: Uint8Array, freshness: Freshness, facts: EntryFacts): CacheEntry {
  const { vary: _, ...times } = freshness;
  const headers = head.list.filter(([name]) => !NOT_STORED.has(name.toLowerCase()));
  if (head.status === 200 && head.joined["accept-ranges"] === undefined) headers.push(["Accept-Ranges", "bytes"]);
  if (head.status !== 204) headers.push(["Content-Length", String(body.length)]);
  const { etag, "last-modified": lastModified } = head.joined;
  return {
    kind: "response",
    status: head.status,
    statusText: head.statusText,
    headers,
    body,
    ...times,
    ...facts,
    ...(head.wishes && { wishes: head.wishes }),
    ...(etag !== undefined && { etag }),
    ...(lastModified !== undefined && { lastModified }),
  };
}

/** The head that an entry has after a 304: what the 304 says takes the place of what was said before. */
export function refreshedHead(entry: CacheEntry, notModified: Head): Head {
  const changes = (name: string) => notModified.joined[name] !== undefined && !BODY_HEADERS.has(name);
  const list: [string, string][] = [];
  for (const [name, value] of entry.headers) {
    const lower = name.toLowerCase();
    if (lower !== "content-length" && !changes(lower)) list.push([name, value]);
  }
  for (const [name, value] of notModified.list) if (!BODY_HEADERS.has(name.toLowerCase())) list.push([name, value]);
  const { status, statusText, wishes } = entry;
  return { status, statusText, list, joined: joinedHeaders(list), wishes };
}

/** Tags of a response: words, by commas or white space. */
export function tagsOf(head: Head, names: readonly string[]): readonly string[] {
  const tags = new Set<string>();
  for (const name of names) {
    for (const tag of (head.joined[name.toLowerCase()] ?? "").split(/[\s,]+/)) if (tag !== "") tags.add(tag);
  }
  return [...tags];
}

/** A body shorter than the script's own Content-Length has lost something on the way. */
export function isWhole(head: Head, body: Uint8Array): boolean {
  const declared = head.joined["content-length"];
  return declared === undefined || Number(declared) === body.length;
}

/** X-Accel-Expires is not stored, so a 304 that has none leaves it to the operator's table. */
export function accelOf({ joined }: Head): Readonly<Record<string, string>> {
  const value = joined[HIDDEN];
  return value === undefined ? {} : { [HIDDEN]: value };
}
