// Children that are killed under load: their requests fail, at once, and nobody else's does.

import { afterAll, beforeAll, expect, test } from "vitest";
import { describePeers } from "../peers/peer.ts";
import { startWrk } from "../peers/wrk.ts";
import { type LivePool, pause, startLivePool, until } from "./live-pool.ts";

describePeers(["nginx", "wrk"], "children killed under load", () => {
  let live: LivePool;
  beforeAll(async () => {
    live = await startLivePool({ pm: "static", maxChildren: 3 });
  });
  afterAll(() => live?.stop());

  const busy = () => live.pool.status().processes.filter(({ state }) => state === "Running");

  test("ten times: only the requests they held fail", { timeout: 90_000 }, async () => {
    const wrk = startWrk(`${live.nginx.baseUrl}/work.php?ms=30`, { connections: 6, seconds: 20 });
    let killed = 0;
    for (let round = 0; round < 10; round++) {
      await pause(1000);
      await until("a busy child", () => busy().length > 0);
      const [victim] = busy();
      if (victim !== undefined && live.pool.kill(victim.pid)) killed += 1;
    }
    const report = await wrk.report;
    expect(killed).toBe(10);
    // Each child held one request, and that is told to its visitor.
    expect(report.refused).toBe(10);
    expect(report.socketErrors).toBe(0);
    expect(report.requests).toBeGreaterThan(200);
    await until("children replaced", () => live.pool.status().idleProcesses === 3);
  });

  test("their visitors learn it at once", async () => {
    const answer = fetch(`${live.nginx.baseUrl}/work.php?ms=20000`);
    await until("a busy child", () => busy().length > 0);
    const began = performance.now();
    for (const { pid } of busy()) live.pool.kill(pid);
    expect((await answer).status).toBe(502);
    // The script had 20 seconds to go.
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});
