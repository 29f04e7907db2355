import { createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import type { Pair } from "../../src/codec/index.ts";
import { type ApplicationHandler, ApplicationLink } from "../../src/transport/application-link.ts";
import { type ConnectExchangeOptions, connectExchange } from "../../src/transport/connect-exchange.ts";
import type { Body } from "../../src/transport/exchange.ts";
import { memoryPair } from "../../src/transport/memory.ts";
import { connectAddress } from "../../src/transport/node/connect.ts";
import { listen } from "../../src/transport/node/listen.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { answerOf, type ScriptedRequest, startScriptedApplication } from "../peers/scripted-application.ts";
import { later, pattern } from "./contract.ts";

const DONE = { applicationStatus: 0, protocolStatus: "request-complete" } as const;
const never = new AbortController().signal;
const text = (value: string) => new TextEncoder().encode(value);

const cleanups: Array<() => unknown> = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

function sink() {
  const chunks: Uint8Array[] = [];
  return {
    stdout: (chunk: Uint8Array): void => {
      chunks.push(chunk.slice());
    },
    stderr(): void {},
    get bytes() {
      return Buffer.concat(chunks);
    },
  };
}

const GET: readonly Pair[] = [["REQUEST_METHOD", "GET"]];
const responder = (stdin?: Body, params = GET) =>
  ({ role: "responder", params, ...(stdin === undefined ? {} : { stdin }) }) as const;

/** An application whose connections are counted and can be closed under the exchange's feet. */
function application(handler: ApplicationHandler, options: ConnectExchangeOptions = {}) {
  const ends: Transport[] = [];
  const exchange = connectExchange(async () => {
    const [left, right] = memoryPair();
    new ApplicationLink(right, handler);
    ends.push(right);
    return left;
  }, options);
  cleanups.push(() => exchange.close());
  return { exchange, ends };
}

const echo: ApplicationHandler = async (request) => {
  request.stdout(await request.readBody(100_000_000));
  return DONE;
};

describe("connectExchange", () => {
  test("opens a connection a request by default", async () => {
    const keep: boolean[] = [];
    const { exchange, ends } = application(async (request) => {
      keep.push(request.keepConnection);
      return DONE;
    });
    await exchange(responder(), sink(), never);
    await exchange(responder(), sink(), never);
    expect(ends).toHaveLength(2);
    expect(keep).toEqual([false, false]);
    expect(exchange.counts()).toMatchObject({ busy: 0, idle: 0 });
  });

  test("keeps up to maxIdle connections and uses them again", async () => {
    const { exchange, ends } = application(echo, { maxIdle: 2 });
    await Promise.all(Array.from({ length: 5 }, () => exchange(responder(), sink(), never)));
    expect(ends).toHaveLength(5);
    expect(exchange.counts()).toMatchObject({ busy: 0, idle: 2 });
    await Promise.all(Array.from({ length: 2 }, () => exchange(responder(), sink(), never)));
    expect(ends).toHaveLength(5);
    exchange.close();
    exchange.close();
    expect(exchange.counts()).toMatchObject({ busy: 0, idle: 0 });
    await exchange(responder(), sink(), never);
    expect(exchange.counts()).toMatchObject({ busy: 0, idle: 0 });
  });

  test("drops an idle connection after idleTimeout, and one that the application closed", async () => {
    const { exchange, ends } = application(echo, { maxIdle: 2, idleTimeout: 40 });
    await exchange(responder(), sink(), never);
    expect(exchange.counts().idle).toBe(1);
    await later(80);
    expect(exchange.counts().idle).toBe(0);
    await exchange(responder(), sink(), never);
    ends[1]?.close();
    await later(5);
    expect(exchange.counts().idle).toBe(0);
  });

  test("keeps each idle connection for its own time", async () => {
    const finish: (() => void)[] = [];
    const { exchange } = application(
      async (request) => {
        // Without a byte of answer, it might wait for a child that an idle connection pins.
        request.stdout(text("begun"));
        await new Promise<void>((resolve) => finish.push(resolve));
        return DONE;
      },
      { maxIdle: 2, idleTimeout: 400 },
    );
    const running = [exchange(responder(), sink(), never), exchange(responder(), sink(), never)];
    await later(5);
    finish[0]?.();
    await running[0];
    await later(200);
    finish[1]?.();
    await running[1];
    expect(exchange.counts().idle).toBe(2);
    await later(300);
    expect(exchange.counts().idle).toBe(1);
    await later(400);
    expect(exchange.counts().idle).toBe(0);
  });

  test("tells the sink of the end before anything else can happen", async () => {
    const { exchange } = application(echo, { maxIdle: 1 });
    const told: string[] = [];
    const mine = { ...sink(), ended: (end: unknown) => void told.push(JSON.stringify(end)) };
    const running = exchange(responder(), mine, never).then(() => told.push("settled"));
    await running;
    expect(told).toEqual([JSON.stringify(DONE), "settled"]);
  });

  test("fails with what the sink throws at the end", async () => {
    const { exchange } = application(echo);
    const mine = {
      ...sink(),
      ended() {
        throw new Error("no");
      },
    };
    await expect(exchange(responder(), mine, never)).rejects.toThrow("no");
  });

  describe("a kept connection that breaks before an answer", () => {
    /** Serves the first request of every connection and breaks off at the second. */
    function fickle() {
      const served = new Map<Transport, number>();
      const made: Transport[] = [];
      const exchange = connectExchange(
        async () => {
          const [left, right] = memoryPair();
          made.push(right);
          new ApplicationLink(right, async (request) => {
            const count = (served.get(right) ?? 0) + 1;
            served.set(right, count);
            if (count > 1) right.reset();
            request.stdout(await request.readBody(1000));
            return DONE;
          });
          return left;
        },
        { maxIdle: 1 },
      );
      cleanups.push(() => exchange.close());
      return { exchange, made };
    }

    test("is replaced by a fresh one, once", async () => {
      const { exchange, made } = fickle();
      await exchange(responder(), sink(), never);
      const out = sink();
      await exchange(responder(text("again")), out, never);
      expect(out.bytes.toString()).toBe("again");
      expect(made).toHaveLength(2);
    });

    test("is a failure for a method that must not be sent twice, and for a body that is gone", async () => {
      const { exchange, made } = fickle();
      await exchange(responder(), sink(), never);
      const post = responder(text("x"), [["REQUEST_METHOD", "POST"]]);
      await expect(exchange(post, sink(), never)).rejects.toMatchObject({ code: "EXCHANGE_BROKEN" });
      await exchange(responder(), sink(), never);
      async function* body() {
        yield text("x");
      }
      await expect(exchange(responder(body()), sink(), never)).rejects.toMatchObject({ code: "EXCHANGE_BROKEN" });
      expect(made).toHaveLength(2);
    });
  });

  test("waits for a place under maxConnections, first come first served", async () => {
    let running = 0;
    let most = 0;
    const order: string[] = [];
    const { exchange } = application(
      async (request) => {
        running += 1;
        most = Math.max(most, running);
        order.push(request.params[1]?.[1] ?? "");
        await later(5);
        running -= 1;
        return DONE;
      },
      { maxConnections: 2, maxIdle: 2 },
    );
    await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        exchange(responder(undefined, [...GET, ["N", `${index}`]]), sink(), never),
      ),
    );
    expect(most).toBe(2);
    expect(order).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    expect(exchange.counts()).toMatchObject({ busy: 0, idle: 2 });
  });

  test("gives up waiting for a place: EXCHANGE_OVERLOADED, or the signal's reason", async () => {
    const { exchange } = application(() => new Promise(() => {}), { maxConnections: 1, connectTimeout: 40 });
    const stop = new AbortController();
    const first = exchange(responder(), sink(), stop.signal);
    const abort = new AbortController();
    const second = exchange(responder(), sink(), abort.signal);
    const third = exchange(responder(), sink(), never);
    abort.abort(new Error("left"));
    await expect(second).rejects.toThrow("left");
    await expect(third).rejects.toMatchObject({ code: "EXCHANGE_OVERLOADED" });
    stop.abort(new Error("stop"));
    await expect(first).rejects.toThrow("stop");
    expect(exchange.counts()).toMatchObject({ busy: 0, idle: 0 });
  });

  test("connecting ends after connectTimeout, and at an abort", async () => {
    let signals = 0;
    const exchange = connectExchange(
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            signals += 1;
            reject(signal.reason);
          });
        }),
      { connectTimeout: 30 },
    );
    await expect(exchange(responder(), sink(), never)).rejects.toMatchObject({ code: "EXCHANGE_TIMEOUT" });
    const abort = new AbortController();
    const running = exchange(responder(), sink(), abort.signal);
    await later(1);
    abort.abort(new Error("gone"));
    await expect(running).rejects.toThrow("gone");
    expect(signals).toBe(2);
    expect(exchange.counts()).toMatchObject({ busy: 0, idle: 0 });
  });

  test("runs over real sockets, 10 MB both ways and many at once", async () => {
    const listener = await listen({ type: "tcp", host: "127.0.0.1", port: 0 }, (transport) => {
      new ApplicationLink(transport, echo);
    });
    cleanups.push(() => listener.close());
    const exchange = connectExchange(connectAddress(listener.address), { maxIdle: 4 });
    cleanups.push(() => exchange.close());
    const big = pattern(10_000_000);
    const out = sink();
    await exchange(responder(big), out, never);
    expect(Buffer.compare(out.bytes, big)).toBe(0);
    await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const mine = sink();
        const body = pattern(10_000, index + 1);
        await exchange(responder(body), mine, never);
        expect(Buffer.compare(mine.bytes, body)).toBe(0);
      }),
    );
    expect(exchange.counts()).toMatchObject({ busy: 0, idle: 4 });
  });

  test("an application that accepts and closes is EXCHANGE_BROKEN; one that is not there EXCHANGE_CONNECT", async () => {
    const server: Server = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    const exchange = connectExchange(connectAddress({ type: "tcp", host: "127.0.0.1", port }));
    await expect(exchange(responder(), sink(), never)).rejects.toMatchObject({ code: "EXCHANGE_BROKEN" });
    await new Promise((resolve) => server.close(resolve));
    await expect(exchange(responder(), sink(), never)).rejects.toMatchObject({ code: "EXCHANGE_CONNECT" });
  });

  test("sends several requests over one connection when the application takes them", async () => {
    const { exchange, ends } = application(echo, { requestsPerConnection: () => 10, maxIdle: 1 });
    const sinks = Array.from({ length: 20 }, () => sink());
    const bodies = sinks.map((_, index) => pattern(1000 + index));
    await Promise.all(sinks.map((to, index) => exchange(responder(bodies[index]), to, never)));
    expect(ends).toHaveLength(2);
    for (const [index, to] of sinks.entries()) expect(to.bytes.equals(bodies[index] as Uint8Array)).toBe(true);
    expect(exchange.counts()).toMatchObject({ busy: 0, idle: 1 });
  });

  test("an aborted request leaves those that share its connection alone", async () => {
    const seen: boolean[] = [];
    const { exchange, ends } = application(
      async (request) => {
        await later(20);
        seen.push(request.signal.aborted);
        return DONE;
      },
      { requestsPerConnection: () => 4 },
    );
    const controller = new AbortController();
    const first = exchange(responder(), sink(), controller.signal);
    const second = exchange(responder(), sink(), never);
    await later(5);
    controller.abort(new Error("not wanted"));
    await expect(first).rejects.toThrow("not wanted");
    expect(await second).toEqual(DONE);
    expect(ends).toHaveLength(1);
    expect(seen).toEqual([true, false]);
  });

  test("a request waits for a seat when every connection is full", async () => {
    let most = 0;
    let running = 0;
    const { exchange, ends } = application(
      async () => {
        running += 1;
        most = Math.max(most, running);
        await later(5);
        running -= 1;
        return DONE;
      },
      { requestsPerConnection: () => 2, maxConnections: 2 },
    );
    await Promise.all(Array.from({ length: 20 }, () => exchange(responder(), sink(), never)));
    expect(most).toBe(4);
    expect(ends.length).toBeGreaterThanOrEqual(2);
    expect(exchange.counts()).toMatchObject({ busy: 0, idle: 0 });
  });

  test("no request joins a connection that an unread answer holds", async () => {
    const { exchange, ends } = application(
      async (request) => {
        await request.stdout(pattern(10));
        return DONE;
      },
      { requestsPerConnection: () => 10 },
    );
    const { promise, resolve } = Promise.withResolvers<void>();
    const unread = { stdout: () => promise, stderr(): void {} };
    const stuck = exchange(responder(), unread, never);
    await later(10);
    expect(await exchange(responder(), sink(), never)).toEqual(DONE);
    expect(ends).toHaveLength(2);
    resolve();
    expect(await stuck).toEqual(DONE);
  });
});

