import { describe, expect, test } from "vitest";
import { ConfigError, type PoolConfigInput, poolConfig } from "../../src/fpm/index.ts";

function problems(input: Record<string, unknown>) {
  try {
    poolConfig(input as PoolConfigInput);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ directive }) => directive);
    throw error;
  }
  return [];
}

describe("poolConfig", () => {
  test("gives php-fpm's defaults, those of the www.conf it ships for the process manager", () => {
    expect(poolConfig()).toEqual({
      name: "www",
      pm: "dynamic",
      maxChildren: 5,
      startServers: 2,
      minSpareServers: 1,
      maxSpareServers: 3,
      maxSpawnRate: 32,
      processIdleTimeout: 10_000,
      maxRequests: 0,
      listenBacklog: 511,
      queueTimeout: 30_000,
      requestTerminateTimeout: 0,
      requestTerminateTimeoutTrackFinished: false,
      requestSlowlogTimeout: 0,
      requestSlowlogTraceDepth: 20,
      processControlTimeout: 10_000,
      startTimeout: 60_000,
    });
  });

  test.each([
    [{ minSpareServers: 2, maxSpareServers: 7, maxChildren: 9 }, 4],
    [{ minSpareServers: 3, maxSpareServers: 3 }, 3],
    [{ maxChildren: 1 }, 1],
    [{ startServers: 0, minSpareServers: 1, maxSpareServers: 5 }, 3],
  ])("starts halfway between min and max spare servers when not told: %o -> %i", (input, startServers) => {
    expect(poolConfig(input).startServers).toBe(startServers);
  });

  test("fits the default of max spare servers to fewer children and to more min spare servers", () => {
    expect(poolConfig({ maxChildren: 2 }).maxSpareServers).toBe(2);
    expect(poolConfig({ minSpareServers: 4 }).maxSpareServers).toBe(4);
  });

  test("gives an ondemand pool no spare servers, whatever is written", () => {
    const config = poolConfig({ pm: "ondemand", minSpareServers: 3, maxSpareServers: 4, startServers: 3 });
    expect([config.startServers, config.minSpareServers, config.maxSpareServers]).toEqual([0, 0, 0]);
  });

  test.each([
    [{ pm: "lazy" }, ["pm"]],
    [{ name: "" }, ["name"]],
    [{ name: "global" }, ["name"]],
    [{ name: "a]\nb" }, ["name"]],
    [{ maxChildren: 0 }, ["pm.max_children"]],
    [{ maxChildren: 1.5 }, ["pm.max_children"]],
    [{ maxChildren: "4" }, ["pm.max_children"]],
    [{ maxChildren: Number.NaN }, ["pm.max_children"]],
    [{ listenBacklog: -1 }, ["listen.backlog"]],
    [{ queueTimeout: 0 }, ["queueTimeout"]],
    [{ maxSpawnRate: 0 }, ["pm.max_spawn_rate"]],
    [{ processIdleTimeout: 0, pm: "ondemand" }, ["pm.process_idle_timeout"]],
    [{ requestTerminateTimeoutTrackFinished: "yes" }, ["request_terminate_timeout_track_finished"]],
    [{ maxChilden: 4 }, ["maxChilden"]],
    [{ minSpareServers: 0 }, ["pm.min_spare_servers"]],
    [{ minSpareServers: 6 }, ["pm.min_spare_servers"]],
    [{ minSpareServers: 3, maxSpareServers: 2 }, ["pm.max_spare_servers"]],
    [{ startServers: 4 }, ["pm.start_servers"]],
    [{ requestTerminateTimeout: 1000, requestSlowlogTimeout: 2000 }, ["request_slowlog_timeout"]],
  ])("refuses %o", (input, directives) => {
    expect(problems(input)).toEqual(directives);
  });

  test("does not look at spare servers in a static pool", () => {
    expect(problems({ pm: "static", maxChildren: 2, minSpareServers: 9, maxSpareServers: 1 })).toEqual([]);
  });

  test("reports all problems at once, with what was seen and what is allowed", () => {
    const attempt = () => poolConfig({ pm: "lazy", maxChildren: -1, maxRequests: -5 } as unknown as PoolConfigInput);
    expect(attempt).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
    expect(attempt).toThrow(
      '[pool www] pm is "lazy"; allowed: static, dynamic or ondemand\n' +
        "pm.max_children is -1; allowed: a whole number from 1 to 65535\n" +
        "pm.max_requests is -5; allowed: a whole number from 0 to 9007199254740991",
    );
  });
});
