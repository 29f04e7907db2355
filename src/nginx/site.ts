// A `server` block: its names, its locations, and what all of them have in common.

import type { Location, Rewrite } from "../gateway/config/location.ts";
import { captureNames } from "../gateway/config/regex.ts";
import type { Switch } from "./conditions.ts";
import { type FlatLocation, flatten, lookahead } from "./flatten.ts";
import { type LocationDraft, locationOf, returnOf, rewritesOf, type Surroundings } from "./location.ts";
import type { Directive } from "./parse.ts";
import { literal, toRegExp } from "./regex.ts";
import type { Scope } from "./scope.ts";
import { placeOf } from "./variables.ts";

export type SiteDraft = Record<string, unknown>;

/** Of all servers together. */
export type Shared = Pick<Surroundings, "upstreams" | "caches" | "prefix"> & {
  /** Where a table came from. */
  readonly origins: Map<object, Directive>;
};

/** The name of what paths are captured by that pass the cache by. */
const CAPTURE = "uncached";

export function siteOf(
  directive: Directive,
  scope: Scope,
  hosts: readonly (string | RegExp)[],
  shared: Shared,
): SiteDraft {
  const site: Record<string, unknown> = {};
  shared.origins.set(site, directive);
  if (hosts.length > 0) site.hosts = hosts;
  const [first] = hosts;
  // nginx's $server_name; of one with a star it is of no use.
  if (typeof first === "string" && !first.includes("*")) site.serverName = first.replace(/^\./, "");
  // As nginx does, unless it is told otherwise.
  if ((scope.value("disable_symlinks") ?? "off") === "off") site.followSymlinks = true;

  const expressions = hosts.filter((host) => host instanceof RegExp);
  const names = new Set(expressions.flatMap((host) => captureNames(host)));
  const rewrites = rewritesOf(scope, names, []);
  for (const { from } of rewrites) for (const name of captureNames(from)) names.add(name);

  const answered = returnOf(scope, placeOf(scope, [], names));
  const flat = answered === undefined ? flatten(scope) : [];
  if (answered !== undefined) for (const one of scope.own("location")) scope.report.take(one);
  if (!flat.some(({ match }) => "prefix" in match && match.prefix === "/")) {
    flat.push({ directive: undefined, scope, match: { prefix: "/" } });
  }
  const skipped: { regex?: RegExp } = {};
  const around: Surroundings = {
    ...shared,
    captures: new Set([...names, CAPTURE]),
    named: new Set(flat.flatMap(({ match }) => ("name" in match ? [match.name] : []))),
    skip: (found) => skip(found, scope, rewrites, skipped),
  };
  const drafts = flat.map((one) => {
    const draft = locationOf(one, around);
    if (one.directive !== undefined) shared.origins.set(draft, one.directive);
    return draft;
  });
  drafts.push(...guards(drafts));
  scripts(drafts);
  if (skipped.regex !== undefined) rewrites.push({ from: skipped.regex, to: "$uri", flag: "break" });
  if (rewrites.length > 0) site.rewrite = rewrites;
  hoist(site, drafts);
  site.locations = distinct(drafts, flat);
  return site;
}

/**
 * A rule that changes nothing and captures paths: names that expressions capture stay for the whole request. It sees the
 * targets of internal redirects too, so those are left out.
 */
function skip(
  { paths }: Switch,
  scope: Scope,
  rewrites: readonly Rewrite[],
  skipped: { regex?: RegExp },
): string | undefined {
  if (rewrites.length > 0) return undefined;
  const targets = internalTargets(scope);
  const sources: string[] = [];
  const except = new Set<string>();
  const all = paths.every(({ anyCase }) => anyCase);
  for (const { pcre, anyCase, directive } of paths) {
    for (const branch of branchesOf(pcre)) {
      const regex = toRegExp(branch, anyCase);
      if (typeof regex === "string") return undefined;
      for (const target of targets.filter((one) => regex.test(one))) {
        except.add(target);
        scope.report.leave("decision", directive, `${target} itself is kept in the cache: other paths end there too`);
      }
      sources.push(anyCase && !all ? caseless(regex.source) : regex.source);
    }
  }
  if (sources.length === 0) return undefined;
  const not = except.size === 0 ? "" : `(?!(?:${[...except].map(literal).join("|")})$)`;
  const source = `^${not}(?=.*?(?<${CAPTURE}>${[...new Set(sources)].join("|")}))`;
  const regex = toRegExp(source, all);
  if (typeof regex === "string" || (skipped.regex !== undefined && skipped.regex.source !== regex.source))
    return undefined;
  skipped.regex = regex;
  return CAPTURE;
}

/** Branches of an expression that stand alone. */
function branchesOf(pcre: string): string[] {
  const branches = [""];
  let depth = 0;
  for (const [piece] of pcre.matchAll(/\\[\s\S]|\[(?:\\[\s\S]|[^\]])*\]|[\s\S]/g)) {
    if (piece === "(") depth++;
    if (piece === ")") depth--;
    if (piece === "|" && depth === 0) branches.push("");
    else branches[branches.length - 1] += piece;
  }
  return branches;
}

