// An nginx configuration as one of ours.
//
//   importNginx(file, files, options): Imported { config, leftOut, origins }     throws NginxSyntaxError
//   writeConfig(imported, source): string                                        write.ts, TypeScript

import type { GatewayConfig } from "../gateway/config/config.ts";
import { Caches } from "./cache.ts";
import { opinionOf } from "./known.ts";
import { logOf } from "./log.ts";
import { mend } from "./mend.ts";
import type { Directive } from "./parse.ts";
import { type NginxFiles, readNginx } from "./read.ts";
import { type LeftOut, Report } from "./report.ts";
import { Scope } from "./scope.ts";
import { listenOf, serversOf } from "./servers.ts";
import { siteOf } from "./site.ts";
import { Upstreams } from "./upstreams.ts";

export interface ImportOptions {
  /** The folder that relative ones are below: nginx's `-p`. Default Debian's, /usr/share/nginx. */
  readonly prefix?: string;
}

export interface Imported {
  /** Has passed `checkConfig`. */
  readonly config: GatewayConfig;
  readonly leftOut: readonly LeftOut[];
  /** Tables of `config`, and the directives they come from. */
  readonly origins: ReadonlyMap<object, Directive>;
}

/**
 * @param file the main file, absolute; one with `server` blocks alone is taken too
 * @throws {NginxSyntaxError} with file and line
 */
export function importNginx(file: string, files: NginxFiles, options: ImportOptions = {}): Imported {
  const { prefix = "/usr/share/nginx" } = options;
  const { directives, missing } = readNginx(file, files);
  const report = new Report();
  for (const { directive, why } of missing) report.leave("decision", directive, why);
  const main = new Scope(undefined, directives, report);
  const blocks = main.own("http");
  // A file of sites-available is what stands in `http`.
  const http = blocks.length > 0 ? main.inside(blocks.flatMap(({ block }) => block ?? [])) : main;

  const origins = new Map<object, Directive>();
  const upstreams = new Upstreams(http);
  const caches = new Caches(http);
  const servers = serversOf(http);
  const sites = servers.map(({ directive, scope, hosts }) =>
    siteOf(directive, scope, hosts, { upstreams, caches, prefix, origins }),
  );
  const draft: Record<string, unknown> = {};
  const listen = listenOf(servers, report);
  if (listen !== undefined) draft.listen = listen;
  const log = logOf(
    http,
    servers.map(({ scope }) => scope),
  );
  if (log !== undefined) draft.log = log;
  const trusted = trustedOf(
    http,
    servers.map(({ scope }) => scope),
  );
  if (trusted.length > 0) draft.trustedProxies = { from: trusted, take: ["for"] };
  if (http.flag("underscores_in_headers") === true) draft.underscoresInHeaders = true;
  if (upstreams.used.size > 0) draft.upstreams = Object.fromEntries(upstreams.used);
  if (caches.used.size > 0) draft.caches = Object.fromEntries(caches.used);
  for (const [table, directive] of [...upstreams.origins, ...caches.origins]) origins.set(table, directive);
  const [only] = sites;
  if (sites.length === 1 && only !== undefined) {
    Object.assign(draft, only);
    const server = origins.get(only);
    if (server !== undefined) origins.set(draft, server);
  } else if (sites.length > 1) draft.sites = sites;

  const { config, removed } = mend(draft);
  for (const { tables, path, why } of removed) {
    const directive = tables.flatMap((table) => origins.get(table) ?? []).at(-1) ?? directives[0];
    if (directive !== undefined) report.leave("decision", directive, `${path} was taken out again: ${why}`);
  }
  for (const directive of directives) judge(directive, report);
  return { config, leftOut: report.entries(), origins };
}

/** Says something of every directive that nobody took. */
function judge(directive: Directive, report: Report): void {
  const { name, block = [] } = directive;
  if (!report.taken(directive)) {
    if (name === "if") report.leave("unsupported", directive, ifWhy(directive));
    else {
      const { kind, why } = opinionOf(name);
      report.leave(kind, directive, why);
    }
    return;
  }
  // The inside of what was looked at as a whole says nothing of its own.
  if (["if", "map", "geo", "split_clients", "types", "limit_except"].includes(name)) return;
  if (name !== "location" && report.left(directive)) return;
  for (const inner of block) judge(inner, report);
}

function ifWhy({ block = [] }: Directive): string {
  const refuses = block.some(({ name, args }) => name === "deny" || (name === "return" && /^4/.test(args[0] ?? "")));
  return refuses ? "there is no if: what it refuses is open now" : "there is no if";
}

/** Who may say whose request it is. */
function trustedOf(http: Scope, servers: readonly Scope[]): string[] {
  const from = new Set<string>();
  for (const scope of [http, ...servers]) {
    const ranges = scope.all("set_real_ip_from");
    const header = scope.one("real_ip_header");
    const name = header?.args[0] ?? "X-Real-IP";
    if (ranges.length === 0) continue;
    if (name.toLowerCase() !== "x-forwarded-for") {
      const directive = header ?? ranges[0];
      if (directive !== undefined) {
        scope.report.leave(
          "decision",
          directive,
          `visitors' addresses come from X-Forwarded-For, not ${name}: nobody is trusted`,
        );
      }
      continue;
    }
    for (const { args } of ranges) if (args[0] !== undefined) from.add(args[0]);
  }
  return [...from];
}
