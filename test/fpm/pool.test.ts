import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { Pool, type PoolConfigInput, poolConfig } from "../../src/fpm/index.ts";
import { FakeClock, fakePlatform, type Manners, memoryLog, never, outcome, request, settled } from "./fakes.ts";

const error = (code: string, message?: RegExp) => ({
  error: expect.objectContaining({ code, ...(message && { message: expect.stringMatching(message) }) }),
});

function setUp(config: PoolConfigInput = {}, manners?: Manners) {
  const clock = new FakeClock();
  const platform = fakePlatform(clock, manners);
  const log = memoryLog();
  const pool = new Pool(poolConfig({ pm: "static", maxChildren: 2, ...config }), platform.spawn, {
    clock,
    log: log.log,
  });
  return { clock, platform, log, pool };
}

async function started(config: PoolConfigInput = {}, manners?: Manners) {
  const parts = setUp(config, manners);
  const start = parts.pool.start();
  await parts.clock.advance(manners?.readyAfter ?? 0);
  await start;
  return parts;
}

const pids = (children: readonly { pid: number }[]) => children.map(({ pid }) => pid);

describe("start", () => {
  test("waits until every start server is ready", async () => {
    const { pool, platform } = setUp({}, {});
    const start = pool.start();
    expect(pids(platform.children)).toEqual([1, 2]);
    platform.children[0]?.becomeReady();
    expect(await outcome(start)).toBe("pending");
    platform.children[1]?.becomeReady();
    expect(await outcome(start)).toEqual({ value: undefined });
    expect(pool.state).toBe("running");
  });

  test("is content with one child, and starts the others again after a pause", async () => {
    const { pool, platform, clock } = setUp({}, {});
    const start = pool.start();
    platform.children[0]?.becomeReady();
    platform.children[1]?.failToStart("no memory");
    expect(await outcome(start)).toEqual({ value: undefined });
    expect(platform.alive.length).toBe(1);
    await clock.advance(100);
    expect(platform.alive.length).toBe(2);
  });

  test("fails with the first child's error when none comes up", async () => {
    const { pool, platform, clock } = setUp({}, { readyAfter: 0, startError: "no memory" });
    const start = pool.start();
    start.catch(() => {});
    await clock.advance(0);
    expect(await outcome(start)).toEqual(
      error("POOL_START_FAILED", /^\[pool www\] none of 2 children could be started: no memory$/),
    );
    expect(pool.state).toBe("stopped");
    await clock.advance(1000);
    expect(platform.children.length).toBe(2);
    expect(clock.pending).toBe(0);
  });

  test("gives a child that never becomes ready startTimeout, then kills it", async () => {
    const { pool, platform, clock } = setUp({ startTimeout: 5000 }, {});
    const start = pool.start();
    start.catch(() => {});
    await clock.advance(4999);
    expect(platform.alive.length).toBe(2);
    await clock.advance(1);
    expect(platform.alive.length).toBe(0);
    expect(await outcome(start)).toEqual(error("POOL_START_FAILED", /not ready after 5.000000 seconds/));
  });

  test("takes requests from the first moment, not before, and starts once", async () => {
    const { pool, clock } = setUp();
    expect(await outcome(pool.acquire(request(), never))).toEqual(error("POOL_NOT_STARTED"));
    const start = pool.start();
    const lease = pool.acquire(request(), never);
    expect(await outcome(pool.start())).toEqual(error("POOL_ALREADY_STARTED"));
    await clock.advance(0);
    await start;
    expect((await lease).child.pid).toBe(1);
  });
});

