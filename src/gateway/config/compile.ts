// A checked configuration to one that is ready for use: `compileConfig(config)`. What is read for each request is worked
// out here, once.

import { presetLocations } from "../presets/index.ts";
import { addressRanges } from "../request/address-ranges.ts";
import { trustedPeers } from "../request/forwarded.ts";
import { compileLocation, compileRewrites, mergeSettings } from "./compile-location.ts";
import type { GatewayConfig, Site } from "./config.ts";
import type { LocationSettings } from "./location.ts";
import { compileRegex } from "./regex.ts";
import type {
  AllowedAddresses,
  CompiledGateway,
  CompiledSite,
  HostTable,
  LocationTable,
  ResolvedLocation,
} from "./resolved.ts";

/** What a configuration does not say itself. */
export interface CompileOptions {
  /** The root of sites that name none. Default `.`. */
  readonly root?: string;
}

/**
 * Makes of a configuration what requests need.
 *
 * @param config as `checkConfig` has nothing against it; others give an error of some kind, or nonsense
 */
export function compileConfig(config: GatewayConfig, options: CompileOptions = {}): CompiledGateway {
  const pass = onlyApplication(config);
  const base: LocationSettings = { root: options.root ?? ".", ...(pass === undefined ? {} : { fastcgi: { pass } }) };
  const sites = sitesOf(config).map((site) => ({ written: site, compiled: compileSite(site, base) }));
  const { trustedProxies, metrics, purge } = config;
  return {
    sites: sites.map(({ compiled }) => compiled),
    hosts: hostTable(sites),
    trustedProxies:
      trustedProxies === undefined
        ? undefined
        : trustedPeers(trustedProxies.from, {
            ...(trustedProxies.headers !== undefined && { kind: trustedProxies.headers }),
            ...(trustedProxies.take !== undefined && { take: trustedProxies.take }),
          }),
    metrics: metrics === undefined ? undefined : { path: metrics.path, allow: allowedOf(metrics.allow, "local") },
    purge:
      purge === undefined
        ? undefined
        : { allow: allowedOf(purge.allow, purge.token === undefined ? "local" : "all"), token: purge.token },
    serverTiming: config.serverTiming === true,
    debug: config.debug === true,
    underscoresInHeaders: config.underscoresInHeaders === true,
    limits: config.limits ?? {},
    log: config.log,
    upstreams: config.upstreams ?? {},
    pools: config.pools ?? {},
    caches: config.caches ?? {},
  };
}

/** What scripts run in when nobody says so: the one pool or upstream there is. */
function onlyApplication(config: GatewayConfig): string | undefined {
  const names = [...Object.keys(config.pools ?? {}), ...Object.keys(config.upstreams ?? {})];
  return names.length === 1 ? names[0] : undefined;
}

/** The sites of a configuration, with what its top says put into each. A configuration without `sites` is one. */
function sitesOf(config: GatewayConfig): readonly Site[] {
  if (config.sites === undefined) return [config];
  return config.sites.map((site) => {
    const { serverName, followSymlinks } = { ...config, ...site };
    return {
      ...site,
      ...mergeSettings(config, site),
      ...(serverName === undefined ? {} : { serverName }),
      ...(followSymlinks === undefined ? {} : { followSymlinks }),
    };
  });
}

function compileSite(site: Site, base: LocationSettings): CompiledSite {
  const { preset, hosts, serverName } = site;
  const ready = preset === undefined ? undefined : presetLocations(preset);
  // A site's own settings go before its preset's.
  const settings = mergeSettings(base, mergeSettings(ready?.settings ?? {}, site));
  const shared = { scriptsOnly: true, followSymlinks: site.followSymlinks === true };

  const locations = [...(site.locations ?? []), ...(ready?.locations ?? [])].map((location) =>
    compileLocation(location, settings, shared),
  );
  const fallback = compileLocation(undefined, settings, shared);
  const [name] = hosts ?? [];
  return {
    id: name === undefined ? "_" : String(name),
    serverName,
    rewrite: compileRewrites([...(site.rewrite ?? []), ...(ready?.rewrite ?? [])]),
    locations: locationTable(locations, fallback),
    all: [...locations, fallback],
  };
}

/** The first of two locations for the same paths counts: a site's own go before its preset's. */
function locationTable(locations: readonly ResolvedLocation[], fallback: ResolvedLocation): LocationTable {
  const exact = new Map<string, ResolvedLocation>();
  const prefixes = new Map<string, LocationTable["prefixes"][number]>();
  const regexes: LocationTable["regexes"][number][] = [];
  const named = new Map<string, ResolvedLocation>();
  for (const location of locations) {
    const { match } = location;
    if (match.type === "exact" && !exact.has(match.path)) exact.set(match.path, location);
    if (match.type === "prefix" && !prefixes.has(match.path)) prefixes.set(match.path, { ...match, location });
    if (match.type === "regex") regexes.push({ regex: match.regex, location });
    if (match.type === "name" && !named.has(match.name)) named.set(match.name, location);
  }
  const longestFirst = [...prefixes.values()].sort((a, b) => b.path.length - a.path.length);
  return { exact, prefixes: longestFirst, regexes, named, default: fallback };
}

function hostTable(sites: readonly { readonly written: Site; readonly compiled: CompiledSite }[]): HostTable {
  const exact = new Map<string, CompiledSite>();
  const endings: HostTable["endings"][number][] = [];
  const beginnings: HostTable["beginnings"][number][] = [];
  const regexes: HostTable["regexes"][number][] = [];
  for (const { written, compiled: site } of sites) {
    for (const host of written.hosts ?? []) {
      if (typeof host !== "string") {
        regexes.push({ regex: compileRegex(host), site });
        continue;
      }
      const name = host.toLowerCase();
      const ending = name.startsWith("*.") ? name.slice(1) : name.startsWith(".") ? name : undefined;
      if (name.startsWith(".") && !exact.has(name.slice(1))) exact.set(name.slice(1), site);
      if (ending !== undefined) endings.push({ text: ending, site });
      else if (name.endsWith(".*")) beginnings.push({ text: name.slice(0, -1), site });
      else if (!exact.has(name)) exact.set(name, site);
    }
  }
  const byLength = (a: { text: string }, b: { text: string }) => b.text.length - a.text.length;
  const first = sites.find(({ written }) => (written.hosts ?? []).length === 0) ?? sites[0];
  if (first === undefined) throw new TypeError("a configuration has at least one site");
  return {
    exact,
    endings: endings.sort(byLength),
    beginnings: beginnings.sort(byLength),
    regexes,
    default: first.compiled,
  };
}

function allowedOf(list: readonly string[] | undefined, otherwise: "all" | "local"): AllowedAddresses {
  if (list === undefined) return otherwise;
  return list.includes("all") ? "all" : addressRanges(list);
}
