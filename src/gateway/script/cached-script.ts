// A script behind the cache: the configuration's words for the cache, and the cache's wishes for the script.

import type { Reply } from "../answer/reply.ts";
import type { Step } from "../answer/step.ts";
import { createCache } from "../cache/cache.ts";
import { NoResponse } from "../cache/failure.ts";
import { headersForScript } from "../cache/key.ts";
import type {
  Cache,
  CacheReply,
  CacheRequest,
  CacheStatus,
  IgnorableHeader,
  StaleCondition,
  ValidTimes,
} from "../cache/options.ts";
import type { CacheStore, Purge } from "../cache/store.ts";
import type { CompiledGateway, ResolvedCache, ResolvedLocation } from "../config/resolved.ts";
import type { CompiledTemplate } from "../config/template.ts";
import type { Variables } from "../config/variables.ts";
import { lookUpHeader, schemeOf, type Visit } from "../request/visit.ts";
import type { GatewayResources } from "../resources.ts";
import type { HeaderLookup } from "../static/conditional.ts";
import { runScript, type ScriptEvents } from "./run-script.ts";
import type { Outcome } from "./script-outcome.ts";

/** The caches of a configuration, each made when it is first used. */
export class Caches {
  readonly #gateway: CompiledGateway;
  readonly #resources: GatewayResources;
  readonly #stores = new Map<string, CacheStore>();
  readonly #caches = new Map<ResolvedCache, Cache>();

  constructor(gateway: CompiledGateway, resources: GatewayResources) {
    this.#gateway = gateway;
    this.#resources = resources;
  }

  /** The cache of a location; `undefined` where it has none, or the platform has no store. */
  of(location: ResolvedLocation): Cache | undefined {
    const rules = location.cache;
    if (rules === undefined) return undefined;
    const known = this.#caches.get(rules);
    if (known !== undefined) return known;
    const store = this.#store(rules.zone);
    if (store === undefined) return undefined;
    const cache = createCache({
      store,
      ...cacheOptions(rules, location, this.#gateway.caches[rules.zone]?.maxEntry),
      onError: (error, key) => this.#resources.onError?.(error, { method: "CACHE", target: key }, 500, false),
    });
    this.#caches.set(rules, cache);
    return cache;
  }

  /** @returns how many answers were forgotten; `undefined` where the store cannot know */
  async purge(zone: string, purge: Purge): Promise<number | undefined> {
    const over = [...this.#caches].filter(([rules]) => rules.zone === zone).map(([, cache]) => cache);
    // Nothing was asked of the cache since this gateway began: the store may hold answers all the same.
    if (over.length === 0) return this.#store(zone)?.purge(purge);
    const counts = await Promise.all(over.map((cache) => cache.purge(purge)));
    return counts.includes(undefined) ? undefined : counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  }

  #store(zone: string): CacheStore | undefined {
    const known = this.#stores.get(zone);
    if (known !== undefined) return known;
    const store = this.#resources.cacheStore?.(zone, this.#gateway.caches[zone] ?? {});
    if (store !== undefined) this.#stores.set(zone, store);
    return store;
  }
}

/** The request's headers, and its variables for the templates of keys. */
class LookedUp implements HeaderLookup {
  readonly #visit: Visit;

  constructor(visit: Visit) {
    this.#visit = visit;
  }

  get variables(): Variables {
    return this.#visit.variables ?? (() => undefined);
  }

  get(name: string): string | null {
    const value = lookUpHeader(this.#visit, name.toLowerCase());
    // What an authorizer tells a script of its visitor is as good as credentials: the answer may be for that one only.
    const { granted = [] } = this.#visit;
    return value === null && granted.length > 0 && name === "authorization" ? "granted" : value;
  }
}

/** A request as the cache sees it. Its URL is worked out when the key or a purge asks for it. */
class AskedOf implements CacheRequest {
  readonly method: string;
  readonly headers: LookedUp;
  readonly #visit: Visit;

  constructor(visit: Visit) {
    this.method = visit.method;
    this.headers = new LookedUp(visit);
    this.#visit = visit;
  }

