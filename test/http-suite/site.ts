// A copy of the suite's scripts in a folder of its own, and the marks by which scripts and tests talk to each other:
// files, or requests to the test where a script's files are its own.

import { randomUUID } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
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
  /** Makes the mark `name`, which a waiting script sees. */
  mark(name: string): void;
  /** Waits until a script has made the mark `name`, and returns its text. */
  waitForMark(name: string): Promise<string>;
  remove(): void;
}

/** Where marks are kept. Those of a script are never empty. */
interface Marks {
  set(name: string, text: string): void;
  get(name: string): string | undefined;
  close(): void;
}

export function makeSite(): Site {
  const { root, remove } = copyScripts();
  const out = join(root, "out");
  mkdirSync(out);
  return siteWith(root, remove, {
    set: (name, text) => writeFileSync(join(out, name), text),
    get: (name) => (existsSync(join(out, name)) ? readFileSync(join(out, name), "utf8") : undefined),
    close() {},
  });
}

/** A site whose scripts make and see marks over HTTP. */
export async function makeRemoteSite(): Promise<Site> {
  const { root, remove } = copyScripts();
  const marks = new Map<string, string>();
  const server = createServer((request, response) => {
    const name = (request.url ?? "/").slice(1);
    let text = "";
    request.setEncoding("utf8");
    request.on("data", (piece: string) => {
      text += piece;
    });
    request.on("end", () => {
      if (request.method === "PUT") marks.set(name, text);
      response.setHeader("connection", "close");
      response.end(marks.get(name) ?? "");
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const script = join(root, "marks.php");
  writeFileSync(script, readFileSync(script, "utf8").replace("const MARKS = '';", `const MARKS = '${url}';`));
  return siteWith(root, remove, {
    set: (name, text) => marks.set(name, text === "" ? "made" : text),
    get: (name) => marks.get(name),
    close: () => server.close(),
  });
}

function copyScripts(): { root: string; remove: () => void } {
  const scratch = makeScratch("site");
  const root = join(scratch.path, "www");
  cpSync(SCRIPTS, root, { recursive: true });
  return { root, remove: scratch.remove };
}

function siteWith(root: string, remove: () => void, marks: Marks): Site {
  return {
    root,
    token: () => randomUUID(),
    mark: (name) => marks.set(name, ""),
    waitForMark: async (name) => {
      const end = Date.now() + MARK_WITHIN;
      // A file exists a moment before its text does.
      for (let text = marks.get(name); ; text = marks.get(name)) {
        if (text !== undefined && text !== "") return text;
        if (Date.now() > end) throw new Error(`no script made the mark ${name}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    remove: () => {
      marks.close();
      remove();
    },
  };
}