/** Letters outside of brackets in both cases. */
function caseless(source: string): string {
  return source.replace(/\\[\s\S]|\[(?:\\[\s\S]|[^\]])*\]|\(\?<\w+>|[A-Za-z]/g, (piece) =>
    /^[A-Za-z]$/.test(piece) ? `[${piece.toLowerCase()}${piece.toUpperCase()}]` : piece,
  );
}

function internalTargets(scope: Scope): string[] {
  const found: string[] = ["/index.php"];
  const walk = (directives: readonly Directive[]): void => {
    for (const one of directives) {
      if (one.name === "try_files" || one.name === "error_page")
        found.push((one.args.at(-1) ?? "").replace(/\?.*/s, ""));
      if (one.block !== undefined) walk(one.block);
    }
  };
  walk(scope.directives);
  return [...new Set(found)].filter((target) => /^\/[^$]*$/.test(target));
}

/**
 * In nginx nothing runs but where `fastcgi_pass` stands; here a script that exists runs in any location. So: places for
 * files have no extension that runs, but where a folder's index may be a script, which another location runs.
 */
function scripts(drafts: readonly LocationDraft[]): void {
  const runs = drafts.some((draft) => "fastcgi" in draft);
  for (const draft of drafts) {
    if ("fastcgi" in draft || "return" in draft || "deny" in draft) continue;
    if (!(runs && hasIndexScript(draft))) draft.scriptExtensions = [];
  }
}

function hasIndexScript(draft: LocationDraft): boolean {
  const index = draft.index as readonly string[] | undefined;
  return "prefix" in draft && draft.final !== true && index?.some((name) => name.endsWith(".php")) === true;
}

/** For `/x.php` and `/x.php/y` where no expression takes them: in nginx these are paths like any other, and nothing runs. */
function guards(drafts: readonly LocationDraft[]): LocationDraft[] {
  if (!drafts.some((draft) => "fastcgi" in draft)) return [];
  const regexes = drafts.flatMap(({ regex }) => (regex instanceof RegExp ? [regex] : []));
  const taken = (path: string) => regexes.some((regex) => regex.test(path));
  const prefixes = drafts.flatMap(({ prefix }) => (typeof prefix === "string" ? [prefix] : []));
  const made: { readonly prefix: string; readonly draft: LocationDraft }[] = [];
  for (const { prefix, ...rest } of drafts) {
    if (typeof prefix !== "string" || !hasIndexScript({ prefix, ...rest })) continue;
    if ("fastcgi" in rest || "return" in rest || "deny" in rest) continue;
    const end = !taken(`${prefix}x.php`) ? "(?:\\/|$)" : !taken(`${prefix}x.php/y`) ? "\\/" : undefined;
    if (end === undefined) continue;
    const regex = new RegExp(`${lookahead(prefix, prefixes)}.*\\.php${end}`);
    // An alias is of the prefix.
    const draft = "alias" in rest ? { regex, deny: true } : { regex, ...rest, scriptExtensions: [] };
    made.push({ prefix, draft });
  }
  return made.sort((a, b) => b.prefix.length - a.prefix.length).map(({ draft }) => draft);
}

/** Settings that others of the same name take the place of; every location that answers with files has them. */
const PLAIN = ["root", "index", "maxBody"] as const;
/** Settings that may stand above when all locations say the same. */
const COMMON = ["headers", "errorPages", "access", "accessLog", "compress", "timeouts", "expires"] as const;

/** Puts what is said everywhere where it is said once. */
function hoist(site: SiteDraft, drafts: readonly LocationDraft[]): void {
  const acting = drafts.filter((draft) => !("return" in draft || "deny" in draft));
  const main = drafts.find((draft) => draft.prefix === "/") ?? {};
  for (const key of PLAIN) {
    const value = main[key] ?? acting.find((draft) => draft[key] !== undefined)?.[key];
    if (value === undefined) continue;
    site[key] = value;
    for (const draft of drafts) if (same(draft[key], value)) delete draft[key];
  }
  for (const key of COMMON) {
    const asked = key === "compress" || key === "timeouts" || key === "expires" ? acting : drafts;
    const value = asked[0]?.[key];
    if (value === undefined || !asked.every((draft) => same(draft[key], value))) continue;
    site[key] = value;
    for (const draft of asked) delete draft[key];
  }
}

function same(a: unknown, b: unknown): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b);
}

/** One for each place: nginx takes expressions twice, and asks the first. */
function distinct(drafts: readonly LocationDraft[], flat: readonly FlatLocation[]): LocationDraft[] {
  const seen = new Set<string>();
  return drafts.filter((draft, index) => {
    const { exact, prefix, regex, name } = draft as Partial<Record<string, unknown>> & Partial<Location>;
    const key =
      exact !== undefined ? `= ${exact}` : prefix !== undefined ? `/ ${prefix}` : `${name ?? ""} ${regex ?? ""}`;
    if (!seen.has(key)) return seen.add(key);
    const one = flat[index];
    if (one?.directive !== undefined)
      one.scope.report.leave("decision", one.directive, "there is one for the same paths already");
    return false;
  });
}