  get url(): string {
    const visit = this.#visit;
    return `${schemeOf(visit)}://${lookUpHeader(visit, "host") ?? ""}${visit.requestUri}`;
  }
}

/** The variables of a request. A HEAD has the key of the GET. */
function variablesOf({ headers, method }: CacheRequest): Variables {
  const variables = headers instanceof LookedUp ? headers.variables : () => undefined;
  return (name) => (name === "request_method" ? (method === "HEAD" ? "GET" : method) : variables(name));
}

function cacheOptions(rules: ResolvedCache, location: ResolvedLocation, maxEntry: number | undefined) {
  const { lock } = rules;
  const ignored = location.fastcgi.ignoreHeaders;
  const ignorable: IgnorableHeader[] = ["X-Accel-Expires", "Expires", "Cache-Control", "Set-Cookie", "Vary"];
  const says = (templates: readonly CompiledTemplate[], variables: Variables) =>
    templates.some((template) => !["", "0"].includes(template(variables)));
  return {
    key: (request: CacheRequest) => rules.key(variablesOf(request)),
    methods: [...rules.methods],
    ...(rules.valid.size > 0 && { valid: Object.fromEntries(rules.valid) as ValidTimes }),
    ignoreHeaders: ignorable.filter((name) => ignored.has(name.toLowerCase())),
    ...(rules.bypass.length > 0 && { bypass: (request: CacheRequest) => says(rules.bypass, variablesOf(request)) }),
    ...(rules.noCache.length > 0 && {
      noCache: (request: CacheRequest, response: { readonly status: number; readonly headers: HeaderLookup }) => {
        const variables = variablesOf(request);
        return says(rules.noCache, (name) => sentVariable(name, response) ?? variables(name));
      },
    }),
    minUses: rules.minUses,
    useStale: [...rules.useStale] as StaleCondition[],
    backgroundUpdate: rules.backgroundUpdate,
    lock: lock !== undefined,
    ...(lock !== undefined && { lockTimeout: lock.timeout * 1000, lockAge: lock.age * 1000 }),
    revalidate: rules.revalidate,
    ...(maxEntry !== undefined && { maxEntry }),
    tagHeaders: [rules.tagHeader],
    ...(rules.showStatus && { statusHeader: "X-Cache-Status" }),
  };
}

/** Variables of the answer: `$status`, `$upstream_http_x`, `$sent_http_x`. */
function sentVariable(
  name: string,
  { status, headers }: { status: number; headers: HeaderLookup },
): string | undefined {
  if (name === "status" || name === "upstream_status") return String(status);
  const header = /^(?:upstream|sent)_http_(.+)$/.exec(name)?.[1];
  return header === undefined ? undefined : (headers.get(header.replaceAll("_", "-")) ?? undefined);
}

/** A script's output that is no answer, so that nothing of it is stored or shown to another visitor. */
class NotAnAnswer extends NoResponse {
  readonly outcome: Outcome;
  readonly visit: Visit;

  constructor(outcome: Outcome, visit: Visit) {
    super();
    this.outcome = outcome;
    this.visit = visit;
  }
}

/** What the cache did, beside the outcome. */
export interface CachedOutcome {
  readonly outcome: Outcome;
  readonly status: CacheStatus | undefined;
}

/** Answers with the cache, or with the script and keeps what it says. A promise only where something is waited for. */
export function cachedScript(cache: Cache, step: Step, events: ScriptEvents): CachedOutcome | Promise<CachedOutcome> {
  const { decision, settings, visit } = step;
  if (decision.type !== "script") throw new TypeError("only scripts are cached");
  const produce = async (asked: Visit, shared: boolean): Promise<Reply> => {
    const outcome = await runScript(settings, asked, decision.script, events, { role: "responder", shared });
    if (outcome.type !== "reply") throw new NotAnAnswer(outcome, visit);
    return outcome.reply;
  };
  const answered = cache.reply(
    new AskedOf(visit),
    (conditional, { method, shared }) => {
      const same = !shared && conditional === undefined;
      const asked = same ? visit : { ...visit, method, headers: headersForScript(visit.headers, conditional) };
      return produce(asked, shared);
    },
    { waitUntil: visit.info.waitUntil },
  );
  if (!(answered instanceof Promise)) return cachedOutcome(answered);
  return answered.then(cachedOutcome, async (error: unknown) => {
    if (!(error instanceof NotAnAnswer)) throw error;
    if (error.visit === visit) return { outcome: error.outcome, status: "MISS" };
    // Another visitor's redirect or file is none of this one's.
    return { outcome: await runScript(settings, visit, decision.script, events), status: "BYPASS" };
  });
}

function cachedOutcome({ reply, status }: CacheReply): CachedOutcome {
  return { outcome: { type: "reply", reply }, status };
}
