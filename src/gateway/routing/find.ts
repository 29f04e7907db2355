// Which site a host name means, and which of its locations a path: nginx's order of precedence.

import { type ScriptSplit, splitScript } from "../../cgi/index.ts";
import type { CompiledGateway, CompiledSite, ResolvedLocation } from "../config/resolved.ts";

/** What a regular expression around the choice captured. */
export interface Found<T> {
  readonly found: T;
  readonly captures: RegExpExecArray | undefined;
}

/**
 * Exact names, then `*.x` (the longest), then `x.*` (the longest), then expressions in their order, then the default.
 *
 * @param host name without its port; `undefined` when the request names none
 */
export function findSite(gateway: CompiledGateway, host: string | undefined): Found<CompiledSite> {
  const { hosts } = gateway;
  if (host === undefined || gateway.sites.length === 1) {
    const [only] = gateway.sites;
    const regex = hosts.regexes.length === 0 || host === undefined ? undefined : matchHost(gateway, nameOf(host));
    return regex ?? { found: host === undefined || only === undefined ? hosts.default : only, captures: undefined };
  }
  const name = nameOf(host);
  const exact = hosts.exact.get(name);
  if (exact !== undefined) return { found: exact, captures: undefined };
  // A wildcard stands for at least one character.
  const ending = hosts.endings.find(({ text }) => name.length > text.length && name.endsWith(text));
  if (ending !== undefined) return { found: ending.site, captures: undefined };
  const beginning = hosts.beginnings.find(({ text }) => name.length > text.length && name.startsWith(text));
  if (beginning !== undefined) return { found: beginning.site, captures: undefined };
  return matchHost(gateway, name) ?? { found: hosts.default, captures: undefined };
}

function matchHost(gateway: CompiledGateway, name: string): Found<CompiledSite> | undefined {
  for (const { regex, site } of gateway.hosts.regexes) {
    const captures = regex.exec(name);
    if (captures !== null) return { found: site, captures };
  }
  return undefined;
}

/** Lower case, without the dot that may end a name. */
function nameOf(host: string): string {
  const name = host.toLowerCase();
  return name.endsWith(".") ? name.slice(0, -1) : name;
}

/**
 * The exact path; else the longest prefix when it is final; else the first expression that matches; else the longest
 * prefix; else what the site says.
 *
 * @param path decoded
 */
export function findLocation(site: CompiledSite, path: string): Found<ResolvedLocation> {
  const { locations } = site;
  const exact = locations.exact.get(path);
  if (exact !== undefined) return { found: exact, captures: undefined };
  const prefix = locations.prefixes.find((candidate) => path.startsWith(candidate.path));
  if (prefix?.final === true) return { found: prefix.location, captures: undefined };
  for (const { regex, location } of locations.regexes) {
    const captures = regex.exec(path);
    if (captures !== null) return { found: location, captures };
  }
  return { found: prefix?.location ?? locations.default, captures: undefined };
}

/** Whether `path` lacks only the slash of a location whose paths all go to an application: nginx redirects then. */
export function lacksSlash(site: CompiledSite, path: string): boolean {
  if (path.endsWith("/") || site.locations.exact.has(path)) return false;
  const wanted = `${path}/`;
  return site.locations.prefixes.some(({ path, location }) => path === wanted && location.mode === "fastcgi");
}

/** Where a path can be cut into script and path info; the whole path when no segment is called like a script. */
export function scriptSplits(path: string, extensions: readonly string[]): ScriptSplit[] {
  const splits = splitScript(path, extensions);
  return splits.length > 0 ? splits : [{ scriptName: path, pathInfo: "" }];
}
