// One request on its way through the cache, and what the store has for it.

import type { Reply } from "../answer/reply.ts";
import { variantName } from "./key.ts";
import type { CacheContext, CacheRequest, Produce } from "./options.ts";
import type { CacheEntry, CacheRecord, CacheStore, VaryRecord } from "./store.ts";

export interface Visit {
  readonly request: CacheRequest;
  readonly key: string;
  readonly authorized: boolean;
  readonly produce: Produce<Reply>;
  readonly context: CacheContext;
  readonly now: () => number;
}

/** What the store has for a request. */
export interface Found {
  /** Where its entry is, or would be. */
  readonly name: string;
  readonly vary: VaryRecord | undefined;
  readonly entry: CacheEntry | undefined;
}

export function nothing({ key }: Visit): Found {
  return { name: key, vary: undefined, entry: undefined };
}

/**
 * Asks the store: at once where it answers at once, which keeps a hit in memory cheap.
 *
 * @param failed told why the store cannot be read; then there is nothing in it
 */
export function lookUp(visit: Visit, store: CacheStore, failed: (error: unknown) => void): Found | Promise<Found> {
  const variant = (record: CacheRecord | undefined): Found | Promise<Found> => {
    if (record?.kind !== "vary") return { name: visit.key, vary: undefined, entry: record };
    const name = variantName(record, visit.request);
    const entryOf = (second: CacheRecord | undefined): Found => {
      return { name, vary: record, entry: second?.kind === "response" ? second : undefined };
    };
    const second = read(store, name, failed);
    return second instanceof Promise ? second.then(entryOf) : entryOf(second);
  };
  const first = read(store, visit.key, failed);
  return first instanceof Promise ? first.then(variant) : variant(first);
}

function read(store: CacheStore, name: string, failed: (error: unknown) => void): ReturnType<CacheStore["get"]> {
  const missed = (error: unknown): undefined => {
    failed(error);
    return undefined;
  };
  try {
    const record = store.get(name);
    return record instanceof Promise ? record.catch(missed) : record;
  } catch (error) {
    return missed(error);
  }
}

/** Methods with a body, which the operator's own key tells apart where they are cached at all. */
const OWN_BODY = new Set(["POST", "PUT", "PATCH", "QUERY"]);

/** Whether a request has a body that the key knows nothing of: a GET should have none. */
export function hasUnknownBody({ method, headers }: CacheRequest): boolean {
  const length = headers.get("content-length");
  const body = (length !== null && length !== "0") || headers.get("transfer-encoding") !== null;
  return body && !OWN_BODY.has(method);
}
