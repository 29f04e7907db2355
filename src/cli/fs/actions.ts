// What `edge-fpm fs` can do, each action for itself.

import { createWriteStream, statSync } from "node:fs";
import { chmod, rename, rm, utimes } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Arguments } from "../command.ts";
import { CliError, messageOf } from "../failure.ts";
import { print } from "../standard-output.ts";
import { note } from "../terminal.ts";
import { absolutePath, expand } from "./glob.ts";
import { longLines, statLines, visible } from "./listing.ts";
import { type PoolFileClient, PoolFileError, type ToldEntry } from "./pool-files.ts";
import { extractTar, tarOf, tarOfBytes } from "./tar-files.ts";

/** @param paths what follows the action's name @returns exit status */
export type Action = (files: PoolFileClient, paths: readonly string[], args: Arguments) => Promise<number>;

/** Most that `put -` takes from standard input, in bytes: its size must be known before it is sent. */
const MOST_INPUT = 64 * 1024 * 1024;

const ls: Action = (files, paths, args) => {
  const given = paths.length === 0 ? ["/"] : paths;
  return eachMatch(files, given, async (path, several) => {
    const recursive = isRecursive(args);
    const entries: ToldEntry[] = [];
    for await (const entry of files.list(path, recursive)) {
      entries.push(entry.path === "" ? { ...entry, path } : entry);
    }
    if (args.flag("json")) {
      for (const entry of entries) {
        const full = entry.path.startsWith("/") ? entry.path : join(path, entry.path);
        await print(`${JSON.stringify({ ...entry, path: full })}\n`);
      }
      return;
    }
    if (several) await print(`${visible(path)}:\n`);
    const lines = args.flag("long") ? longLines(entries, Date.now()) : entries.map((entry) => visible(entry.path));
    await print(lines.map((line) => `${line}\n`).join(""));
  });
};

const stat: Action = (files, paths, args) =>
  eachMatch(files, atLeastOne(paths, "stat"), async (path) => {
    const entry = await files.stat(path, false);
    await print(
      args.flag("json")
        ? `${JSON.stringify({ ...entry, path })}\n`
        : statLines(path, entry)
            .map((line) => `${line}\n`)
            .join(""),
    );
  });

const cat: Action = (files, paths) =>
  eachMatch(files, atLeastOne(paths, "cat"), async (path) => {
    for await (const bytes of (await files.read(path)).bytes) await print(bytes);
  });

const rmAction: Action = (files, paths, args) =>
  eachMatch(files, atLeastOne(paths, "rm"), async (path) => {
    try {
      await files.remove(path, isRecursive(args));
    } catch (error) {
      const missing = error instanceof PoolFileError && error.code === "ENOENT";
      if (!(missing && args.flag("force"))) throw error;
    }
  });

const mkdir: Action = (files, paths, args) =>
  each(atLeastOne(paths, "mkdir"), (path) => files.makeDirectory(absolutePath(path), args.flag("parents")));

const put: Action = async (files, paths, args) => {
  const sources = paths.slice(0, -1);
  const target = paths.at(-1);
  if (target === undefined || sources.length === 0) throw usage("put", "<file...> <path in the pool>");
  const there = await files.find(absolutePath(target));
  const into = there?.type === "directory" || target.endsWith("/");
  if (sources.length > 1 && !into) throw new CliError(`${target} is no folder in the pool.`, { exitCode: 2 });
  let whole = true;
  const leftOut = (path: string) => {
    whole = false;
    note(`edge-fpm: ${visible(path)} is left out: its name, or what it links to, is not UTF-8.`);
  };
  const status = await each(sources, async (source) => {
    const to = into
      ? join(absolutePath(target), source === "-" ? "-" : basename(resolve(source)))
      : absolutePath(target);
    const [folder, name] = [to.slice(0, to.lastIndexOf("/")) || "/", to.slice(to.lastIndexOf("/") + 1)];
    if (source === "-") {
      await files.import(folder, tarOfBytes(name, await standardInput(), 0o644, Date.now()));
      return;
    }
    const found = statSync(source, { throwIfNoEntry: false });
    if (found === undefined) throw new CliError(`There is no file ${source}.`);
    if (found.isDirectory() && !isRecursive(args)) throw new CliError(`${source} is a folder: use -r.`);
    await files.import(folder, tarOf(source, name, leftOut));
  });
  return whole ? status : 1;
};

