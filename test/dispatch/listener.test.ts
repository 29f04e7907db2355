import { connect as netConnect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { Pair } from "../../src/codec/index.ts";
import { WebServerConnection, type WebServerEvent } from "../../src/connection/index.ts";
import { serveConnection } from "../../src/dispatch/listener.ts";
import { poolExchange } from "../../src/dispatch/pool-exchange.ts";
import type { ApplicationLinkOptions } from "../../src/transport/application-link.ts";
import { connectExchange } from "../../src/transport/connect-exchange.ts";
import { type Exchange, ExchangeError, type ExchangeErrorCode } from "../../src/transport/exchange.ts";
import { memoryPair } from "../../src/transport/memory.ts";
import { connectAddress } from "../../src/transport/node/connect.ts";
import { listen, type NodeListener } from "../../src/transport/node/listen.ts";
import { WebServerLink } from "../../src/transport/web-server-link.ts";
import { later, pattern } from "../transport/contract.ts";
import { DONE, type Script, scriptedPool, sink, text } from "./fakes.ts";

const never = new AbortController().signal;
const GET = { role: "responder", params: [["REQUEST_METHOD", "GET"]] } as const;

const cleanups: Array<() => unknown> = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** A web server's link to a listener that passes everything to `exchange`. */
function link(exchange: Exchange, options: ApplicationLinkOptions = {}) {
  const [left, right] = memoryPair();
  const errors: unknown[] = [];
  const served = serveConnection(right, exchange, { onError: (error) => errors.push(error), ...options });
  const webServer = new WebServerLink(left);
  cleanups.push(() => webServer.reset());
  return { webServer, served, errors, left };
}

let sockets = 0;
async function listening(
  exchange: Exchange,
  type: "tcp" | "unix" = "tcp",
  options: ApplicationLinkOptions = {},
): Promise<NodeListener> {
  sockets += 1;
  const listener = await listen(
    type === "tcp"
      ? { type, host: "127.0.0.1", port: 0 }
      : { type, path: join(tmpdir(), `edge-fpm-listener-${process.pid}-${sockets}.sock`) },
    (transport) => {
      const served = serveConnection(transport, exchange, options);
      cleanups.push(() => served.reset());
    },
  );
  cleanups.push(() => listener.close());
  return listener;
}

function raw(listener: NodeListener): Socket {
  const { address } = listener;
  const socket = netConnect(
    address.type === "unix" ? { path: address.path } : { host: address.host, port: address.port },
  );
  socket.on("error", () => {});
  cleanups.push(() => socket.destroy());
  return socket;
}

const echo: Script = async (request) => {
  const body = await request.readBody(100_000_000);
  await later(Math.random() * 3);
  request.stdout(text("Content-Type: text/plain\r\n\r\n"));
  await request.stdout(body);
  return DONE;
};

const HEAD = "Content-Type: text/plain\r\n\r\n";

async function pooled(script: Script, config = {}): Promise<Exchange> {
  const { pool } = await scriptedPool(script, config);
  cleanups.push(() => pool.terminate());
  return poolExchange(pool);
}

describe("relaying", () => {
  test("a hundred multiplexed requests with bodies of their own get their own answers", async () => {
    const { webServer } = link(await pooled(echo, { maxChildren: 4 }));
    await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const body = pattern(50 + index * 541, index + 1);
        const out = sink();
        expect(await webServer.exchange({ ...GET, stdin: body }, out, never)).toEqual(DONE);
        expect(Buffer.compare(out.bytes, Buffer.concat([text(HEAD), body]))).toBe(0);
      }),
    );
  });

  test("of two requests on one connection the second may be answered first", async () => {
    const order: string[] = [];
    const { webServer } = link(
      await pooled(async (request) => {
        if (request.params[1]?.[1] === "slow") await later(60);
        return DONE;
      }),
    );
    const run = async (name: string) => {
      await webServer.exchange({ role: "responder", params: [...GET.params, ["N", name]] }, sink(), never);
      order.push(name);
    };
    await Promise.all([run("slow"), run("quick")]);
    expect(order).toEqual(["quick", "slow"]);
  });

  test.each(["tcp", "unix"] as const)("over %s: 10 MB there and back, and 60 connections at once", async (type) => {
    const listener = await listening(await pooled(echo), type);
    const exchange = connectExchange(connectAddress(listener.address), { maxIdle: 3 });
    cleanups.push(() => exchange.close());
    const big = pattern(10_000_000);
    const out = sink();
    await exchange({ ...GET, stdin: big }, out, never);
    expect(Buffer.compare(out.bytes.subarray(HEAD.length), big)).toBe(0);
    await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        const mine = sink();
        await exchange({ ...GET, stdin: pattern(3_000, index + 1) }, mine, never);
        expect(Buffer.compare(mine.bytes.subarray(HEAD.length), pattern(3_000, index + 1))).toBe(0);
      }),
    );
  });

  test("passes authorizer and filter on, with the data stream", async () => {
    const seen: string[] = [];
    const { webServer } = link(async (request, out) => {
      seen.push(request.role);
      if (request.data !== undefined && !(request.data instanceof Uint8Array)) {
        for await (const chunk of request.data) await out.stdout(chunk);
      }
      return DONE;
    });
    const out = sink();
    await webServer.exchange({ role: "authorizer", params: [] }, out, never);
    await webServer.exchange({ role: "filter", params: [], data: text("file") }, out, never);
    expect([seen, out.text]).toEqual([["authorizer", "filter"], "file"]);
  });

  test("application status and stderr pass through, a small answer in one write", async () => {
    const { webServer, left } = link(
      await pooled(async (request) => {
        request.stderr(text("warning"), true);
        request.stdout(text("out"), true);
        return { applicationStatus: 9, protocolStatus: "request-complete" };
      }),
    );
    const out = sink();
    let received = 0;
    const before = webServer.received;
    const end = await webServer.exchange(GET, out, never);
    received = webServer.received - before;
    expect(end.applicationStatus).toBe(9);
    expect([out.text, out.errors]).toEqual(["out", "warning"]);
    expect(received).toBeGreaterThan(0);
    expect(left.buffered).toBe(0);
  });

  test("a slow upload holds no child before it is complete or its buffer is full", async () => {
    let started = 0;
    const exchange: Exchange = async (request) => {
      started += 1;
      if (request.stdin !== undefined && !(request.stdin instanceof Uint8Array)) {
        for await (const chunk of request.stdin) void chunk;
      }
      return DONE;
    };
    const { webServer } = link(exchange, { limits: { inputBuffer: 1000 } });
    const more = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
    async function* upload() {
      yield new Uint8Array(600);
      await more[0].promise;
      yield new Uint8Array(600);
      await more[1].promise;
    }
    const running = webServer.exchange({ ...GET, stdin: upload() }, sink(), never);
    await later(20);
    expect(started).toBe(0);
    more[0].resolve();
    await later(20);
    expect(started).toBe(1);
    more[1].resolve();
    await running;
  });

  test("100 MB of answer reach a slow web server with bounded memory", async () => {
    let produced = 0;
    let consumed = 0;
    let most = 0;
    const total = 100 * 1024 * 1024;
    const { webServer } = link(
      await pooled(async (request) => {
        const chunk = new Uint8Array(65_528);
        while (produced < total) {
          produced += chunk.length;
          most = Math.max(most, produced - consumed);
          await request.stdout(chunk);
        }
        return DONE;
      }),
    );
    await webServer.exchange(
      GET,
      {
        stdout(chunk) {
          consumed += chunk.length;
          return consumed % 16 === 0 ? later(0) : undefined;
        },
        stderr() {},
      },
      never,
    );
    expect(consumed).toBe(produced);
    expect(most).toBeLessThanOrEqual(1024 * 1024);
  });
});

