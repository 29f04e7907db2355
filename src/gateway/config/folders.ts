// The folders and files that a configuration names, turned into others: relative to its file on Node, below the mount at
// the edge.

import type { GatewayConfig, Site } from "./config.ts";
import type { Location, LocationSettings } from "./location.ts";

/** A copy whose `root`, `alias`, folders of caches and log file went through `map`. Addresses and URLs stay. */
export function mapFolders(config: GatewayConfig, map: (path: string) => string): GatewayConfig {
  const { log, caches, sites } = config;
  return {
    ...site(config, map),
    ...(sites === undefined ? {} : { sites: sites.map((one) => site(one, map)) }),
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

function site(one: Site, map: (path: string) => string): Site {
  const { locations } = one;
  return {
    ...settings(one, map),
    ...(locations === undefined ? {} : { locations: locations.map((location) => place(location, map)) }),
  };
}

function place(location: Location, map: (path: string) => string): Location {
  const { alias } = location;
  if (alias === undefined) return settings(location, map);
  const mapped = map(alias);
  // The slash at the end has a meaning; resolving a path loses it.
  return { ...settings(location, map), alias: alias.endsWith("/") && !mapped.endsWith("/") ? `${mapped}/` : mapped };
}

function settings<T extends LocationSettings>(one: T, map: (path: string) => string): T {
  return one.root === undefined ? one : { ...one, root: map(one.root) };
}
