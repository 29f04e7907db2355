import { describe, expect, test } from "vitest";
import {
  type Attempt,
  createUpstream,
  type UpstreamOptions,
  type UpstreamServer,
} from "../../../src/gateway/upstream/index.ts";
import {
  type Body,
  type Exchange,
  ExchangeError,
  type ExchangeErrorCode,
  type ExchangeRequest,
} from "../../../src/transport/exchange.ts";
import { decode, encode, exchangeOf, type Script } from "../application.ts";

const never = new AbortController().signal;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function sink() {
  let out = "";
  let err = "";
  return {
    stdout(chunk: Uint8Array): void {
      out += decode(chunk);
    },
    stderr(chunk: Uint8Array): void {
      err += decode(chunk);
    },
    get out() {
      return out;
    },
    get err() {
      return err;
    },
  };
}

const request = (method = "GET", stdin?: Body): ExchangeRequest => ({
  role: "responder",
  params: [["REQUEST_METHOD", method]],
  ...(stdin && { stdin }),
});

/** A server that answers with its name, and what it was asked. */
function named(name: string, script?: Script, options: Partial<UpstreamServer> = {}) {
  const seen: string[] = [];
  const answer: Script = async (visit) => {
    await visit.out(`Content-Type: text/plain\r\n\r\n${name}`);
    return undefined;
  };
  const run = exchangeOf(async (visit) => {
    seen.push(`${visit.params.REQUEST_METHOD} ${decode(await visit.stdin())}`);
    return (script ?? answer)(visit);
  });
  return { name, exchange: run, seen, ...options };
}

/** A server whose exchange fails before anything is sent or read, or after. */
function failing(name: string, code: ExchangeErrorCode, options: Partial<UpstreamServer> & { sent?: boolean } = {}) {
  const { sent, ...rest } = options;
  let calls = 0;
  const exchange: Exchange = async (asked) => {
    calls += 1;
    if (asked.stdin !== undefined && !(asked.stdin instanceof Uint8Array) && sent !== false) {
      for await (const _ of asked.stdin) break;
    }
    throw new ExchangeError(code, `${name} fails`, sent === undefined ? {} : { sent });
  };
  return {
    name,
    exchange,
    get calls() {
      return calls;
    },
    ...rest,
  };
}

const says =
  (text: string): Script =>
  async (visit) => {
    await visit.out(text);
    return undefined;
  };

const status =
  (code: number): Script =>
  async (visit) => {
    await visit.out(`Status: ${code} Oh\r\nContent-Type: text/plain\r\n\r\n`);
    await visit.out("bad");
    return undefined;
  };

async function ask(options: UpstreamOptions, asked = request()) {
  const upstream = createUpstream(options);
  const out = sink();
  const attempts: Attempt[] = [];
  const end = await upstream.exchange(asked, out, never, (attempt) => attempts.push(attempt)).catch((error) => error);
  const error = end instanceof Error ? (end as ExchangeError) : undefined;
  const outcomes = attempts.map(({ address, outcome, status: code }) => `${address} ${outcome} ${code ?? "-"}`);
  return { upstream, out, attempts, outcomes, end, error, body: out.out.split("\r\n\r\n")[1] };
}

