// The configuration file of `edge-fpm fpm`: found, read, tested and shown as php-fpm does it.

import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { dumpConfig } from "../fpm/conf/dump.ts";
import { type ParsedConfig, parseFpmConfig } from "../fpm/conf/parse.ts";
import { ConfFileError, problemLine } from "../fpm/conf/problem.ts";
import type { Log } from "../fpm/log.ts";
import type { Arguments } from "./command.ts";
import { nodeConfSystem } from "./conf-system.ts";
import { CliError } from "./failure.ts";

/** php-fpm's exit status for a configuration that cannot be used (FPM_EXIT_CONFIG, sysexits' EX_CONFIG). */
export const EXIT_CONFIG = 78;

/** Where the configuration is, and how it was read. */
export interface FoundConfig extends ParsedConfig {
  readonly path: string;
}

/**
 * Reads the configuration that the command line names, and logs its warnings. Reading it again for a reload is the same call.
 *
 * @returns undefined when it has faults: each is in the log
 */
export function readConfig(args: Arguments, log: Log): FoundConfig | undefined {
  const prefix = prefixOf(args);
  const path = configPath(args, prefix);
  const write = (level: "error" | "warning", message: string) => log({ level, message, fields: { file: path } });
  try {
    const parsed = parseFpmConfig(path, nodeConfSystem(), { given: prefix });
    for (const warning of parsed.warnings) write("warning", warning);
    const pid = args.text("pid");
    if (pid === undefined) return { ...parsed, path };
    const global = { ...parsed.config.global, pid: resolve(pid) };
    return { ...parsed, config: { ...parsed.config, global }, path };
  } catch (error) {
    if (!(error instanceof ConfFileError)) throw error;
    for (const problem of error.problems) write("error", problemLine(problem));
    const count = error.problems.length;
    write("error", `the configuration has ${count === 1 ? "a fault" : `${count} faults`}: ${path}`);
    return undefined;
  }
}

/** `-t`: tells whether the configuration can be used; `-tt` shows it first. The exit status is php-fpm's. */
export function testConfig(args: Arguments, log: Log): number {
  const found = readConfig(args, log);
  if (found === undefined) return EXIT_CONFIG;
  const say = (message: string) => log({ level: "notice", message, fields: {} });
  if (args.list("test").length > 1) for (const line of dumpConfig(found.config)) say(line);
  say(`configuration file ${found.path} test is successful`);
  return 0;
}

/** `-p`, absolute. */
function prefixOf(args: Arguments): string | undefined {
  const given = args.text("prefix");
  if (given === undefined) return undefined;
  const prefix = resolve(given);
  if (statSync(prefix, { throwIfNoEntry: false })?.isDirectory() === true) return prefix;
  throw new CliError(`The prefix ${prefix} does not exist or is no folder.`, { exitCode: EXIT_CONFIG });
}

/** `-y`, else the place below the prefix, else the first of those where distributions put it. */
function configPath(args: Arguments, prefix: string | undefined): string {
  const given = args.text("fpm-config");
  if (given !== undefined) return given;
  if (prefix !== undefined) return `${prefix}/etc/php-fpm.conf`;
  const version = args.text("php") ?? "8.2";
  const usual = [`/etc/php/${version}/fpm/php-fpm.conf`, "/etc/php-fpm.conf", "/usr/local/etc/php-fpm.conf"];
  const found = usual.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new CliError("There is no php-fpm.conf in the usual places.", {
    exitCode: EXIT_CONFIG,
    hint: `Name it with -y. Looked at ${usual.join(", ")}.`,
  });
}
