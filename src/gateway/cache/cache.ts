// The cache in front of scripts, seen from the gateway: what is answered from the store, who runs the script, who waits.

import { LRUCache } from "lru-cache";
import { type CreateResponse, createPlatformResponse, type Reply } from "../answer/reply.ts";
import { answerer } from "./answer.ts";
import { collect } from "./collect.ts";
import { accelOf, type Head, headOf, isWhole, makeEntry, refreshedHead, shownReply, tagsOf } from "./entry.ts";
import { coversFailure, coversStatus, failureCondition } from "./failure.ts";
import { Flight, type Landing, within } from "./flight.ts";
import { type Freshness, freshnessOf } from "./freshness.ts";
import { asksForPart, defaultKey, variantName } from "./key.ts";
import type {
  Cache,
  CacheAnswer,
  CacheContext,
  CacheOptions,
  CacheReply,
  CacheRequest,
  CacheStatus,
  Conditional,
  Produce,
  StaleCondition,
} from "./options.ts";
import { cancel, type ResponseReply, replyOf, viewOf, withBody } from "./response.ts";
import { type CacheEntry, isPurged, type Purge, type VaryRecord } from "./store.ts";
import { Traffic } from "./traffic.ts";
import { type Found, hasUnknownBody, lookUp, nothing, type Visit } from "./visit.ts";

/** Keys of which something is remembered beside the store: uses, and that their responses are not for the store. */
const REMEMBERED = 10_000;

/** Milliseconds for which requests of a key do not wait for one another after a response that could not be shared. */
const NOT_SHARED_FOR = 60_000;

/** Landings that one request waits for: a variant of its own, an update of what it found, and some bad luck. */
const MAX_ROUNDS = 8;

/** In a 304: the stored response is not to be used again. */
const FORBIDDING = ["cache-control", "set-cookie", "x-accel-expires"];

const NO_CONTEXT: CacheContext = {};

/** Methods that change nothing (RFC 9110, section 9.2.1). */
const SAFE = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/** Makes a cache in front of any number of scripts. Keys of different caches over one store must differ. */
export function createCache(options: CacheOptions): Cache {
  return new ScriptCache(options);
}

class ScriptCache implements Cache {
  readonly #options: CacheOptions;
  readonly #keyOf: (request: CacheRequest) => string;
  readonly #methods: ReadonlySet<string>;
  readonly #useStale: ReadonlySet<StaleCondition>;
  readonly #tagHeaders: readonly string[];
  readonly #maxEntry: number;
  readonly #revalidate: boolean;
  readonly #create: CreateResponse;
  readonly #answer: ReturnType<typeof answerer>;
  readonly #traffic = new Traffic(REMEMBERED);
  readonly #uses = new LRUCache<string, number>({ max: REMEMBERED });
  /** Until when a name's responses are taken for such that cannot be shared. */
  readonly #notShared = new LRUCache<string, number>({ max: REMEMBERED });
  /** When names were last stored, counted in stores. */
  readonly #stored = new LRUCache<string, number>({ max: REMEMBERED });
  #sequence = 0;

  constructor(options: CacheOptions) {
    this.#options = options;
    this.#keyOf = options.key ?? defaultKey;
    this.#methods = new Set(options.methods ?? ["GET", "HEAD"]);
    this.#useStale = new Set(options.useStale ?? []);
    this.#tagHeaders = options.tagHeaders ?? ["Cache-Tag", "X-Cache-Tags"];
    this.#maxEntry = options.maxEntry ?? 4 * 1024 * 1024;
    this.#revalidate = options.revalidate !== false;
    this.#create = options.createResponse ?? createPlatformResponse;
    this.#answer = answerer(options.statusHeader);
  }

  async handle(request: CacheRequest, produce: Produce, context?: CacheContext): Promise<CacheAnswer> {
    const { reply, status } = await this.#handle(request, async (...as) => replyOf(await produce(...as)), context);
    const response = (reply as ResponseReply).original ?? this.#create(reply.body, reply);
    return { response, status };
  }

  reply(request: CacheRequest, produce: Produce<Reply>, context?: CacheContext): CacheReply | Promise<CacheReply> {
    const answered = this.#handle(request, produce, context);
    return answered instanceof Promise ? answered.then(ownCopy) : ownCopy(answered);
  }