describe("a web server that goes away", () => {
  test("ABORT_REQUEST aborts the exchange", async () => {
    const reasons: unknown[] = [];
    const { webServer, errors } = link(
      (_request, _sink, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            reasons.push(signal.reason);
            reject(signal.reason);
          });
        }),
    );
    const abort = new AbortController();
    const running = webServer.exchange(GET, sink(), abort.signal);
    await later(5);
    abort.abort(new Error("gone"));
    await expect(running).rejects.toThrow("gone");
    await later(5);
    expect(reasons).toMatchObject([{ name: "AbortError" }]);
    expect([webServer.active, errors]).toEqual([0, []]);
  });

  test.each(["tcp", "unix"] as const)("a closed %s connection aborts the exchange", async (type) => {
    const aborted = Promise.withResolvers<void>();
    const listener = await listening(
      (_request, _sink, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            aborted.resolve();
            reject(signal.reason);
          });
        }),
      type,
    );
    const socket = raw(listener);
    const connection = new WebServerConnection();
    connection.begin({ role: "responder", keepConnection: false, params: GET.params });
    connection.endStdin(1);
    socket.write(Buffer.concat(connection.takeOutput()), () => setTimeout(() => socket.destroy(), 20));
    await aborted.promise;
  });
});

describe("failures", () => {
  const codes: [ExchangeErrorCode, string, string][] = [
    ["EXCHANGE_BROKEN", "502 Bad Gateway", "request-complete"],
    ["EXCHANGE_PROTOCOL", "502 Bad Gateway", "request-complete"],
    ["EXCHANGE_CONNECT", "502 Bad Gateway", "request-complete"],
    ["EXCHANGE_OVERLOADED", "503 Service Unavailable", "overloaded"],
    ["EXCHANGE_STOPPING", "503 Service Unavailable", "request-complete"],
    ["EXCHANGE_TIMEOUT", "504 Gateway Timeout", "request-complete"],
  ];
  test.each(codes)("%s before any STDOUT is answered %s", async (code, status, protocolStatus) => {
    const { webServer } = link(async () => {
      throw new ExchangeError(code, "child 7 is\ngone");
    });
    const out = sink();
    const end = await webServer.exchange(GET, out, never);
    expect(end).toEqual({ applicationStatus: 1, protocolStatus });
    expect(out.text.startsWith(`Status: ${status}\r\nContent-Type: text/plain\r\n`)).toBe(true);
    expect(out.errors).toBe(`edge-fpm: child 7 is gone (${code})\n`);
  });

  const half: Exchange = async (_request, out) => {
    await out.stdout(text("half"));
    await later(20);
    throw new ExchangeError("EXCHANGE_BROKEN", "the child crashed");
  };

  test("after STDOUT on a connection of its own, the connection breaks", async () => {
    const { webServer } = link(half);
    const out = sink();
    const running = webServer.exchange(GET, out, never);
    await expect(running).rejects.toMatchObject({ code: expect.stringMatching(/EXCHANGE_(BROKEN|PROTOCOL)/) });
    expect(out.text).toBe("half");
  });

  test.each(["tcp", "unix"] as const)("after STDOUT on %s, no web server can take it for complete", async (type) => {
    const listener = await listening(half, type);
    const exchange = connectExchange(connectAddress(listener.address));
    await expect(exchange(GET, sink(), never)).rejects.toMatchObject({
      code: expect.stringMatching(/EXCHANGE_(BROKEN|PROTOCOL)/),
    });
  });

  test("after STDOUT on a shared connection, it ends with status 1 and others go on", async () => {
    let running = 0;
    const { webServer } = link(async (request, out, signal) => {
      running += 1;
      if (request.params.length === 1) return half(request, out, signal);
      await later(60);
      await out.stdout(text("whole"));
      return DONE;
    });
    const [broken, whole] = [sink(), sink()];
    const [first, second] = await Promise.all([
      webServer.exchange(GET, broken, never),
      webServer.exchange({ role: "responder", params: [...GET.params, ["X", "1"]] }, whole, never),
    ]);
    expect(running).toBe(2);
    expect([first.applicationStatus, second.applicationStatus]).toEqual([1, 0]);
    expect([broken.text, whole.text]).toEqual(["half", "whole"]);
    expect(broken.errors).toContain("the child crashed");
  });
});

