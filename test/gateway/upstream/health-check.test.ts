import { afterEach, describe, expect, test } from "vitest";
import { createUpstream, type HealthCheck, pingCheck, type Upstream } from "../../../src/gateway/upstream/index.ts";
import { ExchangeError } from "../../../src/transport/exchange.ts";
import { exchangeOf, hello } from "../application.ts";

const never = new AbortController().signal;
const quick = { interval: 5, timeout: 30, rises: 2, falls: 2 };

const open: Upstream[] = [];
afterEach(() => {
  for (const upstream of open.splice(0)) upstream.close();
});

function upstreamOf(options: Parameters<typeof createUpstream>[0]): Upstream {
  const upstream = createUpstream(options);
  open.push(upstream);
  return upstream;
}

async function until(seen: () => boolean): Promise<void> {
  for (let waited = 0; !seen(); waited += 2) {
    if (waited > 5_000) throw new Error("did not come to be");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

describe("health checks", () => {
  test("take a server out, and put it back, without a request", async () => {
    let well = false;
    const told: string[] = [];
    const check: HealthCheck = async () => {
      if (!well) throw new Error("ill");
    };
    const upstream = upstreamOf({
      servers: [{ name: "a", exchange: exchangeOf(hello) }],
      healthCheck: { ...quick, check },
      onStateChange: (server, usable, why) => told.push(`${server} ${usable} ${why}`),
    });
    const state = () => upstream.status().servers[0]?.state;
    expect(state()).toBe("up");
    await until(() => state() === "unhealthy");
    const asked = { role: "responder", params: [["REQUEST_METHOD", "GET"]] } as const;
    const sink = { stdout() {}, stderr() {} };
    await expect(upstream.exchange(asked, sink, never)).rejects.toMatchObject({
      code: "EXCHANGE_CONNECT",
      message: "no server of upstream can be used: a is unhealthy",
    });
    well = true;
    await until(() => state() === "up");
    expect(await upstream.exchange(asked, sink, never)).toMatchObject({ protocolStatus: "request-complete" });
    expect(told).toEqual(["a false its health checks fail: ill", "a true its health checks succeed again"]);
  });

  test("fail after their timeout, also when they do not heed it; a busy server is not ill; close ends them", async () => {
    let calls = 0;
    const deaf: HealthCheck = () => new Promise(() => {});
    const busy: HealthCheck = async () => {
      calls += 1;
      throw new ExchangeError("EXCHANGE_OVERLOADED", "all connections are busy");
    };
    const check: HealthCheck = (exchange, signal) => (exchange === ill ? deaf : busy)(exchange, signal);
    const [ill, well] = [exchangeOf(hello), exchangeOf(hello)];
    const servers = [
      { name: "ill", exchange: ill },
      { name: "busy", exchange: well },
    ];
    const upstream = upstreamOf({ servers, healthCheck: { ...quick, check } });
    await until(() => upstream.status().servers[0]?.state === "unhealthy");
    expect(upstream.status().servers[0]?.lastError?.message).toBe("the health check took longer than 30 ms");
    expect(upstream.status().servers[1]).toMatchObject({ state: "up", checks: { passed: 0, failed: 0 } });
    expect(calls).toBeGreaterThan(2);
    upstream.close();
    const before = calls;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(calls).toBe(before);
  });
});

describe("a ping", () => {
  const ping = (check: HealthCheck, text: string, end = {}) =>
    check(
      exchangeOf(async (visit) => {
        await visit.out(text.replace("NAME", visit.params.SCRIPT_NAME ?? ""));
        return end;
      }),
      never,
    );

  test("asks for /ping and wants a 200", async () => {
    await ping(pingCheck(), "X-Asked: NAME\r\n\r\npong");
    await expect(ping(pingCheck(), "Status: 503 Busy\r\n\r\n")).rejects.toThrow("/ping gave status 503");
    await expect(ping(pingCheck(), "")).rejects.toMatchObject({ code: "CGI_NO_HEADER" });
    await expect(ping(pingCheck(), "X: y\r\n\r\n", { protocolStatus: "overloaded" })).rejects.toThrow("overloaded");
  });

  test("takes other statuses and params", async () => {
    const check = pingCheck({ path: "/up.php", statuses: [204], params: [["SCRIPT_NAME", "Status: 204"]] });
    await ping(check, "NAME\r\n\r\n");
  });
});
