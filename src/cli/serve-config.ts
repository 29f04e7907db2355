// `edge-fpm serve --config`: the applications, files, caches and logs that a configuration names, and a gateway over them.

import { resolve } from "node:path";
import { type CronJob, runCronJob } from "../cron/index.ts";
import { memoryStore } from "../gateway/cache/index.ts";
import { applicationsOf, longestRead } from "../gateway/config/applications.ts";
import type { CacheZone, GatewayConfig, PoolConfigEntry } from "../gateway/config/config.ts";
import { cronJobs } from "../gateway/config/cron.ts";
import type { CompiledGateway } from "../gateway/config/resolved.ts";
import {
  type ConfiguredGateway,
  createConfiguredGateway,
  DEFAULT_TIMEOUTS,
  type FileSource,
  type Gateway,
  type GatewayResources,
  type ObservedExchange,
} from "../gateway/index.ts";
import {
  type AccessEntry,
  createTracing,
  GatewayMetrics,
  logFormat,
  refusedEntry,
  type Tracing,
  type UpstreamServerState,
} from "../gateway/observe/index.ts";
import { compileConfig } from "../gateway/routing/index.ts";
import { diskStore } from "../platform/node/cache-disk.ts";
import { nodeCompressor } from "../platform/node/compress.ts";
import type { ConfigFile } from "../platform/node/config-file.ts";
import { type CronTimer, startCron } from "../platform/node/cron.ts";
import { nodeFiles } from "../platform/node/files.ts";
import { createNodeResponse, type RefusedRequest } from "../platform/node/http-server.ts";
import { LogFile } from "../platform/node/log-file.ts";
import type { RunJob } from "../platform/node/master-socket.ts";
import { nodeSpool } from "../platform/node/spool.ts";
import { type Exchange, ExchangeError } from "../transport/exchange.ts";
import type { Arguments } from "./command.ts";
import { configuredPools, type StartedPools, startPools } from "./config-pools.ts";
import { type StartedUpstream, startUpstream } from "./config-upstreams.ts";
import { cronStateFile } from "./cron-state.ts";
import { CliError, messageOf } from "./failure.ts";
import { existingDirectory, phpSettings } from "./pool.ts";
import { note } from "./terminal.ts";
import { version } from "./version.ts";

/** What has been checked and compiled, before anything is started. */
export interface PlannedServer {
  readonly config: GatewayConfig;
  readonly gateway: CompiledGateway;
  readonly pools: Readonly<Record<string, PoolConfigEntry>>;
  readonly roots: readonly string[];
  /** The schedule, and the configuration's file, by which its state is found again. */
  readonly jobs: readonly CronJob[];
  readonly file: string;
}

/** A gateway at work. */
export interface ConfiguredServer {
  readonly gateway: ConfiguredGateway;
  /** A request has come. */
  begin(): void;
  /** The HTTP server has refused one by itself. */
  refused(refusal: RefusedRequest): void;
  /** For the start-up line. */
  readonly name: string;
  /** A run of a job now, beside those of the schedule. */
  readonly runJob: RunJob;
  finish(): Promise<void>;
  terminate(): Promise<void>;
}

/**
 * Checks what the configuration's schema cannot know: folders, pools, options of the command line.
 *
 * @throws {CliError}
 */
export function planServer(args: Arguments, { config, folder, path }: ConfigFile): PlannedServer {
  const gateway = compileConfig(config, { root: folder });
  const used = applicationsOf(gateway);
  // Without a word about applications, scripts run in a pool of the command line's.
  const none = config.pools === undefined && config.upstreams === undefined;
  const pools = config.pools ?? (none && used.has(undefined) ? { www: ownPool(args) } : {});
  const roots = [...new Set(gateway.sites.flatMap(({ all }) => all.map(({ root }) => root)))].map(existingDirectory);
  configuredPools(pools);
  if (Object.keys(pools).length > 0) phpSettings(args, roots, config.mail);
  const jobs = cronJobs(config, gateway);
  return { config, gateway, pools, roots, jobs, file: path };
}

