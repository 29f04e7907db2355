import { afterEach, describe, expect, test } from "vitest";
import { CHILD_MEMORY, CHILD_RUNNING } from "../../src/dispatch/child-link.ts";
import { type PoolExchangeLimits, poolExchange } from "../../src/dispatch/pool-exchange.ts";
import { describeRequest } from "../../src/dispatch/request-info.ts";
import type { PoolConfigInput } from "../../src/fpm/index.ts";
import { MEMORY, RUNNING } from "../../src/php/responder.ts";
import { later, pattern } from "../transport/contract.ts";
import { DONE, type Script, scriptedPool, sink, text } from "./fakes.ts";

const never = new AbortController().signal;
const GET = { role: "responder", params: [["REQUEST_METHOD", "GET"]] } as const;

const cleanups: Array<() => unknown> = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function start(script: Script, config: PoolConfigInput = {}, limits: Partial<PoolExchangeLimits> = {}) {
  const made = await scriptedPool(script, config);
  cleanups.push(() => made.pool.terminate());
  return { ...made, exchange: poolExchange(made.pool, { limits }) };
}

describe("poolExchange", () => {
  test("runs requests in children, one at a time in each, none mixed with another", async () => {
    const { exchange, children, pool } = await start(async (request) => {
      const body = await request.readBody(1_000_000);
      await later(Math.random() * 5);
      request.stdout(body);
      return DONE;
    });
    await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        const body = pattern(100 + index * 777, index + 1);
        const out = sink();
        expect(await exchange({ ...GET, stdin: body }, out, never)).toEqual(DONE);
        expect(Buffer.compare(out.bytes, body)).toBe(0);
      }),
    );
    expect(children.map(({ most }) => most)).toEqual([1, 1]);
    expect(pool.status().acceptedConn).toBe(60);
  });

  test("a child that dies fails its request at once, with why, and is replaced", async () => {
    const { exchange, children } = await start(
      (request, child) =>
        new Promise((resolve) => {
          if (children.length > 1) return resolve(DONE);
          request.stdout(text("half an ans"));
          setTimeout(child.crash, 10);
        }),
      { maxChildren: 1 },
    );
    await expect(exchange(GET, sink(), never)).rejects.toMatchObject({
      code: "EXCHANGE_BROKEN",
      message: expect.stringMatching(/child 101: .*memory access out of bounds/),
    });
    expect(await exchange(GET, sink(), never)).toEqual(DONE);
    expect(children.map(({ pid }) => pid)).toEqual([101, 102]);
  });

  test("a script that runs on after its visitor left is ended, and its child replaced", async () => {
    const visitor = new AbortController();
    let runs = 0;
    const { exchange, children } = await start(
      () => (++runs === 1 ? new Promise(() => {}) : Promise.resolve(DONE)),
      { maxChildren: 1 },
      { abandoned: 50 },
    );
    const given = exchange(GET, sink(), visitor.signal);
    given.catch(() => {});
    await later(20);
    visitor.abort(new Error("left"));
    await expect(given).rejects.toThrow("left");
    expect(await exchange(GET, sink(), never)).toEqual(DONE);
    expect(children.map(({ pid }) => pid)).toEqual([101, 102]);
  });

  test("a script that ends soon after its visitor left keeps its child", async () => {
    const visitor = new AbortController();
    const { exchange, children } = await start(
      async () => {
        await later(60);
        return DONE;
      },
      { maxChildren: 1 },
      { abandoned: 5_000 },
    );
    const given = exchange(GET, sink(), visitor.signal);
    given.catch(() => {});
    await later(10);
    visitor.abort(new Error("left"));
    await expect(given).rejects.toThrow("left");
    expect(await exchange(GET, sink(), never)).toEqual(DONE);
    expect(children).toHaveLength(1);
  });

  test("a child whose memory passed the bound is replaced after its request", async () => {
    const { exchange, children } = await start(
      async (_request, child) => {
        child.link.announce([[CHILD_MEMORY, children.length === 1 ? "2000" : "1000"]]);
        return DONE;
      },
      { maxChildren: 1 },
      { memory: 1500 },
    );
    for (let i = 0; i < 3; i++) expect(await exchange(GET, sink(), never)).toEqual(DONE);
    expect(children.map(({ pid }) => pid)).toEqual([101, 102]);
  });

  test("a child ended by request_terminate_timeout is EXCHANGE_TIMEOUT", async () => {
    const { exchange } = await start(() => new Promise(() => {}), { requestTerminateTimeout: 40 });
    await expect(exchange(GET, sink(), never)).rejects.toMatchObject({
      code: "EXCHANGE_TIMEOUT",
      message: expect.stringContaining("request_terminate_timeout"),
    });
  });

  test("a full listen queue and a long wait are EXCHANGE_OVERLOADED, a stopping pool EXCHANGE_STOPPING", async () => {
    const stop = new AbortController();
    const { exchange, pool } = await start(() => new Promise(() => {}), {
      maxChildren: 1,
      listenBacklog: 1,
      queueTimeout: 40,
    });
    const running = exchange(GET, sink(), stop.signal);
    const waiting = exchange(GET, sink(), never);
    await expect(exchange(GET, sink(), never)).rejects.toMatchObject({
      code: "EXCHANGE_OVERLOADED",
      cause: { code: "POOL_QUEUE_FULL" },
    });
    await expect(waiting).rejects.toMatchObject({
      code: "EXCHANGE_OVERLOADED",
      cause: { code: "POOL_QUEUE_TIMEOUT" },
    });
    stop.abort(new Error("enough"));
    await expect(running).rejects.toThrow("enough");
    await pool.terminate();
    await expect(exchange(GET, sink(), never)).rejects.toMatchObject({ code: "EXCHANGE_STOPPING" });
  });

  test("tells of a script that goes on after its answer, before its exchange settles, and when it is over", async () => {
    const finish = Promise.withResolvers<void>();
    const { pool } = await start((request, child) => {
      if (request.params.length > 1) {
        child.link.announce([[CHILD_RUNNING, "1"]]);
        void finish.promise.then(() => child.link.announce([[CHILD_RUNNING, "0"]]));
      }
      return Promise.resolve(DONE);
    });
    const told: string[] = [];
    const exchange = poolExchange(pool, {
      onBehind(over) {
        told.push("behind");
        void over.then(() => told.push("over"));
      },
    });
    await exchange(GET, sink(), never);
    expect(told).toEqual([]);
    await exchange({ ...GET, params: [...GET.params, ["GOES_ON", "1"]] }, sink(), never);
    expect(told).toEqual(["behind"]);
    finish.resolve();
    await expect.poll(() => told).toEqual(["behind", "over"]);
  });

  test("a child whose script goes on after its answer gets no other request until it has finished", async () => {
    const finish = Promise.withResolvers<void>();
    const { exchange, pool } = await start(
      async (request, child) => {
        request.stdout(text("answered"));
        if (request.params.length === 1) {
          child.link.announce([[CHILD_RUNNING, "1"]]);
          void finish.promise.then(() => child.link.announce([[CHILD_RUNNING, "0"]]));
        }
        return DONE;
      },
      { maxChildren: 1 },
    );
    await exchange(GET, sink(), never);
    let second = false;
    const next = exchange({ ...GET, params: [] }, sink(), never).then(() => {
      second = true;
    });
    await later(30);
    expect(second).toBe(false);
    expect(pool.status().processes[0]?.state).toBe("Finishing");
    finish.resolve();
    await next;
  });

  test("a job is over when its script is, is ended by who gives it up, and fails when its child dies after the answer", async () => {
    const finish = Promise.withResolvers<void>();
    const { pool, children } = await start(
      async (_request, child) => {
        child.link.announce([[CHILD_RUNNING, "1"]]);
        if (children.length === 1) void finish.promise.then(() => child.link.announce([[CHILD_RUNNING, "0"]]));
        if (children.length === 3) setTimeout(child.crash, 30);
        return DONE;
      },
      { maxChildren: 1 },
    );
    const job = poolExchange(pool, { limits: { abandoned: 20 }, untilOver: true });
    let over = false;
    const run = job(GET, sink(), never).then((end) => {
      over = true;
      return end;
    });
    await later(50);
    expect(over).toBe(false);
    finish.resolve();
    expect(await run).toEqual(DONE);
    // The one child is lost to the second job, and its successor to the third.
    const other = poolExchange(pool);
    pool.kill(101);
    const given = new AbortController();
    const second = job(GET, sink(), given.signal);
    second.catch(() => {});
    await later(50);
    given.abort(new Error("given up"));
    await expect(second).rejects.toThrow("given up");
    await expect(job(GET, sink(), never)).rejects.toMatchObject({ code: "EXCHANGE_BROKEN" });
    expect(await other(GET, sink(), never)).toEqual(DONE);
    expect(children.map(({ pid }) => pid)).toEqual([101, 102, 103, 104]);
  });

  test("an aborted request keeps its child until the script has ended", async () => {
    const end = Promise.withResolvers<void>();
    const { exchange } = await start(
      async (request) => {
        if (request.params.length === 1) await end.promise;
        return DONE;
      },
      { maxChildren: 1 },
    );
    const abort = new AbortController();
    const first = exchange(GET, sink(), abort.signal);
    await later(5);
    abort.abort(new Error("client gone"));
    await expect(first).rejects.toThrow("client gone");
    let second = false;
    const next = exchange({ ...GET, params: [] }, sink(), never).then(() => {
      second = true;
    });
    await later(20);
    expect(second).toBe(false);
    end.resolve();
    await next;
  });

  test("the child's memory reaches the scoreboard", async () => {
    const { exchange, pool } = await start(
      async (_request, child) => {
        child.link.announce([[CHILD_MEMORY, "123456789"]]);
        return DONE;
      },
      { maxChildren: 1 },
    );
    await exchange(GET, sink(), never);
    expect(JSON.stringify(pool.status())).toContain("123456789");
  });

  test("an abort while waiting for a child rejects with the reason", async () => {
    const { exchange } = await start(() => new Promise(() => {}), { maxChildren: 1 });
    const stop = new AbortController();
    const first = exchange(GET, sink(), stop.signal);
    const abort = new AbortController();
    const second = exchange(GET, sink(), abort.signal);
    const reason = new Error("left");
    abort.abort(reason);
    await expect(second).rejects.toBe(reason);
    stop.abort(reason);
    await expect(first).rejects.toBe(reason);
  });
});

