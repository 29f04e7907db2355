import { describe, expect, test } from "vitest";
import { type Backtrace, Pool, poolConfig, type Spawn, slowlogEntry } from "../../src/fpm/index.ts";
import { FakeClock, fakePlatform, never, request } from "./fakes.ts";

const AT = new Date(2026, 10, 23, 1, 51, 20).getTime();
const FRAMES = [
  { address: 0x7f25_d201_3150, name: "sleep", file: "/srv/h.php", line: 1 },
  { address: 0x90, name: "b", file: "/srv/h.php", line: 2 },
];

describe("slowlog", () => {
  test("has php-fpm's form", () => {
    const slow = { pool: "www", pid: 6119, script: "/srv/h.php", backtrace: { frames: FRAMES } };
    expect(slowlogEntry(slow, AT, 20)).toBe(
      "\n[23-Nov-2026 01:51:20]  [pool www] pid 6119\nscript_filename = /srv/h.php\n" +
        "[0x00007f25d2013150] sleep() /srv/h.php:1\n[0x0000000000000090] b() /srv/h.php:2\n",
    );
  });

  test("shows no more calls than request_slowlog_trace_depth", () => {
    const slow = { pool: "www", pid: 1, script: "/srv/h.php", backtrace: { frames: FRAMES } };
    expect(slowlogEntry(slow, AT, 1)).not.toContain("b()");
  });

  test("says so when the stack could not be read", () => {
    const slow = { pool: "www", pid: 1, script: "/srv/h\n.php", backtrace: undefined };
    expect(slowlogEntry(slow, AT, 20)).toContain("script_filename = /srv/h..php\n+++ dump failed\n");
  });
});

describe("a slow request", () => {
  async function slowPool(trace?: () => Promise<Backtrace | undefined>) {
    const clock = new FakeClock();
    const entries: string[] = [];
    const config = poolConfig({ pm: "static", maxChildren: 1, requestSlowlogTimeout: 1000 });
    const slowlog = (entry: string) => entries.push(entry);
    const platform = fakePlatform(clock);
    const spawn: Spawn<string> = (place) => Object.assign(platform.spawn(place), trace === undefined ? {} : { trace });
    const pool = new Pool(config, spawn, { clock, slowlog });
    const started = pool.start();
    await clock.advance(0);
    await started;
    return { clock, entries, pool, lease: await pool.acquire(request({ script: "/srv/a.php" }), never) };
  }

  test("gets one entry, with its backtrace", async () => {
    const { clock, entries, pool } = await slowPool(async () => ({ frames: FRAMES }));
    await clock.advance(999);
    expect(entries).toEqual([]);
    await clock.advance(60_000);
    expect(entries).toHaveLength(1);
    expect(entries[0]).toContain("sleep() /srv/h.php:1\n");
    expect(pool.status().slowRequests).toBe(1);
  });

  test("gets its entry without one when the script does not stop to be looked at", async () => {
    const { clock, entries } = await slowPool(() => new Promise(() => {}));
    await clock.advance(1500);
    expect(entries).toEqual([]);
    await clock.advance(1000);
    expect(entries[0]).toContain("script_filename = /srv/a.php\n+++ dump failed\n");
  });

  test("gets its entry where nothing can look", async () => {
    const { clock, entries } = await slowPool();
    await clock.advance(1000);
    expect(entries).toHaveLength(1);
  });

  test("gets none when it is done in time", async () => {
    const { clock, entries, lease } = await slowPool();
    await clock.advance(500);
    lease.release();
    await clock.advance(10_000);
    expect(entries).toEqual([]);
  });
});
