// What the parts of a configuration mean for each other: names that must exist, settings that exclude each other. Sees a
// configuration of the right shape, with holes where it was not.

import { scheduleProblem } from "../../cron/index.ts";
import { parseAddress } from "../../transport/address.ts";
import { logFormat } from "../observe/log-format.ts";
import { addressRanges } from "../request/address-ranges.ts";
import type { GatewayConfig, Site, UpstreamConfig } from "./config.ts";
import { cronName } from "./cron.ts";
import type { Problem } from "./errors.ts";
import type { Location } from "./location.ts";
import { checkLocation } from "./location-check.ts";
import { nearest } from "./nearest.ts";
import { captureNames } from "./regex.ts";
import { checkSettings } from "./settings-check.ts";
import { templateProblems } from "./template.ts";
import { VARIABLES } from "./variables.ts";

/** Where a problem is noted. */
export type Report = (path: string, seen: string, allowed: string) => void;

/** What there is to refer to. */
export interface Names {
  readonly applications: readonly string[];
  readonly caches: readonly string[];
}

export function checkReferences(config: GatewayConfig): Problem[] {
  const problems: Problem[] = [];
  const report: Report = (path, seen, allowed) => {
    problems.push({ path, seen, allowed });
  };
  const pools = Object.keys(config.pools ?? {});
  const upstreams = Object.entries(config.upstreams ?? {});
  const names: Names = {
    applications: [...pools, ...upstreams.map(([name]) => name)],
    caches: Object.keys(config.caches ?? {}),
  };

  checkSite(config, "", names, report);
  if (config.sites === undefined) checkPass(config, "", undefined, names, report);
  if (config.sites !== undefined) {
    for (const key of ["hosts", "preset", "locations", "rewrite"] as const) {
      if (config[key] !== undefined) report(key, "beside sites", `${key} in one of the sites`);
    }
    config.sites.forEach((site, index) => {
      if (site === undefined) return;
      checkSite(site, `sites[${index}].`, names, report);
      checkPass(site, `sites[${index}].`, config.fastcgi?.pass, names, report);
    });
    checkHosts(config.sites, report);
  }
  for (const [name, upstream] of upstreams) {
    if (upstream === undefined) continue;
    const path = `upstreams${keyText(name)}`;
    if (pools.includes(name)) report(path, "the name of a pool too", "another name");
    checkUpstream(upstream, path, report);
  }
  checkSnapshots(config, report);
  checkCron(config, names, report);
  checkRanges(config.trustedProxies?.from, "trustedProxies.from", report, "");
  checkRanges(config.metrics?.allow, "metrics.allow", report);
  checkRanges(config.purge?.allow, "purge.allow", report);
  const format = config.log?.format;
  if (format !== undefined) {
    try {
      logFormat(format);
    } catch (error) {
      report("log.format", JSON.stringify(format), `common, combined, json or a template. ${(error as Error).message}`);
    }
  }
  for (const [name, cache] of Object.entries(config.caches ?? {})) {
    if (cache?.store === "disk" && cache.path === undefined) {
      report(`caches${keyText(name)}.path`, "not there", "a folder, as store is disk");
    }
  }
  return problems;
}

/** Each pool would write over the snapshot of the other. */
function checkSnapshots({ pools = {} }: GatewayConfig, report: Report): void {
  const owners = new Map<string, string>();
  for (const [name, pool] of Object.entries(pools)) {
    const file = pool?.snapshot;
    if (file === undefined) continue;
    const owner = owners.get(file);
    if (owner === undefined) owners.set(file, name);
    else report(`pools${keyText(name)}.snapshot`, `the file of pools${keyText(owner)} too`, "a file of its own");
  }
}

function checkCron(config: GatewayConfig, names: Names, report: Report): void {
  const seen = new Map<string, number>();
  config.cron?.forEach((entry, index) => {
    if (entry === undefined) return;
    const path = `cron[${index}]`;
    const { schedule, timezone, script, pass } = entry;
    if (timezone !== undefined && scheduleProblem("* * * * *", timezone) !== undefined) {
      report(`${path}.timezone`, JSON.stringify(timezone), "a time zone such as Europe/Berlin, or UTC");
    } else if (schedule !== undefined) {
      const problem = scheduleProblem(schedule, timezone ?? "UTC");
      if (problem !== undefined) {
        const job = script === undefined ? "" : ` of ${cronName(entry)}`;
        report(`${path}.schedule`, JSON.stringify(schedule) + job, `a cron expression such as */5 * * * *. ${problem}`);
      }
    }
    checkApplication(pass, `${path}.pass`, names, report);
    if (script === undefined) return;
    const name = cronName(entry);
    const first = seen.get(name);
    if (first !== undefined) report(path, `called ${name} as cron[${first}] is`, "a name of its own");
    else seen.set(name, index);
  });
}

function checkSite(site: Site, path: string, names: Names, report: Report): void {
  const expressions = [...(site.hosts ?? []), ...(site.rewrite ?? []).map((rule) => rule?.from)];
  const captures = new Set(namesIn(expressions.filter((one) => one instanceof RegExp || typeof one === "string")));

  const locations = site.locations ?? [];
  const named = new Set(
    locations.flatMap((location) => (location !== undefined && "name" in location ? [location.name] : [])),
  );
  const scope = { names, named, captures, report };
  site.rewrite?.forEach((rule, index) => {
    if (rule?.to !== undefined) checkTemplate(rule.to, `${path}rewrite[${index}].to`, captures, report);
  });
  // Of a site's default, any location's names may come from its own expression.
  checkSettings(site, path, { ...scope, captures: new Set([...captures, ...namesIn(locations.flatMap(regexOf))]) });

  const seen = new Map<string, number>();
  locations.forEach((location, index) => {
    if (location === undefined) return;
    const where = `${path}locations[${index}]`;
    checkLocation(location, where, scope);
    const key = matchKey(location);
    if (key === undefined) return;
    const first = seen.get(key);
    if (first !== undefined) report(where, `for the same paths as locations[${first}]`, "one location for each");
    else seen.set(key, index);
  });
}

