import { describe, expect, test } from "vitest";
import { Pool, poolConfig, statusJson, statusText } from "../../src/fpm/index.ts";
import { FakeClock, fakePlatform, never, request, settled } from "./fakes.ts";

async function busyPool() {
  const clock = new FakeClock();
  const pool = new Pool(poolConfig({ pm: "static", maxChildren: 2 }), fakePlatform(clock).spawn, { clock });
  const started = pool.start();
  await clock.advance(0);
  await started;
  const first = await pool.acquire(request({ uri: "/first.php", user: "ann" }), never);
  await clock.advance(1500);
  first.release({ memory: 2_097_152 });
  const second = await pool.acquire(request({ method: "POST", query: "a=1", contentLength: 7 }), never);
  const third = await pool.acquire(request(), never);
  third.stage("finishing");
  await clock.advance(2500);
  return { pool, second, third };
}

describe("status", () => {
  test("has php-fpm's fields, in its order and units, as text", async () => {
    const { pool } = await busyPool();
    expect(statusText(pool.status(), false)).toBe(
      [
        "pool:                 www",
        "process manager:      static",
        "start time:           23/Nov/2026:00:00:00 +0000",
        "start since:          4",
        "accepted conn:        3",
        "listen queue:         0",
        "max listen queue:     0",
        "listen queue len:     511",
        "idle processes:       0",
        "active processes:     2",
        "total processes:      2",
        "max active processes: 2",
        "max children reached: 0",
        "slow requests:        0",
        "memory peak:          2097152",
        "edge-fpm starting processes:      0",
        "edge-fpm stopping processes:      0",
        "edge-fpm listen queue served:     0",
        "edge-fpm listen queue wait:       0",
        "edge-fpm max listen queue wait:   0",
        "edge-fpm listen queue refused:    0",
        "edge-fpm listen queue expired:    0",
        "edge-fpm open connections:        0",
        "edge-fpm accepted connections:    0",
        "edge-fpm idle connections closed: 0",
        "edge-fpm half-sent headers:       0",
        "edge-fpm half-sent bodies:        0",
        "edge-fpm stalled requests:        0",
        "edge-fpm slow readers:            0",
        "",
      ].join("\n"),
    );
  });

  test("lists the children in the full text", async () => {
    const { pool, second } = await busyPool();
    second.release();
    const [, first = ""] = statusText(pool.status(), true).split(`\n${"*".repeat(24)}\n`);
    expect(first).toBe(
      [
        "pid:                  1",
        "state:                Idle",
        "start time:           23/Nov/2026:00:00:00 +0000",
        "start since:          4",
        "requests:             2",
        "request duration:     2500000",
        "request method:       POST",
        "request URI:          /index.php?a=1",
        "content length:       7",
        "user:                 -",
        "script:               /srv/index.php",
        "last request cpu:     0.00",
        "last request memory:  0",
        "",
      ].join("\n"),
    );
  });

  test("is JSON with php-fpm's keys", async () => {
    const { pool } = await busyPool();
    const short = JSON.parse(statusJson(pool.status(), false));
    expect(short).toMatchObject({
      pool: "www",
      "process manager": "static",
      "start time": Date.UTC(2026, 10, 23) / 1000,
    });
    expect(short.processes).toBeUndefined();
    const full = JSON.parse(statusJson(pool.status(), true));
    expect(full.processes).toHaveLength(2);
    expect(full.processes[1]).toMatchObject({ pid: 2, state: "Finishing", requests: 1, "request duration": 2_500_000 });
  });

  test("shows children that start and stop apart from the idle and the active", async () => {
    const clock = new FakeClock();
    const platform = fakePlatform(clock, {});
    const pool = new Pool(poolConfig({ pm: "static", maxChildren: 2 }), platform.spawn, { clock });
    void pool.start();
    platform.children[0]?.becomeReady();
    await settled();
    (await pool.acquire(request(), never)).release({ retire: true });
    const status = pool.status();
    expect(status).toMatchObject({ idleProcesses: 0, activeProcesses: 0, startingProcesses: 1, stoppingProcesses: 1 });
    expect(status.processes.map(({ state }) => state)).toEqual(["Stopping", "Starting"]);
    expect(status.totalProcesses).toBe(2);
  });
});
