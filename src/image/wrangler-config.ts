// wrangler's configuration of a deployment: the application's own settings, with what our Workers need put in. Values in
// and out; reading files is the caller's.

import { parse as parseToml, stringify as stringifyToml } from "smol-toml";
import { ImageError } from "./errors.ts";

/** The date that the Workers are written for and tested with. */
export const COMPATIBILITY_DATE = "2026-11-17";

/** Names that an application's own file may have, the first that exists counts. */
export const CONFIG_FILES = ["wrangler.toml", "wrangler.json", "wrangler.jsonc"] as const;

export type WranglerConfig = Readonly<Record<string, unknown>>;

export interface ConfigOptions {
  /** Name of the Worker unless the application's settings have one. */
  readonly name: string;
  /** Path of the main module, relative to the configuration. */
  readonly main: string;
  /** Path of the folder of static files. Absent when there are none: visitors then pass no router of the platform's. */
  readonly assets?: string;
  /** Whether there is a schedule: then a trigger wakes the pool's object, which runs it. */
  readonly schedule?: boolean;
}

/** How often the pool's object is woken to see whether its alarm is set; the alarm is what runs jobs in time. */
const WAKE = "*/15 * * * *";

/** Tag of the migration that makes the pool's class. */
const MIGRATION = "edge-fpm-1";

/** Settings that say what is deployed: ours alone. */
const OURS = [
  "main",
  "no_bundle",
  "rules",
  "base_dir",
  "find_additional_modules",
  "build",
  "site",
  "tsconfig",
  "minify",
];

/** @throws {ImageError} `IMAGE_OPTION` when the text is not in its language */
export function parseWranglerConfig(name: string, text: string): WranglerConfig {
  try {
    const value: unknown = name.endsWith(".toml") ? parseToml(text) : JSON.parse(withoutComments(text));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as WranglerConfig;
    throw new Error("its top is no table");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ImageError("IMAGE_OPTION", `${name} cannot be read: ${reason}`, { cause });
  }
}

/**
 * Puts what the Workers need into an application's settings: entry point, modules, static files, the pool's class and
 * its binding POOL, and the binding LOADER. Everything else stays: name, vars, routes, limits, further bindings.
 *
 * @throws {ImageError} `IMAGE_OPTION` when a setting contradicts what the Workers need
 */
export function wranglerConfig(own: WranglerConfig, options: ConfigOptions): Record<string, unknown> {
  const config: Record<string, unknown> = { ...own };
  for (const key of OURS) delete config[key];
  config.compatibility_date = compatibilityDate(own.compatibility_date);
  config.name = own.name ?? options.name;
  config.main = options.main;
  config.no_bundle = true;
  // Instead of wrangler's own rules: it warns of those unless they are told to step back.
  config.rules = [
    { type: "ESModule", globs: ["**/*.js"], fallthrough: false },
    { type: "CompiledWasm", globs: ["**/*.wasm"], fallthrough: false },
    { type: "Data", globs: ["**/*.zip", "**/*.bin"], fallthrough: false },
    { type: "Text", globs: ["**/*.txt"], fallthrough: false },
  ];
  delete config.assets;
  if (options.assets !== undefined) {
    config.assets = {
      ...table(own.assets),
      directory: options.assets,
      binding: "ASSETS",
      // What a path means is the gateway's to say, as it is anywhere else.
      html_handling: "none",
      not_found_handling: "none",
      run_worker_first: true,
    };
  }
  if (options.schedule === true) {
    const crons = list(table(own.triggers).crons);
    config.triggers = { ...table(own.triggers), crons: crons.length > 0 ? [...crons] : [WAKE] };
  }
  config.migrations = withMigration(list(own.migrations));
  addBindings(config);
  if (own.env !== undefined) {
    config.env = Object.fromEntries(
      Object.entries(table(own.env)).map(([name, environment]) => {
        const settings: Record<string, unknown> = { ...table(environment) };
        for (const key of OURS) delete settings[key];
        addBindings(settings);
        return [name, settings];
      }),
    );
  }
  return config;
}

/** @param config what `wranglerConfig` gave */
export function writeWranglerConfig(config: Readonly<Record<string, unknown>>): string {
  return `# Made by edge-fpm build: changes are lost. Put settings into a wrangler.toml in the application's folder.\n${stringifyToml(config)}\n`;
}

/** A Worker's name made of a folder's: lower case, digits and dashes, at most 63. */
export function workerName(folder: string): string {
  const name = folder
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 63)
    .replace(/-+$/, "");
  return name === "" ? "php-application" : name;
}

function compatibilityDate(own: unknown): string {
  // TOML has dates of its own.
  const date = own instanceof Date ? own.toISOString().slice(0, 10) : String(own ?? COMPATIBILITY_DATE);
  if (date >= COMPATIBILITY_DATE) return date;
  throw new ImageError(
    "IMAGE_OPTION",
    `compatibility_date ${date} in the application's wrangler settings; at least ${COMPATIBILITY_DATE} is needed`,
  );
}

/** Adds the bindings that every environment needs for itself. */
function addBindings(settings: Record<string, unknown>): void {
  const objects = table(settings.durable_objects);
  settings.durable_objects = {
    ...objects,
    bindings: withOurs(list(objects.bindings), "name", { name: "POOL", class_name: "Pool" }),
  };
  settings.worker_loaders = withOurs(list(settings.worker_loaders), "binding", { binding: "LOADER" });
}

/** Replaces the entry with the same name, or appends ours. */
function withOurs(entries: readonly unknown[], key: string, ours: Readonly<Record<string, unknown>>): unknown[] {
  return [...entries.filter((entry) => table(entry)[key] !== ours[key]), ours];
}

function withMigration(own: readonly unknown[]): unknown[] {
  const made = own.some((step) =>
    ["new_classes", "new_sqlite_classes"].some((key) => list(table(step)[key]).includes("Pool")),
  );
  return made ? [...own] : [...own, { tag: MIGRATION, new_sqlite_classes: ["Pool"] }];
}

function table(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** JSON of a text with comments and commas before closing brackets. Strings are stepped over. */
function withoutComments(text: string): string {
  const string = /"(?:[^"\\]|\\.)*"/.source;
  return text
    .replace(new RegExp(`(${string})|//[^\\n]*|/\\*[\\s\\S]*?\\*/`, "g"), "$1")
    .replace(new RegExp(`(${string})|,(?=\\s*[}\\]])`, "g"), "$1");
}
