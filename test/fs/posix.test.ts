// The store beside a real file system: the same calls in the same order, compared call by call.

import * as fs from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FileStore, MemoryHome, PIECE_BYTES } from "../../src/fs/index.ts";
import { makeScratch } from "../peers/scratch.ts";
import { PathFiles } from "./paths.ts";
import { NodeStorage, sqlHome } from "./sqlite.ts";

/** Bytes of one value: short when it is printed. */
interface Data {
  readonly length: number;
  readonly byte: number;
}

type Call =
  | ["mkdir" | "rmdir" | "unlink" | "readdir" | "readFile", string]
  | ["symlink" | "rename", string, string]
  | ["chmod" | "utimes" | "truncate", string, number]
  | ["writeFile", string, Data, "w" | "a" | "wx"]
  | ["writeAt", string, number, Data];

const path = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
const size = fc.oneof(
  fc.integer({ min: 0, max: 20 }),
  fc.constantFrom(PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES + 5),
);
const data = fc.record({ length: size, byte: fc.integer({ min: 1, max: 255 }) });
const filled = ({ length, byte }: Data) => new Uint8Array(length).fill(byte);
const call: fc.Arbitrary<Call> = fc.oneof(
  { arbitrary: fc.tuple(fc.constantFrom("mkdir" as const), path), weight: 4 },
  fc.tuple(fc.constantFrom("rmdir" as const, "unlink" as const, "readdir" as const, "readFile" as const), path),
  fc.tuple(fc.constant("symlink" as const), fc.constantFrom("a", "b", "./c", "a/b", "nowhere"), path),
  { arbitrary: fc.tuple(fc.constant("rename" as const), path, path), weight: 3 },
  fc.tuple(fc.constant("chmod" as const), path, fc.constantFrom(0o600, 0o755, 0o444)),
  fc.tuple(fc.constant("utimes" as const), path, fc.integer({ min: 1, max: 2_000_000_000 })),
  fc.tuple(fc.constant("truncate" as const), path, size),
  {
    arbitrary: fc.tuple(fc.constant("writeFile" as const), path, data, fc.constantFrom("w", "a", "wx")),
    weight: 4,
  } as { arbitrary: fc.Arbitrary<Call>; weight: number },
  fc.tuple(fc.constant("writeAt" as const), path, size, data),
);

/** The same calls on a folder of the machine. */
function real(root: string, [name, target, ...rest]: Call): unknown {
  const at = join(root, target);
  switch (name) {
    case "mkdir":
      return fs.mkdirSync(at, 0o755);
    case "rmdir":
      return fs.rmdirSync(at);
    case "unlink":
      return fs.unlinkSync(at);
    case "readdir":
      return fs.readdirSync(at).sort();
    case "readFile":
      return fs.readFileSync(at).toString("latin1");
    case "symlink":
      return fs.symlinkSync(target, join(root, rest[0] as string));
    case "rename":
      return fs.renameSync(at, join(root, rest[0] as string));
    case "chmod":
      return fs.chmodSync(at, rest[0] as number);
    case "utimes":
      return fs.utimesSync(at, rest[0] as number, rest[0] as number);
    case "truncate":
      return fs.truncateSync(at, rest[0] as number);
    case "writeFile":
      return fs.writeFileSync(at, filled(rest[0] as Data), { flag: rest[1] as string, mode: 0o644 });
    case "writeAt": {
      const file = fs.openSync(at, "r+");
      try {
        fs.writeSync(file, filled(rest[1] as Data), 0, undefined, rest[0] as number);
      } finally {
        fs.closeSync(file);
      }
      return;
    }
  }
}

function ours(files: PathFiles, [name, ...values]: Call): unknown {
  if (name === "readFile") return Buffer.from(files.readFile(values[0])).toString("latin1");
  const given = values.map((value) => (typeof value === "object" ? filled(value) : value));
  return (files[name] as (...given: unknown[]) => unknown).apply(files, given);
}

const outcome = (run: () => unknown): unknown => {
  try {
    return { value: run() };
  } catch (error) {
    const { errno, code } = error as { errno?: unknown; code?: unknown };
    const told = typeof errno === "string" ? errno : code;
    if (typeof told !== "string" || !/^E[A-Z]+$/.test(told)) throw error;
    return told;
  }
};

function realTree(root: string): unknown {
  return fs
    .readdirSync(root)
    .sort()
    .map((name) => {
      const at = join(root, name);
      const stat = fs.lstatSync(at);
      if (stat.isSymbolicLink()) return [name, "->", fs.readlinkSync(at)];
      const mode = stat.mode & 0o7777;
      if (stat.isDirectory()) return [name, mode, realTree(at)];
      return [name, mode, stat.size, fs.readFileSync(at).toString("latin1")];
    });
}

function ourTree(store: FileStore, ino: number): unknown {
  return store.list(ino).map((node) => {
    if (node.type === "symlink") return [node.name, "->", node.target];
    if (node.type === "directory") return [node.name, node.mode, ourTree(store, node.ino)];
    return [node.name, node.mode, node.size, Buffer.from(store.read(node.ino, 0, node.size)).toString("latin1")];
  });
}

/** The same calls on both; then the same trees, also after a restart. */
function compare(calls: readonly Call[], make: () => MemoryHome | ReturnType<typeof sqlHome>): void {
  const scratch = makeScratch("posix");
  const mask = process.umask(0);
  try {
    const home = make();
    const store = new FileStore(home, { time: 1 });
    const files = new PathFiles(store);
    for (const one of calls) {
      const theirs = outcome(() => real(scratch.path, one));
      expect([one[0], one[1], one[2], outcome(() => ours(files, one))]).toEqual([one[0], one[1], one[2], theirs]);
    }
    expect(ourTree(store, 1)).toEqual(realTree(scratch.path));
    expect(ourTree(new FileStore(home, { time: 2 }), 1)).toEqual(realTree(scratch.path));
  } finally {
    process.umask(mask);
    scratch.remove();
  }
}

describe("calls on the store end as they do on a disk", () => {
  test.each([
    ["in memory", () => new MemoryHome(), 400],
    ["in SQLite", () => sqlHome(new NodeStorage()), 150],
  ] as const)("%s", (_, make, runs) => {
    fc.assert(
      fc.property(fc.array(call, { minLength: 5, maxLength: 40 }), (calls) => compare(calls, make)),
      { numRuns: runs },
    );
  });
});
