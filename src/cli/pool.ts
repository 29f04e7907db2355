// The options that `serve` and `fpm` share, and the pool they start from them.

import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { ChildLink } from "../dispatch/child-link.ts";
import { poolExchange } from "../dispatch/pool-exchange.ts";
import {
  ConfigError,
  type Log,
  type LogRecord,
  Pool,
  type PoolConfig,
  type PoolConfigInput,
  poolConfig,
  statusArray,
  workerOutput,
} from "../fpm/index.ts";
import type { MailConfig } from "../gateway/config/config.ts";
import type { PhpVersion } from "../platform/node/php-versions.ts";
import {
  createThreadSpawn,
  type PoolSettings,
  type ThreadSpawn,
  type ThreadSpawnOptions,
} from "../platform/node/spawn-thread.ts";
import type { Exchange } from "../transport/exchange.ts";
import type { Arguments, OptionSpec } from "./command.ts";
import { CliError, messageOf } from "./failure.ts";
import { mailOf, mailOptions } from "./mail.ts";
import { offerPhp } from "./offer-php.ts";
import { note, withProgress } from "./terminal.ts";
import { snapshotOptions, warmUpOf } from "./warm-up.ts";

/** Most children that one command starts: each holds about 90 MB. */
const MOST_CHILDREN = 256;

export const poolOptions: Readonly<Record<string, OptionSpec>> = {
  php: { type: "string", value: "<version>", help: "PHP version: 8.2, 8.3, 8.4 or 8.5 (the best one installed)" },
  children: { type: "string", short: "c", value: "<n>", help: "pm.max_children: most resident interpreters (2)" },
  pm: { type: "string", value: "<mode>", help: "static, dynamic or ondemand (static)" },
  "max-requests": { type: "string", value: "<n>", help: "requests after which a child is recycled; 0 never (0)" },
  "terminate-timeout": {
    type: "string",
    value: "<seconds>",
    help: "request_terminate_timeout: longest time for one request; 0 for any (0)",
  },
  backlog: { type: "string", value: "<n>", help: "most requests that wait for a child (511)" },
  "queue-timeout": { type: "string", value: "<seconds>", help: "longest wait for a child (30)" },
  "php-ini": { type: "string", value: "<file>", help: "php.ini, read after our defaults" },
  define: {
    type: "string",
    short: "d",
    multiple: true,
    value: "<name=value>",
    help: "one php.ini setting, repeatable",
  },
  env: {
    type: "string",
    short: "e",
    multiple: true,
    value: "<NAME=value>",
    help: "environment of the scripts, repeatable",
  },
  mount: {
    type: "string",
    multiple: true,
    value: "<dir>",
    help: "show PHP this directory only, repeatable (the whole machine, as php-fpm)",
  },
  data: {
    type: "string",
    value: "<dir>",
    help: "where sessions and temporary files are kept (system's temporary directory)",
  },
  ...mailOptions,
  "no-network": { type: "boolean", help: "PHP reaches no network" },
  verbose: { type: "boolean", short: "v", help: "log the children's lives and the scripts' notices" },
};

export interface StartedPool {
  readonly pool: Pool<ChildLink>;
  readonly exchange: Exchange;
  readonly php: PhpVersion;
}

/** Settings of PHP that the command line gives. */
export type PhpSettings = PoolSettings & { readonly env: Readonly<Record<string, string>> };

/**
 * Reads `--php-ini`, `--define`, `--env`, `--mount`, `--data`, `--smtp` and `--no-network`. All that can be wrong with them is
 * found here, before PHP is compiled or even installed.
 *
 * @param roots directories that must be visible to PHP whatever `--mount` says
 * @param mailConfig where mails go when the command line does not say
 */