describe("the next server is tried", () => {
  test.each([
    ["EXCHANGE_CONNECT", "error 502"],
    ["EXCHANGE_BROKEN", "error 502"],
    ["EXCHANGE_TIMEOUT", "timeout 504"],
    ["EXCHANGE_OVERLOADED", "overloaded 503"],
    ["EXCHANGE_STOPPING", "overloaded 503"],
  ] as const)("after %s, by default", async (code, told) => {
    const { body, outcomes } = await ask({ servers: [failing("a", code), named("b")] });
    expect(body).toBe("b");
    expect(outcomes).toEqual([`a ${told}`, "b answered 200"]);
  });

  test.each([
    ["EXCHANGE_PROTOCOL, which is an invalid header", failing("a", "EXCHANGE_PROTOCOL"), "invalid-header"],
    ["no header block", named("a", async () => undefined), "invalid-header"],
    ["half a header block", named("a", says("X-A: b\r\n")), "invalid-header"],
    ["no header", named("a", says("<html>\n\n")), "invalid-header"],
    ["a long header", named("a", says(`X: ${"x".repeat(40_000)}`)), "invalid-header"],
    ["UNKNOWN_ROLE", named("a", async () => ({ protocolStatus: "unknown-role" })), "invalid-header"],
    ["OVERLOADED", named("a", async () => ({ protocolStatus: "overloaded" })), "overloaded"],
    ["CANT_MPX_CONN", named("a", async () => ({ protocolStatus: "cannot-multiplex" })), "overloaded"],
    ["a status that is not wanted", named("a", status(503)), "http_503"],
  ] as const)("after %s, when asked for", async (_what, server, condition) => {
    const servers = [server, named("b")];
    const tried = await ask({ servers, nextUpstream: { on: [condition] } });
    expect([tried.body, tried.attempts.length]).toEqual(["b", 2]);
    const off = await ask({ servers, nextUpstream: { on: ["off"] } });
    expect(off.attempts).toHaveLength(1);
    expect(off.body).not.toBe("b");
  });

  test("but not for what is not asked for: the visitor gets the first answer whole, and cut as it came", async () => {
    const cut: Script = async (visit) => {
      for (const char of "Status: 500 Oh\r\nX: y\r\n\r\nbody") await visit.out(char);
      await visit.err("warning");
      return undefined;
    };
    const { out, outcomes } = await ask({ servers: [named("a", cut), named("b")] });
    expect(out.out).toBe("Status: 500 Oh\r\nX: y\r\n\r\nbody");
    expect(out.err).toBe("warning");
    expect(outcomes).toEqual(["a answered 500"]);
  });

  test("until tries are used up, or none is left: then the last answer or error is the visitor's", async () => {
    const bad = [named("a", status(503)), named("b", status(503)), named("c", status(503))];
    const nextUpstream = { on: ["http_503", "error"] as const };
    const all = await ask({ servers: bad, nextUpstream });
    expect([all.outcomes, all.body]).toEqual([
      ["a refused-status 503", "b refused-status 503", "c answered 503"],
      "bad",
    ]);
    const two = await ask({ servers: bad, nextUpstream: { ...nextUpstream, tries: 2 } });
    expect(two.outcomes).toEqual(["a refused-status 503", "b answered 503"]);
    const dead = await ask({
      servers: [failing("a", "EXCHANGE_CONNECT"), failing("b", "EXCHANGE_BROKEN")],
      nextUpstream,
    });
    expect(dead.error).toMatchObject({ code: "EXCHANGE_BROKEN", message: "b fails" });
  });

  test("no longer than the time allows", async () => {
    let now = 0;
    const slow = named("a", async (visit) => {
      now += 1000;
      return status(503)(visit);
    });
    const nextUpstream = { on: ["http_503"] as const };
    const servers = [slow, named("b")];
    expect((await ask({ servers, nextUpstream: { ...nextUpstream, time: 1000 }, now: () => now })).outcomes).toEqual([
      "a answered 503",
    ]);
    expect(
      (await ask({ servers, nextUpstream: { ...nextUpstream, time: 1001 }, now: () => now })).outcomes,
    ).toHaveLength(2);
  });

  test("never once a part of the answer was passed on", async () => {
    const breaks: Script = async (visit) => {
      await visit.out("Content-Type: text/plain\r\n\r\nhalf");
      throw new ExchangeError("EXCHANGE_BROKEN", "gone");
    };
    const { outcomes, body, error } = await ask({ servers: [named("a", breaks), named("b")] });
    expect([outcomes, body, error?.code]).toEqual([["a broken 200"], "half", "EXCHANGE_BROKEN"]);
  });

  test("a dropped answer is aborted, and nothing of it is passed on", async () => {
    let aborted = false;
    const endless: Script = async (visit) => {
      visit.signal.addEventListener("abort", () => {
        aborted = true;
      });
      await visit.out("Status: 503\r\n\r\nLEAK");
      for (;;) {
        await visit.out("LEAK");
        await pause(1);
      }
    };
    const servers = [named("a", endless), named("b")];
    const { out } = await ask({ servers, nextUpstream: { on: ["http_503"] } });
    expect([aborted, out.out]).toEqual([true, "Content-Type: text/plain\r\n\r\nb"]);
  });
});

test("a reader that takes nothing holds the server back, before and after the header block", async () => {
  let written = 0;
  const server = named("a", async (visit) => {
    await visit.out("X-A: b\r\n\r\n");
    for (; written < 50; written++) await visit.out("x".repeat(1000));
    return undefined;
  });
  const upstream = createUpstream({ servers: [server, named("b")] });
  let release = () => {};
  let taken = 0;
  const slow = {
    stdout(chunk: Uint8Array) {
      taken += chunk.length;
      return new Promise<void>((resolve) => {
        release = resolve;
      });
    },
    stderr() {},
  };
  const running = upstream.exchange(request(), slow, never);
  await pause(5);
  expect([written, taken]).toEqual([0, 10]);
  release();
  await pause(5);
  expect([written, taken]).toEqual([0, 1010]);
  let over = false;
  void running.then(() => {
    over = true;
  });
  while (!over) {
    release();
    await pause(0);
  }
  expect([written, taken]).toEqual([50, 50_010]);
});

