// Cached responses in this process's memory: the least recently used goes first.

import { LRUCache } from "lru-cache";
import { type CacheRecord, type CacheStore, isPurged } from "./store.ts";

export interface MemoryStoreOptions {
  /** Most bytes of all records together, headers and bookkeeping included. 64 MiB. */
  readonly maxBytes?: number;
}

/** What one record costs beside its bytes: objects, the map's slot, dates. A round figure, measured as 0.6-1 KB. */
const RECORD_OVERHEAD = 1024;

/** A store that answers without waiting. Everything is gone with the process. */
export function memoryStore(options: MemoryStoreOptions = {}): CacheStore {
  const records = new LRUCache<string, CacheRecord>({
    maxSize: options.maxBytes ?? 64 * 1024 * 1024,
    sizeCalculation: (record, name) => recordSize(record, name),
  });
  return {
    get: (name) => records.get(name),
    set(name, record) {
      records.set(name, record);
    },
    delete(name) {
      records.delete(name);
    },
    purge(purge) {
      let purged = 0;
      for (const [name, record] of [...records.entries()]) {
        if (isPurged(purge, record) && records.delete(name)) purged++;
      }
      return purged;
    },
  };
}

/** Bytes that a record takes, roughly: two a character. */
function recordSize(record: CacheRecord, name: string): number {
  let size = RECORD_OVERHEAD + 2 * (name.length + record.key.length);
  for (const tag of record.tags) size += 2 * tag.length;
  if (record.kind === "vary") return size + 2 * record.names.join().length;
  for (const [header, value] of record.headers) size += 2 * (header.length + value.length);
  return size + record.body.length;
}