describe("acquire", () => {
  test("lends the most recently used idle child; between equals, the lowest slot", async () => {
    const { pool, clock } = await started({ maxChildren: 3 });
    const [a, b] = [await pool.acquire(request(), never), await pool.acquire(request(), never)];
    expect([a.child.pid, b.child.pid]).toEqual([1, 2]);
    expect(a.wire).toBe("wire 1");
    await clock.advance(10);
    b.release();
    const again = await pool.acquire(request(), never);
    expect(again.child.pid).toBe(2);
    again.release();
    a.release();
  });

  test("serves those that wait in order of arrival", async () => {
    const { pool } = await started({ maxChildren: 1 });
    const first = await pool.acquire(request(), never);
    const order: string[] = [];
    const waiting = ["a", "b", "c"].map(async (uri) => {
      const lease = await pool.acquire(request({ uri }), never);
      order.push(uri);
      lease.release();
    });
    await settled();
    expect(pool.status()).toMatchObject({ listenQueue: 3, maxListenQueue: 3, activeProcesses: 1 });
    first.release();
    await Promise.all(waiting);
    expect(order).toEqual(["a", "b", "c"]);
    expect(pool.status()).toMatchObject({ listenQueue: 0, listenQueueServed: 3, acceptedConn: 4 });
  });

  test("refuses at once when the listen queue is full", async () => {
    const { pool } = await started({ maxChildren: 1, listenBacklog: 1 });
    await pool.acquire(request(), never);
    const waiting = pool.acquire(request(), never);
    expect(await outcome(pool.acquire(request(), never))).toEqual(error("POOL_QUEUE_FULL"));
    expect(await outcome(waiting)).toBe("pending");
    expect(pool.status().listenQueueRefused).toBe(1);
  });

  test("lets those go that waited for queueTimeout, each at its time", async () => {
    const { pool, clock } = await started({ maxChildren: 1, queueTimeout: 1000 });
    await pool.acquire(request(), never);
    const early = pool.acquire(request(), never);
    early.catch(() => {});
    await clock.advance(600);
    const late = pool.acquire(request(), never);
    late.catch(() => {});
    await clock.advance(400);
    const timeout = error(
      "POOL_QUEUE_TIMEOUT",
      /in 1.000000 seconds \(1 of 1 children are busy, pm.max_children is 1\)/,
    );
    expect(await outcome(early)).toEqual(timeout);
    expect(await outcome(late)).toBe("pending");
    await clock.advance(600);
    expect(await outcome(late)).toEqual(timeout);
    expect(pool.status()).toMatchObject({ listenQueue: 0, listenQueueExpired: 2 });
    expect(clock.pending).toBe(0);
  });

  test("leaves the queue when the request is aborted, with the signal's reason", async () => {
    const { pool } = await started({ maxChildren: 1 });
    const first = await pool.acquire(request(), never);
    const abort = new AbortController();
    const waiting = pool.acquire(request(), abort.signal);
    const next = pool.acquire(request(), never);
    const reason = new Error("client gone");
    abort.abort(reason);
    expect(await outcome(waiting)).toEqual({ error: reason });
    first.release();
    expect((await next).child.pid).toBe(1);
    expect(await outcome(pool.acquire(request(), abort.signal))).toEqual({ error: reason });
  });
});

describe("a request that was served", () => {
  test("no longer listens to its signal", async () => {
    const { pool } = await started({ maxChildren: 1 });
    const abort = new AbortController();
    const first = await pool.acquire(request(), abort.signal);
    const waiting = pool.acquire(request(), abort.signal);
    expect(getEventListeners(abort.signal, "abort")).toHaveLength(1);
    first.release();
    const second = await waiting;
    expect(getEventListeners(abort.signal, "abort")).toHaveLength(0);
    abort.abort();
    expect(pool.status().activeProcesses).toBe(1);
    second.release();
  });
});

