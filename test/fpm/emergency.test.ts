import { describe, expect, test } from "vitest";
import { EmergencyRestart } from "../../src/fpm/emergency.ts";
import { Master, poolConfig } from "../../src/fpm/index.ts";
import { FakeClock, fakePlatform, memoryLog } from "./fakes.ts";

describe("emergency restart", () => {
  test.each([
    ["as many as the threshold within the interval", [0, 500, 1000], [false, false, true]],
    ["the same, later", [0, 500, 1001], [false, false, false]],
    ["counted anew after a restart", [0, 1, 2, 3, 4, 5], [false, false, true, false, false, true]],
  ])("%s", (_what, times, expected) => {
    const emergency = new EmergencyRestart({ threshold: 3, interval: 1000 });
    expect(times.map((time) => emergency.crashed(time))).toEqual(expected);
  });

  test.each([
    { threshold: 0, interval: 1000 },
    { threshold: 1, interval: 0 },
  ])("never with %j", (limits) => {
    expect(new EmergencyRestart(limits).crashed(0)).toBe(false);
  });

  test("reloads every pool, once, and not for children that were killed", async () => {
    const clock = new FakeClock();
    const platform = fakePlatform(clock);
    const logged = memoryLog();
    const config = poolConfig({ pm: "static", maxChildren: 3 });
    const options = { clock, log: logged.log, emergencyRestart: { threshold: 2, interval: 60_000 } };
    const master = new Master([config], platform.spawn, options);
    const started = master.start();
    await clock.advance(0);
    await started;
    master.pool("www")?.kill(1);
    await clock.advance(20_000);
    platform.alive[0]?.crash();
    await clock.advance(20_000);
    expect(platform.children).toHaveLength(5);
    platform.alive[0]?.crash();
    await clock.advance(20_000);
    expect(platform.alive.map(({ pid }) => pid).every((pid) => pid > 5)).toBe(true);
    expect(platform.alive).toHaveLength(3);
    expect(logged.lines.filter((line) => line.includes("failed processes threshold"))).toEqual([
      "warning: failed processes threshold (2 in 60 sec) is reached, initiating reload",
    ]);
  });
});
