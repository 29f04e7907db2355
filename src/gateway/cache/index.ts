// Responses of scripts, kept and sent again: what nginx's fastcgi_cache does.

export { createCache } from "./cache.ts";
export { headersForScript } from "./key.ts";
export { type MemoryStoreOptions, memoryStore } from "./memory-store.ts";
export type {
  Cache,
  CacheAnswer,
  CacheContext,
  CacheOptions,
  CacheOutcome,
  CacheReply,
  CacheRequest,
  CacheResponse,
  CacheStatus,
  Conditional,
  IgnorableHeader,
  Produce,
  ProduceAs,
  StaleCondition,
  ValidTimes,
} from "./options.ts";
export { decodeRecord, decodeRecordHead, encodeRecord } from "./record.ts";
export {
  type Awaitable,
  type CacheEntry,
  type CacheRecord,
  type CacheStore,
  isPurged,
  type Purge,
  type VaryRecord,
} from "./store.ts";
