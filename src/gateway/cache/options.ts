// What a cache can be told, and what it is asked and answers.

import type { CreateResponse, Reply } from "../answer/reply.ts";
import type { HeaderLookup } from "../static/conditional.ts";
import type { CacheStore, Purge } from "./store.ts";

/** A request as far as the cache looks at it. A `Request` is one. */
export interface CacheRequest {
  readonly method: string;
  /** Absolute. */
  readonly url: string;
  readonly headers: HeaderLookup;
}

/** A response as far as `noCache` looks at it. */
export interface CacheResponse {
  readonly status: number;
  readonly headers: HeaderLookup;
}

/**
 * What the cache did, in nginx's words (`$upstream_cache_status`):
 *
 * - `HIT`: answered from the cache. `MISS`: not there; the script ran.
 * - `EXPIRED`: there, but too old; the script ran. `REVALIDATED`: the script said 304, the cached body was sent.
 * - `STALE`: too old, and sent all the same: the script failed, or it runs in the background now.
 * - `UPDATING`: too old, and sent because another request has the script running already.
 * - `BYPASS`: not asked for, as `bypass` said, because of Authorization, or because a GET had a body.
 */
export type CacheStatus = "HIT" | "MISS" | "EXPIRED" | "STALE" | "UPDATING" | "REVALIDATED" | "BYPASS";

/** Response headers that can be left out of account, as with nginx's `fastcgi_ignore_headers`. */
export type IgnorableHeader = "X-Accel-Expires" | "Expires" | "Cache-Control" | "Set-Cookie" | "Vary";

/** When a response that is too old may be sent, as with nginx's `fastcgi_cache_use_stale`. */
export type StaleCondition =
  /** The application cannot be reached, or broke off. */
  | "error"
  /** It was silent for too long. */
  | "timeout"
  /** Its answer is no CGI response. */
  | "invalid-header"
  /** Another request is fetching the new one. */
  | "updating"
  | "http_500"
  | "http_503"
  | "http_403"
  | "http_404"
  | "http_429";

/** Seconds by status, or `any`. A number alone is for 200, 301 and 302, as in nginx. 0: not cached. */
export type ValidTimes = number | Readonly<Partial<Record<number | "any", number>>>;

export interface CacheOptions {
  readonly store: CacheStore;
  /**
   * The cache key of a request. The URL alone for GET and HEAD, which share an entry; with the method in front for
   * others. Two requests of one key get one response: what a response depends on must be in the key, or in its Vary.
   */
  readonly key?: (request: CacheRequest) => string;
  /** Methods whose responses are cached. GET and HEAD. A key of your own must tell the bodies of others apart. */
  readonly methods?: readonly string[];
  /** How long a response is fresh that does not say so itself. Nothing: such responses are not cached. */
  readonly valid?: ValidTimes;
  readonly ignoreHeaders?: readonly IgnorableHeader[];
  /** True: the cache is not asked; the script's answer may still be stored. */
  readonly bypass?: (request: CacheRequest) => boolean;
  /** True: this response is not stored. */
  readonly noCache?: (request: CacheRequest, response: CacheResponse) => boolean;
  /** How often a response must be asked for before it is stored. 1. Counted for the last 10,000 keys. */
  readonly minUses?: number;
  /** None. `stale-if-error` and `stale-while-revalidate` of a response hold beside it. */
  readonly useStale?: readonly StaleCondition[];
  /** With `updating`: even the request that finds a response too old is answered at once. On (off in nginx). */
  readonly backgroundUpdate?: boolean;
  /** Of several requests for one missing or expired response only one reaches the script. On (off in nginx). */
  readonly lock?: boolean;
  /** Milliseconds that a request waits for another's response; then it runs the script itself, unstored. 5,000. */
  readonly lockTimeout?: number;
  /** Milliseconds after which one more request may run the script in the place of the one that takes so long. 5,000. */
  readonly lockAge?: number;
  /** Expired responses with a validator are confirmed by a conditional request. On (off in nginx). */
  readonly revalidate?: boolean;
  /** Longest body that is stored, in bytes; longer ones stream through. 4 MiB. Each request that fills may hold as much. */
  readonly maxEntry?: number;
  /** Response headers that list tags, by commas or spaces. `Cache-Tag` and `X-Cache-Tags`. */
  readonly tagHeaders?: readonly string[];
  /** Adds the status to responses under this name, such as `X-Cache-Status`. Not added when absent. */
  readonly statusHeader?: string;
  /** How `handle` makes responses. The platform's `Response` when absent. */
  readonly createResponse?: CreateResponse;
  /** Told what a visitor does not see: the store failed, or an update in the background did. Must not throw. */
  readonly onError?: (error: unknown, key: string) => void;
}

/** Validators of a stored response: the script is asked with If-None-Match and If-Modified-Since. */
export interface Conditional {
  readonly etag?: string;
  readonly lastModified?: string;
}

/** How the script is to be run. */
export interface ProduceAs {
  /** The visitor's method; GET for a HEAD whose answer is to be stored. */
  readonly method: string;
  /**
   * The answer is for others too. The visitor's conditions and ranges are not for the script (see `headersForScript`),
   * and the visitor's leaving must not end it.
   */
  readonly shared: boolean;
}

/** Runs the script. Rejects as the gateway's exchange does; the body may stream, and errors when it breaks off. */
export type Produce<T = Response> = (conditional: Conditional | undefined, as: ProduceAs) => Promise<T>;

export interface CacheContext {
  /** Keeps the platform from ending the request's work with its answer, as on Workers. */
  readonly waitUntil?: ((promise: Promise<unknown>) => void) | undefined;
  /** Milliseconds since the epoch; `Date.now`. */
  readonly now?: (() => number) | undefined;
}

/** What the cache did; `undefined` when the method is not one that is cached (nginx's variable is empty then). */
export type CacheOutcome = CacheStatus | undefined;

export interface CacheAnswer {
  readonly response: Response;
  readonly status: CacheOutcome;
}

export interface CacheReply {
  /** The caller's own: its header list may be changed. */
  readonly reply: Reply;
  readonly status: CacheOutcome;
}

export interface Cache {
  /**
   * Answers from the store, or with what `produce` makes, and stores that.
   *
   * @throws what `produce` rejects with, unless something stale may take its place
   */
  handle(request: CacheRequest, produce: Produce, context?: CacheContext): Promise<CacheAnswer>;
  /** The same for a caller that works on replies, and makes the `Response` itself. A hit of a store that answers at once comes without a promise. */
  reply(request: CacheRequest, produce: Produce<Reply>, context?: CacheContext): CacheReply | Promise<CacheReply>;
  /**
   * Forgets, and sees to it that what scripts are making at this moment is not stored either.
   *
   * @returns how many records; `undefined` where the store cannot know
   */
  purge(purge: Purge): Promise<number | undefined>;
}
