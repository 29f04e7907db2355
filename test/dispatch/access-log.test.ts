// The access log and the master's own pages, over the real wire with children in this thread.

import { describe, expect, test } from "vitest";
import { serveConnection } from "../../src/dispatch/listener.ts";
import { masterPagesOnly, withMasterPages } from "../../src/dispatch/master-pages.ts";
import { poolExchange } from "../../src/dispatch/pool-exchange.ts";
import type { RequestLogOptions } from "../../src/dispatch/request-log.ts";
import { AccessLog } from "../../src/fpm/access-log.ts";
import type { PoolConfigInput } from "../../src/fpm/index.ts";
import type { ExchangeRequest } from "../../src/transport/exchange.ts";
import { memoryPair } from "../../src/transport/memory.ts";
import { WebServerLink } from "../../src/transport/web-server-link.ts";
import { DONE, type Script, scriptedPool, sink, text } from "./fakes.ts";

const never = new AbortController().signal;

function get(path: string, params: Readonly<Record<string, string>> = {}): ExchangeRequest {
  const all = { REQUEST_METHOD: "GET", SCRIPT_NAME: path, SCRIPT_FILENAME: `/srv${path}`, ...params };
  return { role: "responder", params: Object.entries(all) };
}

interface Logged {
  readonly lines: string[];
  readonly requestLog: RequestLogOptions;
}

function logTo(format: string): Logged {
  const lines: string[] = [];
  const log = new AccessLog({ format, write: (line) => lines.push(line) });
  return { lines, requestLog: { log, pool: "www", masterPid: 1, now: () => Date.now() } };
}

async function started(script: Script, format: string, config: PoolConfigInput = {}) {
  const scripted = await scriptedPool(script, { maxChildren: 1, ...config });
  const logged = logTo(format);
  return { ...scripted, ...logged, exchange: poolExchange(scripted.pool, { requestLog: logged.requestLog }) };
}

const answer =
  (...chunks: string[]): Script =>
  async (request) => {
    for (const chunk of chunks) await request.stdout(text(chunk));
    return DONE;
  };