describe("a lease", () => {
  test("shows its stage on the scoreboard, until it is over", async () => {
    const { pool } = await started();
    const lease = await pool.acquire(request(), never);
    expect(pool.status().processes[0]?.state).toBe("Running");
    lease.stage("finishing");
    expect(pool.status().processes[0]?.state).toBe("Finishing");
    lease.release();
    lease.stage("running");
    expect(pool.status().processes[0]?.state).toBe("Idle");
  });

  test("may be released twice; the next holder is not disturbed", async () => {
    const { pool } = await started({ maxChildren: 1 });
    const first = await pool.acquire(request(), never);
    first.release();
    const second = await pool.acquire(request(), never);
    first.release();
    expect(pool.status().activeProcesses).toBe(1);
    second.release();
    expect(pool.status().idleProcesses).toBe(1);
  });

  test("ends when its child crashes; the child is replaced at once, also when it happens again and again", async () => {
    const { pool, platform, clock, log } = await started({ maxChildren: 1 });
    for (let round = 1; round <= 5; round++) {
      const lease = await pool.acquire(request(), never);
      expect(lease.child.pid).toBe(round);
      platform.children[round - 1]?.crash("unreachable");
      expect(await lease.ended).toEqual({
        reason: "crashed",
        message: `child ${round} died during the request (crashed: unreachable)`,
      });
      lease.release();
      await clock.advance(0);
    }
    expect(pool.status()).toMatchObject({ totalProcesses: 1, idleProcesses: 1, acceptedConn: 5 });
    expect(log.lines).toContain(
      "warning: [pool www] child 1 exited (crashed: unreachable) after 0.000000 seconds from start",
    );
  });

  test("whose wire broke before its child's crash was known leaves the crash in the log", async () => {
    const { pool, platform, clock, log } = await started({ maxChildren: 1 }, { readyAfter: 0, stopAfter: 100 });
    (await pool.acquire(request(), never)).release({ retire: true });
    platform.children[0]?.crash("unreachable");
    await clock.advance(0);
    expect(log.lines).toContain(
      "warning: [pool www] child 1 exited (crashed: unreachable) after 0.000000 seconds from start",
    );
  });

  test("that asks for it has its child recycled", async () => {
    const { pool, platform, clock } = await started({ maxChildren: 1 });
    (await pool.acquire(request(), never)).release({ retire: true });
    expect(platform.children[0]?.stops).toBe(1);
    await clock.advance(0);
    expect((await pool.acquire(request(), never)).child.pid).toBe(2);
  });

  test("is recycled after max_requests, between requests, while the others go on", async () => {
    const { pool, platform, clock } = await started({ maxRequests: 2 }, { readyAfter: 100, stopAfter: 50 });
    const serve = async () => {
      const lease = await pool.acquire(request(), never);
      lease.release();
      return lease.child.pid;
    };
    expect([await serve(), await serve(), await serve()]).toEqual([1, 1, 2]);
    expect(pool.status()).toMatchObject({ idleProcesses: 1, stoppingProcesses: 1 });
    await clock.advance(50);
    expect(pids(platform.alive)).toEqual([2, 3]);
    // The last good one is worn out too; the next request waits for the replacement.
    expect(await serve()).toBe(2);
    const waiting = serve();
    await clock.advance(100);
    expect(await waiting).toBe(3);
  });
});

describe("timeouts of a request", () => {
  test("request_terminate_timeout kills the child of an overlong lease and replaces it", async () => {
    const { pool, platform, clock, log } = await started({ maxChildren: 1, requestTerminateTimeout: 2000 });
    const lease = await pool.acquire(request({ query: "a=1\nb" }), never);
    const waiting = pool.acquire(request(), never);
    await clock.advance(1999);
    expect(await outcome(lease.ended)).toBe("pending");
    await clock.advance(1);
    expect(await lease.ended).toEqual({
      reason: "terminate-timeout",
      message: "the request ran for 2.000000 seconds; request_terminate_timeout is 2.000000",
    });
    expect(platform.children[0]?.kills).toBe(1);
    expect((await waiting).child.pid).toBe(2);
    expect(log.lines).toContain(
      "warning: [pool www] child 1, script '/srv/index.php' (request: \"GET /index.php?a=1.b\") " +
        "execution timed out (2.000000 sec), terminating",
    );
  });

  test.each([
    [false, "pending"],
    [true, { value: expect.objectContaining({ reason: "terminate-timeout" }) }],
  ])("after the answer it holds only with track_finished = %s", async (trackFinished, expected) => {
    const { pool, clock } = await started({
      requestTerminateTimeout: 2000,
      requestTerminateTimeoutTrackFinished: trackFinished,
    });
    const lease = await pool.acquire(request(), never);
    lease.stage("finishing");
    await clock.advance(60_000);
    expect(await outcome(lease.ended)).toEqual(expected);
  });

  test("request_slowlog_timeout counts a slow request once, and only while it runs", async () => {
    const { pool, clock, log } = await started({ requestSlowlogTimeout: 1000 });
    const slow = await pool.acquire(request({ uri: "/slow.php" }), never);
    const quick = await pool.acquire(request(), never);
    quick.stage("finishing");
    await clock.advance(10_000);
    expect(pool.status().slowRequests).toBe(1);
    expect(log.lines.filter((line) => line.includes("executing too slow (1.000000 sec), logging"))).toHaveLength(1);
    slow.release();
    quick.release();
    expect(clock.pending).toBe(0);
  });
});