  #handle(
    request: CacheRequest,
    produce: Produce<Reply>,
    context: CacheContext = NO_CONTEXT,
  ): CacheReply | Promise<CacheReply> {
    const now = context.now ?? Date.now;
    if (!this.#methods.has(request.method)) return this.#foreign(request, produce);
    const authorized = request.headers.get("authorization") !== null;
    const visit: Visit = { request, key: this.#keyOf(request), authorized, produce, context, now };
    // What the key does not know must not choose what others get.
    if (hasUnknownBody(request)) return this.#pass(visit, "BYPASS");
    if (this.#options.bypass?.(request) === true) return this.#bypass(visit);

    const sequence = this.#sequence;
    const looked = this.#look(visit);
    if (!(looked instanceof Promise)) {
      const { entry } = looked;
      const time = now();
      // The usual hit waits for nothing, not even a moment.
      if (entry !== undefined && time < entry.freshUntil && (!authorized || entry.forAuthorized)) {
        return this.#hit(visit, entry, "HIT", time);
      }
    }
    return this.#rounds(visit, looked, sequence);
  }

  /** While its first response is made there is nothing to be found: a store on disk is spared the question. */
  #look(visit: Visit): Found | Promise<Found> {
    return this.#traffic.of(visit.key)?.fills === true ? nothing(visit) : this.#lookUp(visit);
  }

  /** @param first what the first look gives, and `begun` the number of stores before it */
  async #rounds(visit: Visit, first: Found | Promise<Found>, begun: number): Promise<CacheReply> {
    const { authorized, now } = visit;
    let until: number | undefined;
    for (let round = 0; ; round++) {
      const sequence = round === 0 ? begun : this.#sequence;
      const looked = round === 0 ? first : this.#look(visit);
      const found = looked instanceof Promise ? await looked : looked;
      const { entry, name } = found;
      const time = now();
      if (entry !== undefined && authorized && !entry.forAuthorized) return this.#pass(visit, "BYPASS");
      if (entry !== undefined && time < entry.freshUntil) return this.#hit(visit, entry, "HIT", time);

      const flight = this.#traffic.of(name);
      const status = entry === undefined ? "MISS" : "EXPIRED";
      if (flight === undefined && (this.#stored.get(name) ?? 0) > sequence && round < MAX_ROUNDS) continue;
      if (round === 0 && entry === undefined && !this.#usedEnough(name)) return this.#pass(visit, "MISS");
      const tooOld = flight !== undefined && time - flight.startedAt >= (this.#options.lockAge ?? 5_000);
      if (entry !== undefined && this.#mayServeWhileUpdating(entry, time)) {
        if (flight !== undefined && !tooOld) return this.#hit(visit, entry, "UPDATING", time);
        if (this.#options.backgroundUpdate !== false) return this.#updateBehind(visit, found, entry, time);
      }
      // Nobody waits for a response that most likely is for this visitor only.
      if (authorized && entry === undefined) return this.#fetch(visit, found, status, false);
      if (flight === undefined || tooOld) return this.#fetch(visit, found, status);
      if (this.#options.lock === false || (this.#notShared.get(name) ?? 0) > time || round >= MAX_ROUNDS) {
        return this.#pass(visit, status);
      }
      const lockAge = this.#options.lockAge ?? 5_000;
      until ??= time + (this.#options.lockTimeout ?? 5_000);
      const landing = await within(flight.landed, Math.min(until, flight.startedAt + lockAge) - time).catch(() => {
        // Flights do not fail: the runtime ended the request that ran the script. Somebody else has to.
        this.#traffic.end(flight, name);
        return undefined;
      });
      const answer = await this.#afterLanding(visit, found, landing, until);
      if (answer !== undefined) return answer;
    }
  }

  async purge(purge: Purge): Promise<number | undefined> {
    this.#traffic.purge(purge);
    const purged = await this.#options.store.purge(purge);
    this.#traffic.purge(purge);
    return purged;
  }

  /** Another's run has ended, or took too long. `undefined`: look again. */
  async #afterLanding(
    visit: Visit,
    found: Found,
    landing: Landing | undefined,
    until: number,
  ): Promise<CacheReply | undefined> {
    const time = visit.now();
    const status = found.entry === undefined ? "MISS" : "EXPIRED";
    switch (landing?.type) {
      case "entry": {
        const { entry, name } = landing;
        if (visit.authorized && !entry.forAuthorized) return this.#pass(visit, "BYPASS");
        // With Vary it may be another variant than this visitor's.
        if (name === found.name) return this.#hit(visit, entry, "HIT", time);
        return undefined;
      }
      case "stale":
        return this.#hit(visit, landing.entry, "STALE", time);
      case "failed": {
        const { entry } = found;
        if (!entry || !coversFailure(entry, failureCondition(landing.error), this.#useStale, time)) throw landing.error;
        return this.#hit(visit, entry, "STALE", time);
      }
      case "purged":
        return undefined;
      case "not-shared":
        return this.#pass(visit, status);
      default:
        return time >= until ? this.#pass(visit, status) : undefined;
    }
  }

  /** A method that is not cached. When it changes something, what is stored for the URL is of no use any more. */
  async #foreign(request: CacheRequest, produce: Produce<Reply>): Promise<CacheReply> {
    const reply = await produce(undefined, { method: request.method, shared: false });
    if (!SAFE.has(request.method) && reply.status >= 200 && reply.status < 400) {
      const key = this.#keyOf({ method: "GET", url: request.url, headers: request.headers });
      // RFC 9111, section 4.4.
      await this.purge({ type: "key", key }).catch((error: unknown) => this.#options.onError?.(error, key));
    }
    return { reply, status: undefined };
  }

  /** Runs the script for this visitor alone; nothing is stored. */
  async #pass(visit: Visit, status: CacheStatus): Promise<CacheReply> {
    const reply = await visit.produce(undefined, { method: visit.request.method, shared: false });
    return this.#show(reply, headOf(reply), status);
  }

  /** Does not look what is stored, but stores. */
  async #bypass(visit: Visit): Promise<CacheReply> {
    const found = nothing(visit);
    // Nobody waits for it: those who wait want what is shared, and this visitor was said to be different.
    if (visit.authorized || !this.#usedEnough(visit.key)) return this.#pass(visit, "BYPASS");
    return this.#fetch(visit, found, "BYPASS", false);
  }

  /** Answers with what is too old, and has the script run behind it. */
  #updateBehind(visit: Visit, found: Found, entry: CacheEntry, time: number): CacheReply {
    const update = this.#fetch(visit, found, "EXPIRED")
      // Nobody takes it: what is stored is collected all the same.
      .then(({ reply }) => cancel(reply.body))
      .catch((error: unknown) => this.#options.onError?.(error, visit.key));
    visit.context.waitUntil?.(update);
    return this.#hit(visit, entry, "STALE", time);
  }

  /** Runs the script for everybody who asks for `found` meanwhile. */
  async #fetch(visit: Visit, found: Found, status: CacheStatus, awaited = true): Promise<CacheReply> {
    const fills = found.vary === undefined && found.entry === undefined;
    const flight = new Flight(visit.key, visit.now(), fills);
    this.#traffic.begin(flight, awaited ? found.name : undefined);
    const end = () => this.#traffic.end(flight, found.name);
    try {
      const answer = this.#land(visit, found, flight, awaited, status, end);
      visit.context.waitUntil?.(Promise.allSettled([answer, flight.landed]));
      return await answer;
    } catch (error) {
      flight.land({ type: "failed", error });
      end();
      throw error;
    }
  }

  /** Runs the script and decides what becomes of its response. */
  async #land(
    visit: Visit,
    found: Found,
    flight: Flight,
    awaited: boolean,
    status: CacheStatus,
    end: () => void,
  ): Promise<CacheReply> {
    const stale = found.entry;
    const shared = this.#wouldShare(visit, found);
    let reply: Reply;
    try {
      const method = shared && visit.request.method === "HEAD" ? "GET" : visit.request.method;
      reply = await visit.produce(shared && stale ? this.#conditionOf(stale) : undefined, { method, shared });
    } catch (error) {
      const time = visit.now();
      if (!stale || !coversFailure(stale, failureCondition(error), this.#useStale, time)) throw error;
      this.#options.onError?.(error, visit.key);
      flight.land({ type: "stale", entry: stale });
      end();
      return this.#hit(visit, stale, "STALE", time);
    }

    const time = visit.now();
    const head = headOf(reply);
    if (stale !== undefined && shared && head.status === 304 && this.#conditionOf(stale) !== undefined) {
      await cancel(reply.body);
      return this.#confirm(visit, found, stale, head, flight, end);
    }
    if (stale !== undefined && coversStatus(stale, head.status, this.#useStale, time)) {
      await cancel(reply.body);
      flight.land({ type: "stale", entry: stale });
      end();
      return this.#hit(visit, stale, "STALE", time);
    }

    const refused = this.#options.noCache?.(visit.request, viewOf(head)) === true;
    const freshness = shared && !refused ? this.#freshness(visit, head, time) : undefined;
    if (freshness === undefined) {
      if (awaited && shared && !refused) this.#notShared.set(found.name, time + NOT_SHARED_FOR);
      flight.land({ type: "not-shared" });
      end();
      if (visit.request.method !== "HEAD") return this.#show(reply, head, status);
      await cancel(reply.body);
      return this.#show(withBody(reply, null), head, status);
    }
    this.#notShared.delete(found.name);

    const { body, collected } = collect(reply.body, this.#maxEntry);
    const stored = collected
      .then(async (result) => {
        if (result.type === "broken") flight.land({ type: "failed", error: result.error });
        if (result.type === "too-long") {
          this.#notShared.set(found.name, visit.now() + NOT_SHARED_FOR);
          flight.land({ type: "not-shared" });
        }
        if (result.type !== "whole" || !isWhole(head, result.body)) return undefined;
        const tags = tagsOf(head, this.#tagHeaders);
        const facts = { key: visit.key, requestedAt: flight.startedAt, storedAt: time, tags };
        const entry = makeEntry(head, result.body, freshness, facts);
        await this.#store(visit, found, entry, freshness.vary, flight);
        return entry;
      })
      .catch((error: unknown) => {
        this.#options.onError?.(error, visit.key);
        return undefined;
      })
      .finally(() => {
        flight.land({ type: "not-shared" });
        end();
      });

    if (visit.request.method === "HEAD") {
      await cancel(body);
      return this.#show(withBody(reply, null), head, status);
    }
    if (asksForPart(visit.request)) {
      const entry = await stored;
      if (entry !== undefined) {
        await cancel(body);
        return this.#hit(visit, entry, status, visit.now());
      }
    }
    return this.#show(withBody(reply, body), head, status);
  }

  /** The script said 304: the stored body is good for another while. */
  async #confirm(
    visit: Visit,
    found: Found,
    stale: CacheEntry,
    notModified: Head,
    flight: Flight,
    end: () => void,
  ): Promise<CacheReply> {
    const time = visit.now();
    const head = refreshedHead(stale, notModified);
    const freshness = freshnessOf(
      { authorized: visit.authorized, status: head.status, headers: { ...head.joined, ...accelOf(notModified) } },
      { ...this.#options, revalidate: this.#revalidate },
      time,
    );
    const tags = tagsOf(head, this.#tagHeaders);
    const facts = { key: visit.key, requestedAt: flight.startedAt, storedAt: time, tags };
    const times = freshness ?? { ...stale, freshUntil: time, updatingUntil: time, errorUntil: time, vary: [] };
    const entry = makeEntry(head, stale.body, times, facts);
    try {
      if (freshness !== undefined) {
        await this.#store(visit, found, entry, freshness.vary, flight);
      } else if (FORBIDDING.some((name) => notModified.joined[name] !== undefined)) {
        await this.#forget(found.name, visit.key);
        flight.land({ type: "not-shared" });
      } else {
        // It says nothing of a time: what is stored stays as it is, and is confirmed again the next time.
        flight.land({ type: "entry", entry, name: found.name });
      }
    } finally {
      end();
    }
    return this.#hit(visit, entry, "REVALIDATED", time);
  }

  /** Stores an entry and hands it to those who wait. */
  async #store(visit: Visit, found: Found, entry: CacheEntry, names: readonly string[], flight: Flight): Promise<void> {
    const { key } = visit;
    let vary: VaryRecord | undefined;
    if (names.length > 0) {
      const same = found.vary !== undefined && found.vary.names.join() === names.join();
      const made = { kind: "vary", key, names, requestedAt: entry.requestedAt, tags: [] } as const;
      vary = same ? found.vary : { ...made, generation: crypto.randomUUID() };
    }
    const name = vary === undefined ? key : variantName(vary, visit.request);
    const purged = () => flight.purges.some((purge) => isPurged(purge, entry));
    try {
      if (!purged()) {
        if (vary !== undefined && vary !== found.vary) await this.#options.store.set(key, vary);
        await this.#options.store.set(name, entry);
        // A purge that came while the store was writing.
        if (purged()) await this.#options.store.delete(name);
      }
    } catch (error) {
      this.#options.onError?.(error, key);
    }
    this.#sequence++;
    this.#stored.set(name, this.#sequence);
    this.#stored.set(found.name, this.#sequence);
    if (purged()) {
      flight.land({ type: "purged" });
    } else if (entry.freshUntil > visit.now()) {
      flight.land({ type: "entry", entry, name });
    } else {
      // To be confirmed each time: nobody else may have it as it is.
      this.#notShared.set(found.name, visit.now() + NOT_SHARED_FOR);
      flight.land({ type: "not-shared" });
    }
  }

  async #forget(name: string, key: string): Promise<void> {
    try {
      await this.#options.store.delete(name);
    } catch (error) {
      this.#options.onError?.(error, key);
    }
  }

  #lookUp(visit: Visit): Found | Promise<Found> {
    return lookUp(visit, this.#options.store, (error) => this.#options.onError?.(error, visit.key));
  }

  #freshness(visit: Visit, head: Head, time: number): Freshness | undefined {
    const declared = head.joined["content-length"];
    if (declared !== undefined && Number(declared) > this.#maxEntry) return undefined;
    return freshnessOf(
      { authorized: visit.authorized, status: head.status, headers: head.joined },
      { ...this.#options, revalidate: this.#revalidate },
      time,
    );
  }

  #conditionOf({ etag, lastModified }: CacheEntry): Conditional | undefined {
    if (!this.#revalidate || (etag === undefined && lastModified === undefined)) return undefined;
    return { ...(etag !== undefined && { etag }), ...(lastModified !== undefined && { lastModified }) };
  }

  /**
   * Whether the script is asked for the whole, as for everybody. Where responses turned out to be one visitor's, it sees
   * the visitor's own ranges and conditions: it may know how to answer them.
   */
  #wouldShare(visit: Visit, { name, entry }: Found): boolean {
    if (entry !== undefined || (this.#notShared.get(name) ?? 0) <= visit.now()) return true;
    return visit.request.method !== "HEAD" && !asksForPart(visit.request);
  }

  #mayServeWhileUpdating(entry: CacheEntry, time: number): boolean {
    if (entry.mustRevalidate) return false;
    return this.#useStale.has("updating") || time < entry.updatingUntil;
  }

  #usedEnough(name: string): boolean {
    const { minUses = 1 } = this.#options;
    if (minUses <= 1) return true;
    const uses = (this.#uses.get(name) ?? 0) + 1;
    this.#uses.set(name, uses);
    return uses >= minUses;
  }

  #hit(visit: Visit, entry: CacheEntry, status: CacheStatus, time: number): CacheReply {
    return { reply: this.#answer(entry, visit.request, status, time), status };
  }

  #show(reply: Reply, head: Head, status: CacheStatus): CacheReply {
    return { reply: shownReply(reply, head, this.#statusHeaders(status)), status };
  }

  #statusHeaders(status: CacheStatus): readonly (readonly [string, string])[] {
    const { statusHeader } = this.#options;
    return statusHeader === undefined ? [] : [[statusHeader, status]];
  }
}

/** Header lists of entries are shared. */
function ownCopy({ reply, status }: CacheReply): CacheReply {
  return { reply: { ...reply, headers: reply.headers.slice() }, status };
}