async function idle(lines: string[], count: number): Promise<void> {
  for (let turn = 0; turn < 200 && lines.length < count; turn++) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe("the access log of a pool", () => {
  test.each([
    ["a status of its own", ["Status: 404 Not Found\r\nX-Foo: a\r\n\r\nbody"], "404 [a]"],
    ["no status", ["Content-type: text/html\r\nx-foo:  b \r\n\r\n"], "200 [b]"],
    ["a head in pieces", ["Stat", "us: 50", "3\r\n", "\r", "\n", "body"], "503 [-]"],
    ["line ends without CR", ["X-Foo: c\nX-Foo: d\n\nx"], "200 [c]"],
    ["a redirect", ["Location: /x\r\n\r\n"], "302 [-]"],
    ["no output at all", [], "200 [-]"],
    ["a head that never ends", ["x".repeat(40_000)], "200 [-]"],
  ])("tells status and headers of an answer with %s", async (_what, chunks, line) => {
    const { exchange, lines, pool } = await started(answer(...chunks), "%s [%{X-Foo}o]");
    await exchange(get("/a.php"), sink(), never);
    await idle(lines, 1);
    expect(lines).toEqual([line]);
    await pool.finish();
  });

  test("names the child, the web server and the request's params", async () => {
    const { exchange, lines, pool, children } = await started(answer("A: b\n\n"), "%p %P %n %R %m %r %f %{X}e");
    await exchange({ ...get("/a.php", { X: "y" }), remote: "10.0.0.9" }, sink(), never);
    await idle(lines, 1);
    expect(lines).toEqual([`${children[0]?.pid} 1 www 10.0.0.9 GET /a.php /srv/a.php y`]);
    await pool.finish();
  });

  test("writes 502 for a request whose child died, 503 for one that got none, 499 for one that was left", async () => {
    const { exchange, lines, pool, children } = await started(() => new Promise(() => {}), "%r %s", {
      queueTimeout: 50,
      listenBacklog: 1,
    });
    const first = exchange(get("/crash.php"), sink(), never);
    first.catch(() => {});
    await expect(exchange(get("/late.php"), sink(), never)).rejects.toMatchObject({ code: "EXCHANGE_OVERLOADED" });
    children[0]?.crash();
    await expect(first).rejects.toMatchObject({ code: "EXCHANGE_BROKEN" });
    const abort = new AbortController();
    const third = exchange(get("/left.php"), sink(), abort.signal);
    setTimeout(() => abort.abort(new Error("left")), 50);
    await expect(third).rejects.toThrow("left");
    await pool.terminate();
    await idle(lines, 3);
    expect(lines.sort()).toEqual(["/crash.php 502", "/late.php 503", "/left.php 499"]);
  });

  test("tells of STDERR while the web server gets it too", async () => {
    const heard: string[] = [];
    const scripted = await scriptedPool(async (request) => {
      await request.stderr(text("oh no"));
      return DONE;
    });
    const output = sink();
    const exchange = poolExchange(scripted.pool, { onStderr: (pid, said) => heard.push(`${pid} ${said}`) });
    await exchange(get("/a.php"), output, never);
    expect(heard).toEqual([`${scripted.children[1]?.pid} oh no`]);
    expect(output.errors).toBe("oh no");
    await scripted.pool.finish();
  });
});

describe("the master's pages", () => {
  test("are answered while all children are busy, and take no child", async () => {
    const release = Promise.withResolvers<void>();
    const { exchange, pool, lines, requestLog } = await started(async () => {
      await release.promise;
      return DONE;
    }, "%p %r%Q%q %s %f");
    const served = withMasterPages(exchange, pool, { statusPath: "/status", pingPath: "/ping", requestLog });
    const busy = served(get("/slow.php"), sink(), never);
    const status = sink();
    await served(get("/status", { QUERY_STRING: "json" }), status, never);
    const [head = "", body = ""] = status.text.split("\r\n\r\n");
    expect(head).toBe(
      "Expires: Thu, 01 Jan 1970 00:00:00 GMT\r\n" +
        "Cache-Control: no-cache, no-store, must-revalidate, max-age=0\r\nContent-Type: application/json",
    );
    expect(JSON.parse(body)).toMatchObject({ "accepted conn": 1, "active processes": 1 });
    const ping = sink();
    await served(get("/ping"), ping, never);
    expect(ping.text.endsWith("\r\n\r\npong")).toBe(true);
    expect(lines).toEqual(["1 /status?json 200 -", "1 /ping 200 -"]);
    release.resolve();
    await busy;
    await pool.finish();
  });

  test("are found by SCRIPT_NAME, whole and byte for byte", async () => {
    const { exchange, pool } = await started(answer("A: b\n\nscript"), "");
    const served = withMasterPages(exchange, pool, { statusPath: "/status" });
    for (const path of ["/status/", "/Status", "/x/status", "/ping"]) {
      const output = sink();
      await served(get(path, { REQUEST_URI: "/status" }), output, never);
      expect(output.text).toContain("script");
    }
    await pool.finish();
  });

  test("are all that pm.status_listen serves", async () => {
    const { pool } = await started(answer("A: b\n\nscript"), "");
    const exchange = masterPagesOnly(pool, { statusPath: "/status" });
    const page = sink();
    await exchange(get("/status"), page, never);
    expect(page.text).toContain("pool:                 www\n");
    const other = sink();
    await exchange(get("/a.php"), other, never);
    expect(other.text).toBe("Status: 404 Not Found\r\nContent-type: text/html; charset=UTF-8\r\n\r\nFile not found.\n");
    expect(other.errors).toBe("Primary script unknown");
    await pool.finish();
  });

  test("count connections, and those that were ended for taking too long", async () => {
    const { exchange, pool } = await started(answer("A: b\n\n"), "");
    const serve = (limits: object) => {
      const [own, theirs] = memoryPair();
      serveConnection(own, exchange, { limits, counters: pool.connections });
      return theirs;
    };
    const link = new WebServerLink(serve({ idleTimeout: 20 }));
    await link.exchange(get("/a.php"), sink(), never);
    await link.closed;
    const half = serve({ receiveTimeout: 20 });
    const closed = new Promise<void>((resolve) => {
      half.start({ onChunk: () => undefined, onEnd: () => resolve() });
    });
    void half.write([Uint8Array.of(1, 1, 0, 1)]);
    await closed;
    const { connections } = pool.status();
    expect(connections).toMatchObject({ accepted: 2, timeouts: { idle: 1, params: 1, input: 0, stall: 0, send: 0 } });
    await pool.finish();
  });
});
