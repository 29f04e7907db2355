// The options that `build` and `deploy` share, and the build they start.

import { resolve } from "node:path";
import { IGNORE_FILE } from "../image/application-files.ts";
import { type BuildOptions, type BuildReport, buildApplication } from "../image/build.ts";
import { megabytes, PLATFORM } from "../image/limits.ts";
import { DEFAULT_WEB_PHP } from "../image/php-image.ts";
import { PAGE } from "../image/wasm.ts";
import { CONFIG_FILES } from "../platform/node/config-file.ts";
import { MOST_CHILDREN } from "../platform/workers/settings.ts";
import type { Arguments, OptionSpec } from "./command.ts";
import { loadConfig } from "./config.ts";
import { CliError, codeOf, messageOf } from "./failure.ts";
import { checkedPoolConfig, existingDirectory, readIni } from "./pool.ts";
import { bold, cyan, dim, note, withProgress } from "./terminal.ts";
import { checkUrls } from "./warm-up.ts";

/** MiB of linear memory that PHP needs at least to start, and most that an isolate leaves. */
const MEMORY_MIB = { start: 20, least: 40, most: 112 } as const;

export const buildOptions: Readonly<Record<string, OptionSpec>> = {
  out: { type: "string", short: "o", value: "<dir>", help: "where everything is written (<dir>/.edge-fpm)" },
  "document-root": {
    type: "string",
    value: "<folder>",
    help: "the folder below <dir> that visitors reach, e.g. public (<dir> itself)",
  },
  mount: { type: "string", value: "<path>", help: "where PHP sees the folder (/app)" },
  front: {
    type: "string",
    value: "</script.php>",
    help: "front controller: runs for every path that does not exist, e.g. /index.php",
  },
  index: {
    type: "string",
    multiple: true,
    value: "<name>",
    help: "file that answers for its folder, repeatable (index.php, index.html)",
  },
  config: {
    type: "string",
    value: "<file>",
    help: "sites and locations: see docs/configuration.md\n(<dir>/edge-fpm.config.ts or .js, when it is there)",
  },
  php: { type: "string", value: "<version>", help: `PHP version: 8.2, 8.3, 8.4 or 8.5 (${DEFAULT_WEB_PHP})` },
  "php-ini": { type: "string", value: "<file>", help: "php.ini, read after our defaults" },
  define: {
    type: "string",
    short: "d",
    multiple: true,
    value: "<name=value>",
    help: "one php.ini setting, repeatable",
  },
  children: {
    type: "string",
    short: "c",
    value: "<n>",
    help: `pm.max_children: most interpreters of a pool, 1 to ${MOST_CHILDREN} (1)`,
  },
  pm: { type: "string", value: "<mode>", help: "static, dynamic or ondemand (ondemand)" },
  "max-requests": { type: "string", value: "<n>", help: "requests after which a child is recycled; 0 never (0)" },
  "terminate-timeout": {
    type: "string",
    value: "<seconds>",
    help: "request_terminate_timeout: longest time for one request; 0 for any (0)",
  },
  memory: { type: "string", value: "<MiB>", help: "most linear memory of an interpreter (96)" },
  ignore: {
    type: "string",
    multiple: true,
    value: "<pattern>",
    help: `what is not deployed, beside ${IGNORE_FILE}; as in .gitignore, repeatable`,
  },
  publish: {
    type: "string",
    multiple: true,
    value: "<pattern>",
    help: "further files that visitors may load, e.g. '*.zip', repeatable",
  },
  "assets-only": {
    type: "string",
    multiple: true,
    value: "<pattern>",
    help: "static files that PHP never reads, e.g. '*.jpg', repeatable",
  },
  linked: { type: "string", multiple: true, value: "<dir>", help: "folder outside that links may lead to, repeatable" },
  warmup: {
    type: "string",
    multiple: true,
    value: "<path>",
    help: "run this path while building; children start from what PHP is then, repeatable",
  },
  "no-snapshot": { type: "boolean", help: "children start PHP themselves, as in `edge-fpm dev`" },
  name: { type: "string", value: "<name>", help: "name of the Worker (wrangler.toml's, or the folder's)" },
};

/**
 * Builds what the command line names, and tells what came out, unless `quiet`.
 *
 * @param ignored further patterns of what is not deployed
 * @param snapshot whether children start from a snapshot
 */
export async function buildFrom(
  args: Arguments,
  quiet = false,
  ignored: readonly string[] = [],
  snapshot: boolean = args.flag("no-snapshot") !== true,
): Promise<BuildReport> {
  if (args.positionals.length > 1) throw new CliError("Builds one folder.", { exitCode: 2 });
  const given = optionsOf(args);
  const whole = await withConfig(args, { ...given, ignore: [...(given.ignore ?? []), ...ignored] });
  const options = snapshot ? whole : { ...whole, warmUp: false as const };
  try {
    const work = () => buildApplication(options);
    const report = await (quiet ? work() : withProgress(`Building ${options.root}`, work));
    if (!quiet) printReport(report);
    return report;
  } catch (error) {
    const code = codeOf(error);
    if (code === "PHP_UNKNOWN_VERSION" || code === "IMAGE_OPTION") {
      throw new CliError(messageOf(error), { exitCode: 2, cause: error });
    }
    if (code?.startsWith("IMAGE_") || code?.startsWith("PHP_")) {
      throw new CliError(messageOf(error), { hint: `${code} is explained in docs/errors.md.`, cause: error });
    }
    throw error;
  }
}

