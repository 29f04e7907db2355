// Snapshots that go into other instances: what they bring along, what they leave behind, and their bytes.

import { describe, expect, test } from "vitest";
import { decodeSnapshot, encodeSnapshot } from "../../../src/php/snapshot/encode.ts";
import { snapshotKey } from "../../../src/php/snapshot/key.ts";
import { type Build, run, start } from "./fixture.ts";

/** Files in memory are as old as their instance. */
const INI = "memory_limit = 256M\nopcache.validate_timestamps = 0";

const FILES = {
  "library.php": "<?php function answer() { return 42; }",
  "warm.php": "<?php require_once __DIR__ . '/library.php'; putenv('LEFT=1'); $s = getenv('SECRET'); echo answer();",
  "ask.php": `<?php require_once __DIR__ . '/library.php';
    $stats = opcache_get_status();
    echo json_encode(['answer' => answer(), 'misses' => $stats['opcache_statistics']['misses'],
      'who' => getenv('WHO'), 'left' => getenv('LEFT'), 'env' => array_keys(getenv()),
      'late' => abs(time() - $_SERVER['REQUEST_TIME']), 'time' => microtime(true), 'pid' => getmypid()]);`,
  "grow.php": "<?php $big = str_repeat('x', 24 * 1024 * 1024); echo strlen($big);",
  "database.php": "<?php new PDO('sqlite:/tmp/left.sqlite', null, null, [PDO::ATTR_PERSISTENT => true]); echo 'open';",
};

describe.each<Build>(["node", "web"])("a snapshot in a fresh instance, %s build", (build) => {
  test("brings compiled scripts along, and nothing of the environment it was made in", async () => {
    const warm = await start(build, {
      files: FILES,
      env: { SECRET: "hidden-from-the-copies", WHO: "maker" },
      ini: INI,
    });
    expect(await run(warm, "warm.php")).toBe("42");
    expect(JSON.parse(await run(warm, "ask.php")).misses).toBeGreaterThan(0);
    const snapshot = warm.take("key");
    const bytes = encodeSnapshot(snapshot);
    expect(Buffer.from(bytes).includes("hidden-from-the-copies")).toBe(false);
    expect(Buffer.from(bytes).includes("WHO=maker")).toBe(false);

    const copy = decodeSnapshot(bytes, "key");
    if (copy === undefined) throw new Error("the key is the one it was made with");
    const child = await start(build, {
      files: FILES,
      env: { WHO: "child", MORE: "x".repeat(1000) },
      ini: INI,
      snapshot: copy,
      processId: 9,
    });
    const before = Date.now() / 1000;
    const answer = JSON.parse(await run(child, "ask.php"));
    expect(answer).toMatchObject({ answer: 42, who: "child", left: false, late: 0 });
    expect(answer.env).toContain("MORE");
    expect(answer.env).not.toContain("SECRET");
    expect(Math.abs(answer.time - before)).toBeLessThan(60);
    if (build === "node") expect(answer.pid).toBe(9);
    // Nothing was compiled anew; in web builds a script of ours runs after each restore.
    const ours = build === "web" ? 1 : 0;
    expect(answer.misses).toBe(JSON.parse(await run(warm, "ask.php")).misses + ours);

    // The maker goes on with what it has.
    expect(JSON.parse(await run(warm, "ask.php")).who).toBe("maker");
    // Another life in the same instance, after memory has grown.
    const small = child.host.memory;
    expect(await run(child, "grow.php")).toBe(String(24 * 1024 * 1024));
    expect(child.host.memory).toBeGreaterThan(small);
    await child.restore(copy, { env: { WHO: "next" }, services: {}, processId: 10 });
    expect(JSON.parse(await run(child, "ask.php"))).toMatchObject({ answer: 42, who: "next", misses: answer.misses });
  }, 60_000);

  test("may be larger than the instance's memory at first", async () => {
    const options = { files: FILES, ini: "memory_limit = 256M" };
    const warm = await start(build, options);
    const first = warm.host.memory;
    expect(await run(warm, "grow.php")).toBe(String(24 * 1024 * 1024));
    const snapshot = warm.take("key");
    expect(snapshot.memory).toBeGreaterThan(first);
    const child = await start(build, { ...options, snapshot });
    expect(child.host.memory).toBeGreaterThanOrEqual(snapshot.memory);
    expect(JSON.parse(await run(child, "ask.php"))).toMatchObject({ answer: 42 });
  }, 60_000);

  test("is refused while a database is open that scripts share", async () => {
    const warm = await start(build, { files: FILES });
    expect(await run(warm, "database.php")).toBe("open");
    expect(() => warm.take("key")).toThrow(
      expect.objectContaining({ code: "PHP_SNAPSHOT", message: expect.stringContaining("/tmp/left.sqlite") }),
    );
  }, 60_000);

  test("is left aside when the environment does not fit, and PHP starts by itself", async () => {
    const warm = await start(build, { files: FILES });
    const snapshot = warm.take("key");
    const child = await start(build, { files: FILES, env: { WHO: "x".repeat(100_000) }, snapshot });
    expect(JSON.parse(await run(child, "ask.php")).who).toHaveLength(100_000);
  }, 60_000);
});

