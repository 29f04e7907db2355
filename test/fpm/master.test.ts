import { describe, expect, test } from "vitest";
import { Master, poolConfig } from "../../src/fpm/index.ts";
import { FakeClock, fakePlatform, memoryLog, never, outcome, request } from "./fakes.ts";

const configs = [
  poolConfig({ name: "shop", pm: "static", maxChildren: 1 }),
  poolConfig({ name: "blog", pm: "static", maxChildren: 2, processControlTimeout: 1000 }),
];

async function setUp() {
  const clock = new FakeClock();
  const platform = fakePlatform(clock);
  const log = memoryLog();
  const master = new Master(configs, platform.spawn, { clock, log: log.log });
  return { clock, platform, log, master };
}

describe("Master", () => {
  test("starts all pools and knows them by name", async () => {
    const { master, clock, log } = await setUp();
    const start = master.start();
    await clock.advance(0);
    await start;
    expect(master.status().map(({ pool, idleProcesses }) => [pool, idleProcesses])).toEqual([
      ["shop", 1],
      ["blog", 2],
    ]);
    expect((await master.pool("blog")?.acquire(request(), never))?.wire).toBeDefined();
    expect(master.pool("none")).toBeUndefined();
    expect(log.lines.at(-1)).toBe("notice: ready to handle connections");
  });

  test("stops the others again when one cannot start", async () => {
    const { master, clock, platform } = await setUp();
    const start = master.start();
    start.catch(() => {});
    platform.children[0]?.failToStart("no memory");
    await clock.advance(0);
    expect(await outcome(start)).toEqual({ error: expect.objectContaining({ code: "POOL_START_FAILED" }) });
    expect([platform.alive.length, clock.pending]).toEqual([0, 0]);
  });

  test("finishes each pool within its process_control_timeout", async () => {
    const { master, clock, platform } = await setUp();
    void master.start();
    await clock.advance(0);
    const lease = await master.pool("blog")?.acquire(request(), never);
    const finish = master.finish();
    await clock.advance(999);
    expect(await outcome(finish)).toBe("pending");
    expect(platform.alive.length).toBe(1);
    await clock.advance(1);
    expect(await outcome(finish)).toEqual({ value: undefined });
    expect(await lease?.ended).toMatchObject({ reason: "killed" });
  });

  test("reloads each pool, and tells of one that could not", async () => {
    const { master, clock, platform } = await setUp();
    void master.start();
    await clock.advance(0);
    platform.manners = {};
    const reload = master.reload();
    reload.catch(() => {});
    const [shop, ...blog] = platform.children.slice(3);
    shop?.failToStart("no memory");
    for (const child of blog) child.becomeReady();
    await clock.advance(10_000);
    expect(await outcome(reload)).toEqual({ error: expect.objectContaining({ code: "POOL_RELOAD_FAILED" }) });
    expect(platform.alive.map(({ pid }) => pid)).toEqual([1, 5, 6]);
  });

  test("refuses two pools of one name, and none at all", () => {
    const { spawn } = fakePlatform(new FakeClock());
    const twice = [poolConfig({ name: "a" }), poolConfig({ name: "a" })];
    expect(() => new Master(twice, spawn)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
    expect(() => new Master([], spawn)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
  });

  test("keeps all pools together within process.max, and tells of it once", async () => {
    const clock = new FakeClock();
    const platform = fakePlatform(clock);
    const log = memoryLog();
    const dynamic = { pm: "dynamic", maxChildren: 9, minSpareServers: 3, maxSpareServers: 5, startServers: 3 } as const;
    const pools = [poolConfig({ name: "a", pm: "static", maxChildren: 3 }), poolConfig({ name: "b", ...dynamic })];
    const master = new Master(pools, platform.spawn, { clock, log: log.log, processMax: 4 });
    void master.start();
    await clock.advance(10_000);
    expect(platform.alive.length).toBe(4);
    expect(log.lines.filter((line) => line.includes("reached process.max (4 children"))).toHaveLength(1);
    const [first] = platform.alive;
    first?.crash("trap");
    await clock.advance(10_000);
    expect(platform.alive.length).toBe(4);
    await master.terminate();
  });
});
