// What `edge-fpm php` takes from a configuration: the settings of the pool that its script belongs to, so that a script on
// the command line finds what visitors' scripts find.

import { realpathSync, statSync } from "node:fs";
import { dirname, sep } from "node:path";
import type { MailConfig, PoolConfigEntry } from "../gateway/config/config.ts";
import { compileConfig } from "../gateway/routing/index.ts";
import { type ConfigFile, findConfigFile } from "../platform/node/config-file.ts";
import { loadConfig } from "./config.ts";
import { CliError } from "./failure.ts";

export interface PhpConfigAsked {
  /** `--config`. */
  readonly config: string | undefined;
  /** `--no-config`: none is looked for. */
  readonly noConfig: boolean;
  /** `--pool`. */
  readonly pool: string | undefined;
  /** Real path of the script; undefined: code of the command line, or a script from standard input. */
  readonly script: string | undefined;
}

export type PhpConfig = Pick<PoolConfigEntry, "php" | "ini" | "env"> & { readonly mail?: MailConfig };

/**
 * The settings of the script's pool in the configuration that `--config` names, or that of the current folder, the script's
 * own, or the one above it.
 *
 * @throws {CliError} exit code 2
 */
export async function phpConfig({ config, noConfig, pool, script }: PhpConfigAsked): Promise<PhpConfig> {
  if (noConfig && config !== undefined) {
    throw new CliError("--config and --no-config exclude each other.", { exitCode: 2 });
  }
  const path = config ?? (noConfig ? undefined : (findConfigFile(".") ?? configOfScript(script)));
  const file = path === undefined ? undefined : await loadConfig(path, ".", []);
  if (file === undefined) {
    if (pool === undefined) return {};
    throw new CliError("--pool is for a configuration, and there is none.", {
      exitCode: 2,
      hint: "--config names one.",
    });
  }
  const { mail, pools = {} } = file.config;
  const name = pool ?? poolOf(file, script);
  const entry = name === undefined ? undefined : pools[name];
  if (name !== undefined && entry === undefined) {
    const hint = `Pools: ${Object.keys(pools).join(", ") || "none"}`;
    throw new CliError(`${file.path} has no pool ${name}.`, { exitCode: 2, hint });
  }
  const { php, ini, env } = entry ?? {};
  return { ...(php && { php }), ...(ini && { ini }), ...(env && { env }), ...(mail && { mail }) };
}

/** A configuration is a program: beside a script only that of who owns the script is run. */
function configOfScript(script: string | undefined): string | undefined {
  if (script === undefined) return undefined;
  const folder = dirname(script);
  const owners = [statSync(script).uid, process.getuid?.() ?? 0];
  const found = findConfigFile(folder) ?? findConfigFile(dirname(folder));
  return found !== undefined && owners.includes(statSync(found).uid) ? found : undefined;
}

/** The only pool, or the only one that serves the script's folder. */
function poolOf({ config, folder, path }: ConfigFile, script: string | undefined): string | undefined {
  const names = Object.keys(config.pools ?? {});
  if (names.length < 2) return names[0];
  const from = script ?? process.cwd();
  const locations = compileConfig(config, { root: folder }).sites.flatMap(({ all }) => all);
  const near = locations.filter(({ root, fastcgi }) => names.includes(fastcgi.pass ?? "") && isInside(from, root));
  const [pool, ...more] = new Set(near.map(({ fastcgi }) => fastcgi.pass));
  if (pool !== undefined && more.length === 0) return pool;
  throw new CliError(`${path} has several pools, and which one ${from} belongs to does not follow.`, {
    exitCode: 2,
    hint: `--pool names one of ${names.join(", ")}; --no-config takes none`,
  });
}

function isInside(path: string, folder: string): boolean {
  try {
    const real = realpathSync(folder);
    return path === real || path.startsWith(real + sep);
  } catch {
    return false;
  }
}