export function phpSettings(args: Arguments, roots: readonly string[], mailConfig?: MailConfig): PhpSettings {
  const mail = mailOf(args, mailConfig);
  const mounts = args.list("mount").map(existingDirectory);
  const iniFile = iniFileOf(args);
  const data = args.text("data");
  const ini = {
    ...(iniFile === undefined ? {} : { text: readIni(iniFile) }),
    settings: definitions(args.list("define").map(definition)),
  };
  const env = Object.fromEntries(args.pairs("env"));
  if (data !== undefined) makeDirectory(data);
  return {
    ini,
    env,
    network: !args.flag("no-network"),
    ...(mail === undefined ? {} : { mail }),
    ...(mounts.length === 0 ? {} : { mounts: [...mounts, ...roots] }),
    ...(data === undefined ? {} : { sharedDirectory: resolve(data) }),
  };
}

/**
 * Finds all that can be wrong with the options of a pool, before anything is started.
 *
 * @throws {CliError}
 */
export function checkPool(args: Arguments, roots: readonly string[]): void {
  poolConfigOf(args, undefined);
  phpSettings(args, roots);
}

export interface PoolStart {
  /** Children, whatever `--children` says. */
  readonly children?: number;
  /** No progress line. */
  readonly quiet?: boolean;
  /** Makes a gateway over an application: how the URLs of `--warmup` become requests. */
  readonly gateway?: (application: Exchange) => (request: Request) => Promise<Response>;
}

/**
 * Compiles PHP and starts the pool.
 *
 * @param roots directories that must be visible to PHP whatever `--mount` says
 */
export async function startPool(
  args: Arguments,
  roots: readonly string[],
  start: PoolStart = {},
): Promise<StartedPool> {
  const config = poolConfigOf(args, start.children);
  const settings = phpSettings(args, roots);
  const log = logOf(args);
  const progress = start.quiet === true ? withoutProgress : withProgress;

  return offerPhp(args.text("php"), (php) =>
    progress(`Preparing PHP ${php}`, async (say) => {
      // The status of a pool is asked for by its children, which exist only after it.
      let status: (() => object) | undefined;
      const warm = start.gateway && warmUpOf(args);
      const snapshot = warm && start.gateway && snapshotOptions(warm, config.name, start.gateway);
      const spawn = await compileThreads(
        { ...settings, php, poolStatus: () => status?.(), ...(snapshot && { snapshot }) },
        log,
        say,
      );
      say(`starting ${config.pm === "static" ? config.maxChildren : config.startServers} children`);
      const pool = new Pool(config, spawn.spawn, { log });
      status = () => statusArray(pool.status());
      await pool.start();
      return { pool, exchange: poolExchange(pool), php: spawn.php };
    }),
  );
}

/** Compiles PHP for threads that are reached by a `ChildLink` each. */
export function compileThreads(
  options: Omit<ThreadSpawnOptions<ChildLink>, "wrap" | "onProgress" | "onOutput">,
  log: Log,
  say: (detail: string) => void,
): Promise<ThreadSpawn<ChildLink>> {
  return createThreadSpawn({
    ...options,
    wrap: (transport) => new ChildLink(transport),
    onProgress: ({ stage, bytes }) =>
      say(bytes === 0 ? stage : `${stage} ${(bytes / 1024 / 1024).toFixed(1)} MB of WebAssembly`),
    // What a thread says, the glue's complaints above all: scripts say what they have to say in FastCGI's STDERR.
    onOutput: (pid, text, { pool, stream }) =>
      workerOutput((record) => log({ ...record, level: "notice" }), { pool })(pid, stream, text),
  });
}

function withoutProgress<T>(_label: string, work: (say: (detail: string) => void) => Promise<T>): Promise<T> {
  return work(() => {});
}

/** Of two values for one setting the last one counts; extensions are added up. */
function definitions(entries: readonly (readonly [string, string])[]): Record<string, string> {
  const settings = Object.fromEntries(entries);
  for (const name of ["extension", "zend_extension"]) {
    const all = entries.filter(([its]) => its === name).map(([, value]) => value);
    if (all.length > 0) settings[name] = all.join(",");
  }
  return settings;
}

