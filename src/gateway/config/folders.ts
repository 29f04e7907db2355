// The folders and files that a configuration names, turned into others: relative to its file on Node, below the mount at
// the edge.

import type { GatewayConfig, Site } from "./config.ts";
import type { Location, LocationSettings } from "./location.ts";

/** How names become others. */
interface Maps {
  /** Of folders and files. */
  readonly folder: (path: string) => string;
  /** Of `script`, as the application knows it. */
  readonly script: (path: string) => string;
}

/**
 * A copy whose `root`, `alias`, folders of caches and log file went through `map`. Addresses and URLs stay.
 *
 * @param mapScript for `script` of `fastcgi`, authorizers and filters; without it those that are relative go through `map`:
 * others may be on another machine
 */
export function mapFolders(
  config: GatewayConfig,
  map: (path: string) => string,
  mapScript: (path: string) => string = (path) => (/^[/$]/.test(path) ? path : map(path)),
): GatewayConfig {
  const { log, caches, sites } = config;
  const maps: Maps = { folder: map, script: mapScript };
  return {
    ...site(config, maps),
    ...(sites === undefined ? {} : { sites: sites.map((one) => site(one, maps)) }),
    ...(caches === undefined
      ? {}
      : {
          caches: Object.fromEntries(
            Object.entries(caches).map(([name, zone]) => [
              name,
              zone.path === undefined ? zone : { ...zone, path: map(zone.path) },
            ]),
          ),
        }),
    ...(log?.file === undefined || log.file === "-" ? {} : { log: { ...log, file: map(log.file) } }),
  };
}

function site(one: Site, maps: Maps): Site {
  const { locations } = one;
  return {
    ...settings(one, maps),
    ...(locations === undefined ? {} : { locations: locations.map((location) => place(location, maps)) }),
  };
}

function place(location: Location, maps: Maps): Location {
  const { alias } = location;
  if (alias === undefined) return settings(location, maps);
  const mapped = maps.folder(alias);
  // The slash at the end has a meaning; resolving a path loses it.
  return { ...settings(location, maps), alias: alias.endsWith("/") && !mapped.endsWith("/") ? `${mapped}/` : mapped };
}

function settings<T extends LocationSettings>(one: T, maps: Maps): T {
  const { root, fastcgi, authorizer, filter } = one;
  return {
    ...one,
    ...(root !== undefined && { root: maps.folder(root) }),
    ...(fastcgi !== undefined && { fastcgi: withScript(fastcgi, maps) }),
    ...(typeof authorizer === "object" && { authorizer: withScript(authorizer, maps) }),
    ...(typeof filter === "object" && { filter: withScript(filter, maps) }),
  };
}

function withScript<T extends { readonly script?: string }>(one: T, maps: Maps): T {
  return one.script === undefined ? one : { ...one, script: maps.script(one.script) };
}
