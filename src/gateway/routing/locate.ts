// What a path means: a script to run, a file to send, a redirect, or no. In the order of nginx's
// `try_files $uri $uri/ <front controller>` beside `location ~ \.php(/|$)`.

import { type ScriptSplit, splitScript } from "../../cgi/index.ts";
import type { FileEntry, FileSource } from "../files.ts";

type Found = ReturnType<FileSource["find"]>;

/** What to do with a path. */
export type Location =
  | { readonly type: "script"; readonly script: ScriptSplit }
  | { readonly type: "file"; readonly path: string; readonly file: FileEntry }
  /** To the same path with a slash at its end: a folder. */
  | { readonly type: "redirect"; readonly path: string }
  | { readonly type: "deny"; readonly status: 403 | 404; readonly reason: string };

export interface LocateOptions {
  /** Files that answer for their folder, the first that exists. */
  readonly index: readonly string[];
  /** The script that answers for what does not exist, as `/index.php`. */
  readonly frontController?: string | undefined;
  /** What is run, as `.php`: bytes, case included. */
  readonly scriptExtensions: readonly string[];
}

/**
 * Names that are never sent as a file though they exist: anything PHP-like that is not run (`x.PHP`, `x.phtml`,
 * `x.php.bak`, `x.php~`, `x.php.`, `x.php::$DATA`), because it would show source code, and backups of anything.
 */
const SOURCE = /\.(?:php|pht|phar)|\.inc(?:$|[^a-z0-9])/i;
const BACKUP = /~$|\.(?:bak|bkp|backup|old|orig|rej|save|sav|sw[g-px]|tmp)$|^#.*#$/i;

/**
 * A promise only where the files have to be waited for.
 * @param path as `decodePath` returns it
 */
export function locate(path: string, files: FileSource, options: LocateOptions): Location | Promise<Location> {
  if (hasHiddenSegment(path)) return { type: "deny", status: 403, reason: "a name that begins with a dot" };
  const [script, ...longer] = splitScript(path, options.scriptExtensions);
  if (script === undefined) return locateFile(path, files, options);
  const found = files.find(script.scriptName, true);
  if (!(found instanceof Promise) && found?.type === "file") return { type: "script", script };
  return locateScript(path, files, options, [script, ...longer], found);
}

/**
 * A script with or without path info. Only a file that exists is run: /a.jpg/x.php does not run a.jpg.
 * @param first what is found of the first script
 */
async function locateScript(
  path: string,
  files: FileSource,
  options: LocateOptions,
  scripts: readonly ScriptSplit[],
  first: Found,
): Promise<Location> {
  let found = first;
  for (const [at, script] of scripts.entries()) {
    if (at > 0) found = files.find(script.scriptName, true);
    const entry = await found;
    if (entry?.type === "file") return { type: "script", script };
    if (entry?.type === "refused") return refused;
    if (entry === undefined) break;
  }
  return locateFile(path, files, options);
}

async function locateFile(path: string, files: FileSource, options: LocateOptions): Promise<Location> {
  const entry = await files.find(path);
  if (entry?.type === "refused") return refused;
  if (entry?.type === "file") {
    return isSource(path)
      ? { type: "deny", status: 403, reason: "source code or a backup" }
      : { type: "file", path, file: entry };
  }
  if (entry?.type === "directory") {
    if (!path.endsWith("/")) return { type: "redirect", path: `${path}/` };
    for (const name of options.index) {
      const child = await files.find(path + name);
      if (child?.type !== "file") continue;
      if (isScript(name, options)) return { type: "script", script: { scriptName: path + name, pathInfo: "" } };
      if (!isSource(name)) return { type: "file", path: path + name, file: child };
    }
  }

  if (options.frontController !== undefined) {
    const front = await files.find(options.frontController, true);
    if (front?.type === "file") {
      return { type: "script", script: { scriptName: options.frontController, pathInfo: "" } };
    }
  }
  return entry === undefined
    ? { type: "deny", status: 404, reason: "no such file" }
    : { type: "deny", status: 403, reason: "a folder without an index" };
}

const refused: Location = { type: "deny", status: 403, reason: "outside the document root, or no regular file" };

/** Dotfiles and what lies in dot folders, but /.well-known (RFC 8615). `path` begins with a slash. */
export function hasHiddenSegment(path: string): boolean {
  for (let at = path.indexOf("/."); at !== -1; at = path.indexOf("/.", at + 1)) {
    if (at !== 0 || !(path === "/.well-known" || path.startsWith("/.well-known/"))) return true;
  }
  return false;
}

function isScript(name: string, options: LocateOptions): boolean {
  return options.scriptExtensions.some((extension) => name.endsWith(extension));
}

/** Whether a path names source code or a backup, which are never sent. */
export function isSource(path: string): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return SOURCE.test(name) || BACKUP.test(name);
}