describe("connectExchange in front of an application that is no good", () => {
  async function scripted(
    options: ConnectExchangeOptions,
    answer: (request: ScriptedRequest) => void | Promise<void>,
    accept?: (socket: Socket, nth: number) => boolean,
  ) {
    const peer = await startScriptedApplication({ answer, ...(accept && { accept }) });
    cleanups.push(() => peer.close());
    const exchange = connectExchange(connectAddress(peer.address), options);
    cleanups.push(() => exchange.close());
    return { peer, exchange };
  }

  test("uses a connection no more on which came what nobody asked for, and gives ids in turn", async () => {
    const ids: number[] = [];
    const { peer, exchange } = await scripted({ maxIdle: 1 }, async ({ id, write, params }) => {
      ids.push(id);
      write(answerOf(id, "x"));
      if (params.LATE === undefined) return;
      await later(10);
      write(answerOf(id, "late"));
    });
    await exchange(responder(), sink(), never);
    await exchange(responder(), sink(), never);
    expect([peer.connections, ids]).toEqual([1, [1, 2]]);
    await exchange(responder(undefined, [...GET, ["LATE", "1"]]), sink(), never);
    await later(40);
    await exchange(responder(), sink(), never);
    expect([peer.connections, ids]).toEqual([2, [1, 2, 3, 1]]);
  });

  test("gives up on an application that leaves the request unread: EXCHANGE_TIMEOUT", async () => {
    const { exchange } = await scripted(
      { sendTimeout: 100, readTimeout: 0 },
      () => {},
      (socket) => {
        socket.pause();
        return false;
      },
    );
    const body = pattern(20_000_000);
    const sent = exchange(responder(body), sink(), never);
    await expect(sent).rejects.toMatchObject({ code: "EXCHANGE_TIMEOUT", sent: true });
    expect(exchange.counts()).toEqual({ busy: 0, idle: 0, waiting: 0 });
  });

  test("refuses at once what would wait beyond maxWaiting", async () => {
    const { exchange } = await scripted({ maxConnections: 1, maxWaiting: 1 }, async ({ id, write }) => {
      await later(20);
      write(answerOf(id, "x"));
    });
    const first = exchange(responder(), sink(), never);
    const second = exchange(responder(), sink(), never);
    expect(exchange.counts()).toEqual({ busy: 1, idle: 0, waiting: 1 });
    await expect(exchange(responder(), sink(), never)).rejects.toMatchObject({
      code: "EXCHANGE_OVERLOADED",
      sent: false,
    });
    await Promise.all([first, second]);
  });

  test("keeps no idle connection that others starve for: here each is served before the next is read", async () => {
    // Two children, as of a php-fpm: each serves one connection until it ends.
    const queue: Socket[] = [];
    let free = 2;
    const next = () => {
      for (; free > 0 && queue.length > 0; free--) {
        const socket = queue.shift() as Socket;
        socket.resume();
        socket.once("close", () => {
          free += 1;
          next();
        });
      }
    };
    const { exchange } = await scripted(
      { maxIdle: 8 },
      async ({ id, write }) => {
        await later(1);
        write(answerOf(id, "x"));
      },
      (socket) => {
        queue.push(socket);
        // Reads nothing until there is a child for it.
        setImmediate(() => {
          socket.pause();
          next();
        });
        return true;
      },
    );
    const started = performance.now();
    await Promise.all(Array.from({ length: 20 }, () => exchange(responder(), sink(), never)));
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test("keeps most connections to an application that is only slow to accept", async () => {
    // It gets to a new connection after 300 ms, whatever becomes of the others.
    const { peer, exchange } = await scripted(
      { maxIdle: 64 },
      ({ id, write }) => write(answerOf(id, "x")),
      (socket) => {
        setImmediate(() => socket.pause());
        setTimeout(() => socket.resume(), 300);
        return true;
      },
    );
    let left = 5_000;
    const ends = performance.now() + 1_500;
    const visitor = async () => {
      while (left-- > 0 && performance.now() < ends) {
        await exchange(responder(), sink(), never);
        await later(1);
      }
    };
    await Promise.all(Array.from({ length: 64 }, visitor));
    expect(5_000 - left).toBeGreaterThan(500);
    // Without a bound nearly every request would open one: 16 in each 100 ms are let go at most.
    expect(peer.connections).toBeLessThan(64 + 16 * 20);
  });
});
