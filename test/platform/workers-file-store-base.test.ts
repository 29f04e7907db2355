// An archive as `edge-fpm build` writes it, below a file store.

import { inflateRawSync } from "node:zlib";
import { strToU8, zipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { exportTar, FileStore, MemoryHome, PIECE_BYTES, TarImport } from "../../src/fs/index.ts";
import { archiveBase } from "../../src/platform/workers/file-store-base.ts";

const LONG = "0123456789".repeat(30_000);

function open(files: Record<string, string>, version: string, home = new MemoryHome()) {
  const archive = zipSync(Object.fromEntries(Object.entries(files).map(([path, text]) => [path, strToU8(text)])));
  const base = archiveBase({ archive, version, at: "app", inflate: (data) => inflateRawSync(data) });
  const store = new FileStore(home, { base, time: 1 });
  const content = (path: string) => {
    const { ino, size } = store.lookup(path);
    return Buffer.from(store.read(ino, 0, size)).toString();
  };
  return { store, home, content };
}

describe("the application's archive below the store", () => {
  test("shows its files in their folder, with the right sizes", () => {
    const { store, content } = open({ "index.php": "<?php", "lib/long.txt": LONG }, "1");
    expect(content("app/index.php")).toBe("<?php");
    expect(content("app/lib/long.txt")).toBe(LONG);
    expect(store.lookup("app/lib/long.txt")).toMatchObject({ size: LONG.length, base: "app/lib/long.txt" });
  });

  test("is copied when one byte of a file is written, and the archive stays as it was", () => {
    const { store, content, home } = open({ "long.txt": LONG }, "1");
    const { ino } = store.lookup("app/long.txt");
    store.commit([{ op: "write", ino, offset: PIECE_BYTES + 1, data: strToU8("X") }], { life: 0, time: 2 });
    const changed = `${LONG.slice(0, PIECE_BYTES + 1)}X${LONG.slice(PIECE_BYTES + 2)}`;
    expect(content("app/long.txt")).toBe(changed);
    expect(open({ "long.txt": "the next build's" }, "2", home).content("app/long.txt")).toBe(changed);
    expect(open({ "long.txt": LONG }, "1").content("app/long.txt")).toBe(LONG);
  });

  test("is part of a backup, which needs no archive any more", () => {
    const { store } = open({ "index.php": "<?php", "long.txt": LONG }, "1");
    const copy = new FileStore(new MemoryHome(), { time: 1 });
    const target = new TarImport(copy, "", () => 1);
    for (const part of exportTar(store)) target.push(part);
    expect(target.end()).toMatchObject({ files: 2, directories: 1, bytes: 5 + LONG.length });
  });
});
