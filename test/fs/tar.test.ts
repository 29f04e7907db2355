// Backups: beside the machine's tar, and into another store.

import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { baseFromFiles, exportTar, FileStore, MemoryHome, PIECE_BYTES, TarImport } from "../../src/fs/index.ts";
import { makeScratch } from "../peers/scratch.ts";
import { PathFiles } from "./paths.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const long = `${"d".repeat(120)}/${"ä".repeat(70)}`;

function open(): { store: FileStore; files: PathFiles } {
  const store = new FileStore(new MemoryHome(), { time: 1000 });
  return { store, files: new PathFiles(store) };
}

function filled(): { store: FileStore; files: PathFiles } {
  const { store, files } = open();
  files.mkdir("a");
  files.mkdir("a/empty");
  files.mkdir("d".repeat(120));
  files.writeFile(long, bytes("long"), "w");
  files.writeFile("a/text", bytes("text"), "w");
  files.writeFile("a/none", new Uint8Array(0), "w");
  files.writeFile("a/large", new Uint8Array(3 * PIECE_BYTES + 777).fill(5), "w");
  files.symlink("a/text", "link");
  files.symlink("x".repeat(150), "dangling");
  files.chmod("a/text", 0o640);
  files.utimes("a/text", 1_234_567_890.25);
  files.utimes("a", 1_000_000_000);
  return { store, files };
}

const whole = (store: FileStore, options = {}) => Buffer.concat([...exportTar(store, options)]);

function tree(store: FileStore, ino = 1, prefix = ""): unknown[] {
  return store.list(ino).flatMap(({ ino, name, type, mode, size, mtime, target }) => {
    const time = prefix === "" && type === "directory" ? mtime : type === "symlink" ? 0 : mtime;
    const content = type === "file" ? Buffer.from(store.read(ino, 0, size)).toString("latin1") : target;
    return [
      [prefix + name, type, mode, content, time],
      ...(type === "directory" ? tree(store, ino, `${prefix}${name}/`) : []),
    ];
  });
}

function into(archive: Uint8Array, step = archive.length, root = ""): FileStore {
  const { store } = open();
  const target = new TarImport(store, root, () => 5000);
  for (let at = 0; at < archive.length; at += step) target.push(archive.subarray(at, at + step));
  target.end();
  return store;
}

describe("a backup", () => {
  test.each([1_000_000, 512, 1000, 7])("brings everything into another store, in parts of %i bytes", (step) => {
    const { store } = filled();
    const copy = into(whole(store), step);
    expect(tree(copy)).toEqual(tree(store));
    expect(copy.bytes).toBe(store.bytes);
  });

  test("is read by the machine's tar", () => {
    const scratch = makeScratch("tar");
    try {
      const { store } = filled();
      execFileSync("tar", ["-xf", "-", "-C", scratch.path], { input: whole(store) });
      expect(readFileSync(join(scratch.path, long), "utf8")).toBe("long");
      expect(readFileSync(join(scratch.path, "a/large")).equals(Buffer.alloc(3 * PIECE_BYTES + 777, 5))).toBe(true);
      expect(readlinkSync(join(scratch.path, "dangling"))).toBe("x".repeat(150));
      const stat = statSync(join(scratch.path, "a/text"));
      expect([stat.mode & 0o777, stat.mtimeMs]).toEqual([0o640, 1_234_567_890_250]);
      expect(readdirSync(join(scratch.path, "a")).sort()).toEqual(["empty", "large", "none", "text"]);
    } finally {
      scratch.remove();
    }
  });

  test.each(["gnu", "pax", "ustar", "v7"])("made by the machine's tar as %s is read", (format) => {
    const scratch = makeScratch("tar");
    try {
      const name = format === "gnu" || format === "pax" ? "n".repeat(180) : "n".repeat(80);
      mkdirSync(join(scratch.path, "in/folder"), { recursive: true });
      writeFileSync(join(scratch.path, "in/folder", name), "content");
      chmodSync(join(scratch.path, "in/folder", name), 0o600);
      utimesSync(join(scratch.path, "in/folder", name), 1e9, 1e9);
      symlinkSync("folder", join(scratch.path, "in/link"));
      const archive = execFileSync("tar", ["-cf", "-", `--format=${format}`, "-C", join(scratch.path, "in"), "."]);
      const store = into(archive, 1000, "restored/here");
      const node = store.lookup(`restored/here/link/${name}`);
      expect(node).toMatchObject({ mode: 0o600, mtime: 1e12, size: 7 });
    } finally {
      scratch.remove();
    }
  });

  test("of the changes leaves out what the build brought", () => {
    const base = baseFromFiles("1", { "app/a.php": bytes("a"), "app/b.php": bytes("b") });
    const store = new FileStore(new MemoryHome(), { base, time: 1 });
    const files = new PathFiles(store);
    files.writeFile("app/b.php", bytes("changed"), "w");
    files.writeFile("app/new", bytes("new"), "w");
    const names = (archive: Uint8Array) => tree(into(archive)).map((row) => (row as string[])[0]);
    expect(names(whole(store, { changedOnly: true }))).toEqual(["app", "app/b.php", "app/new"]);
    expect(names(whole(store))).toEqual(["app", "app/a.php", "app/b.php", "app/new"]);
    expect(names(whole(store, { path: "app" }))).toEqual(["a.php", "b.php", "new"]);
  });

  test("has no torn file: it ends with an error when a long one changes meanwhile", () => {
    const { store, files } = open();
    for (const flag of ["w", "a", "a"] as const) files.writeFile("large", new Uint8Array(3 * 1024 * 1024), flag);
    const parts = exportTar(store);
    for (let n = 0; n < 9; n++) parts.next();
    files.writeFile("large", bytes("x"), "a");
    expect(() => [...parts]).toThrow("ESTALE");
  });
});

describe("what is no backup", () => {
  const good = () => whole(filled().store);
  test("a damaged header, a missing end, a path that leads out", () => {
    const malformed = expect.objectContaining({ code: "FILE_STORE_MALFORMED" });
    const damaged = good();
    damaged[10] = 77;
    expect(() => into(damaged)).toThrow(malformed);
    expect(() => into(good().subarray(0, 5000))).toThrow(malformed);
    expect(() => into(new Uint8Array(0))).toThrow(malformed);
    const scratch = makeScratch("tar");
    try {
      writeFileSync(join(scratch.path, "x"), "x");
      const out = execFileSync("tar", ["-cPf", "-", "--transform=s,^,../,", "-C", scratch.path, "x"]);
      expect(() => into(out)).toThrow(malformed);
    } finally {
      scratch.remove();
    }
  });

  test("leaves nothing of the file that was being read", () => {
    const { store } = open();
    const target = new TarImport(store, "", () => 1);
    const archive = good();
    target.push(archive.subarray(0, archive.length - 100_000));
    const before = store.bytes;
    target.abandon();
    const size = tree(store).reduce<number>(
      (sum, row) => sum + ((row as unknown[])[1] === "file" ? String((row as unknown[])[3]).length : 0),
      0,
    );
    expect(store.bytes).toBe(size);
    expect(before).toBeGreaterThanOrEqual(size);
  });

  test("does not follow links that it brought itself", () => {
    const { store, files } = open();
    files.mkdir("out");
    files.symlink("../out", "in");
    const target = new TarImport(store, "", () => 1);
    const other = open();
    other.files.mkdir("in");
    other.files.writeFile("in/file", bytes("x"), "w");
    expect(() => target.push(whole(other.store))).toThrow("ENOTDIR");
  });
});