describe("children that die", () => {
  test("idle: are replaced after a pause that doubles while it happens again", async () => {
    const { platform, clock } = await started({ maxChildren: 1 }, { readyAfter: 0, stopAfter: 0 });
    for (const pause of [100, 200, 400, 800]) {
      platform.alive[0]?.crash("no reason");
      const before = platform.children.length;
      await clock.advance(pause - 1);
      expect(platform.children.length).toBe(before);
      await clock.advance(1);
      expect(platform.children.length).toBe(before + 1);
    }
  });

  test("idle, after one of them served a request: the pause begins anew", async () => {
    const { pool, platform, clock } = await started({ maxChildren: 1 });
    platform.alive[0]?.crash();
    await clock.advance(100);
    (await pool.acquire(request(), never)).release();
    platform.alive[0]?.crash();
    await clock.advance(100);
    expect(platform.alive.length).toBe(1);
  });

  test("idle, after a steady life: the pause begins anew", async () => {
    const { platform, clock } = await started({ maxChildren: 1 });
    platform.alive[0]?.crash();
    await clock.advance(100 + 20_000);
    platform.alive[0]?.crash();
    await clock.advance(100);
    expect(platform.alive.length).toBe(1);
  });

  test("at their start: are tried again one at a time, for ever, and requests are told why they wait in vain", async () => {
    const { pool, platform, clock } = await started({ maxChildren: 2, queueTimeout: 5000 });
    platform.manners = { readyAfter: 0, startError: "wasm file is gone" };
    for (const child of platform.alive) child.crash();
    await clock.advance(1000);
    const waiting = pool.acquire(request(), never);
    waiting.catch(() => {});
    await clock.advance(5000);
    expect(await outcome(waiting)).toEqual(
      error("POOL_QUEUE_TIMEOUT", /in 5.000000 seconds \(children cannot be started: wasm file is gone\)/),
    );
    await clock.advance(120_000);
    // 2 at the start, then pauses of 0.2 s and up, at most 10 s.
    expect(platform.children.length).toBeGreaterThan(15);
    expect(platform.children.length).toBeLessThan(25);

    platform.manners = { readyAfter: 0, stopAfter: 0 };
    await clock.advance(10_000);
    (await pool.acquire(request(), never)).release();
    await clock.advance(10_000);
    expect(platform.alive.length).toBe(2);
  });

  test("by kill(): are replaced at once, and a lease says so", async () => {
    const { pool, platform, clock } = await started();
    const lease = await pool.acquire(request(), never);
    expect(pool.kill(lease.child.pid)).toBe(true);
    expect(await lease.ended).toEqual({ reason: "killed", message: "child 1 was killed" });
    expect(pool.kill(2)).toBe(true);
    expect(pool.kill(99)).toBe(false);
    await clock.advance(0);
    expect(pids(platform.alive)).toEqual([3, 4]);
  });

  test("not when asked: are killed after process_control_timeout", async () => {
    const { pool, platform, clock } = await started({ maxChildren: 1, processControlTimeout: 3000 }, { readyAfter: 0 });
    (await pool.acquire(request(), never)).release({ retire: true });
    await clock.advance(2999);
    expect(platform.children[0]?.alive).toBe(true);
    await clock.advance(1);
    expect(pids(platform.alive)).toEqual([2]);
  });

  test("not even when killed: keep their slot and are reported", async () => {
    const { pool, clock, log } = await started({ maxChildren: 1 }, { readyAfter: 0, immortal: true });
    pool.kill(1);
    await clock.advance(60_000);
    expect(pool.status()).toMatchObject({ totalProcesses: 1, stoppingProcesses: 1 });
    expect(log.lines).toContain("alert: [pool www] child 1 was killed but is not gone; its slot stays taken");
  });
});

