// The jobs of a configuration, each with the site it belongs to: what there is to do for whoever runs them.

import type { CronJob } from "../../cron/index.ts";
import { findSite } from "../routing/find.ts";
import type { CronEntry, GatewayConfig, Site } from "./config.ts";
import type { CompiledGateway } from "./resolved.ts";

/** Longest run where nothing is said: five minutes. */
const TIMEOUT = 300_000;

/** The name of a job: its own, or the script's path. */
export function cronName({ name, script }: CronEntry): string {
  return name ?? script.replace(/\?.*/, "").replace(/^\/+/, "");
}

/** @param gateway `compileConfig` of the same configuration */
export function cronJobs(config: GatewayConfig, gateway: CompiledGateway): readonly CronJob[] {
  return (config.cron ?? []).map((entry) => {
    const site = findSite(gateway, entry.host).found;
    const { root, fastcgi } = site.locations.default;
    const written = (config.sites ?? [config])[gateway.sites.indexOf(site)];
    const application = entry.pass ?? fastcgi.pass;
    return {
      name: cronName(entry),
      schedule: entry.schedule,
      timezone: entry.timezone ?? "UTC",
      timeout: entry.timeout ?? TIMEOUT,
      script: entry.script,
      documentRoot: root,
      serverName: entry.host ?? site.serverName ?? firstHost(written) ?? "localhost",
      scheme: entry.scheme ?? "http",
      ...(application !== undefined && { application }),
    };
  });
}

/** The first host of a site that is a name as it stands. */
function firstHost(site: Site | undefined): string | undefined {
  const plain = site?.hosts?.find((host) => typeof host === "string" && !host.includes("*"));
  return typeof plain === "string" ? plain.replace(/^\./, "") : undefined;
}
