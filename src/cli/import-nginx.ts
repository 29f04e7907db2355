// `edge-fpm import-nginx`: an nginx configuration as edge-fpm.config.ts, as far as it goes.

import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import {
  type Imported,
  importNginx,
  type LeftOut,
  leftOutLine,
  type NginxFiles,
  NginxSyntaxError,
  writeConfig,
} from "../nginx/index.ts";
import type { Arguments, Command } from "./command.ts";
import { CliError, messageOf } from "./failure.ts";
import { note } from "./terminal.ts";

/** Something that matters was left out. */
const INCOMPLETE = 3;

export const importNginxCommand: Command = {
  name: "import-nginx",
  usage: "<nginx.conf> [options]",
  summary: "Turn the FastCGI parts of an nginx configuration into an edge-fpm.config.ts",
  options: {
    output: {
      type: "string",
      short: "o",
      value: "<file>",
      help: "write there (standard output); never over a file that is there",
    },
    json: { type: "boolean", help: "print the configuration and what was left out as JSON" },
    strict: { type: "boolean", help: "write nothing when something that matters was left out" },
    all: { type: "boolean", help: "also name what has no meaning here, such as worker_processes" },
    prefix: {
      type: "string",
      value: "<folder>",
      help: "what relative folders are relative to: nginx -p (/usr/share/nginx)",
    },
  },
  examples: [
    "edge-fpm import-nginx /etc/nginx/nginx.conf -o edge-fpm.config.ts",
    "edge-fpm import-nginx /etc/nginx/sites-available/shop",
    "edge-fpm import-nginx nginx.conf --json | jq .leftOut",
  ],
  notes: [
    "Includes are relative to the folder of the file, or to the nearest folder above it that has an nginx.conf.",
    "Ends with 0 when all was taken, 3 when something was left out (it is named on standard error), 2 when the file",
    "cannot be read or is no nginx configuration.",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [name, ...more] = args.positionals;
  if (name === undefined || more.length > 0) {
    throw new CliError("Needs one nginx configuration.", { exitCode: 2, hint: "See: edge-fpm import-nginx --help" });
  }
  const file = resolve(name);
  const output = args.text("output");
  if (output !== undefined && existsSync(output)) {
    throw new CliError(`${output} is there already.`, { exitCode: 2, hint: "Move it away, or choose another name." });
  }
  const folder = folderOf(file);
  const imported = read(file, folder, args.text("prefix"));
  const shown = (one: string) => (one.startsWith(`${folder}/`) ? relative(folder, one) : one);
  const matter = imported.leftOut.filter(({ kind }) => kind !== "meaningless");
  for (const one of args.flag("all") ? imported.leftOut : matter) note(`${label(one)} ${leftOutLine(one, shown)}`);

  if (matter.length > 0 && args.flag("strict")) {
    note(`edge-fpm: ${matter.length} left out; nothing was written.`);
    return INCOMPLETE;
  }
  const text = args.flag("json") ? `${json(imported)}\n` : writeConfig(imported, shown(file), shown);
  if (output === undefined) process.stdout.write(text);
  else {
    try {
      writeFileSync(output, text, { flag: "wx" });
    } catch (error) {
      throw new CliError(`Cannot write ${output}: ${messageOf(error)}`, { cause: error });
    }
  }
  return matter.length > 0 ? INCOMPLETE : 0;
}

function read(file: string, folder: string, prefix: string | undefined): Imported {
  try {
    return importNginx(file, nodeNginxFiles(folder), prefix === undefined ? {} : { prefix: resolve(prefix) });
  } catch (error) {
    if (error instanceof NginxSyntaxError) throw new CliError(error.message, { exitCode: 2, cause: error });
    throw new CliError(`Cannot read ${file}: ${messageOf(error)}`, { exitCode: 2, cause: error });
  }
}

/** The folder that includes are relative to. */
function folderOf(file: string): string {
  const own = dirname(file);
  for (let folder = own; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "nginx.conf"))) return folder;
    if (folder === dirname(folder)) return own;
  }
}

/** Files of this machine. */
export function nodeNginxFiles(folder: string): NginxFiles {
  return {
    read: (file) => readFileSync(file, "utf8"),
    glob: (pattern) => (/[*?[]/.test(pattern) ? globSync(pattern).sort() : [pattern]),
    resolve: (name) => (isAbsolute(name) ? name : join(folder, name)),
  };
}

function label({ kind }: LeftOut): string {
  return { unsupported: "unsupported:", decision: "decide:", meaningless: "no meaning here:" }[kind];
}

/** Expressions are written as `{ source, flags }`. */
function json({ config, leftOut }: Imported): string {
  const plain = (_key: string, value: unknown) =>
    value instanceof RegExp ? { source: value.source, flags: value.flags } : value;
  return JSON.stringify({ version: 1, config, leftOut }, plain, 2);
}