describe("a request that must not be sent twice", () => {
  const broken = () => failing("a", "EXCHANGE_BROKEN");

  test.each(["POST", "PATCH", "LOCK", "NOBODY-KNOWS"])("%s is not, when a byte of it was sent", async (method) => {
    const { error, outcomes } = await ask({ servers: [broken(), named("b")] }, request(method, encode("x")));
    expect([error?.code, outcomes]).toEqual(["EXCHANGE_BROKEN", ["a error 502"]]);
  });

  test.each(["GET", "HEAD", "PUT", "DELETE", "PROPFIND"])("%s is, with its whole body", async (method) => {
    const b = named("b");
    await ask({ servers: [broken(), b] }, request(method, encode("body")));
    expect(b.seen).toEqual([`${method} body`]);
  });

  test.each([
    ["nothing was sent", failing("a", "EXCHANGE_CONNECT")],
    ["connecting took too long", failing("a", "EXCHANGE_TIMEOUT", { sent: false })],
    ["the application did not take it", named("a", async () => ({ protocolStatus: "overloaded" }))],
    ["its status was 429", named("a", status(429))],
  ])("POST is sent again when %s", async (_what, server) => {
    const b = named("b");
    const conditions = ["error", "timeout", "overloaded", "http_429"] as const;
    const { body } = await ask(
      { servers: [server, b], nextUpstream: { on: conditions } },
      request("POST", encode("once")),
    );
    expect([body, b.seen]).toEqual(["b", ["POST once"]]);
  });

  test("POST is not sent again for a 503, but when told to", async () => {
    const servers = [named("a", status(503)), named("b")];
    const asked = request("POST", encode("x"));
    expect((await ask({ servers, nextUpstream: { on: ["http_503"] } }, asked)).body).toBe("bad");
    expect((await ask({ servers, nextUpstream: { on: ["http_503", "non-idempotent"] } }, asked)).body).toBe("b");
  });

  test("a streamed body is not sent again once a chunk of it was asked for", async () => {
    async function* body() {
      yield encode("streamed");
    }
    const nextUpstream = { on: ["error", "non-idempotent"] as const };
    const lost = await ask({ servers: [broken(), named("b")], nextUpstream }, request("PUT", body()));
    expect(lost.error?.code).toBe("EXCHANGE_BROKEN");
    const b = named("b");
    const kept = await ask(
      { servers: [failing("a", "EXCHANGE_CONNECT", { sent: false }), b], nextUpstream },
      request("PUT", body()),
    );
    expect([kept.body, b.seen]).toEqual(["b", ["PUT streamed"]]);
  });

  test("a fault of the visitor's own body is no server's, and is not repeated", async () => {
    async function* body(): AsyncGenerator<Uint8Array> {
      yield encode("x");
      throw Object.assign(new Error("stopped"), { code: "GATEWAY_BODY_TIMEOUT" });
    }
    const { error, outcomes, upstream } = await ask({ servers: [named("a"), named("b")] }, request("PUT", body()));
    expect([error?.code, outcomes]).toEqual(["GATEWAY_BODY_TIMEOUT", ["a cancelled -"]]);
    expect(upstream.status().servers[0]?.fails).toBe(0);
  });
});

