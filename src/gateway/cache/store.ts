// What is kept of responses, and where: the records of a cache, and what a store of them must do.

import type { ReplyWishes } from "../answer/reply.ts";

/** A value, or a promise of one: stores in memory answer at once, which keeps a hit cheap. */
export type Awaitable<T> = T | Promise<T>;

/** One whole response. Times are milliseconds since the epoch. Never changed once made. */
export interface CacheEntry {
  readonly kind: "response";
  /** The cache key of the request, without what Vary adds. */
  readonly key: string;
  readonly status: number;
  /** Empty when the script gave none. */
  readonly statusText: string;
  /** As they are sent, Content-Length included; without Age. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
  /** When the script was asked: a purge since then is about this response too. */
  readonly requestedAt: number;
  /** When it came, or was last confirmed by a 304. */
  readonly storedAt: number;
  /** Seconds of age that it had when it came. */
  readonly age: number;
  readonly freshUntil: number;
  /** End of `stale-while-revalidate`; not after `freshUntil` when there is none. */
  readonly updatingUntil: number;
  /** End of `stale-if-error`; not after `freshUntil` when there is none. */
  readonly errorUntil: number;
  /** The response forbids to be used stale (`must-revalidate`, `proxy-revalidate`, `no-cache`). */
  readonly mustRevalidate: boolean;
  /** It may answer requests with Authorization too (RFC 9111, section 3.5). */
  readonly forAuthorized: boolean;
  readonly etag?: string;
  readonly lastModified?: string;
  readonly tags: readonly string[];
  /** What the script asked of the gateway; holds for each answer. */
  readonly wishes?: ReplyWishes;
}

/** Stands at a key whose responses vary: the responses are found under names made of this. */
export interface VaryRecord {
  readonly kind: "vary";
  readonly key: string;
  /** Request headers that choose the variant, lower case, in order. */
  readonly names: readonly string[];
  /** Part of the variants' names. Variants of a record that was purged are never found again. */
  readonly generation: string;
  readonly requestedAt: number;
  readonly tags: readonly string[];
}

export type CacheRecord = CacheEntry | VaryRecord;

/** What to forget. Keys are cache keys: with the default key a prefix is the beginning of a URL, scheme and host included. */
export type Purge =
  | { readonly type: "key"; readonly key: string }
  | { readonly type: "prefix"; readonly prefix: string }
  | { readonly type: "tag"; readonly tag: string }
  | { readonly type: "all" };

/**
 * Keeps records by name. It may forget any of them at any time. Rejections are told to the cache's `onError` and
 * otherwise taken as a miss: a full disk costs speed, never an answer.
 */
export interface CacheStore {
  get(name: string): Awaitable<CacheRecord | undefined>;
  set(name: string, record: CacheRecord): Awaitable<void>;
  delete(name: string): Awaitable<void>;
  /**
   * Forgets every record that `purge` is about.
   *
   * @returns how many; `undefined` where the store cannot know
   */
  purge(purge: Purge): Awaitable<number | undefined>;
}

/** Whether `purge` is about a record with this key and these tags. */
export function isPurged(purge: Purge, record: { readonly key: string; readonly tags: readonly string[] }): boolean {
  switch (purge.type) {
    case "key":
      return record.key === purge.key;
    case "prefix":
      return record.key.startsWith(purge.prefix);
    case "tag":
      return record.tags.includes(purge.tag);
    case "all":
      return true;
  }
}
