// The options of `edge-fpm fpm`: php-fpm's own, by its letters, and those of a pool without a configuration file.

import type { Arguments, OptionSpec } from "./command.ts";
import { CliError } from "./failure.ts";
import { poolOptions } from "./pool.ts";
import { warmUpOptions } from "./warm-up.ts";

// php-fpm's letters win over ours.
const { children, env, verbose, define, "php-ini": phpIni, ...others } = poolOptions;

function withoutLetter({ short: _, ...spec }: OptionSpec): OptionSpec {
  return spec;
}

/** Meant for a pool without a configuration file: with one, the file says it. */
const SINGLE_POOL: Readonly<Record<string, OptionSpec>> = {
  listen: {
    type: "string",
    short: "l",
    multiple: true,
    value: "<address>",
    help: "127.0.0.1:9000 or /path/to.sock, repeatable (127.0.0.1:9000)",
  },
  "listen-mode": { type: "string", value: "<octal>", help: "permissions of a Unix socket, e.g. 0660" },
  root: {
    type: "string",
    value: "<dir>",
    help: "folder of the application, for --mount and --warmup (this folder)",
  },
  children: withoutLetter(children as OptionSpec),
  ...others,
  env: withoutLetter(env as OptionSpec),
  warmup: {
    ...(warmUpOptions.warmup as OptionSpec),
    help: "run this script, a path below --root, in the first child\nand start the others from it, warm; repeatable",
  },
  snapshot: {
    ...(warmUpOptions.snapshot as OptionSpec),
    help: "keep the warm child in this file for the next start\n(with a configuration: one of each pool, its name appended)",
  },
};

export const fpmOptions: Readonly<Record<string, OptionSpec>> = {
  "fpm-config": {
    type: "string",
    short: "y",
    value: "<file>",
    help: "php-fpm.conf: pools, addresses and all else are read from it",
  },
  prefix: {
    type: "string",
    short: "p",
    value: "<dir>",
    help: "what relative paths of the configuration stand below\n(/usr; /var for pid and error_log)",
  },
  test: {
    type: "boolean",
    short: "t",
    multiple: true,
    help: "test the configuration and end; -tt shows what was understood",
  },
  nodaemonize: { type: "boolean", short: "F", help: "stay in the foreground, whatever the configuration says" },
  daemonize: { type: "boolean", short: "D", help: "go to the background, whatever the configuration says" },
  "force-stderr": {
    type: "boolean",
    short: "O",
    help: "in the foreground, log to standard error even when it is no terminal",
  },
  pid: { type: "string", short: "g", value: "<file>", help: "where the process id is written, whatever the file says" },
  "allow-to-run-as-root": { type: "boolean", short: "R", help: "let scripts run as root" },
  "php-ini": {
    ...(phpIni as OptionSpec),
    short: "c",
    value: "<file|dir>",
    help: "php.ini, or the folder of one, read after our defaults\n(-c with a number is --children, as in serve)",
  },
  "no-php-ini": { type: "boolean", short: "n", help: "no php.ini but our defaults" },
  define: { ...(define as OptionSpec), value: "<name[=value]>" },
  "extended-info": { type: "boolean", short: "e", help: "accepted, without meaning here" },
  info: { type: "boolean", short: "i", help: "phpinfo() as text" },
  modules: { type: "boolean", short: "m", help: "extensions of PHP" },
  version: { type: "boolean", short: "v", help: "versions of PHP and edge-fpm" },
  ...SINGLE_POOL,
  verbose: withoutLetter(verbose as OptionSpec),
};

/** Whether the pools come from a file. */
export function fromFile(args: Arguments): boolean {
  return ["fpm-config", "prefix", "test"].some((name) => args.has(name));
}

/** @throws {CliError} exit code 2 when options of a pool without a file stand beside a file */
export function refuseMixture(args: Arguments): void {
  // Which PHP, what it may see and where it keeps its files no configuration of php-fpm can say.
  const allowed = new Set(["php", "mount", "data", "no-network", "root", "queue-timeout", "warmup", "snapshot"]);
  const useless = Object.keys(SINGLE_POOL).filter((name) => !allowed.has(name) && args.has(name));
  if (useless.length === 0) return;
  const names = useless.map((name) => `--${name}`).join(", ");
  throw new CliError(`${names} and a configuration file exclude each other: the file says it.`, { exitCode: 2 });
}