test("a fresh instance is given what lies beside its memory too: where the C stack ends, above all", async () => {
  const warm = await start("node", { files: FILES, ini: INI });
  const snapshot = warm.take("key");
  const values = Object.values(snapshot.globals);
  expect(values).toHaveLength(3);
  expect(values).not.toContain(0);
  const child = await start("node", { files: FILES, ini: INI, snapshot });
  expect(child.restored).toBe(true);
  expect(child.take("key").globals).toEqual(snapshot.globals);
});

describe("the bytes of a snapshot", () => {
  const snapshot = {
    key: "key",
    memory: 65_536,
    globals: {},
    stackPointer: 4096,
    runs: [
      { at: 0, length: 4096 },
      { at: 8192, length: 4096 },
    ],
    bytes: Uint8Array.from({ length: 8192 }, (_, i) => i % 251),
    streams: [{ fd: 3, path: "/dev/urandom", flags: 0, position: 4, nameless: false }],
    environment: { list: 100, entries: 4, text: 200, bytes: 100, heads: [96] },
    processId: 1,
  };

  test("read back as they were, from the middle of a larger buffer too", () => {
    const encoded = encodeSnapshot(snapshot);
    const larger = new Uint8Array(encoded.length + 10);
    larger.set(encoded, 5);
    expect(decodeSnapshot(larger.subarray(5, 5 + encoded.length), "key")).toEqual(snapshot);
  });

  test("are for one key only", () => {
    expect(decodeSnapshot(encodeSnapshot(snapshot), "another")).toBeUndefined();
  });

  test.each([
    ["cut short", (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 1)],
    ["cut in the header", (bytes: Uint8Array) => bytes.subarray(0, 40)],
    ["empty", () => new Uint8Array(0)],
    ["of something else", () => new TextEncoder().encode("<!doctype html><title>no</title>")],
    [
      "with runs that overlap",
      () =>
        encodeSnapshot({
          ...snapshot,
          runs: [
            { at: 0, length: 4096 },
            { at: 10, length: 4096 },
          ],
        }),
    ],
    ["with a run beyond memory", () => encodeSnapshot({ ...snapshot, memory: 8192 })],
  ])("are refused when they are %s", (_, change) => {
    expect(() => decodeSnapshot(change(encodeSnapshot(snapshot)), "key")).toThrow(
      expect.objectContaining({ code: "PHP_SNAPSHOT" }),
    );
  });

  test("have another key for another PHP, php.ini, application or warm-up", async () => {
    const parts = { build: "a", ini: "b", application: "c", others: ["d"] };
    const key = await snapshotKey(parts);
    expect(await snapshotKey({ ...parts })).toBe(key);
    const others = [{ build: "x" }, { ini: "x" }, { application: "x" }, { others: ["x"] }];
    const keys = await Promise.all(others.map((other) => snapshotKey({ ...parts, ...other })));
    expect(new Set([key, ...keys]).size).toBe(5);
  });
});