describe("a dynamic pool", () => {
  const config = { pm: "dynamic", maxChildren: 6, minSpareServers: 1, maxSpareServers: 2, startServers: 2 } as const;

  test("grows with its heartbeat while idle children are short, and says when it is full", async () => {
    const { pool, platform, clock, log } = await started(config);
    const sizes: number[] = [];
    for (let count = 0; count < 8; count++) void pool.acquire(request(), never);
    for (let second = 0; second < 8; second++) {
      sizes.push(platform.alive.length);
      await clock.advance(1000);
    }
    expect(sizes).toEqual([2, 3, 4, 5, 6, 6, 6, 6]);
    expect(pool.status()).toMatchObject({ maxChildrenReached: 1, activeProcesses: 6, listenQueue: 2 });
    expect(log.lines).toContain("warning: [pool www] server reached pm.max_children setting (6), consider raising it");
  });

  test("shrinks one a heartbeat when too many are idle, the coldest first", async () => {
    const { pool, platform, clock } = await started(config);
    const waiting = Array.from({ length: 4 }, () => pool.acquire(request(), never));
    await clock.advance(2500);
    const leases = await Promise.all(waiting);
    expect(platform.alive.length).toBe(4);
    for (const lease of leases.reverse()) {
      lease.release();
      await clock.advance(1);
    }
    await clock.advance(1000);
    expect(platform.alive.length).toBe(3);
    await clock.advance(5000);
    expect(pids(platform.alive)).toEqual([1, 2]);
  });

  test("does not start one a heartbeat while the last is still starting", async () => {
    const { pool, platform, clock } = await started(config);
    platform.manners = { readyAfter: 10_000, stopAfter: 0 };
    for (let count = 0; count < 2; count++) void pool.acquire(request(), never);
    await clock.advance(5000);
    expect(platform.alive.length).toBe(3);
  });
});

describe("an ondemand pool", () => {
  const config = { pm: "ondemand", maxChildren: 2, processIdleTimeout: 10_000 } as const;

  test("starts with nothing, and nothing ticks", async () => {
    const { platform, clock } = await started(config);
    expect([platform.children.length, clock.pending]).toEqual([0, 0]);
  });

  test("starts children for requests that wait, up to max_children, and says when there are no more", async () => {
    const { pool, platform, clock } = await started(config, { readyAfter: 300, stopAfter: 0 });
    const waiting = ["a", "b", "c"].map((uri) => pool.acquire(request({ uri }), never));
    await clock.advance(300);
    expect(platform.children.length).toBe(2);
    const [a, b, c] = waiting as [(typeof waiting)[0], (typeof waiting)[0], (typeof waiting)[0]];
    expect([(await a).child.pid, (await b).child.pid]).toEqual([1, 2]);
    expect(pool.status().maxChildrenReached).toBe(1);
    (await b).release();
    expect((await c).child.pid).toBe(2);
  });

  test("ends children that were idle for process_idle_timeout, to the last", async () => {
    const { pool, platform, clock } = await started(config);
    const leases = [pool.acquire(request(), never), pool.acquire(request(), never)];
    await clock.advance(0);
    for (const lease of leases) (await lease).release();
    await clock.advance(10_000);
    expect(platform.alive.length).toBe(2);
    await clock.advance(3000);
    expect([platform.alive.length, clock.pending]).toEqual([0, 0]);
    const next = pool.acquire(request(), never);
    await clock.advance(0);
    expect((await next).child.pid).toBe(3);
  });
});

