// The snapshot of a build: when there is one, what the build tells, and its module's bytes.

import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { type BuildOptions, buildApplication } from "../../src/image/build.ts";
import { decodeSnapshot } from "../../src/php/snapshot/encode.ts";
import { readSnapshotModule, writeSnapshotModule } from "../../src/platform/workers/snapshot-module.ts";
import { makeScratch } from "../peers/scratch.ts";
import { run, start } from "../php/snapshot/fixture.ts";
import { setTime, writeFolder } from "./application.ts";

const scratch = makeScratch("build-snapshot");
afterAll(() => scratch.remove());

const FILES = {
  "index.php": "<?php require __DIR__ . '/library.php'; echo 'sum ' . answer();",
  "library.php": "<?php function answer() { return 'answer-of-the-library'; }",
  "broken.php": "<?php error_log('about to break'); throw new Exception('no');",
  "database.php": "<?php new PDO('sqlite:/tmp/left.sqlite', null, null, [PDO::ATTR_PERSISTENT => true]);",
  "endless.php": "<?php while (true);",
  "late.php": "<?php sleep(10);",
  "afterwards.php": "<?php fastcgi_finish_request(); while (true);",
  "network.php":
    "<?php echo @file_get_contents('http://127.0.0.1:1/') === false ? gethostbyname('example.com') : 'reached';",
};

/** As php.ini writes a value of the environment. */
const LIMIT = "$" + "{LIMIT}";

let count = 0;

async function build(options: Partial<BuildOptions> = {}, files: Parameters<typeof writeFolder>[1] = FILES) {
  const root = writeFolder(join(scratch.path, `site-${++count}`), files);
  for (const name of Object.keys(files)) setTime(join(root, name), 1_700_000_000);
  const again = (changed: Partial<BuildOptions> = {}) => buildApplication({ root, ...options, ...changed });
  const report = await again();
  const path = join(report.out, "worker/snapshot.bin");
  const main = readFileSync(join(report.out, "worker/main.js"), "utf8");
  return { again, report, path, bytes: readFileSync(path), main };
}