function optionsOf(args: Arguments): BuildOptions {
  const root = existingDirectory(args.positionals[0] ?? ".");
  const [out, documentRoot, front, php, name, mount] = ["out", "document-root", "front", "php", "name", "mount"].map(
    (key) => args.text(key),
  );
  if (front !== undefined && !front.startsWith("/")) {
    throw new CliError(`--front ${front} must start with a slash: it is a path below the document root.`, {
      exitCode: 2,
    });
  }
  const index = args.list("index");
  const mebibytes = args.integer("memory", MEMORY_MIB.least, MEMORY_MIB.most);
  return {
    root,
    ini: iniOf(args),
    pool: poolOf(args),
    ignore: args.list("ignore"),
    publish: args.list("publish"),
    assetsOnly: args.list("assets-only"),
    linked: args.list("linked").map(existingDirectory),
    warmUp: checkUrls(args.list("warmup"), "--warmup"),
    ...(out === undefined ? {} : { out: resolve(out) }),
    ...(documentRoot === undefined ? {} : { documentRoot }),
    ...(front === undefined ? {} : { frontController: front }),
    ...(index.length === 0 ? {} : { index }),
    ...(php === undefined ? {} : { php }),
    ...(name === undefined ? {} : { name }),
    ...(mount === undefined ? {} : { mount }),
    ...(mebibytes === undefined ? {} : { memory: { initial: pages(MEMORY_MIB.start), maximum: pages(mebibytes) } }),
  };
}

/** What a configuration says itself. */
const NOT_WITH_CONFIG = ["document-root", "front", "index"];

/** With the configuration that is asked for, or the folder's, unless the command line says what it would say. */
async function withConfig(args: Arguments, options: BuildOptions): Promise<BuildOptions> {
  const says = NOT_WITH_CONFIG.filter((name) => args.has(name)).map((name) => `--${name}`);
  const file = await loadConfig(args.text("config"), options.root, says);
  if (file === undefined) return options;
  const { config } = file;
  const own = { ...options, config, ignore: ignoring(options) };
  const [pool, ...others] = Object.values(config.pools ?? {});
  // Several are refused by the build.
  if (pool === undefined || others.length > 0) return own;
  const { php, ini, env, warmup = [], ...rest } = pool;
  const { statusPath: _status, pingPath: _ping, snapshot: _file, ...policy } = rest;
  if (env !== undefined) {
    throw new CliError("env of a pool has no effect at the edge: write [vars] into wrangler.toml.", { exitCode: 2 });
  }
  const input = { ...options.pool, ...policy };
  checkedPoolConfig(input);
  const settings = Object.entries(ini ?? {}).map(([name, value]) => `${name} = ${iniValue(value)}\n`);
  return {
    ...own,
    pool: input,
    warmUp: [...warmup, ...(options.warmUp || [])],
    ...(php === undefined || options.php !== undefined ? {} : { php }),
    ...(settings.length === 0 ? {} : { ini: `[PHP]\n${settings.join("")}\n${options.ini ?? ""}` }),
  };
}

/** The configuration is in the bundle, and nobody's business. */
function ignoring({ ignore = [] }: BuildOptions): readonly string[] {
  return [...ignore, ...CONFIG_FILES.map((name) => `/${name}`)];
}

function poolOf(args: Arguments) {
  const seconds = args.integer("terminate-timeout", 0, 86_400);
  const pool = {
    // An object that nobody asks is paid for as long as children keep it awake.
    pm: args.oneOf("pm", ["static", "dynamic", "ondemand"]) ?? ("ondemand" as const),
    // What scripts write stays in one child: with a second one, sessions would come and go.
    maxChildren: args.integer("children", 1, MOST_CHILDREN) ?? 1,
    maxRequests: args.integer("max-requests", 0, Number.MAX_SAFE_INTEGER),
    requestTerminateTimeout: seconds === undefined ? undefined : seconds * 1000,
  };
  // What is wrong should be known before it is deployed.
  checkedPoolConfig(pool);
  return pool;
}

function iniOf(args: Arguments): string {
  const file = args.text("php-ini");
  const settings = args.pairs("define").map(([name, value]) => `${name} = ${iniValue(value)}\n`);
  return [file === undefined ? "" : readIni(file), settings.length === 0 ? "" : `[PHP]\n${settings.join("")}`]
    .filter((text) => text !== "")
    .join("\n");
}

/** Words and numbers stay bare, so that units and constants count. */
function iniValue(value: string): string {
  return /^[\w.]*$/.test(value) ? value : `"${value.replace(/["\\]/g, "\\$&")}"`;
}

function pages(mebibytes: number): number {
  return (mebibytes * 1024 * 1024) / PAGE;
}

function printReport(report: BuildReport): void {
  const rows = report.modules.map(({ name, size }) => [name, megabytes(size)] as const);
  const share = Math.round((report.workerBytes / PLATFORM.workerBytes) * 100);
  note(`${bold(cyan(report.name))}  PHP ${report.php}, ${report.files} files (${megabytes(report.fileBytes)})`);
  for (const [name, size] of rows) note(dim(`  ${name.padEnd(18)}${size.padStart(12)}`));
  note(`  ${"Worker".padEnd(18)}${megabytes(report.workerBytes).padStart(12)}  ${share} % of what Cloudflare takes`);
  note(`  ${"static files".padEnd(18)}${megabytes(report.assetBytes).padStart(12)}  ${report.assets} files`);
  for (const warning of report.warnings) note(`${bold("Note:")} ${warning}`);
}
