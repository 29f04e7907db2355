// Random lives of a pool: whatever requests, children and operators do, and in whatever order, these hold.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Lease, Pool, type PoolConfig, PoolError, poolConfig } from "../../src/fpm/index.ts";
import { FakeClock, type FakePlatform, fakePlatform, type Manners, request, settled } from "./fakes.ts";

type Step =
  | { readonly do: "acquire" | "reload" }
  | {
      readonly do: "abort" | "release" | "retire" | "crash" | "kill" | "ready" | "fail" | "leave";
      readonly which: number;
    }
  | { readonly do: "wait"; readonly milliseconds: number }
  | { readonly do: "manners"; readonly manners: Manners };

const which = fc.nat({ max: 30 });
const on = (name: Extract<Step, { which: number }>["do"]) => which.map((index): Step => ({ do: name, which: index }));
const manners: fc.Arbitrary<Manners> = fc.record({
  readyAfter: fc.constantFrom(0, 300, undefined),
  stopAfter: fc.constantFrom(0, 400, undefined),
  startError: fc.constantFrom(undefined, undefined, undefined, "no memory"),
});
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.constant<Step>({ do: "acquire" }) },
    { weight: 6, arbitrary: on("release") },
    { weight: 1, arbitrary: on("retire") },
    { weight: 2, arbitrary: on("abort") },
    { weight: 2, arbitrary: on("crash") },
    { weight: 1, arbitrary: on("kill") },
    { weight: 4, arbitrary: on("ready") },
    { weight: 1, arbitrary: on("fail") },
    { weight: 2, arbitrary: on("leave") },
    { weight: 1, arbitrary: fc.constant<Step>({ do: "reload" }) },
    { weight: 5, arbitrary: fc.nat({ max: 3000 }).map((milliseconds): Step => ({ do: "wait", milliseconds })) },
    { weight: 2, arbitrary: manners.map((value): Step => ({ do: "manners", manners: value })) },
  ),
  { minLength: 10, maxLength: 120, size: "max" },
);
const config: fc.Arbitrary<PoolConfig> = fc
  .record({
    pm: fc.constantFrom("static", "dynamic", "ondemand"),
    maxChildren: fc.integer({ min: 1, max: 4 }),
    maxRequests: fc.constantFrom(0, 0, 1, 3),
    listenBacklog: fc.constantFrom(2, 100),
    queueTimeout: fc.constantFrom(700, 3_600_000),
    requestTerminateTimeout: fc.constantFrom(0, 0, 5000),
    processIdleTimeout: fc.constant(2000),
    processControlTimeout: fc.constantFrom(0, 1000, 10_000),
    startTimeout: fc.constant(5000),
  })
  .map((input) => poolConfig(input));

/** One request of the model, from `acquire()` to its end. */
interface Visitor {
  readonly abort: AbortController;
  state: "waiting" | "served" | "over";
  lease?: Lease<string>;
  error?: unknown;
}

class Model {
  readonly clock = new FakeClock();
  readonly platform: FakePlatform;
  readonly pool: Pool<string>;
  readonly config: PoolConfig;
  readonly visitors: Visitor[] = [];
  reloads = 0;
  granted = 0;

  constructor(poolConfig: PoolConfig) {
    this.config = poolConfig;
    this.platform = fakePlatform(this.clock);
    this.pool = new Pool(poolConfig, this.platform.spawn, { clock: this.clock });
  }

  in(state: Visitor["state"]): Visitor[] {
    return this.visitors.filter((visitor) => visitor.state === state);
  }

  acquire(): void {
    const visitor: Visitor = { abort: new AbortController(), state: "waiting" };
    this.visitors.push(visitor);
    this.pool.acquire(request(), visitor.abort.signal).then(
      (lease) => {
        this.granted += 1;
        visitor.lease = lease;
        visitor.state = "served";
        void lease.ended.then(() => {
          visitor.state = "over";
        });
      },
      (error) => {
        visitor.error = error;
        visitor.state = "over";
      },
    );
  }

  release(visitor: Visitor | undefined, retire: boolean): void {
    visitor?.lease?.release({ retire });
    if (visitor !== undefined) visitor.state = "over";
  }

  reload(): void {
    this.reloads += 1;
    const done = () => {
      this.reloads -= 1;
    };
    this.pool.reload().then(done, done);
  }