describe("servers", () => {
  const run = async (upstream: ReturnType<typeof createUpstream>) => {
    const out = sink();
    await upstream.exchange(request(), out, never);
    return out.out.split("\r\n\r\n")[1];
  };

  test("that fail are left out for failTimeout, put to the test by one request, and used again", async () => {
    let now = 0;
    let broken = true;
    const a = named("a", async (visit) => {
      if (broken) throw new ExchangeError("EXCHANGE_BROKEN", "a is gone");
      await visit.out("X: y\r\n\r\na");
      return undefined;
    });
    const told: string[] = [];
    const upstream = createUpstream({
      servers: [a, named("b")],
      now: () => now,
      onStateChange: (server, usable, why) => told.push(`${server} ${usable} ${why}`),
    });
    for (let n = 0; n < 6; n++) expect(await run(upstream)).toBe("b");
    expect(a.seen).toHaveLength(1);
    expect(upstream.status().servers.map(({ state }) => state)).toEqual(["failing", "up"]);
    now += 10_001;
    for (let n = 0; n < 4; n++) await run(upstream);
    expect(a.seen).toHaveLength(2);
    now += 10_001;
    broken = false;
    const answers: unknown[] = [];
    for (let n = 0; n < 6; n++) answers.push(await run(upstream));
    expect(answers.filter((answer) => answer === "a").length).toBeGreaterThanOrEqual(2);
    expect(told).toEqual(["a false a is gone", "a true it answers again"]);
  });

  test("that are backups serve while no other can", async () => {
    const a = failing("a", "EXCHANGE_CONNECT");
    const upstream = createUpstream({ servers: [named("spare", undefined, { backup: true }), a] });
    expect([await run(upstream), await run(upstream), a.calls]).toEqual(["spare", "spare", 1]);
    const idle = named("spare", undefined, { backup: true });
    const other = createUpstream({ servers: [named("a"), idle] });
    for (let n = 0; n < 3; n++) expect(await run(other)).toBe("a");
    expect(idle.seen).toEqual([]);
  });

  test("that are all left out are each tried once more", async () => {
    const [a, b] = [failing("a", "EXCHANGE_CONNECT"), failing("b", "EXCHANGE_CONNECT")];
    const upstream = createUpstream({ servers: [a, b] });
    for (let n = 1; n <= 3; n++) {
      await expect(run(upstream)).rejects.toMatchObject({ code: "EXCHANGE_CONNECT" });
      expect([a.calls, b.calls]).toEqual([n, n]);
    }
  });

  test("that are down are never used; none left is a failure at once", async () => {
    const a = named("a", undefined, { down: true });
    const { error, outcomes, upstream } = await ask({ name: "php", servers: [a] });
    expect(error).toMatchObject({
      code: "EXCHANGE_CONNECT",
      sent: false,
      message: "no server of php can be used: a is down",
    });
    expect([outcomes, upstream.status().noLive, a.seen]).toEqual([["php no-live 502"], 1, []]);
  });

  test("that are alone are never left out", async () => {
    const a = failing("a", "EXCHANGE_CONNECT");
    const upstream = createUpstream({ servers: [a] });
    for (let n = 1; n <= 3; n++) {
      await expect(run(upstream)).rejects.toMatchObject({ code: "EXCHANGE_CONNECT", message: "a fails" });
      expect([a.calls, upstream.status().servers[0]?.state]).toEqual([n, "up"]);
    }
  });

  test("whose answer is a 403, a 404 or OVERLOADED have not failed", async () => {
    const conditions = ["http_403", "http_404", "overloaded", "http_500"] as const;
    const servers = [
      named("a", status(403)),
      named("b", status(404)),
      named("c", async () => ({ protocolStatus: "overloaded" })),
      named("d", status(500)),
      named("e"),
    ];
    const { upstream, body } = await ask({ servers, nextUpstream: { on: conditions } });
    expect(body).toBe("e");
    expect(upstream.status().servers.map(({ state }) => state)).toEqual(["up", "up", "up", "failing", "up"]);
  });

  test("are silent for too long when the gateway's patience ends, and have failed", async () => {
    const upstream = createUpstream({ servers: [named("a", () => new Promise(() => {})), named("b")] });
    const abort = new AbortController();
    const running = upstream.exchange(request(), sink(), abort.signal);
    await pause(1);
    abort.abort(Object.assign(new Error("silent"), { code: "GATEWAY_TIMEOUT" }));
    await expect(running).rejects.toThrow("silent");
    expect(upstream.status().servers.map(({ state, active }) => [state, active])).toEqual([
      ["failing", 0],
      ["up", 0],
    ]);
    const left = new AbortController();
    const other = upstream.exchange(request(), sink(), left.signal);
    left.abort(new Error("left"));
    await expect(other).rejects.toThrow("left");
    expect(upstream.status().servers.map(({ state }) => state)).toEqual(["failing", "up"]);
  });
});

