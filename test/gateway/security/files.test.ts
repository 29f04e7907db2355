// Between finding a file and reading it somebody may change what the path leads to.

import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { FileEntry } from "../../../src/gateway/index.ts";
import { nodeFiles } from "../../../src/platform/node/files.ts";
import { documentRoot } from "../application.ts";

async function found() {
  const base = await documentRoot({ "www/sub/a.txt": "inside", "out/a.txt": "SECRET" });
  const files = nodeFiles(join(base, "www"));
  const file = (await files.find("/sub/a.txt")) as FileEntry;
  return { base, file, read: () => file.read(0, file.size) as Promise<Uint8Array> };
}

test("a file is read as it was found", async () => {
  const { read } = await found();
  expect(Buffer.from(await read()).toString()).toBe("inside");
});

test("a link put in the file's place is not followed", async () => {
  const { base, read } = await found();
  rmSync(join(base, "www/sub/a.txt"));
  symlinkSync(join(base, "out/a.txt"), join(base, "www/sub/a.txt"));
  await expect(read()).rejects.toThrow();
});

test("a link put in the place of its folder is not followed", async () => {
  const { base, read } = await found();
  renameSync(join(base, "www/sub"), join(base, "www/moved"));
  symlinkSync(join(base, "out"), join(base, "www/sub"));
  await expect(read()).rejects.toThrow("leads elsewhere");
});

test("a file that was replaced in one step, as deployments do, is read", async () => {
  const { base, read } = await found();
  writeFileSync(join(base, "www/sub/new.txt"), "newer!");
  renameSync(join(base, "www/sub/new.txt"), join(base, "www/sub/a.txt"));
  expect(Buffer.from(await read()).toString()).toBe("newer!");
});

test("a folder or a shorter file in its place is an error, not half an answer", async () => {
  const first = await found();
  writeFileSync(join(first.base, "www/sub/a.txt"), "i");
  await expect(first.read()).rejects.toThrow("shorter");
  const second = await found();
  rmSync(join(second.base, "www/sub/a.txt"));
  mkdirSync(join(second.base, "www/sub/a.txt"));
  await expect(second.read()).rejects.toThrow("no regular file");
});
