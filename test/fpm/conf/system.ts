// A machine of a few files, for configurations written in tests.

import type { ConfSystem } from "../../../src/fpm/conf/parse.ts";

export interface FakeMachine {
  readonly files: Readonly<Record<string, string>>;
  readonly directories?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** Only `*` at the end of a folder's pattern is known: `/pool.d/*.conf`. */
export function fakeSystem({ files, directories = [], environment = {} }: FakeMachine): ConfSystem {
  return {
    readText(path) {
      const text = files[path];
      if (text === undefined) throw new Error("no such file");
      return text;
    },
    glob(pattern) {
      const [before = "", after = ""] = pattern.split("*");
      return Object.keys(files)
        .filter((path) => (pattern.includes("*") ? path.startsWith(before) && path.endsWith(after) : path === pattern))
        .sort();
    },
    isDirectory: (path) => directories.includes(path),
    userId: (name) => (name === "www-data" ? 33 : undefined),
    groupId: (name) => (name === "www-data" ? 33 : undefined),
    environment: (name) => environment[name],
  };
}
