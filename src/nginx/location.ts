// One location: what it does, with everything that is in force in it.

import type { Return, Rewrite } from "../gateway/config/location.ts";
import { type Caches, cacheOf } from "./cache.ts";
import { conditionOf, type Switch } from "./conditions.ts";
import { fastCgiOf } from "./fastcgi.ts";
import type { FlatLocation } from "./flatten.ts";
import { GUARDS, HANDLERS } from "./known.ts";
import type { Directive } from "./parse.ts";
import { toRegExp } from "./regex.ts";
import type { Scope } from "./scope.ts";
import { settingsOf } from "./settings.ts";
import type { Upstreams } from "./upstreams.ts";
import { type Place, placeOf, templateOf } from "./variables.ts";

/** A location on its way: plain data, with keys that may still go to its site. */
export type LocationDraft = Record<string, unknown>;

export interface Surroundings {
  readonly upstreams: Upstreams;
  readonly caches: Caches;
  /** For relative folders. */
  readonly prefix: string;
  /** Named captures of the server's names and rewrites. */
  readonly captures: ReadonlySet<string>;
  /** Names of named locations. */
  readonly named: ReadonlySet<string>;
  /** Makes a capture of paths that pass the cache by. */
  skip(found: Switch): string | undefined;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

export function locationOf({ scope, match, scripts }: FlatLocation, around: Surroundings): LocationDraft {
  const { report } = scope;
  const draft: LocationDraft = { ...match };
  const rewrites = rewritesOf(scope, around.captures, "regex" in match ? [match.regex] : []);
  const regexes = [...("regex" in match ? [match.regex] : []), ...rewrites.map(({ from }) => from as RegExp)];
  const place = placeOf(scope, regexes, around.captures);
  if (scope.own("internal").length > 0) draft.internal = true;

  const guard = guardOf(scope);
  const settings = settingsOf(scripts === undefined ? place : { ...place, scope: scripts }, around.prefix);
  const { headers, errorPages, accessLog, access } = settings;
  const always = pick({ headers, errorPages, accessLog });
  if (guard !== undefined) return { ...draft, deny: true, ...always };

  if (rewrites.length > 0) draft.rewrite = rewrites;
  const answer = returnOf(scope, place);
  if (answer !== undefined) {
    // Looked at before rewrites here.
    const bare = Object.keys(answer).length === 1 && rewrites.length === 0;
    if (bare && answer.status === 403) return { ...draft, deny: true, ...always };
    if (bare && answer.status === 404) return { ...draft, deny: 404, ...always };
    return { ...draft, return: answer, ...always };
  }
  const handler = handlerOf(scope);
  if (handler !== undefined) {
    report.leave("unsupported", handler, "there is FastCGI only: what goes there is answered 502");
    return { ...draft, return: { status: 502 }, ...always };
  }
  const passing = (scripts ?? scope).own("fastcgi_pass").at(-1) ?? undefined;
  const [only] = access ?? [];
  if (
    access?.length === 1 &&
    only !== undefined &&
    "deny" in only &&
    only.deny === "all" &&
    passing === undefined &&
    rewrites.length === 0
  ) {
    return { ...draft, deny: true, ...always };
  }

  Object.assign(draft, settings);
  const aliased = aliasOf(scope, place, match);
  if (aliased === null) return { ...draft, deny: 404 };
  if (aliased !== undefined) {
    draft.alias = aliased;
    delete draft.root;
  }
  // Without a folder of its own it would be the configuration's.
  if (settings.root === undefined && aliased === undefined) return { ...match, deny: 404, ...always };
  const tries = triesOf(scope, place, passing !== undefined && scripts === undefined, around);
  if (tries !== undefined) draft.tryFiles = tries;
  if (passing === undefined) return draft;

  const asked = scripts ?? scope;
  const pass = around.upstreams.pass(passing, asked);
  if (pass === undefined)
    return { ...match, ...(draft.internal === true && { internal: true }), return: { status: 502 }, ...always };
  if (scripts !== undefined) for (const one of scripts.own("try_files")) report.take(one);
  const asking: Place = { ...place, scope: asked };
  const fastcgi = fastCgiOf(pass, asking);
  draft.fastcgi = scripts === undefined ? fastcgi : { ...fastcgi, scriptsOnly: true };
  const cache = cacheOf(asking, around.caches, around.skip);
  if (cache !== undefined) draft.cache = cache;
  if (settings.expires !== undefined) {
    delete draft.expires;
    const expires = scope.one("expires");
    if (expires !== undefined)
      report.leave("unsupported", expires, "it is for files; of answers, the application says it");
  }
  return draft;
}

function pick(values: Readonly<Record<string, unknown>>): LocationDraft {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** What keeps visitors out and cannot be taken over: the location is closed then. */
function guardOf(scope: Scope): Directive | undefined {
  let found: Directive | undefined;
  for (const name of GUARDS) {
    const guard = scope.one(name);
    if (guard === undefined || guard.args[0] === "off") continue;
    scope.report.leave(
      "decision",
      guard,
      "there is nothing like it: what it protects is closed, until you decide who may",
    );
    found = guard;
  }
  return found;
}

function handlerOf(scope: Scope): Directive | undefined {
  for (const name of HANDLERS) {
    const [handler] = scope.own(name);
    if (handler !== undefined) return handler;
  }
  return undefined;
}

export function returnOf(scope: Scope, place: Place): Return | undefined {
  const [directive] = scope.own("return");
  if (directive === undefined) return undefined;
  const [first = "", second] = directive.args;
  const status = /^\d{3}$/.test(first) ? Number(first) : undefined;
  const text = status === undefined ? first : second;
  const value = text === undefined ? undefined : templateOf(text, directive, place);
  if (text !== undefined && value === undefined) return { status: 500 };
  if (status === undefined) return { status: 302, location: value ?? "" };
  if (REDIRECTS.has(status)) return value === undefined ? { status: 500 } : { status, location: value };
  if (status === 444) {
    scope.report.leave("unsupported", directive, "connections are not closed without an answer: it is 444 with a page");
  }
  const type = scope.value("default_type");
  return {
    status,
    ...(value !== undefined && { body: value }),
    ...(value !== undefined && type !== undefined && type !== "text/plain" && { type }),
  };
}

/** `null`: the paths have no place that could be said. */
function aliasOf(scope: Scope, place: Place, match: FlatLocation["match"]): string | null | undefined {
  const directive = scope.one("alias");
  if (directive === undefined) return undefined;
  const value = templateOf(directive.args[0] ?? "", directive, place);
  if (value === undefined || value.includes("$") || !("prefix" in match || "exact" in match)) {
    scope.report.leave(
      "unsupported",
      directive,
      "an alias is a fixed folder, of a fixed path: what goes there is answered 404",
    );
    return null;
  }
  // Not of this location: the paths of the one around it.
  if (scope.own("alias").length === 0) {
    scope.report.leave("decision", directive, "a location inside inherits the alias: say it there too");
    return null;
  }
  if ("exact" in match) return value;
  const slash = match.prefix.endsWith("/");
  if (slash && !value.endsWith("/")) {
    scope.report.leave("decision", directive, "a slash was added at its end: nginx would join the names");
    return `${value}/`;
  }
  return slash ? value : value.replace(/(?<=.)\/+$/, "");
}

export function rewritesOf(scope: Scope, captures: ReadonlySet<string>, outer: readonly RegExp[]): Rewrite[] {
  const rewrites: Rewrite[] = [];
  const written = scope.own("rewrite");
  written.forEach((directive, index) => {
    const [pcre = "", target = "", flag] = directive.args;
    const from = toRegExp(pcre, false);
    if (typeof from === "string") {
      scope.report.leave("unsupported", directive, from);
      return;
    }
    const to = templateOf(target, directive, placeOf(scope, [...outer, from], captures));
    if (to === undefined) return;
    if (flag === undefined && index + 1 < written.length) {
      scope.report.leave(
        "decision",
        directive,
        "without a flag the next rewrites see its path in nginx; here it is the last",
      );
    }
    const known = flag === "break" || flag === "redirect" || flag === "permanent" ? flag : undefined;
    const moves = known === undefined && /^(?:https?:\/\/|\$scheme)/.test(to);
    rewrites.push({
      from,
      to,
      ...(known !== undefined ? { flag: known } : moves ? { flag: "redirect" as const } : {}),
    });
  });
  return rewrites;
}

function triesOf(scope: Scope, place: Place, runs: boolean, around: Surroundings): string[] | undefined {
  const [directive] = scope.own("try_files");
  if (directive === undefined) return ifMissing(scope, place);
  const tries: string[] = [];
  for (const [index, arg] of directive.args.entries()) {
    const text = templateOf(arg, directive, place);
    if (text === undefined) return undefined;
    const last = index + 1 === directive.args.length;
    if (/^[/$]/.test(text) || (last && /^[=@]/.test(text))) tries.push(text);
    else if (last) tries.push(`/${text}`);
  }
  const end = tries.at(-1);
  if (end?.startsWith("@") === true && !around.named.has(end)) {
    scope.report.leave("unsupported", directive, `there is no location ${end}`);
    return undefined;
  }
  // That a script exists is looked at before the application is asked.
  const checks = tries.slice(0, -1).every((one) => ["$uri", "$fastcgi_script_name", "$document_uri"].includes(one));
  if (runs && checks && end === "=404") return undefined;
  return tries;
}

/** `if (!-e $request_filename) { rewrite ^ /index.php last; }`: what `try_files` is in the words of before. */
function ifMissing(scope: Scope, place: Place): string[] | undefined {
  for (const one of scope.directives.filter(({ name }) => name === "if")) {
    const words = conditionOf(one).flatMap((word) => word.split(/\s+/));
    const [test = "", file] = words;
    const [inner, ...more] = one.block ?? [];
    if (
      !/^!-[ef]$/.test(test) ||
      file !== "$request_filename" ||
      inner === undefined ||
      more.some(({ name }) => name !== "break")
    ) {
      continue;
    }
    const [pcre = "", target = "", flag] = inner.args;
    const whole = ["^", ".", ".*", "^.*$", "^(.*)$", "^/(.*)$", "(.*)", "^(.+)$", "^/"].includes(pcre);
    if (inner.name !== "rewrite" || !whole || !["last", undefined].includes(flag) || !target.startsWith("/")) continue;
    // $1 is the path, with its slash or without.
    if (/\$[2-9]/.test(target) || (pcre === "^/(.*)$" && target.includes("$1"))) continue;
    const to = templateOf(target.replace("$1", "$uri"), one, place);
    if (to === undefined) continue;
    scope.report.take(one);
    return ["$uri", ...(test === "!-e" ? ["$uri/"] : []), to.includes("?") && !to.endsWith("?") ? `${to}&$args` : to];
  }
  return undefined;
}