describe("describeRequest", () => {
  test("takes what the scoreboard shows from the params; of a name sent twice the last counts", () => {
    const described = describeRequest([
      ["REQUEST_METHOD", "GET"],
      ["REQUEST_METHOD", "POST"],
      ["REQUEST_URI", "/a.php/x?b=c"],
      ["QUERY_STRING", "b=c"],
      ["SCRIPT_FILENAME", "/srv/a.php"],
      ["REMOTE_USER", "kim"],
      ["CONTENT_LENGTH", "12"],
      ["SCRIPT_NAME", "/a.php"],
    ]);
    expect(described).toEqual({
      method: "POST",
      uri: "/a.php",
      query: "b=c",
      script: "/srv/a.php",
      user: "kim",
      contentLength: 12,
    });
    expect(
      describeRequest([
        ["REQUEST_URI", "/b.php?c"],
        ["CONTENT_LENGTH", "-1"],
        ["HTTP_AUTHORIZATION", "Basic dXNlcjpwdw=="],
      ]),
    ).toMatchObject({
      uri: "/b.php",
      contentLength: 0,
      user: "user",
    });
  });
});

test("the names of what a child tells are the same on both sides", () => {
  expect([CHILD_RUNNING, CHILD_MEMORY]).toEqual([RUNNING, MEMORY]);
});
