import { expect, test } from "vitest";
import { Pool, poolConfig, systemClock } from "../../src/fpm/index.ts";
import { FakeClock, fakePlatform, never, outcome, request } from "./fakes.ts";

test("the system clock tells the time since 1970, and its timers fire unless taken back", async () => {
  expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(60_000);
  const fired: string[] = [];
  const cancel = systemClock.after(1, () => fired.push("cancelled"));
  // Longer than setTimeout can take: must not fire at once.
  const cancelLong = systemClock.after(2 ** 40, () => fired.push("long"));
  cancel();
  cancel();
  await new Promise<void>((resolve) => systemClock.after(5, resolve));
  expect(fired).toEqual([]);
  cancelLong();
});

test("a pool lives on the system clock when it is given none", async () => {
  const platform = fakePlatform(new FakeClock(), {});
  const pool = new Pool(poolConfig({ pm: "static", maxChildren: 1, requestTerminateTimeout: 20 }), platform.spawn);
  const start = pool.start();
  platform.children[0]?.becomeReady();
  await start;
  const lease = await pool.acquire(request(), never);
  expect(await lease.ended).toMatchObject({ reason: "terminate-timeout" });
  await pool.terminate();
  expect(await outcome(pool.finish())).toEqual({ value: undefined });
});
