// `fastcgi_cache*`: zones, and how a location uses one.

import type { CacheZone } from "../gateway/config/config.ts";
import type { CacheUse } from "../gateway/config/location.ts";
import { type Switch, switchOf } from "./conditions.ts";
import type { Directive } from "./parse.ts";
import type { Scope } from "./scope.ts";
import { secondsOf, sizeOf } from "./units.ts";
import { countOf } from "./upstreams.ts";
import { type Place, setOf, templateOf } from "./variables.ts";

type Draft = { -readonly [K in keyof CacheUse]: CacheUse[K] };
type Zone = { -readonly [K in keyof CacheZone]: CacheZone[K] };

/** Ours, when nobody says another. */
const DEFAULT_KEY = "$scheme$request_method$host$request_uri";
const STALE = new Set("error timeout invalid-header updating http_500 http_503 http_403 http_404 http_429".split(" "));

/** A cache is passed by for these paths; they get a capture of this name. */
export interface SkippedPaths extends Switch {
  readonly capture: string;
}

export class Caches {
  readonly used: Map<string, CacheZone> = new Map();
  readonly origins: Map<object, Directive> = new Map();
  readonly #paths = new Map<string, Directive>();

  constructor(http: Scope) {
    for (const one of http.directives.filter(({ name }) => name === "fastcgi_cache_path")) {
      const zone = one.args
        .find((arg) => arg.startsWith("keys_zone="))
        ?.slice(10)
        .split(":")[0];
      if (zone !== undefined) this.#paths.set(zone, one);
    }
  }

  zone(name: string, scope: Scope): boolean {
    if (this.used.has(name)) return true;
    const directive = this.#paths.get(name);
    if (directive === undefined) return false;
    scope.report.take(directive);
    const draft: Zone = { store: "disk", path: directive.args[0] ?? "" };
    for (const word of directive.args.slice(1)) {
      const [key = "", value = ""] = word.split(/=(.*)/s);
      const size = key === "max_size" ? sizeOf(value) : undefined;
      const inactive = key === "inactive" ? secondsOf(value) : undefined;
      if (size !== undefined) draft.maxSize = size;
      if (inactive !== undefined) draft.inactive = inactive;
    }
    this.used.set(name, draft);
    this.origins.set(draft, directive);
    return true;
  }
}

/** @param skip makes a capture of paths; its name */
export function cacheOf(
  place: Place,
  caches: Caches,
  skip: (found: Switch) => string | undefined,
): CacheUse | undefined {
  const { scope } = place;
  const { report } = scope;
  const directive = scope.one("fastcgi_cache");
  const zone = directive?.args[0];
  if (directive === undefined || zone === undefined || zone === "off") return undefined;
  if (!caches.zone(zone, scope)) {
    report.leave("unsupported", directive, `there is no zone ${zone} in a fastcgi_cache_path`);
    return undefined;
  }
  const draft: Draft = { zone };
  const whole = (why: string) => {
    report.leave("decision", directive, why);
    return undefined;
  };
  const key = scope.one("fastcgi_cache_key");
  const template = key === undefined ? undefined : templateOf(key.args[0] ?? "", key, place);
  // Without a part of its key a cache mixes answers up.
  if (key !== undefined && template === undefined) return whole("nothing is kept, as the key cannot be made");
  if (template !== undefined && template !== DEFAULT_KEY) draft.key = template;

  for (const [name, field] of [
    ["fastcgi_cache_bypass", "bypass"],
    ["fastcgi_no_cache", "noCache"],
  ] as const) {
    const templates = switches(name, place, skip);
    if (templates === undefined) return whole(`nothing is kept, as ${name} cannot be told`);
    if (templates.length > 0) draft[field] = templates;
  }
  const valid = validOf(scope);
  if (Object.keys(valid).length > 0) draft.valid = valid;
  const methods = scope.one("fastcgi_cache_methods")?.args;
  if (methods !== undefined) draft.methods = [...new Set(["GET", "HEAD", ...methods])];
  const uses = scope.measure("fastcgi_cache_min_uses", countOf);
  if (uses !== undefined && uses > 1) draft.minUses = uses;
  const stale = scope.one("fastcgi_cache_use_stale");
  const words = (stale?.args ?? []).map((word) => (word === "invalid_header" ? "invalid-header" : word));
  const known = words.filter((word) => STALE.has(word));
  if (stale !== undefined && known.length < words.filter((word) => word !== "off").length) {
    report.leave("unsupported", stale, `useStale has ${[...STALE].join(", ")}`);
  }
  if (known.length > 0) draft.useStale = known as NonNullable<CacheUse["useStale"]>;
  if (scope.flag("fastcgi_cache_background_update") === true) draft.backgroundUpdate = true;
  if (scope.flag("fastcgi_cache_revalidate") === true) draft.revalidate = true;
  const timeout = scope.measure("fastcgi_cache_lock_timeout", secondsOf);
  const age = scope.measure("fastcgi_cache_lock_age", secondsOf);
  if (scope.flag("fastcgi_cache_lock") === true) {
    const lock = { ...(timeout !== undefined && { timeout }), ...(age !== undefined && { age }) };
    draft.lock = Object.keys(lock).length === 0 ? true : lock;
  }
  return draft;
}

function validOf(scope: Scope): Record<string, number> {
  const valid: Record<string, number> = {};
  for (const one of scope.all("fastcgi_cache_valid")) {
    const seconds = secondsOf(one.args.at(-1));
    if (seconds === undefined) {
      scope.report.leave("unsupported", one, "its value is no fixed time");
      continue;
    }
    const statuses = one.args.slice(0, -1);
    // The first one that fits counts.
    for (const status of statuses.length === 0 ? ["200", "301", "302"] : statuses) valid[status] ??= seconds;
  }
  return valid;
}

/** `undefined` when one of them cannot be told. */
function switches(name: string, place: Place, skip: (found: Switch) => string | undefined): string[] | undefined {
  const templates: string[] = [];
  for (const one of place.scope.all(name)) {
    for (const word of one.args) {
      const variable = /^\$\{?(\w+)\}?$/.exec(word)?.[1];
      const conditional = variable !== undefined && setOf(variable, place.scope) === "conditional";
      if (!conditional) {
        const template = templateOf(word, one, place);
        if (template === undefined) return undefined;
        templates.push(template);
        continue;
      }
      const found = switchOf(variable, place.scope);
      if (found === undefined) return undefined;
      templates.push(...found.templates);
      if (found.paths.length > 0) {
        const capture = skip(found);
        if (capture === undefined) return undefined;
        templates.push(`$${capture}`);
      }
    }
  }
  return [...new Set(templates)].filter((template) => !["", "0"].includes(template));
}
