import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { type DiskStoreOptions, diskStore } from "../../../src/platform/node/cache-disk.ts";
import { makeScratch } from "../../peers/scratch.ts";
import { entryOf } from "./entries.ts";
import { counting, siteOf } from "./scripts.ts";

function folderOf(): string {
  const scratch = makeScratch("cache");
  onTestFinished(() => scratch.remove());
  return join(scratch.path, "zone");
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

const open = (folder: string, options: Partial<DiskStoreOptions> = {}) => diskStore({ folder, ...options });

describe("a store on disk", () => {
  test("keeps files under two levels of folders, for their owner alone", async () => {
    const folder = folderOf();
    const store = open(folder);
    await store.set("name", entryOf());
    const [file = ""] = filesOf(folder);
    expect(file).toMatch(/\/zone\/([0-9a-f])\/([0-9a-f]{2})\/[0-9a-f]{29}\2\1$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await store.get("name")).toMatchObject({ status: 200, headers: entryOf().headers });
    await store.delete("name");
    expect(filesOf(folder)).toEqual([]);
    expect(await store.get("name")).toBeUndefined();
  });

  test("has everything again after a restart, purges included", async () => {
    const folder = folderOf();
    const site = () => siteOf(counting({ "Cache-Control": "max-age=60", "Cache-Tag": "t" }), { store: open(folder) });
    const first = site();
    await first.ask("/a");
    const second = site();
    expect(await second.ask("/a")).toMatchObject({ cache: "HIT", body: "run 1" });
    const third = site();
    expect(await third.cache.purge({ type: "tag", tag: "t" })).toBe(1);
    expect(filesOf(folder)).toEqual([]);
  });

  test("takes damaged files for misses", async () => {
    const folder = folderOf();
    const store = open(folder);
    await store.set("name", entryOf());
    const [file = ""] = filesOf(folder);
    const whole = readFileSync(file);
    for (const at of [0, 5, 40, whole.length - 40, whole.length - 1]) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      writeFileSync(file, damaged);
      expect(await store.get("name")).toBeUndefined();
    }
    for (const length of [0, 7, 100, whole.length - 1]) {
      writeFileSync(file, whole);
      truncateSync(file, length);
      expect(await store.get("name")).toBeUndefined();
      await open(folder).loaded;
    }
    await store.set("name", entryOf());
    expect(await store.get("name")).toBeDefined();
  });

  test("deletes the least recently used when there is no room", async () => {
    const folder = folderOf();
    const store = open(folder, { maxBytes: 4 * 4096 });
    for (const key of ["a", "b", "c", "d"]) await store.set(key, entryOf({ key }));
    await store.get("a");
    await store.set("e", entryOf({ key: "e" }));
    await expect.poll(() => filesOf(folder).length).toBe(4);
    expect(await store.get("b")).toBeUndefined();
    expect(await store.get("a")).toBeDefined();
  });

  test("deletes what nobody asked for", async () => {
    const folder = folderOf();
    let time = Date.now();
    const store = open(folder, { inactive: 1_000, now: () => time });
    await store.set("a", entryOf({ key: "a" }));
    await store.set("b", entryOf({ key: "b" }));
    time += 900;
    await store.get("a");
    time += 200;
    await store.sweep();
    expect(filesOf(folder)).toHaveLength(1);
    expect(await store.get("a")).toBeDefined();
    time += 1_000;
    expect(await store.get("a")).toBeUndefined();
    expect(filesOf(folder)).toEqual([]);
  });

  test("leaves files alone that are not its own", async () => {
    const folder = folderOf();
    await open(folder).set("a", entryOf());
    writeFileSync(join(folder, "README"), "keep me");
    await open(folder).loaded;
    expect(filesOf(folder)).toHaveLength(2);
  });

  test("many writers of one name leave one whole file", async () => {
    const folder = folderOf();
    const store = open(folder);
    await Promise.all(
      Array.from({ length: 50 }, (_, i) => store.set("name", entryOf({ body: new Uint8Array(1000).fill(i) }))),
    );
    expect(filesOf(folder)).toHaveLength(1);
    const record = await store.get("name");
    expect(record?.kind === "response" && new Set(record.body).size).toBe(1);
  });

  test("that cannot write costs no answer", async () => {
    const folder = folderOf();
    writeFileSync(folder, "a file in the folder's place");
    const errors: unknown[] = [];
    const store = open(folder, { onError: (error) => errors.push(error) });
    await store.loaded;
    const site = siteOf(counting({ "Cache-Control": "max-age=60" }), { store });
    expect(await site.ask("/")).toMatchObject({ cache: "MISS", body: "run 1" });
    expect(errors).toHaveLength(1);
    expect(site.errors.length).toBeGreaterThan(0);
  });

  test("1,000 misses of one key run the script once", async () => {
    const site = siteOf(counting({ "Cache-Control": "max-age=60" }), { store: open(folderOf()) });
    await Promise.all(Array.from({ length: 1000 }, () => site.ask("/")));
    expect(site.runs).toHaveLength(1);
  });
});