const get: Action = async (files, paths, args) => {
  if (paths.length === 0 || paths.length > 2) throw usage("get", "<path in the pool> [<file>]");
  const path = absolutePath(paths[0] ?? "");
  const entry = await files.stat(path);
  const name = basename(path) || "files";
  const given = paths[1] ?? name;
  const to =
    statSync(given, { throwIfNoEntry: false })?.isDirectory() === true && paths[1] !== undefined
      ? join(given, name)
      : given;
  if (entry.type === "directory") {
    if (!isRecursive(args)) throw new CliError(`${path} is a folder: use -r.`);
    await extractTar(await files.export(path, false), to);
    return 0;
  }
  const { bytes, size, mode, mtime } = await files.read(path);
  // Whole or not at all, here too.
  const part = `${to}.part`;
  try {
    await pipeline(bytes, createWriteStream(part));
    if (statSync(part).size !== size) throw new CliError(`${path} came with ${statSync(part).size} of ${size} bytes.`);
    await chmod(part, mode & 0o777);
    await utimes(part, mtime / 1000, mtime / 1000);
    await rename(part, to);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  return 0;
};

const exportAction: Action = async (files, paths, args) => {
  if (paths.length > 1) throw usage("export", "[<path in the pool>]");
  if (process.stdout.isTTY) {
    throw new CliError("An archive is nothing for a terminal: write it to a file, with > backup.tar", { exitCode: 2 });
  }
  for await (const bytes of await files.export(absolutePath(paths[0] ?? "/"), args.flag("changed"))) await print(bytes);
  return 0;
};

const importAction: Action = async (files, paths) => {
  if (paths.length > 1) throw usage("import", "[<path in the pool>] < archive.tar");
  if (process.stdin.isTTY) {
    throw new CliError("The archive comes from standard input: < backup.tar", { exitCode: 2 });
  }
  const result = await files.import(absolutePath(paths[0] ?? "/"), process.stdin);
  note(`${result.files} files (${result.bytes} bytes), ${result.directories} folders, ${result.links} links`);
  return 0;
};

export const actions: Readonly<Record<string, Action>> = {
  ls,
  cat,
  put,
  get,
  rm: rmAction,
  mkdir,
  stat,
  export: exportAction,
  import: importAction,
};

function eachMatch(
  files: PoolFileClient,
  patterns: readonly string[],
  work: (path: string, several: boolean) => Promise<void>,
): Promise<number> {
  return each(patterns, async (pattern) => {
    const paths = await expand(files, pattern);
    for (const path of paths) await work(path, patterns.length > 1 || paths.length > 1);
  });
}

/** Goes on with the others when one fails, as rm and cat do. @returns 1 when one did */
async function each(paths: readonly string[], work: (path: string) => Promise<unknown>): Promise<number> {
  let status = 0;
  for (const path of paths) {
    try {
      await work(path);
    } catch (error) {
      if (!(error instanceof PoolFileError) || paths.length === 1) throw error;
      note(`edge-fpm: ${messageOf(error)}`);
      status = 1;
    }
  }
  return status;
}

async function standardInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin) {
    size += (chunk as Buffer).length;
    if (size > MOST_INPUT) throw new CliError(`Standard input has more than ${MOST_INPUT} bytes: put a file.`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

function isRecursive(args: Arguments): boolean {
  return args.flag("recursive") || args.flag("tree");
}

function atLeastOne(paths: readonly string[], action: string): readonly string[] {
  if (paths.length === 0) throw usage(action, "<path in the pool...>");
  return paths;
}

function usage(action: string, what: string): CliError {
  return new CliError(`Usage: edge-fpm fs ${action} ${what}`, { exitCode: 2, hint: "See: edge-fpm fs --help" });
}