function namesIn(expressions: readonly (RegExp | string)[]): string[] {
  return expressions.flatMap((regex) => captureNames(regex));
}

function regexOf(location: Location | undefined): (RegExp | string)[] {
  return location !== undefined && "regex" in location && location.regex !== undefined ? [location.regex] : [];
}

/** With several applications, what runs scripts must say in which. */
function checkPass(site: Site, path: string, inherited: string | undefined, names: Names, report: Report): void {
  if (names.applications.length < 2 || (site.fastcgi?.pass ?? inherited) !== undefined) return;
  const allowed = `one of ${names.applications.join(", ")}, or an address`;
  if (site.preset !== undefined || site.frontController !== undefined) {
    report(`${path}fastcgi.pass`, "not there", allowed);
    return;
  }
  site.locations?.forEach((location, index) => {
    if (location?.fastcgi !== undefined && !("pass" in location.fastcgi)) {
      report(`${path}locations[${index}].fastcgi.pass`, "not there", allowed);
    }
  });
}

/** Equal for locations that are for the same paths. */
function matchKey(location: Location): string | undefined {
  if ("exact" in location) return location.exact && `= ${location.exact}`;
  if ("prefix" in location) return location.prefix && `/ ${location.prefix}`;
  if ("name" in location) return location.name && `@ ${location.name}`;
  return regexOf(location).map((regex) => (regex instanceof RegExp ? String(regex) : `/${regex}/`))[0];
}

function checkHosts(sites: readonly Site[], report: Report): void {
  const seen = new Map<string, number>();
  sites.forEach((site, index) => {
    (site?.hosts ?? []).forEach((host, at) => {
      if (host === undefined) return;
      const key = String(host).toLowerCase();
      const first = seen.get(key);
      if (first !== undefined)
        report(`sites[${index}].hosts[${at}]`, `a host of sites[${first}] too`, "one site a host");
      else seen.set(key, index);
    });
  });
  const open = sites.flatMap((site, index) => (site !== undefined && (site.hosts ?? []).length === 0 ? [index] : []));
  for (const index of open.slice(1)) {
    report(`sites[${index}].hosts`, "not there", `host names, as sites[${open[0]}] is for every other host`);
  }
}

function checkUpstream(upstream: UpstreamConfig, path: string, report: Report): void {
  const servers = upstream.servers ?? [];
  servers.forEach((server, index) => {
    const address = typeof server === "string" ? server : server?.address;
    if (address === undefined || isAddress(address)) return;
    const where = `${path}.servers[${index}]${typeof server === "string" ? "" : ".address"}`;
    report(where, JSON.stringify(address), "an address such as unix:/run/php.sock or tcp://127.0.0.1:9000");
  });
  const asked = servers.filter(
    (server) => typeof server === "string" || (server?.backup !== true && server?.down !== true),
  );
  if (servers.length > 0 && asked.length === 0) {
    report(`${path}.servers`, "backup or down, all of them", "at least one that is neither");
  }
  if (typeof upstream.balance === "object") {
    checkTemplate(upstream.balance.hash, `${path}.balance.hash`, new Set(), report);
  }
}

function isAddress(text: string): boolean {
  try {
    parseAddress(text);
    return true;
  } catch {
    return false;
  }
}

/** The name of an application, or an address. */
export function checkApplication(pass: string | undefined, path: string, names: Names, report: Report): void {
  if (pass === undefined || names.applications.includes(pass) || isAddress(pass)) return;
  const meant = nearest(pass, names.applications);
  const known = names.applications.length === 0 ? "there are no pools or upstreams" : names.applications.join(", ");
  report(
    path,
    JSON.stringify(pass),
    meant === undefined
      ? `the name of a pool or an upstream (${known}), or an address such as unix:/run/php.sock`
      : `did you mean ${meant}?`,
  );
}

export function checkTemplate(
  template: string | undefined,
  path: string,
  captures: ReadonlySet<string>,
  report: Report,
): void {
  if (template === undefined) return;
  for (const problem of templateProblems(template, captures)) report(path, JSON.stringify(template), problem);
}

/** @param everybody what stands for everybody; `""` where nobody may say so */
export function checkRanges(
  ranges: readonly string[] | undefined,
  path: string,
  report: Report,
  everybody = "all",
): void {
  ranges?.forEach((range, index) => {
    if (range === undefined || range === everybody) return;
    try {
      addressRanges([range]);
    } catch {
      report(
        `${path}[${index}]`,
        JSON.stringify(range),
        `an address, a range such as 10.0.0.0/8, unix:${everybody && ` or ${everybody}`}`,
      );
    }
  });
}

/** Captures whose names mean something else already. */
export function checkCaptures(regex: RegExp | string | undefined, path: string, report: Report): void {
  if (regex === undefined) return;
  for (const name of captureNames(regex)) {
    if (VARIABLES.has(name)) report(path, `a capture called ${name}`, "another name: that one is a variable");
  }
}

export function keyText(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}