/** The pool that the options of the command line describe. */
function ownPool(args: Arguments): PoolConfigEntry {
  const pm = args.oneOf("pm", ["static", "dynamic", "ondemand"]);
  const maxChildren = args.integer("children", 1, 256);
  const maxRequests = args.integer("max-requests", 0, Number.MAX_SAFE_INTEGER);
  const seconds = args.integer("terminate-timeout", 0, 86_400);
  return {
    ...(pm === undefined ? {} : { pm }),
    ...(maxChildren === undefined ? {} : { maxChildren }),
    ...(maxRequests === undefined ? {} : { maxRequests }),
    ...(seconds === undefined ? {} : { requestTerminateTimeout: seconds * 1000 }),
  };
}

/** Starts everything but the HTTP server. */
export async function startServer(args: Arguments, plan: PlannedServer): Promise<ConfiguredServer> {
  const { gateway, config } = plan;
  const readTimeout = longestRead(gateway, DEFAULT_TIMEOUTS.read);
  const upstreams = new Map(
    Object.entries(config.upstreams ?? {}).map(([name, one]) => [name, startUpstream(name, one, readTimeout)]),
  );
  const names = Object.keys(config.upstreams ?? {});
  for (const name of new Set([...applicationsOf(gateway), ...plan.jobs.map(({ application }) => application)])) {
    if (name === undefined || name in plan.pools || upstreams.has(name)) continue;
    upstreams.set(name, startUpstream(name, { servers: [name] }, readTimeout));
    names.push(name);
  }
  const log = accessLog(config);
  let pools: StartedPools | undefined;
  try {
    if (Object.keys(plan.pools).length > 0) {
      const warmUp = (pool: string, application: Exchange) => warmUpGateway(plan, pool, application);
      pools = await startPools(args, plan.pools, plan.roots, config.mail, warmUp);
    }
  } catch (error) {
    for (const upstream of upstreams.values()) upstream.close();
    throw error;
  }
  const exchange = jobExchanges(pools, upstreams);
  const schedule = startSchedule(args, plan, exchange);
  const metrics = new GatewayMetrics({
    upstreams: () => [...upstreams.values()].flatMap(statesOf),
    ...(plan.jobs.length > 0 && { cron: () => schedule?.status() ?? [] }),
    waiting: () => Object.fromEntries([...upstreams].map(([name, one]) => [name, one.upstream.status().waiting])),
  });
  const tracing = config.tracing === false ? undefined : createTracing({ start: config.tracing?.start ?? "never" });
  const close = () => {
    for (const upstream of upstreams.values()) upstream.close();
    log?.close();
  };
  return {
    gateway: createConfiguredGateway(gateway, resources(args, upstreams, pools, metrics, tracing, log?.write)),
    begin: () => metrics.begin(),
    refused(refusal) {
      metrics.refused(refusal.status);
      log?.write(refusedEntry(refusal, Date.now()));
    },
    name: [...(pools?.names ?? []), ...names].join(", ") || "no application",
    runJob(name, signal) {
      const job = plan.jobs.find((one) => one.name === name);
      return job && runCronJob(job, exchange(job), { software: SOFTWARE }, signal);
    },
    async finish() {
      await schedule?.stop(JOB_GRACE);
      await pools?.finish();
      close();
    },
    async terminate() {
      await schedule?.stop();
      await pools?.terminate();
      close();
    },
  };
}

/** The gateway as it will be, with `application` in place of the pool of that name and nothing else behind it. */
function warmUpGateway({ gateway, pools }: PlannedServer, pool: string, application: Exchange): Gateway {
  const [only, ...more] = Object.keys(pools);
  const otherwise = more.length === 0 ? only : undefined;
  const { handle } = createConfiguredGateway(gateway, {
    application: (name) => ((name ?? otherwise) === pool ? application : withoutApplication),
    files: filesByRoot(),
    spool: nodeSpool(),
  });
  return handle;
}

/** How long jobs under way may take after Ctrl-C, in milliseconds: as long as requests. */
const JOB_GRACE = 10_000;

const SOFTWARE = `edge-fpm/${version()}`;

/** The application that runs a job. */
function jobExchanges(pools: StartedPools | undefined, upstreams: ReadonlyMap<string, StartedUpstream>) {
  return ({ application }: CronJob): Exchange => {
    const [only, ...more] = pools?.jobs.keys() ?? [];
    const known = application ?? (more.length === 0 ? only : undefined);
    if (known === undefined) return withoutApplication;
    return pools?.jobs.get(known) ?? upstreams.get(known)?.upstream.exchange ?? withoutApplication;
  };
}

