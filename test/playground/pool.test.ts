// The pool under the page's hands, under load, and against CGI.

import { afterAll, beforeAll, expect, test } from "vitest";
import { describePeers } from "../peers/peer.ts";
import { openEngine } from "./chromium.ts";

describePeers(["chromium"], "the pool in the page", () => {
  let opened: Awaited<ReturnType<typeof openEngine>>;
  beforeAll(async () => {
    opened = await openEngine({ pool: { pm: "static", maxChildren: 2 } });
    await opened.page.evaluate(async () => {
      await globalThis.engine.loadPhp();
      Object.assign(globalThis, {
        /** Watches the page's thread from now on. The end gives how long its long tasks took, in milliseconds. */
        watchTasks: () => {
          const tasks: number[] = [];
          const take = (list: { getEntries(): PerformanceEntry[] }) => {
            for (const entry of list.getEntries()) tasks.push(entry.duration);
          };
          const observer = new PerformanceObserver(take);
          observer.observe({ type: "longtask" });
          return async () => {
            await new Promise((done) => setTimeout(done, 200));
            observer.disconnect();
            return tasks;
          };
        },
        /** Waits until the pool is as wanted. */
        untilPool: async (test: (status: { totalProcesses: number; idleProcesses: number }) => boolean) => {
          for (let i = 0; i < 400; i++) {
            const status = globalThis.engine.pool.snapshot?.status;
            if (status !== undefined && test(status)) return status.totalProcesses;
            await new Promise((done) => setTimeout(done, 50));
          }
          throw new Error(`the pool stays at ${JSON.stringify(globalThis.engine.pool.snapshot?.status)}`);
        },
      });
    });
  }, 120_000);
  afterAll(() => opened?.close());

  test("takes other numbers at once, without a reload", async () => {
    const result = await opened.page.evaluate(async () => {
      const { engine, untilPool } = globalThis as never as Page;
      const pids = () => engine.pool.snapshot?.status.processes.map(({ pid }) => pid) ?? [];
      await untilPool(({ idleProcesses }) => idleProcesses === 2);
      const before = pids();
      await engine.pool.configure({ maxChildren: 4 });
      await untilPool(({ idleProcesses }) => idleProcesses === 4);
      const more = pids();
      await engine.pool.configure({ maxChildren: 1 });
      await untilPool(({ totalProcesses }) => totalProcesses === 1);
      await engine.pool.configure({ pm: "ondemand", processIdleTimeout: 1000, maxChildren: 2 });
      await untilPool(({ totalProcesses }) => totalProcesses === 0);
      const status = (await engine.request({ url: "/hello.php" })).status;
      const pm = engine.pool.snapshot?.status.processManager;
      await engine.pool.configure({ pm: "static", maxChildren: 2 });
      await untilPool(({ idleProcesses }) => idleProcesses === 2);
      return { before, more, status, pm };
    });
    expect(result.more).toHaveLength(4);
    expect(result.more).toEqual(expect.arrayContaining(result.before));
    expect(result).toMatchObject({ status: 200, pm: "ondemand" });
  });

  test("refuses numbers that make no sense, and says all of them", async () => {
    const error = await opened.page.evaluate(() =>
      globalThis.engine.pool.configure({ maxChildren: 0, listenBacklog: -1 }).catch((reason) => ({
        code: reason.code,
        message: reason.message,
      })),
    );
    expect(error).toMatchObject({ code: "CONFIG_INVALID" });
    expect((error as { message: string }).message).toMatch(/pm\.max_children.*listen\.backlog/s);
  });

  test("replaces a child that is killed in the middle of a loop", async () => {
    const { status, killed, unknown, log } = await opened.page.evaluate(async () => {
      const { engine, untilPool } = globalThis as never as Page;
      const log: string[] = [];
      engine.on("log", ({ message }) => log.push(message));
      const looping = engine.request({ url: "/loop.php" });
      let pid: number | undefined;
      while (pid === undefined) {
        await new Promise((done) => setTimeout(done, 50));
        pid = engine.pool.snapshot?.status.processes.find(({ state }) => state === "Running")?.pid;
      }
      const killed = await engine.pool.kill(pid);
      const { status } = await looping;
      await untilPool(({ idleProcesses }) => idleProcesses === 2);
      return { status, killed, unknown: await engine.pool.kill(99_999), log };
    });
    expect({ status, killed, unknown }).toEqual({ status: 502, killed: true, unknown: false });
    expect(log.join("\n")).toContain("exited (killed)");
  });

  test("reloads without losing a request", async () => {
    const { before, after, statuses } = await opened.page.evaluate(async () => {
      const { engine } = globalThis;
      const pids = () => engine.pool.snapshot?.status.processes.map(({ pid }) => pid) ?? [];
      const before = pids();
      const run = engine.load({ request: { url: "/slow.php?pieces=1&ms=30" }, total: 40, concurrency: 4 });
      await engine.pool.reload();
      const { statuses } = await run.done;
      await new Promise((done) => setTimeout(done, 300));
      return { before, after: pids(), statuses };
    });
    expect(statuses).toEqual({ 200: 40 });
    expect(after).toHaveLength(2);
    expect(after.some((pid) => before.includes(pid))).toBe(false);
  });

  test("recycles children after pm.max_requests, and tells when max_children is reached", async () => {
    const { started, reached, queued } = await opened.page.evaluate(async () => {
      const { engine, untilPool } = globalThis as never as Page;
      let started = 0;
      const off = engine.on("child", () => {
        started += 1;
      });
      await engine.pool.configure({ maxRequests: 5 });
      await engine.load({ request: { url: "/hello.php" }, total: 20, concurrency: 2 }).done;
      await untilPool(({ idleProcesses }) => idleProcesses === 2);
      off();
      await engine.pool.configure({ pm: "dynamic", maxChildren: 2, minSpareServers: 1, maxRequests: 0 });
      const run = engine.load({ request: { url: "/slow.php?pieces=1&ms=400" }, total: 12, concurrency: 6 });
      let queued = 0;
      const offPool = engine.on("pool", ({ status }) => {
        queued = Math.max(queued, status.listenQueue);
      });
      await run.done;
      offPool();
      const reached = engine.pool.snapshot?.status.maxChildrenReached ?? 0;
      await engine.pool.configure({ pm: "static", maxChildren: 2 });
      await untilPool(({ idleProcesses }) => idleProcesses === 2);
      return { started, reached, queued };
    });
    expect(started).toBeGreaterThanOrEqual(3);
    expect(reached).toBeGreaterThanOrEqual(1);
    expect(queued).toBeGreaterThanOrEqual(2);
  });

  test("has a watch on the page's thread that sees a long task", async () => {
    const tasks = await opened.page.evaluate(async () => {
      const watched = (globalThis as never as Page).watchTasks();
      await new Promise((done) => setTimeout(done));
      for (const end = performance.now() + 250; performance.now() < end; );
      return await watched();
    });
    expect(Math.max(0, ...tasks)).toBeGreaterThan(200);
  });

  test("answers 1,000 requests while the page stays responsive", async () => {
    const result = await opened.page.evaluate(async () => {
      const { engine, watchTasks } = globalThis as never as Page;
      const watched = watchTasks();
      let frames = 0;
      let running = true;
      const frame = () => {
        frames += 1;
        if (running) requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
      engine.wire.clear();
      const first = engine.wire.dropped;
      let shown = 0;
      const off = engine.on("wire", (events) => {
        shown += events.length;
      });
      const reports: number[] = [];
      const began = performance.now();
      const run = engine.load({
        request: { url: "/hello.php" },
        total: 1000,
        concurrency: 8,
        onProgress: ({ done }) => reports.push(done),
      });
      const report = await run.done;
      const elapsed = performance.now() - began;
      await new Promise((done) => setTimeout(done, 500));
      running = false;
      off();
      const tasks = await watched();
      const dropped = engine.wire.dropped - first;
      return { report, tasks, frames, elapsed, shown, dropped, kept: engine.wire.events.length, reports };
    });
    console.log(
      `1,000 requests: ${result.report.perSecond.toFixed(0)}/s, ${result.shown} events, ${result.frames} frames, ` +
        `longest task ${Math.max(0, ...result.tasks).toFixed(0)} ms`,
    );
    expect(result.report).toMatchObject({ done: 1000, statuses: { 200: 1000 }, finished: true });
    expect(Math.max(0, ...result.tasks)).toBeLessThan(200);
    // Six records and two ends of the connection on one hop, seven records on the other.
    expect(result.shown + result.dropped).toBeGreaterThan(13_000);
    expect(result.kept).toBeLessThanOrEqual(20_000);
    expect(result.reports.at(-1)).toBe(1000);
  });

  test("answers 1,000 requests of the page itself, which stays responsive too", async () => {
    const { tasks, statuses } = await opened.page.evaluate(async () => {
      const { engine, watchTasks } = globalThis as never as Page;
      const watched = watchTasks();
      const statuses: Record<number, number> = {};
      let sent = 0;
      const visitor = async () => {
        while (sent++ < 1000) {
          const response = await engine.request({ url: "/hello.php", connections: "shared" });
          await response.text();
          statuses[response.status] = (statuses[response.status] ?? 0) + 1;
        }
      };
      await Promise.all(Array.from({ length: 8 }, visitor));
      return { tasks: await watched(), statuses };
    });
    expect(statuses).toEqual({ 200: 1000 });
    expect(Math.max(0, ...tasks)).toBeLessThan(200);
  });

  test("stops a load, and keeps to its rate", async () => {
    const { stopped, slow } = await opened.page.evaluate(async () => {
      const { engine } = globalThis;
      const run = engine.load({ request: { url: "/hello.php" }, total: 100_000, concurrency: 2 });
      await new Promise((done) => setTimeout(done, 300));
      run.stop();
      const stopped = await run.done;
      const slow = await engine.load({ request: { url: "/hello.php" }, total: 11, rate: 20 }).done;
      return { stopped, slow };
    });
    expect(stopped.done).toBe(stopped.sent);
    expect(stopped.done).toBeLessThan(100_000);
    expect(slow.elapsed).toBeGreaterThan(480);
  });

  test("shows what a fresh interpreter for each request costs", async () => {
    const { result, samples, alive } = await opened.page.evaluate(async () => {
      const { engine } = globalThis;
      const samples: string[] = [];
      const comparison = engine.compare({
        request: { url: "/hello.php" },
        count: 4,
        onSample: ({ kind, index }) => samples.push(`${kind} ${index}`),
      });
      const result = await comparison.done;
      return { result, samples, alive: engine.pool.snapshot?.status.totalProcesses };
    });
    console.log(
      `CGI ${result.cgi.p50.toFixed(1)} ms, FastCGI ${result.fastcgi.p50.toFixed(1)} ms, ratio ${result.ratio.toFixed(0)}`,
    );
    expect(samples).toHaveLength(8);
    expect(result.samples.every(({ status }) => status === 200)).toBe(true);
    expect(result.samples.filter(({ kind }) => kind === "cgi").every(({ start }) => start > 0)).toBe(true);
    expect(result.ratio).toBeGreaterThan(2);
    expect(alive).toBe(2);
  });

  test("takes another version of PHP", async () => {
    const versions = await opened.page.evaluate(async () => {
      const { engine } = globalThis;
      await engine.files.change({ "/version.php": "<?php echo PHP_VERSION;" });
      const ask = async () => (await engine.request({ url: "/version.php" })).text();
      const before = await ask();
      await engine.usePhp("8.2");
      const after = await ask();
      const unknown = await engine.usePhp("4.0").catch((error) => error.code);
      return { known: engine.phpVersions, before, after, php: engine.php.version, unknown };
    });
    expect(versions.known).toEqual(["8.2", "8.4"]);
    expect(versions.before).toMatch(/^8\.4\./);
    expect(versions.after).toMatch(/^8\.2\./);
    expect(versions).toMatchObject({ php: "8.2", unknown: "PHP_UNKNOWN_VERSION" });
  });

  test("leaves the page without complaint", () => {
    expect(opened.complaints).toEqual([]);
  });
});

/** What the page has for these tests. */
interface Page {
  readonly engine: typeof globalThis.engine;
  readonly watchTasks: () => () => Promise<number[]>;
  readonly untilPool: (test: (status: { totalProcesses: number; idleProcesses: number }) => boolean) => Promise<number>;
}