/** `name=value`, or `name` alone for a switch that is on, as PHP's `-d` has it. */
function definition(entry: string): readonly [string, string] {
  const equals = entry.indexOf("=");
  if (entry === "" || equals === 0) {
    throw new CliError(`--define ${entry} has no name: write NAME=VALUE.`, { exitCode: 2 });
  }
  return equals === -1 ? [entry, "1"] : [entry.slice(0, equals), entry.slice(equals + 1)];
}

/** The file of `--php-ini`, which may be a folder that has one; undefined with `--no-php-ini`. */
function iniFileOf(args: Arguments): string | undefined {
  const given = args.text("php-ini");
  if (given === undefined || args.flag("no-php-ini") || childrenByLetter(args) !== undefined) return undefined;
  if (statSync(given, { throwIfNoEntry: false })?.isDirectory() !== true) return given;
  const found = ["php-fpm-fcgi.ini", "php.ini"].map((name) => join(given, name)).find((path) => existsSync(path));
  if (found === undefined) throw new CliError(`There is no php.ini in ${given}.`, { exitCode: 2 });
  return found;
}

/** `fpm -c 4`: php-fpm's letter for php.ini, with a number that can only be meant for `--children`. */
function childrenByLetter(args: Arguments): number | undefined {
  return /^\d{1,3}$/.test(args.text("php-ini") ?? "") ? args.integer("php-ini", 1, MOST_CHILDREN) : undefined;
}

function poolConfigOf(args: Arguments, children: number | undefined): PoolConfig {
  const seconds = (name: string) => {
    const value = args.integer(name, 0, 86_400);
    return value === undefined ? undefined : value * 1000;
  };
  return checkedPoolConfig({
    pm: args.oneOf("pm", ["static", "dynamic", "ondemand"]) ?? "static",
    maxChildren: children ?? args.integer("children", 1, MOST_CHILDREN) ?? childrenByLetter(args) ?? 2,
    maxRequests: args.integer("max-requests", 0, Number.MAX_SAFE_INTEGER),
    requestTerminateTimeout: seconds("terminate-timeout"),
    listenBacklog: args.integer("backlog", 1, 65_535),
    queueTimeout: seconds("queue-timeout"),
  });
}

/** `poolConfig`, whose complaints are about the command line here. */
export function checkedPoolConfig(input: PoolConfigInput): PoolConfig {
  try {
    return poolConfig(input);
  } catch (error) {
    if (error instanceof ConfigError) throw new CliError(error.message, { exitCode: 2, cause: error });
    throw error;
  }
}

/** @throws {CliError} when it cannot be read */
export function readIni(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new CliError(`Cannot read --php-ini ${file}: ${messageOf(error)}`, { exitCode: 2, cause: error });
  }
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(resolve(path), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new CliError(`--data ${path} cannot be a folder: ${messageOf(error)}`, { exitCode: 2, cause: error });
  }
}

/** @throws {CliError} when there is no such folder */
export function existingDirectory(path: string): string {
  const absolute = resolve(path);
  const found = statSync(absolute, { throwIfNoEntry: false });
  if (found === undefined) throw new CliError(`There is no folder ${absolute}.`, { exitCode: 2 });
  if (!found.isDirectory()) throw new CliError(`${absolute} is a file, not a folder.`, { exitCode: 2 });
  return absolute;
}

/** What of a pool's log is written: everything, or what went wrong. */
export function logOf(args: Arguments): Log {
  return args.flag("verbose") ? writeLog : writeImportant;
}

function writeLog({ level, message }: LogRecord): void {
  note(`[${new Date().toISOString()}] ${level.toUpperCase()}: ${message}`);
}

function writeImportant(record: LogRecord): void {
  if (record.level !== "debug" && record.level !== "notice") writeLog(record);
}
