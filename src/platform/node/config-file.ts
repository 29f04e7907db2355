// A configuration in a file: `edge-fpm.config.ts` or `.js`, whose default export it is.

import { existsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { assertConfig } from "../../gateway/config/check.ts";
import type { GatewayConfig } from "../../gateway/config/config.ts";
import { mapFolders } from "../../gateway/config/folders.ts";

/** Names that are looked for, the first that exists. */
export const CONFIG_FILES: readonly string[] = [
  "edge-fpm.config.ts",
  "edge-fpm.config.mts",
  "edge-fpm.config.js",
  "edge-fpm.config.mjs",
];

/** The file cannot be read, or is no module with a configuration. `code` is `CONFIG_FILE_UNREADABLE`. */
export class ConfigFileError extends Error {
  override readonly name = "ConfigFileError";
  readonly code = "CONFIG_FILE_UNREADABLE";
}

/** A configuration that was read from a file. */
export interface ConfigFile {
  /** Absolute. */
  readonly path: string;
  /** The folder it is in: what relative folders in it are relative to. */
  readonly folder: string;
  /** Checked. Its folders are absolute. */
  readonly config: GatewayConfig;
}

/** The configuration of a folder, by its usual names. */
export function findConfigFile(folder: string): string | undefined {
  return CONFIG_FILES.map((name) => join(resolve(folder), name)).find((path) => existsSync(path));
}

/**
 * Runs the file and checks what it exports: a configuration, or a function that makes one (which may be async).
 *
 * @throws {ConfigFileError} it cannot be run, or exports nothing
 * @throws {ConfigError} `CONFIG_INVALID`, with all problems
 */
export async function loadConfigFile(file: string): Promise<ConfigFile> {
  const path = resolve(file);
  if (!existsSync(path)) throw new ConfigFileError(`There is no file ${path}.`);
  let module: { readonly default?: unknown };
  try {
    // A file that was changed is another module.
    module = await import(`${pathToFileURL(path).href}?${statSync(path).mtimeMs}`);
  } catch (error) {
    throw new ConfigFileError(explain(path, error), { cause: error });
  }
  if (module.default === undefined) {
    throw new ConfigFileError(`${path} has no default export: write "export default defineConfig({ ... })".`);
  }
  const made: unknown = typeof module.default === "function" ? await module.default() : module.default;
  assertConfig(made, path);
  const folder = dirname(path);
  return { path, folder, config: mapFolders(made, (name) => resolve(folder, name)) };
}

function explain(path: string, error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code === "ERR_UNKNOWN_FILE_EXTENSION") {
    return (
      `Node ${process.versions.node} does not read TypeScript: ${path} needs Node 22.18 or later. ` +
      `Or rename it to edge-fpm.config.mjs and take the types out.`
    );
  }
  if (code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") {
    return `${path} has TypeScript that Node cannot strip, such as an enum: ${String(message)}`;
  }
  return `${path} cannot be run: ${String(message ?? error)}`;
}