describe("a build", () => {
  test("makes a snapshot of PHP as it starts, and tells its key to the Worker", async () => {
    const { bytes, main, report } = await build();
    const key = /"?snapshot"?:\s?"([0-9a-f]{32})"/.exec(main)?.[1];
    expect(decodeSnapshot(bytes, key ?? "")).toMatchObject({ key });
    expect(bytes.includes("answer-of-the-library")).toBe(false);
    expect(report.warnings).toEqual([]);
  });

  test("keeps the one of the build before while nothing has changed that goes into it", async () => {
    const { again, report, path } = await build();
    const made = statSync(path).mtimeMs;
    expect((await again()).version).toBe(report.version);
    expect(statSync(path).mtimeMs).toBe(made);
    expect((await again({ warmUp: ["/"] })).version).not.toBe(report.version);
    expect(readFileSync(path).includes("answer-of-the-library")).toBe(true);
    expect((await again({ warmUp: false })).version).not.toBe(report.version);
    expect(statSync(path).size).toBe(0);
  });

  test("warms by the configuration's sites", async () => {
    const config = { root: join(scratch.path, `site-${count + 1}`), tryFiles: ["$uri", "/index.php"] };
    const { bytes, report } = await build({ warmUp: ["/a/page/that/is/none"], config });
    expect(report.warnings).toEqual([]);
    expect(bytes.includes("answer-of-the-library")).toBe(true);
  });

  test("takes what opcache.preload compiled along", async () => {
    const { bytes, report } = await build({ ini: "opcache.preload = /app/library.php\n" });
    expect(report.warnings).toEqual([]);
    expect(bytes.includes("answer-of-the-library")).toBe(true);
  });

  test.each(["/endless.php", "/late.php", "/afterwards.php"])(
    "fails when the script of the warm-up's %s does not end, and leaves the build before as it was",
    async (url) => {
      const { again, report, path } = await build();
      const before = readFileSync(report.config, "utf8");
      const made = statSync(path).mtimeMs;
      await expect(again({ warmUp: ["/", url], warmUpTimeout: 300 })).rejects.toMatchObject({
        code: "IMAGE_WARM_UP",
        message: expect.stringMatching(new RegExp(`^the warm-up of ${url} has not ended after 5\\.3 seconds\\.`)),
      });
      expect(readFileSync(report.config, "utf8")).toBe(before);
      expect(statSync(path).mtimeMs).toBe(made);
    },
    60_000,
  );

  test("tells of warm-up requests that failed, and makes the snapshot all the same", async () => {
    const { bytes, report } = await build({ warmUp: ["/broken.php", "/none.php", "/network.php"] });
    const told = report.warnings.join("\n");
    expect(told).toContain("about to break");
    expect(told).toContain("warm-up of /broken.php: it answered 500");
    expect(told).toContain("warm-up of /none.php: it answered 404");
    expect(told).not.toContain("network.php");
    expect(bytes.length).toBeGreaterThan(1_000_000);
  });

  test.each([
    ["missing", "/app/none.php", "none.php"],
    ["broken", "/app/broken.php", "/app/broken.php:1"],
  ])(
    "fails when the file of opcache.preload is %s, as php-fpm does, and leaves the build before as it was",
    async (_, file, said) => {
      const { again, report, path } = await build();
      const made = statSync(path).mtimeMs;
      const config = readFileSync(report.config, "utf8");
      const ini = `opcache.preload = ${file}\n`;
      await expect(again({ ini })).rejects.toMatchObject({
        code: "IMAGE_PHP_START",
        message: expect.stringContaining(said),
      });
      expect(readFileSync(report.config, "utf8")).toBe(config);
      expect(statSync(path).mtimeMs).toBe(made);
      expect((await again({ ini, warmUp: false })).warnings).toEqual([]);
    },
  );

  test.each([
    ["a script left a database open", { warmUp: ["/database.php"] }, "/tmp/left.sqlite"],
    ["php.ini asks for the environment", { ini: `memory_limit = ${LIMIT}\n` }, LIMIT],
  ])("makes none when %s, and says so", async (_, options, said) => {
    const { bytes, main, report } = await build(options);
    expect(bytes).toHaveLength(0);
    expect(main).not.toMatch(/"?snapshot"?:\s?"[0-9a-f]{32}"/);
    expect(report.warnings).toEqual([expect.stringContaining(said)]);
    expect(report.warnings[0]).toContain("no snapshot was made");
  });
});

describe("a compressed snapshot", () => {
  const packing = {
    pack: (bytes: Uint8Array) => deflateRawSync(bytes, { level: 1 }),
    unpack: (bytes: Uint8Array) => inflateRawSync(bytes),
  };
  const files = { "a.php": "<?php echo 'a', opcache_get_status()['opcache_statistics']['misses'];" };

  test("starts an interpreter again and again, piece by piece", async () => {
    const warm = await start("web", { files });
    expect(await run(warm, "a.php")).toBe("a2");
    const taken = warm.take("key");
    const module = writeSnapshotModule(taken, packing.pack);
    expect(module.length).toBeLessThan(taken.bytes.length / 3);
    expect(readSnapshotModule(module, "other", packing)).toBeUndefined();
    const snapshot = readSnapshotModule(module, "key", packing);
    if (snapshot === undefined) throw new Error("the key is the one it was made with");
    expect(snapshot.bytes.size).toBeLessThan(module.length);
    const child = await start("web", { files, snapshot });
    expect(child.restored).toBe(true);
    const first = await run(child, "a.php");
    await child.restore(snapshot, { env: {}, services: {}, processId: 2 });
    expect(await run(child, "a.php")).toBe(first);
  });

  test("is made of one that was not, when memory is short", async () => {
    const warm = await start("web", { files });
    const snapshot = readSnapshotModule(writeSnapshotModule(warm.take("key")), "key", packing);
    if (snapshot === undefined) throw new Error("the key is the one it was made with");
    const content = new Uint8Array(snapshot.bytes.length);
    snapshot.bytes.copyTo(content, 0);
    const before = snapshot.bytes.size;
    snapshot.bytes.pack();
    expect(snapshot.bytes.size).toBeLessThan(before / 3);
    const part = new Uint8Array(3_000_000);
    snapshot.bytes.copyTo(part, 777_777);
    expect(Buffer.from(part).equals(content.subarray(777_777, 3_777_777))).toBe(true);
  });
});