describe("maxConnections", () => {
  function gated(name: string, maxConnections: number) {
    const open: Array<() => void> = [];
    const server = named(
      name,
      async (visit) => {
        await new Promise<void>((resolve) => open.push(resolve));
        await visit.out(`X: y\r\n\r\n${name}`);
        return undefined;
      },
      { maxConnections },
    );
    return { server, open };
  }

  test("makes requests wait, first come first served", async () => {
    const { server, open } = gated("a", 2);
    const upstream = createUpstream({ servers: [server] });
    const done: number[] = [];
    const all = [1, 2, 3, 4, 5].map((n) => upstream.exchange(request(), sink(), never).then(() => done.push(n)));
    await pause(5);
    expect([open.length, upstream.status().waiting, upstream.status().servers[0]?.active]).toEqual([2, 3, 2]);
    while (done.length < 5) {
      open.shift()?.();
      await pause(2);
    }
    await Promise.all(all);
    expect(done).toEqual([1, 2, 3, 4, 5]);
    expect(upstream.status().servers[0]?.active).toBe(0);
  });

  test("refuses what would wait beyond its bound, and what has waited too long", async () => {
    const { server, open } = gated("a", 1);
    const upstream = createUpstream({ servers: [server], queue: { size: 1, timeout: 30 } });
    const first = upstream.exchange(request(), sink(), never);
    const second = upstream.exchange(request(), sink(), never);
    await expect(upstream.exchange(request(), sink(), never)).rejects.toMatchObject({ code: "EXCHANGE_OVERLOADED" });
    await expect(second).rejects.toMatchObject({ code: "EXCHANGE_OVERLOADED" });
    expect(upstream.status()).toMatchObject({ waiting: 0, overloaded: 2 });
    open[0]?.();
    await first;
  });

  test("lets a visitor who leaves stop waiting, and close end the wait of all", async () => {
    const { server, open } = gated("a", 1);
    const upstream = createUpstream({ servers: [server] });
    const first = upstream.exchange(request(), sink(), never);
    const abort = new AbortController();
    const second = upstream.exchange(request(), sink(), abort.signal);
    const third = upstream.exchange(request(), sink(), never);
    abort.abort(new Error("left"));
    await expect(second).rejects.toThrow("left");
    upstream.close();
    upstream.close();
    await expect(third).rejects.toMatchObject({ code: "EXCHANGE_STOPPING" });
    await expect(upstream.exchange(request(), sink(), never)).rejects.toMatchObject({ code: "EXCHANGE_STOPPING" });
    open[0]?.();
    expect(await first).toMatchObject({ protocolStatus: "request-complete" });
  });

  test("sends to another server what one has no room for", async () => {
    const [a, b] = [gated("a", 1), gated("b", 1)];
    const upstream = createUpstream({ servers: [a.server, b.server] });
    const both = [upstream.exchange(request(), sink(), never), upstream.exchange(request(), sink(), never)];
    await pause(5);
    expect([a.open.length, b.open.length]).toEqual([1, 1]);
    a.open[0]?.();
    b.open[0]?.();
    await Promise.all(both);
  });
});

test("attempts are told as the access log takes them", async () => {
  const { attempts } = await ask({ servers: [failing("10.0.0.1:9000", "EXCHANGE_CONNECT"), named("10.0.0.2:9000")] });
  expect(attempts).toMatchObject([
    { address: "10.0.0.1:9000", outcome: "error", status: 502, error: "EXCHANGE_CONNECT", bytesReceived: 0 },
    { address: "10.0.0.2:9000", outcome: "answered", status: 200, bytesReceived: 41, responseLength: 13 },
  ]);
  expect(attempts[0]?.headerTime).toBeUndefined();
  expect(attempts[1]?.headerTime).toBeLessThanOrEqual(attempts[1]?.responseTime ?? 0);
});

test("options that cannot be meant are refused, all in one message", () => {
  const server = named("a", undefined, { weight: 0, maxFails: -1 });
  expect(() =>
    createUpstream({
      name: "php",
      servers: [server, server],
      nextUpstream: { on: ["off", "error"], tries: 1.5 },
      healthCheck: { interval: 0 },
    }),
  ).toThrow(
    /^upstream php: weight of server "a" is 0.*maxFails.*two servers have the name "a".*nextUpstream\.tries.*off.*healthCheck\.interval/,
  );
  const on = ["invalid_header" as "invalid-header"];
  expect(() => createUpstream({ servers: [named("a")], nextUpstream: { on } })).toThrow(
    /nextUpstream\.on has "invalid_header"; error, timeout, invalid-header/,
  );
  expect(() => createUpstream({ servers: [] })).toThrow("servers is empty");
  expect(() => createUpstream({ servers: [named("a", undefined, { backup: true })] })).toThrow(
    "every server is a backup",
  );
});