  async take(step: Step): Promise<void> {
    const pick = <T>(among: readonly T[]): T | undefined =>
      "which" in step && among.length > 0 ? among[step.which % among.length] : undefined;
    const { alive } = this.platform;
    switch (step.do) {
      case "acquire":
        this.acquire();
        break;
      case "release":
      case "retire":
        this.release(pick(this.in("served")), step.do === "retire");
        break;
      case "abort":
        pick(this.in("waiting"))?.abort.abort(new Error("client gone"));
        break;
      case "crash":
        pick(alive)?.crash();
        break;
      case "kill":
        this.pool.kill(pick(alive)?.pid ?? 0);
        break;
      case "ready":
        pick(alive)?.becomeReady();
        break;
      case "fail":
        pick(alive.filter(({ pid }) => this.stateOf(pid) === "Starting"))?.failToStart("no memory");
        break;
      case "leave":
        pick(alive.filter(({ stops }) => stops > 0))?.end({ reason: "stopped" });
        break;
      case "reload":
        this.reload();
        break;
      case "wait":
        await this.clock.advance(step.milliseconds);
        break;
      case "manners":
        this.platform.manners = step.manners;
        break;
    }
    await settled();
  }

  stateOf(pid: number): string | undefined {
    return this.pool.status().processes.find((process) => process.pid === pid)?.state;
  }

  check(): void {
    const status = this.pool.status();
    const { maxChildren, listenBacklog } = this.config;
    const served = this.in("served");
    expect(status.totalProcesses).toBe(this.platform.alive.length);
    expect(status.totalProcesses).toBeLessThanOrEqual(this.reloads > 0 ? 2 * maxChildren : maxChildren);
    expect(status.activeProcesses).toBe(served.length);
    expect(new Set(served.map(({ lease }) => lease?.child.pid)).size).toBe(served.length);
    expect(status.listenQueue).toBe(this.in("waiting").length);
    expect(status.listenQueue).toBeLessThanOrEqual(listenBacklog);
    if (status.listenQueue > 0) expect(status.idleProcesses).toBe(0);
    expect(status.acceptedConn).toBe(this.granted);
    for (const value of Object.values(status)) if (typeof value === "number") expect(value).toBeGreaterThanOrEqual(0);
    const slots = new Set(this.platform.alive.map(({ slot }) => slot));
    expect(slots.size).toBe(this.platform.alive.length);
    for (const { error } of this.visitors) {
      if (error instanceof PoolError) expect(error.code).toMatch(/^POOL_(QUEUE_FULL|QUEUE_TIMEOUT|STOPPING)$/);
    }
  }
}

describe("a pool, whatever happens", () => {
  test("keeps its bounds, lends a child once, loses nobody who waits, and comes to an end", async () => {
    await fc.assert(
      fc.asyncProperty(config, steps, fc.boolean(), async (poolConfig, life, gracefully) => {
        const model = new Model(poolConfig);
        const { clock, platform, pool } = model;
        const start = pool.start();
        await clock.advance(0);
        await start;
        model.check();
        for (const step of life) {
          await model.take(step);
          model.check();
        }

        // Good weather: children start and end as they should, requests end. Everybody who waits is served.
        platform.manners = { readyAfter: 10, stopAfter: 10 };
        const expired = pool.status().listenQueueExpired;
        for (let second = 0; second < 300 && model.in("waiting").length + model.in("served").length > 0; second++) {
          for (const visitor of model.in("served")) model.release(visitor, false);
          await clock.advance(200);
          model.check();
        }
        expect(model.visitors.filter(({ state }) => state !== "over")).toEqual([]);
        if (poolConfig.queueTimeout > 1000) expect(pool.status().listenQueueExpired).toBe(expired);

        // Reloads end, and the pool has the children it should have.
        await clock.advance(60_000);
        expect(model.reloads).toBe(0);
        const { totalProcesses, idleProcesses } = pool.status();
        expect(totalProcesses).toBe(idleProcesses);
        if (poolConfig.pm === "static") expect(totalProcesses).toBe(poolConfig.maxChildren);
        if (poolConfig.pm === "ondemand") expect(totalProcesses).toBe(0);
        if (poolConfig.pm === "dynamic") {
          expect(totalProcesses).toBeGreaterThanOrEqual(poolConfig.minSpareServers);
          expect(totalProcesses).toBeLessThanOrEqual(poolConfig.maxSpareServers);
        }

        // The end, with requests running and waiting.
        for (let count = 0; count < 6; count++) model.acquire();
        await settled();
        const stop = gracefully ? pool.finish() : pool.terminate();
        await clock.advance(30_000);
        await stop;
        expect(model.in("waiting")).toEqual([]);
        expect(model.in("served")).toEqual([]);
        expect([platform.alive.length, clock.pending, pool.state]).toEqual([0, 0, "stopped"]);
      }),
      { numRuns: 300 },
    );
  }, 60_000);
});
