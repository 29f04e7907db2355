// What a gateway is told of the build's files, beside the store that it is told of.

import { expect, test } from "vitest";
import { baseFromFiles, type FileOperation, FileStore, MemoryHome, ROOT } from "../../src/fs/index.ts";
import { BuiltFiles } from "../../src/platform/workers/built-files.ts";

const text = new TextEncoder().encode("text");
const base = baseFromFiles("1", { "app/a.css": text, "app/css/b.css": text, "app/css/c.css": text });

function open() {
  const home = new MemoryHome();
  const store = new FileStore(home, { base, time: 1 });
  let next = store.reserve(50);
  const inoOf = (path: string) => store.lookup(path).ino;
  const run = (...operations: FileOperation[]) => store.commit(operations, { life: 0, time: 2 });
  const make = (dir: string, name: string, op: "create" | "mkdir" = "create") =>
    run({ op, dir: inoOf(dir), name, ino: next++, mode: 0o644 });
  return { home, store, run, make, inoOf, built: new BuiltFiles(store, base) };
}

test("nothing, then what was changed, moved and removed, and each news once", () => {
  const { built, run, inoOf } = open();
  const first = built.since(undefined);
  expect(first).toMatchObject({ changed: [], made: [] });
  expect(built.since(first?.tag)).toBeUndefined();
  run({ op: "write", ino: inoOf("app/a.css"), offset: 0, data: text });
  const second = built.since(first?.tag);
  expect(second?.changed).toEqual(["/app/a.css"]);
  run({ op: "write", ino: inoOf("app/a.css"), offset: 0, data: text });
  expect(built.since(second?.tag)).toBeUndefined();
  run({ op: "unlink", dir: inoOf("app/css"), name: "c.css" });
  run({ op: "rename", dir: ROOT, name: "app", toDir: ROOT, toName: "moved" });
  expect([...(built.since(second?.tag)?.changed ?? [])].sort()).toEqual([
    "/app/a.css",
    "/app/css/b.css",
    "/app/css/c.css",
  ]);
});

test("names without a dot that scripts made in folders of the build, not what is deeper", () => {
  const { built, make } = open();
  make("app", "uploads", "mkdir");
  make("app/uploads", "deep", "mkdir");
  make("app/css", "LICENSE");
  make("app/css", "made.css");
  expect(built.since(undefined)?.made).toEqual(["/app/uploads", "/app/css/LICENSE"]);
});

test("the same after a restart, under another tag", () => {
  const { home, built, make, run, inoOf } = open();
  run({ op: "unlink", dir: inoOf("app/css"), name: "c.css" });
  make("app", "made", "mkdir");
  const before = built.since(undefined);
  const again = new BuiltFiles(new FileStore(home, { base, time: 3 }), base).since(before?.tag);
  expect(again).toMatchObject({ changed: ["/app/css/c.css"], made: ["/app/made"] });
});
