// The applications that a compiled configuration asks: what there must be before the first request.

import type { CompiledGateway } from "./resolved.ts";

/** Names and addresses in `fastcgi.pass`, `authorizer` and `filter`; `undefined` when a location names none. */
export function applicationsOf(gateway: CompiledGateway): ReadonlySet<string | undefined> {
  const names = new Set<string | undefined>();
  for (const { all } of gateway.sites) {
    for (const location of all) {
      const { return: answer, deny, fastcgi, authorizer, filter } = location;
      if (answer === undefined && deny === undefined) names.add(fastcgi.pass);
      if (authorizer !== undefined) names.add(authorizer.pass);
      if (filter !== undefined) names.add(filter.pass);
    }
  }
  return names;
}

/** The longest silence that any location allows an application, in milliseconds. */
export function longestRead(gateway: CompiledGateway, otherwise: number): number {
  const limits = gateway.sites.flatMap(({ all }) => all.map(({ timeouts }) => timeouts.read ?? otherwise));
  return limits.includes(0) ? 0 : Math.max(otherwise, ...limits);
}
