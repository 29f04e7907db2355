// A copy of the suite's scripts in a folder of its own, and the files by which scripts and tests talk to each other.

import { randomUUID } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeScratch } from "../peers/scratch.ts";

const SCRIPTS = fileURLToPath(new URL("./www", import.meta.url));

/** Longest wait for a script's mark, in milliseconds. */
const MARK_WITHIN = 20_000;

export interface Site {
  /** The document root. */
  readonly root: string;
  /** A name that no other test uses. */
  token(): string;
  /** Makes the file `out/<name>`, which a waiting script sees. */
  mark(name: string): void;
  /** Waits until a script has written `out/<name>`, and returns its text. */
  waitForMark(name: string): Promise<string>;
  remove(): void;
}

export function makeSite(): Site {
  const scratch = makeScratch("site");
  const root = join(scratch.path, "www");
  cpSync(SCRIPTS, root, { recursive: true });
  const out = join(root, "out");
  mkdirSync(out);
  return {
    root,
    token: () => randomUUID(),
    mark: (name) => writeFileSync(join(out, name), ""),
    waitForMark: async (name) => {
      const path = join(out, name);
      const end = Date.now() + MARK_WITHIN;
      while (!existsSync(path)) {
        if (Date.now() > end) throw new Error(`no script wrote ${path}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      // The file exists a moment before its text does.
      await new Promise((resolve) => setTimeout(resolve, 20));
      return readFileSync(path, "utf8");
    },
    remove: scratch.remove,
  };
}
