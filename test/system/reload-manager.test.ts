// The process manager under load, with real interpreters: what it does is printed as a table.

import { afterEach, expect, test } from "vitest";
import { describePeers } from "../peers/peer.ts";
import { startWrk } from "../peers/wrk.ts";
import { type LivePool, pause, startLivePool, until } from "./live-pool.ts";

let live: LivePool | undefined;
afterEach(() => live?.stop());

interface Sample {
  readonly second: number;
  readonly load: string;
  readonly active: number;
  readonly idle: number;
  readonly starting: number;
  readonly total: number;
  readonly queue: number;
}

function table(samples: readonly Sample[]): string {
  const names = ["second", "load", "active", "idle", "starting", "total", "queue"] as const;
  const rows = [names, ...samples.map((sample) => names.map((name) => String(sample[name])))];
  return rows.map((row) => row.map((cell) => cell.padStart(9)).join("")).join("\n");
}

/** Looks at the pool once a second while `load` lasts. */
async function watch(pool: LivePool["pool"], load: string, seconds: number, samples: Sample[]): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await pause(1000);
    const { activeProcesses, idleProcesses, startingProcesses, totalProcesses, listenQueue } = pool.status();
    samples.push({
      second: samples.length + 1,
      load,
      active: activeProcesses,
      idle: idleProcesses,
      starting: startingProcesses,
      total: totalProcesses,
      queue: listenQueue,
    });
  }
}

describePeers(["nginx", "wrk"], "the process manager", () => {
  test("dynamic follows the load up and down", { timeout: 120_000 }, async () => {
    live = await startLivePool({
      pm: "dynamic",
      maxChildren: 6,
      startServers: 1,
      minSpareServers: 1,
      maxSpareServers: 2,
    });
    const { pool, nginx } = live;
    const samples: Sample[] = [];
    await watch(pool, "none", 2, samples);
    const light = startWrk(`${nginx.baseUrl}/work.php?ms=100`, { connections: 1, seconds: 8 });
    await watch(pool, "light", 8, samples);
    const heavy = startWrk(`${nginx.baseUrl}/work.php?ms=100`, { connections: 12, seconds: 14 });
    await watch(pool, "heavy", 14, samples);
    const reports = [await light.report, await heavy.report];
    await watch(pool, "none", 10, samples);
    process.stdout.write(`\npm = dynamic, 1 to 2 spare children, at most 6\n${table(samples)}\n`);

    const most = (load: string) => Math.max(...samples.filter((s) => s.load === load).map(({ total }) => total));
    expect(samples[1]?.total).toBe(1);
    expect(most("light")).toBeLessThanOrEqual(3);
    expect(most("heavy")).toBe(6);
    expect(samples.at(-1)?.total).toBeLessThanOrEqual(2);
    expect(pool.status().maxChildrenReached).toBeGreaterThan(0);
    for (const { refused, socketErrors } of reports) expect([refused, socketErrors]).toEqual([0, 0]);
  });

  test("ondemand goes to zero and back", { timeout: 60_000 }, async () => {
    live = await startLivePool({ pm: "ondemand", maxChildren: 2, processIdleTimeout: 1000 });
    const { pool, nginx } = live;
    for (let round = 0; round < 2; round++) {
      expect(pool.size).toBe(0);
      const answers = await Promise.all([1, 2, 3].map(() => fetch(`${nginx.baseUrl}/work.php?ms=300`)));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect(pool.status()).toMatchObject({ totalProcesses: 2, maxActiveProcesses: 2 });
      await until("no child", () => pool.size === 0);
    }
    // Nothing to do, and nothing done.
    await pause(1500);
    expect(pool.size).toBe(0);
  });
});
