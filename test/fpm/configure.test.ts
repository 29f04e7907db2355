// A pool whose numbers are changed while it runs, without a reload.

import { describe, expect, test } from "vitest";
import { Pool, type PoolConfigInput, poolConfig } from "../../src/fpm/index.ts";
import { FakeClock, fakePlatform, never, outcome, request } from "./fakes.ts";

const config = (input: PoolConfigInput = {}) => poolConfig({ pm: "static", maxChildren: 2, ...input });

async function started(input: PoolConfigInput = {}) {
  const clock = new FakeClock();
  const platform = fakePlatform(clock);
  const pool = new Pool(config(input), platform.spawn, { clock });
  const start = pool.start();
  await clock.advance(10);
  await start;
  return { clock, platform, pool };
}

describe("a pool that is configured while it runs", () => {
  test("starts the missing children of a static pool, and keeps those that are there", async () => {
    const { clock, platform, pool } = await started();
    const before = platform.alive.map(({ pid }) => pid);
    pool.configure(config({ maxChildren: 4 }));
    await clock.advance(10);
    expect(platform.alive).toHaveLength(4);
    expect(platform.alive.map(({ pid }) => pid)).toEqual(expect.arrayContaining(before));
  });

  test("lets idle children go at once and busy ones after their request", async () => {
    const { clock, platform, pool } = await started({ maxChildren: 3 });
    const leases = await Promise.all([pool.acquire(request(), never), pool.acquire(request(), never)]);
    pool.configure(config({ maxChildren: 1 }));
    await clock.advance(10);
    expect(platform.alive).toHaveLength(2);
    leases[0]?.release();
    await clock.advance(10);
    expect(platform.alive).toHaveLength(1);
    leases[1]?.release();
    await clock.advance(2000);
    expect(platform.alive).toHaveLength(1);
  });

  test("lets go of children that become ready when there are enough", async () => {
    const { clock, platform, pool } = await started({ maxChildren: 1 });
    pool.configure(config({ maxChildren: 3 }));
    pool.configure(config({ maxChildren: 1 }));
    await clock.advance(100);
    expect(platform.alive).toHaveLength(1);
  });

  test("changes its process manager", async () => {
    const { clock, platform, pool } = await started({ maxChildren: 4 });
    pool.configure(config({ pm: "ondemand", maxChildren: 4, processIdleTimeout: 1000 }));
    await clock.advance(10_000);
    expect(platform.alive).toHaveLength(0);
    pool.configure(config({ pm: "dynamic", maxChildren: 4, minSpareServers: 2, maxSpareServers: 3 }));
    await clock.advance(5000);
    expect(platform.alive).toHaveLength(2);
    expect(pool.status().processManager).toBe("dynamic");
  });

  test("applies limits from the next request on", async () => {
    const { clock, pool } = await started({ maxChildren: 1 });
    pool.configure(config({ maxChildren: 1, requestTerminateTimeout: 500 }));
    const lease = await pool.acquire(request(), never);
    await clock.advance(500);
    expect(await outcome(lease.ended)).toMatchObject({ value: { reason: "terminate-timeout" } });
  });
});