describe("finish", () => {
  test("takes no new requests, serves those that wait and lets those that run end", async () => {
    const { pool, platform, clock } = await started({ maxChildren: 2 });
    const [a, b] = [await pool.acquire(request(), never), await pool.acquire(request(), never)];
    const waiting = pool.acquire(request(), never);
    const finish = pool.finish();
    expect(await outcome(pool.acquire(request(), never))).toEqual(error("POOL_STOPPING"));
    a.release();
    b.release();
    const last = await waiting;
    await clock.advance(1000);
    expect(await outcome(finish)).toBe("pending");
    expect(platform.alive.length).toBe(1);
    last.release();
    await clock.advance(0);
    expect(await outcome(finish)).toEqual({ value: undefined });
    expect([platform.alive.length, pool.state, clock.pending]).toEqual([0, "stopped", 0]);
    expect(platform.children.map(({ kills }) => kills)).toEqual([0, 0]);
  });

  test("starts the child that a waiting request needs", async () => {
    const { pool, clock } = await started({ pm: "ondemand", maxChildren: 1 });
    const lease = pool.acquire(request(), never);
    const finish = pool.finish();
    await clock.advance(0);
    (await lease).release();
    await clock.advance(0);
    expect(await outcome(finish)).toEqual({ value: undefined });
  });

  test("kills what runs longer than process_control_timeout", async () => {
    const { pool, clock } = await started({ maxChildren: 1, processControlTimeout: 2000 });
    const lease = await pool.acquire(request(), never);
    const waiting = pool.acquire(request(), never);
    waiting.catch(() => {});
    const finish = pool.finish();
    await clock.advance(2000);
    expect(await outcome(finish)).toEqual({ value: undefined });
    expect(await lease.ended).toMatchObject({ reason: "killed" });
    expect(await outcome(waiting)).toEqual(error("POOL_STOPPING"));
    lease.release();
  });

  test("is safe twice, before the start, during it and after it", async () => {
    const { pool } = setUp();
    expect(await outcome(pool.finish())).toEqual({ value: undefined });
    expect(await outcome(pool.finish())).toEqual({ value: undefined });
    expect(await outcome(pool.terminate())).toEqual({ value: undefined });

    const early = setUp({}, { stopAfter: 0 });
    const start = early.pool.start();
    start.catch(() => {});
    const finish = early.pool.finish();
    await early.clock.advance(0);
    expect(await outcome(start)).toEqual(error("POOL_STOPPING"));
    expect(await outcome(finish)).toEqual({ value: undefined });
    expect(early.platform.alive.length).toBe(0);
  });
});

describe("terminate", () => {
  test("ends everything at once", async () => {
    const { pool, platform, clock } = await started({ maxChildren: 1 });
    const lease = await pool.acquire(request(), never);
    const waiting = pool.acquire(request(), never);
    waiting.catch(() => {});
    const [finish, terminate] = [pool.finish(), pool.terminate()];
    expect(await lease.ended).toEqual({ reason: "killed", message: "the pool was terminated" });
    expect(await outcome(waiting)).toEqual(error("POOL_STOPPING"));
    expect(await outcome(terminate)).toEqual({ value: undefined });
    expect(await outcome(finish)).toEqual({ value: undefined });
    expect([platform.alive.length, clock.pending]).toEqual([0, 0]);
  });

  test("does not wait for ever for a child that cannot be killed", async () => {
    const { pool, clock } = await started({ maxChildren: 1 }, { readyAfter: 0, immortal: true });
    const terminate = pool.terminate();
    await clock.advance(5000);
    expect(await outcome(terminate)).toEqual({ value: undefined });
  });
});