function startSchedule(
  args: Arguments,
  { jobs, file }: PlannedServer,
  exchange: (job: CronJob) => Exchange,
): CronTimer | undefined {
  if (jobs.length === 0) return undefined;
  return startCron({
    jobs,
    stateFile: cronStateFile(args, file),
    software: SOFTWARE,
    log: ({ level, message }) => note(`[${new Date().toISOString()}] ${level.toUpperCase()}: ${message}`),
    exchange,
  });
}

function resources(
  args: Arguments,
  upstreams: ReadonlyMap<string, StartedUpstream>,
  pools: StartedPools | undefined,
  metrics: GatewayMetrics,
  tracing: Tracing | undefined,
  write: ((entry: AccessEntry) => void) | undefined,
): GatewayResources {
  const [only, ...more] = pools?.exchanges.keys() ?? [];
  return {
    application(name) {
      // Of a pool that nobody wrote down, no location knows the name.
      const known = name ?? (more.length === 0 ? only : undefined);
      if (known === undefined) return withoutApplication;
      return pools?.exchanges.get(known) ?? upstreams.get(known)?.upstream.exchange ?? withoutApplication;
    },
    files: filesByRoot(),
    cacheStore,
    spool: nodeSpool(),
    compress: nodeCompressor,
    createResponse: createNodeResponse,
    metrics: () => metrics.text(),
    tracing,
    onError: (error, { method, target }, status, broken) => {
      // What the visitor did wrong is no news; what the application did is.
      if (status < 500 && !broken && !args.flag("verbose")) return;
      note(`${method} ${target} ${status}${broken ? " broke off" : ""}: ${messageOf(error)}`);
    },
    onStderr: (text, { method, target }) => note(`${method} ${target} stderr: ${text}`),
    onAccess(entry, logged) {
      metrics.end(entry);
      if (logged) write?.(entry);
    },
  };
}

const withoutApplication: ObservedExchange = () =>
  Promise.reject(
    new ExchangeError(
      "EXCHANGE_CONNECT",
      "the location names no application: fastcgi.pass says which pool or upstream",
    ),
  );

/** Made once for each folder. A folder that is not there has no files. */
function filesByRoot(): GatewayResources["files"] {
  const known = new Map<string, FileSource>();
  return (root, { followSymlinks }) => {
    const key = `${followSymlinks ? "+" : "-"}${root}`;
    let files = known.get(key);
    if (files === undefined) {
      try {
        files = nodeFiles(root, { followSymlinks });
      } catch {
        // Of an alias; it may be made later.
        return { find: () => undefined };
      }
      known.set(key, files);
    }
    return files;
  };
}

function cacheStore(zone: string, { store, maxSize, path, inactive }: CacheZone) {
  const size = maxSize === undefined ? {} : { maxBytes: maxSize };
  if (store === "disk" && path !== undefined) {
    return diskStore({
      folder: resolve(path),
      ...size,
      ...(inactive === undefined ? {} : { inactive: inactive * 1000 }),
      onError: (error) => note(`cache ${zone}: ${messageOf(error)}`),
    });
  }
  if (store === "cache-api") note(`cache ${zone}: cache-api is for Workers; here the answers are kept in memory.`);
  return memoryStore(size);
}

/** The access log; SIGUSR1 opens its file anew, as php-fpm and nginx do. */
function accessLog({ log }: GatewayConfig) {
  if (log === undefined) return undefined;
  const line = logFormat(log.format ?? "combined");
  if (log.file === undefined || log.file === "-") {
    return { write: (entry: AccessEntry) => void process.stdout.write(`${line(entry)}\n`), close() {} };
  }
  let file: LogFile;
  try {
    file = new LogFile(log.file);
  } catch (error) {
    throw new CliError(`Cannot open the access log ${log.file}: ${messageOf(error)}`, { cause: error });
  }
  const reopen = () => file.reopen();
  process.on("SIGUSR1", reopen);
  return {
    write: (entry: AccessEntry) => file.write(`${line(entry)}\n`),
    close() {
      process.off("SIGUSR1", reopen);
      file.close();
    },
  };
}

function statesOf({ upstream, connections }: StartedUpstream): UpstreamServerState[] {
  const { name, servers } = upstream.status();
  return servers.map((server) => {
    const counts = connections.get(server.name)?.counts();
    return {
      upstream: name,
      server: server.name,
      state: server.state === "failing" ? "failed" : server.state,
      active: counts?.busy ?? server.active,
      idle: counts?.idle ?? 0,
    };
  });
}
