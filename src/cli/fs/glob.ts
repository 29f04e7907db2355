// Patterns of a shell over a pool's paths: `*`, `?` and `[...]` within a name. A shell at the terminal knows this machine's
// files only, so the command looks itself.

import type { PoolFileClient, ToldEntry } from "./pool-files.ts";
import { PoolFileError } from "./pool-files.ts";

const MAGIC = /[*?[]/;

/** Absolute paths that a pattern matches, sorted; a path without a pattern is itself, whether it exists or not. */
export async function expand(files: PoolFileClient, pattern: string): Promise<readonly string[]> {
  const absolute = absolutePath(pattern);
  if (!MAGIC.test(absolute)) return [absolute];
  let found = [""];
  for (const name of absolute.split("/").filter((part) => part !== "")) {
    if (!MAGIC.test(name)) {
      found = found.map((path) => `${path}/${name}`);
      continue;
    }
    const rule = ruleOf(name);
    const next: string[] = [];
    for (const path of found) {
      for (const entry of await entriesOf(files, path)) if (rule.test(entry.path)) next.push(`${path}/${entry.path}`);
    }
    found = next;
  }
  const there: string[] = [];
  for (const path of found) if (await files.find(path)) there.push(path);
  if (there.length === 0) throw new PoolFileError("ENOENT", `ENOENT: nothing matches ${pattern}.`);
  return there;
}

/** From the root, without "." and "..". */
export function absolutePath(path: string): string {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return `/${names.join("/")}`;
}

async function entriesOf(files: PoolFileClient, path: string): Promise<ToldEntry[]> {
  const entries: ToldEntry[] = [];
  try {
    for await (const entry of files.list(path)) if (entry.path !== "") entries.push(entry);
  } catch (error) {
    if (!(error instanceof PoolFileError)) throw error;
  }
  return entries;
}

/** As in a shell: a dot at the beginning must be written. */
function ruleOf(pattern: string): RegExp {
  const text = pattern.replace(/\[([!^]?)([^\]/]+)\]|[*?]|[\\^$.|+(){}[\]]/g, (sign, not?: string, set?: string) => {
    if (set !== undefined) return `[${not ? "^" : ""}${set.replaceAll("\\", "\\\\")}]`;
    if (sign === "*") return ".*";
    return sign === "?" ? "." : `\\${sign}`;
  });
  return new RegExp(`^${pattern.startsWith(".") ? "" : "(?!\\.)"}${text}$`, "su");
}
