// A master that reloads with another configuration.

import { describe, expect, test } from "vitest";
import { Master, type MasterOptions, type PoolConfigInput, poolConfig } from "../../src/fpm/index.ts";
import { FakeClock, fakePlatform, memoryLog, never, outcome, request } from "./fakes.ts";

const config = (input: PoolConfigInput = {}) => poolConfig({ pm: "static", maxChildren: 1, ...input });

async function started(configs: PoolConfigInput[], options: Omit<MasterOptions, "clock" | "log"> = {}) {
  const clock = new FakeClock();
  const platform = fakePlatform(clock);
  const logged = memoryLog();
  const master = new Master(configs.map(config), platform.spawn, { clock, log: logged.log, ...options });
  const start = master.start();
  await clock.advance(0);
  await start;
  return { clock, platform, logged, master };
}

describe("a reload", () => {
  test("brings the new configuration into force: children, queue, timeouts", async () => {
    const next = [config({ maxChildren: 3, requestTerminateTimeout: 5000, listenBacklog: 7 })];
    const { clock, platform, master } = await started([{}], { reread: () => next });
    const old = await master.pool("www")?.acquire(request(), never);
    const reload = master.reload();
    await clock.advance(10);
    expect(platform.alive).toHaveLength(4);
    old?.release();
    await clock.advance(10);
    await reload;
    expect(platform.alive).toHaveLength(3);
    expect(master.pool("www")?.config.maxChildren).toBe(3);
    expect(master.status()[0]?.listenQueueLen).toBe(7);
    const lease = await master.pool("www")?.acquire(request(), never);
    await clock.advance(5000);
    expect(lease && (await outcome(lease.ended))).toMatchObject({ value: { reason: "terminate-timeout" } });
  });

  test("starts pools that are new and finishes those that are gone", async () => {
    const next = [config({ name: "shop" }), config({ name: "blog" })];
    const { clock, master } = await started([{ name: "www" }, { name: "shop" }], { reread: async () => next });
    const gone = master.pool("www");
    const reload = master.reload();
    await clock.advance(10);
    await reload;
    expect([...master.pools.keys()]).toEqual(["shop", "blog"]);
    expect(gone?.state).toBe("stopped");
    expect(master.pool("blog")?.state).toBe("running");
  });

  test.each([
    ["cannot be read", () => Promise.reject(new Error("line 3: what?")), "line 3: what?"],
    ["has no pool", () => [], "at least one pool"],
    ["has two pools of one name", () => [config(), config()], "a name that no other pool has"],
  ])("changes nothing when the configuration %s", async (_what, reread, reason) => {
    const { clock, platform, logged, master } = await started([{}], { reread });
    const reload = master.reload();
    await clock.advance(10);
    expect(await outcome(reload)).toMatchObject({ error: expect.objectContaining({}) });
    expect(logged.lines.some((line) => line.startsWith("error: failed to reload") && line.includes(reason))).toBe(true);
    expect(platform.alive.map(({ pid }) => pid)).toEqual([1]);
    await clock.advance(60_000);
    expect(master.pool("www")?.state).toBe("running");
  });

  test("goes back to the old configuration when no new child comes up", async () => {
    const { clock, platform, master } = await started([{}], { reread: () => [config({ maxChildren: 2 })] });
    platform.manners = { readyAfter: 0, stopAfter: 0, startError: "no memory" };
    const reload = master.reload();
    await clock.advance(10);
    expect(await outcome(reload)).toMatchObject({ error: { code: "POOL_RELOAD_FAILED" } });
    expect(master.pool("www")?.config.maxChildren).toBe(1);
    expect((await master.pool("www")?.acquire(request(), never))?.child.pid).toBe(1);
  });

  test("turns a static pool into one on demand, and back", async () => {
    let next = [config({ pm: "ondemand", maxChildren: 2 })];
    const { clock, platform, master } = await started([{ maxChildren: 2 }], { reread: () => next });
    const first = master.reload();
    await clock.advance(10);
    await first;
    expect(platform.alive).toHaveLength(0);
    const asked = master.pool("www")?.acquire(request(), never);
    await clock.advance(10);
    (await asked)?.release();
    next = [config({ maxChildren: 2 })];
    const second = master.reload();
    await clock.advance(10);
    await second;
    expect(platform.alive).toHaveLength(2);
  });

  test("during a reload is that reload", async () => {
    const { clock, platform, master } = await started([{}]);
    const both = Promise.all([master.reload(), master.reload()]);
    await clock.advance(10);
    await both;
    expect(platform.children).toHaveLength(2);
  });

  test("reopens the logs when asked to, and says so", async () => {
    const reopened: string[] = [];
    const { logged, master } = await started([{}], { reopen: () => void reopened.push("all") });
    await master.reopenLogs();
    expect(reopened).toEqual(["all"]);
    expect(logged.lines).toContain("notice: error log file re-opened");
  });
});