describe("hostile web servers", () => {
  test("harm nobody else", async () => {
    const listener = await listening(await pooled(echo), "tcp", { limits: { receiveTimeout: 300, idleTimeout: 300 } });
    const begin = (params: readonly Pair[]) => {
      const connection = new WebServerConnection();
      connection.begin({ role: "responder", keepConnection: true, params });
      return Buffer.concat(connection.takeOutput());
    };
    const whole = begin([["A", "b"]]);
    const hostile = [
      Buffer.from("GET / HTTP/1.0\r\n\r\n"),
      Buffer.from([2, 1, 0, 1, 0, 8, 0, 0]),
      whole.subarray(0, 20),
      Buffer.concat([whole, whole]),
      Buffer.alloc(100_000, 0xff),
      Buffer.from([1, 99, 0, 0, 0, 0, 0, 0]),
      Buffer.from([1, 5, 0, 9, 0, 1, 0, 0, 120]),
      Buffer.alloc(0),
    ];
    const closed = hostile.map((bytes) => {
      const socket = raw(listener);
      socket.write(bytes);
      socket.resume();
      return new Promise<void>((resolve) => socket.once("close", () => resolve()));
    });
    // One that sends a byte now and then, for as long as it is let.
    const slow = raw(listener);
    let dripped = 0;
    const drip = setInterval(() => slow.write(whole.subarray(dripped, ++dripped)), 20);
    const slowClosed = new Promise<void>((resolve) => slow.once("close", () => resolve()));
    slow.resume();

    const exchange = connectExchange(connectAddress(listener.address));
    for (let count = 0; count < 10; count++) {
      const out = sink();
      await exchange({ ...GET, stdin: text(`good ${count}`) }, out, never);
      expect(out.text).toBe(`${HEAD}good ${count}`);
    }
    await Promise.all([...closed, slowClosed]);
    clearInterval(drip);
    const out = sink();
    await exchange({ ...GET, stdin: text("still") }, out, never);
    expect(out.text).toBe(`${HEAD}still`);
  });

  test("unknown roles and refused params get the specified answers", async () => {
    const listener = await listening(await pooled(echo));
    const socket = raw(listener);
    // BEGIN_REQUEST for role 9 with KEEP_CONN, then one whose params end inside a pair.
    socket.write(Buffer.from([1, 1, 0, 1, 0, 8, 0, 0, 0, 9, 1, 0, 0, 0, 0, 0]));
    socket.write(Buffer.from([1, 1, 0, 2, 0, 8, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]));
    socket.write(Buffer.from([1, 4, 0, 2, 0, 2, 0, 0, 5, 5, 1, 4, 0, 2, 0, 0, 0, 0]));
    const ends: WebServerEvent[] = [];
    const connection = new WebServerConnection();
    for (let id = 1; id <= 2; id++) connection.begin({ role: "responder", keepConnection: true, params: [] });
    for await (const chunk of socket) {
      ends.push(...connection.receive(chunk).filter(({ type }) => type === "end"));
      if (ends.length === 2) break;
    }
    expect(ends).toMatchObject([
      { requestId: 1, protocolStatus: "unknown-role" },
      { requestId: 2, applicationStatus: 1 },
    ]);
  });
});