describe("reload", () => {
  test("hands over child by child; the old ones finish what they do", async () => {
    const { pool, platform, clock } = await started({ maxChildren: 2 });
    platform.manners = { readyAfter: 500, stopAfter: 0 };
    const lease = await pool.acquire(request(), never);
    const reload = pool.reload();
    await clock.advance(499);
    expect(pids(platform.alive)).toEqual([1, 2, 3, 4]);
    const meanwhile = await pool.acquire(request(), never);
    expect(meanwhile.child.pid).toBe(2);
    meanwhile.release();
    await clock.advance(1);
    expect(pids(platform.alive)).toEqual([1, 3, 4]);
    expect(await outcome(reload)).toBe("pending");
    expect((await pool.acquire(request(), never)).child.pid).toBe(3);
    lease.release();
    await clock.advance(0);
    expect(await outcome(reload)).toEqual({ value: undefined });
    expect(pids(platform.alive)).toEqual([3, 4]);
  });

  test("lets one old child go for each new one that is ready, and goes on when some do not come up", async () => {
    const { pool, platform, clock } = await started({ maxChildren: 3 });
    platform.manners = { stopAfter: 0 };
    const reload = pool.reload();
    platform.children[3]?.becomeReady();
    await clock.advance(0);
    expect(pids(platform.alive)).toEqual([2, 3, 4, 5, 6]);
    platform.children[4]?.failToStart("no memory");
    platform.children[5]?.becomeReady();
    platform.manners = { readyAfter: 0, stopAfter: 0 };
    await clock.advance(0);
    expect(await outcome(reload)).toEqual({ value: undefined });
    expect(pids(platform.alive)).toEqual([4, 6]);
    await clock.advance(100);
    expect(pids(platform.alive)).toEqual([4, 6, 7]);
  });

  test("keeps the old children when no new one comes up", async () => {
    const { pool, platform, clock } = await started({ maxChildren: 2 });
    platform.manners = { readyAfter: 0, startError: "syntax error in php.ini" };
    const reload = pool.reload();
    reload.catch(() => {});
    await clock.advance(0);
    expect(await outcome(reload)).toEqual(error("POOL_RELOAD_FAILED", /the old ones go on: syntax error in php.ini/));
    await clock.advance(60_000);
    expect(pids(platform.alive)).toEqual([1, 2]);
    expect((await pool.acquire(request(), never)).child.pid).toBe(1);
    platform.manners = { readyAfter: 0, stopAfter: 0 };
    void pool.reload();
    await clock.advance(0);
    expect(pids(platform.alive)).toEqual([1, 5, 6]);
  });

  test("kills old children that run on for more than process_control_timeout", async () => {
    const { pool, platform, clock } = await started({ maxChildren: 1, processControlTimeout: 2000 });
    const lease = await pool.acquire(request(), never);
    const reload = pool.reload();
    await clock.advance(2000);
    expect(await outcome(reload)).toEqual({ value: undefined });
    expect(await lease.ended).toMatchObject({ reason: "killed" });
    expect(pids(platform.alive)).toEqual([2]);
  });

  test("during a reload is done after it, once for all who asked", async () => {
    const { pool, platform, clock } = await started({ maxChildren: 1 });
    const reloads = [pool.reload(), pool.reload(), pool.reload()];
    await clock.advance(0);
    await Promise.all(reloads);
    expect([platform.children.length, pids(platform.alive)]).toEqual([3, [3]]);
  });

  test("keeps a dynamic pool at its strength, and an ondemand pool idle", async () => {
    const dynamic = await started({ pm: "dynamic", maxChildren: 5 });
    for (let count = 0; count < 3; count++) void dynamic.pool.acquire(request(), never);
    await dynamic.clock.advance(3000);
    expect(dynamic.platform.alive.length).toBe(4);
    void dynamic.pool.reload();
    await dynamic.clock.advance(0);
    expect(pids(dynamic.platform.alive)).toEqual([1, 2, 3, 5, 6, 7, 8]);

    const ondemand = await started({ pm: "ondemand", maxChildren: 5 });
    const lease = ondemand.pool.acquire(request(), never);
    await ondemand.clock.advance(0);
    (await lease).release();
    const reload = ondemand.pool.reload();
    await ondemand.clock.advance(0);
    expect(await outcome(reload)).toEqual({ value: undefined });
    expect(ondemand.platform.alive.length).toBe(0);
  });

  test("is refused while stopping", async () => {
    const { pool, clock } = await started();
    void pool.finish();
    expect(await outcome(pool.reload())).toEqual(error("POOL_STOPPING"));
    await clock.advance(0);
  });
});
