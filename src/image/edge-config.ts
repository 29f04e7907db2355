// A configuration for a deployment: its folders as PHP sees them there, and what a Worker cannot do refused.

import { isAbsolute, relative, sep } from "node:path";
import type { CronJob } from "../cron/index.ts";
import { compileConfig } from "../gateway/config/compile.ts";
import type { GatewayConfig, MailConfig, Site } from "../gateway/config/config.ts";
import { cronJobs } from "../gateway/config/cron.ts";
import { mapFolders } from "../gateway/config/folders.ts";
import { toPlain } from "../gateway/config/plain.ts";
import type { MailLimits } from "../mail/index.ts";
import type { MailRules } from "../platform/workers/settings.ts";
import { parseAddress } from "../transport/address.ts";
import { ImageError } from "./errors.ts";

/** Longest run of a job at the edge, in milliseconds: see platform/workers/schedule.ts. */
const LONGEST_RUN = 10 * 60_000;

export interface EdgeConfig {
  /** As JSON; roots are below the mount. */
  readonly plain: unknown;
  /** The folder that holds all roots, relative to the application's: "" for all of it. */
  readonly documentRoot: string;
  /** The schedule, with scripts as PHP sees them. */
  readonly cron: readonly CronJob[];
  readonly mail: MailRules | undefined;
  /** What has no effect there, and what is better said otherwise. */
  readonly warnings: readonly string[];
}

/**
 * @param config checked, with absolute folders
 * @param root the application's folder, absolute
 * @param mount where PHP sees it
 * @throws {ImageError} `IMAGE_OPTION`, with everything that is wrong
 */
export function edgeConfig(config: GatewayConfig, root: string, mount: string): EdgeConfig {
  const problems = impossible(config);
  const folders = new Set<string>();
  const inside = (path: string): string => {
    const below = relative(root, path);
    if (below.startsWith("..") || isAbsolute(below))
      problems.push(`${path} is not in the application's folder ${root}`);
    return below.split(sep).join("/");
  };
  // The log and caches are no folders there; a mail server's password belongs in no bundle.
  const { log: _log, mail, cron: _cron, ...rest } = config;
  const folder = (path: string) => {
    const below = inside(path);
    folders.add(below);
    return below === "" ? mount : `${mount}/${below}`;
  };
  // A script is no folder to serve; one that is elsewhere is an upstream's.
  const script = (path: string) => (path.startsWith(`${root}/`) ? `${mount}${path.slice(root.length)}` : path);
  const mapped = mapFolders(withRoot(rest, root), folder, script);
  if (problems.length > 0) {
    throw new ImageError("IMAGE_OPTION", `the configuration cannot be deployed: ${problems.join("; ")}`);
  }
  return {
    plain: toPlain(config.log === undefined ? mapped : { ...mapped, log: config.log }),
    documentRoot: common(folders),
    cron: cronJobs({ ...mapped, cron: config.cron ?? [] }, compileConfig(mapped)),
    mail: mail && {
      ...(mail.from === undefined ? {} : { from: mail.from }),
      ...(mail.limits === undefined ? {} : { limits: mailLimits(mail.limits) }),
    },
    warnings: warningsOf(config),
  };
}

function mailLimits({ size, recipients, perRequest }: NonNullable<MailConfig["limits"]>): Partial<MailLimits> {
  return {
    ...(size !== undefined && { size }),
    ...(recipients !== undefined && { recipients }),
    ...(perRequest !== undefined && { perRequest }),
  };
}

function withRoot(config: GatewayConfig, root: string): GatewayConfig {
  const sites = config.sites?.map((site): Site => ({ root: config.root ?? root, ...site }));
  return { root, ...config, ...(sites === undefined ? {} : { sites }) };
}

/** The longest folder that all are in. */
function common(folders: ReadonlySet<string>): string {
  const [first = "", ...others] = folders;
  let segments = first === "" ? [] : first.split("/");
  for (const other of others) {
    const its = other.split("/");
    const differs = segments.findIndex((segment, index) => segment !== its[index]);
    if (differs !== -1) segments = segments.slice(0, differs);
  }
  return segments.join("/");
}

function warningsOf(config: GatewayConfig): string[] {
  const { listen, metrics, log, sites = [] } = config;
  const said: (readonly [string, boolean, string])[] = [
    ["listen", listen !== undefined, "the platform listens"],
    ["metrics", metrics !== undefined, "each isolate would count for itself; see the platform's own"],
    ["mail.smtp", config.mail?.smtp !== undefined, "a send_email binding named MAIL takes the mails there"],
    ["log.file", log?.file !== undefined, "lines go to console.log"],
    ["compress", [config, ...sites].some(compresses), "the platform compresses"],
  ];
  const warnings = said
    .filter(([, there]) => there)
    .map(([name, , why]) => `${name} has no effect in a deployment: ${why}`);
  const long = config.cron?.some(({ timeout = 0 }) => timeout > LONGEST_RUN) === true;
  if (long) warnings.push("cron: a run may take ten minutes at most in a deployment");
  if (config.purge?.token !== undefined) {
    warnings.push("purge.token is in the bundle; as the secret EDGE_FPM_PURGE_TOKEN it would not be");
  }
  return warnings;
}

function compresses({ compress, locations = [] }: Site): boolean {
  return [compress, ...locations.map((location) => location.compress)].some(
    (one) => one !== undefined && one !== false,
  );
}

function impossible(config: GatewayConfig): string[] {
  const problems: string[] = [];
  if (Object.keys(config.pools ?? {}).length > 1) problems.push("pools: a deployment has one");
  for (const { pass, script } of config.cron ?? []) {
    if (pass !== undefined && !(pass in (config.pools ?? {})))
      problems.push(`cron: ${script} runs in ${pass}, and a deployment's schedule runs in its own pool`);
  }
  for (const [name, { store }] of Object.entries(config.caches ?? {})) {
    if (store === "disk") problems.push(`caches.${name}.store is disk: a Worker has memory and cache-api`);
  }
  for (const [name, upstream] of Object.entries(config.upstreams ?? {})) {
    if (upstream.healthCheck !== undefined)
      problems.push(`upstreams.${name}.healthCheck: a Worker does nothing between requests`);
    if ((upstream.keep ?? 0) > 0)
      problems.push(`upstreams.${name}.keep: connections of a Worker belong to one request`);
    for (const server of upstream.servers) {
      const address = typeof server === "string" ? server : server.address;
      if (parseAddress(address).type === "unix")
        problems.push(`upstreams.${name}: ${address}: a Worker reaches tcp://host:port only`);
    }
  }
  return problems;
}
