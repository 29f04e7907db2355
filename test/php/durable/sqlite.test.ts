// SQLite on shared files: its locks as the store is asked for them, and write-ahead logs as SQLite writes them.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ByteRange, DatabaseLocks } from "../../../src/php/durable/database-locks.ts";
import { sharedNode } from "../../../src/php/durable/shared-node.ts";
import { readLog, usesLog } from "../../../src/php/durable/sqlite-wal.ts";

const PENDING = 0x40000000;
const RESERVED = { start: PENDING + 1, end: PENDING + 2 };
const SHARED = { start: PENDING + 2, end: PENDING + 512 };

describe("a database's locks", () => {
  const node = sharedNode({} as never, 5);
  const asked: string[] = [];
  let answer = 0;
  const take = async ({ type, start }: ByteRange, wait: number) => {
    asked.push(`${type} ${start - PENDING} ${wait > 0 ? "waits" : "tries"}`);
    return answer;
  };

  test("are asked for without PENDING, and RESERVED only once", async () => {
    const locks = new DatabaseLocks();
    expect(DatabaseLocks.knows(PENDING, PENDING + 1)).toBe(true);
    expect(DatabaseLocks.knows(0, 100)).toBe(false);
    await locks.lock(node, { type: "shared", start: PENDING, end: PENDING + 1 }, take);
    await locks.lock(node, { type: "shared", ...SHARED }, take);
    expect(locks.unlock(node, PENDING, PENDING + 1)).toBeUndefined();
    await locks.lock(node, { type: "exclusive", ...RESERVED }, take);
    await locks.lock(node, { type: "exclusive", ...RESERVED }, take);
    await locks.lock(node, { type: "exclusive", start: PENDING, end: PENDING + 1 }, take);
    await locks.lock(node, { type: "exclusive", ...SHARED }, take);
    expect(asked.splice(0)).toEqual(["shared 2 waits", "exclusive 1 tries", "exclusive 2 waits"]);
    expect(locks.unlock(node, PENDING, PENDING + 2)).toEqual(RESERVED);
    expect(locks.unlock(node, PENDING, PENDING + 2)).toBeUndefined();
    expect(locks.unlock(node, 0, 1000)).toEqual({ start: 0, end: 1000 });
  });

  test("are queued for by a writer that found another one before it", async () => {
    const locks = new DatabaseLocks();
    answer = -6;
    expect(await locks.lock(node, { type: "exclusive", ...RESERVED }, take)).toBe(-6);
    answer = 0;
    await locks.lock(node, { type: "shared", start: PENDING, end: PENDING + 1 }, take);
    expect(await locks.lock(node, { type: "exclusive", ...RESERVED }, take)).toBe(0);
    expect(asked.splice(0)).toEqual(["exclusive 1 tries", "exclusive 1 waits"]);
  });
});

describe("a write-ahead log", () => {
  const folder = mkdtempSync(join(tmpdir(), "wal-"));
  let log: Uint8Array;
  let head: Uint8Array;
  let pageSize: number;

  beforeAll(() => {
    const path = join(folder, "db");
    const db = new DatabaseSync(path);
    db.exec("PRAGMA journal_mode=WAL; CREATE TABLE t (x); PRAGMA wal_checkpoint(TRUNCATE)");
    db.exec("INSERT INTO t VALUES (zeroblob(9000))");
    db.exec("INSERT INTO t VALUES (zeroblob(9000))");
    pageSize = Number(db.prepare("PRAGMA page_size").get()?.page_size);
    head = new Uint8Array(readFileSync(path)).subarray(0, 100);
    log = new Uint8Array(readFileSync(`${path}-wal`));
    db.close();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("is named by the database's head", () => {
    expect(usesLog(head)).toBe(true);
    const journaled = head.slice();
    journaled.set([1, 1], 18);
    expect([usesLog(journaled), usesLog(head.subarray(0, 99)), usesLog(new Uint8Array(100))]).toEqual([
      false,
      false,
      false,
    ]);
  });

  test("gives the pages of its transactions", () => {
    const changes = readLog(log);
    expect(changes?.pageSize).toBe(pageSize);
    expect(changes?.content.size).toBeGreaterThan(3);
    expect(Math.max(...(changes?.content.keys() ?? []))).toBe(changes?.pages);
  });

  test("that was cut, or is damaged, gives the transactions before, or none", () => {
    const whole = readLog(log)?.pages ?? 0;
    const frame = 24 + pageSize;
    const counts = new Set<number>([whole]);
    for (let at = 0; at <= log.length; at += Math.floor(frame / 2)) {
      counts.add(readLog(log.subarray(0, at))?.pages ?? 0);
      const damaged = log.slice();
      if (at < log.length) damaged[at] = (damaged[at] ?? 0) ^ 1;
      expect(readLog(damaged)?.pages ?? 0).toBeLessThanOrEqual(whole);
    }
    // None, the first, both.
    expect([...counts].filter((pages) => pages > 0).length).toBe(2);
    expect(readLog(new Uint8Array(10))).toBeUndefined();
    expect(readLog(new Uint8Array(100))).toBeUndefined();
  });
});
