// This machine, as the configuration of php-fpm needs to see it: files, folders, users and the environment.

import { globSync, readFileSync, statSync } from "node:fs";
import type { ConfSystem } from "../fpm/conf/parse.ts";

/** The real machine. */
export function nodeConfSystem(): ConfSystem {
  return {
    readText: (path) => readFileSync(path, "utf8"),
    glob: (pattern) =>
      globSync(pattern)
        .filter((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === false)
        .sort(),
    isDirectory: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true,
    userId: (name) => idOf("/etc/passwd", name),
    groupId: (name) => idOf("/etc/group", name),
    environment: (name) => process.env[name],
  };
}

/** The number of a user or group: in both files it is the third field, after the name. */
function idOf(file: string, name: string): number | undefined {
  if (/^\d{1,9}$/.test(name)) return Number(name);
  for (const line of linesOf(file)) {
    const [first, , id] = line.split(":");
    if (first === name && id !== undefined && /^\d+$/.test(id)) return Number(id);
  }
  return undefined;
}

/** The group that a user has in /etc/passwd; undefined: no such user. */
export function primaryGroup(name: string): number | undefined {
  for (const line of linesOf("/etc/passwd")) {
    const [first, , id, group] = line.split(":");
    if (first === name || (id === name && id !== "")) return Number(group);
  }
  return undefined;
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    // Not every system has these files: then numbers only are known.
    return [];
  }
}
