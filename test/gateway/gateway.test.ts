import { describe, expect, test } from "vitest";
import { ExchangeError, type ExchangeErrorCode } from "../../src/transport/exchange.ts";
import { echoParams, gatewayOf, hello, type Script } from "./application.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("a request", () => {
  test("reaches the script with its meta-variables", async () => {
    const { gateway, root } = await gatewayOf(echoParams, { params: [["APP_ENV", "d\u00e9v"]] });
    const request = new Request("https://example.test/index.php/a%20b?x=%20&y", {
      headers: { "x-a": "1", cookie: "k=v", proxy: "http://evil.test" },
    });
    const params = await (
      await gateway(request, { remoteAddress: "192.0.2.7", remotePort: 5, serverAddress: "127.0.0.1", serverPort: 443 })
    ).json();
    expect(params).toMatchObject({
      APP_ENV: "d\u00e9v",
      DOCUMENT_ROOT: root,
      DOCUMENT_URI: "/index.php/a b",
      HTTPS: "on",
      HTTP_COOKIE: "k=v",
      HTTP_X_A: "1",
      PATH_INFO: "/a b",
      QUERY_STRING: "x=%20&y",
      REMOTE_ADDR: "192.0.2.7",
      REQUEST_URI: "/index.php/a%20b?x=%20&y",
      SCRIPT_FILENAME: `${root}/index.php`,
      SERVER_NAME: "127.0.0.1",
      SERVER_PORT: "443",
    });
    expect(params).not.toHaveProperty("HTTP_PROXY");
  });

  test("for what does not exist reaches the front controller with its own URI", async () => {
    const { get, root } = await gatewayOf(echoParams, { frontController: "/index.php" });
    const params = await (await get("/blog/2024?p=1")).json();
    expect(params).toMatchObject({
      REQUEST_URI: "/blog/2024?p=1",
      SCRIPT_NAME: "/index.php",
      SCRIPT_FILENAME: `${root}/index.php`,
      QUERY_STRING: "p=1",
    });
    expect(params).not.toHaveProperty("PATH_INFO");
  });

  test("takes the target as the server got it, not as URL normalised it", async () => {
    const { gateway } = await gatewayOf(echoParams);
    const request = new Request("http://example.test/index.php");
    expect(await (await gateway(request, { target: "/index%2Ephp?a" })).json()).toMatchObject({
      REQUEST_URI: "/index%2Ephp?a",
    });
    expect((await gateway(request, { target: "/x/../index.php" })).status).toBe(400);
    const proxied = await gateway(request, { target: "http://other.test/index.php?b" });
    expect(await proxied.json()).toMatchObject({ REQUEST_URI: "/index.php?b" });
  });

  test("keeps repeated headers where the server has them", async () => {
    const { gateway } = await gatewayOf(echoParams);
    const headers: [string, string][] = [
      ["Cookie", "a=1"],
      ["Cookie", "b=2"],
      ["X_A", "evil"],
    ];
    const params = await (await gateway(new Request("http://example.test/index.php"), { headers })).json();
    expect(params.HTTP_COOKIE).toBe("a=1; b=2");
    expect(params).not.toHaveProperty("HTTP_X_A");
  });

  test.each([
    ["/a%00.php", 400],
    ["/%2e%2e%2fetc/passwd", 400],
    ["/..%5c..%5cx", 400],
    ["/a%", 400],
    ["/a b", 400],
    ["*", 400],
    ["index.php", 400],
    ["/index.php\u0001", 400],
    [`/${"x".repeat(8192)}`, 414],
    ["/nothing.php", 404],
    ["/.git/config", 403],
  ])("for the target %j is answered %i and runs nothing", async (target, status) => {
    let ran = false;
    const { gateway } = await gatewayOf(async (visit) => {
      ran = true;
      return hello(visit);
    });
    expect((await gateway(new Request("http://example.test/"), { target })).status).toBe(status);
    expect(ran).toBe(false);
  });

  test.each(["a b", "a/b", "<script>", "a,b", "a:b:c", "[::1"])("with the Host %j is refused", async (host) => {
    const { gateway } = await gatewayOf(hello);
    expect((await gateway(new Request("http://example.test/", { headers: { host } }))).status).toBe(400);
  });

  test.each([
    ["example.test:8080", "example.test"],
    ["[::1]:80", "[::1]"],
    ["127.0.0.1", "127.0.0.1"],
  ])("with the Host %s has the server name %s", async (host, name) => {
    const { gateway } = await gatewayOf(echoParams);
    const response = await gateway(new Request("http://example.test/", { headers: { host } }));
    expect(await response.json()).toMatchObject({ SERVER_NAME: name, HTTP_HOST: host });
  });

  test("with too long headers is refused with 431", async () => {
    const { get } = await gatewayOf(hello);
    expect((await get("/", { headers: { "x-a": "x".repeat(40_000) } })).status).toBe(431);
  });
});

describe("a local redirect", () => {
  test("is followed inside: the visitor sees the other resource", async () => {
    const script: Script = async (visit) => {
      const { SCRIPT_NAME, REQUEST_METHOD, CONTENT_LENGTH, CONTENT_TYPE, QUERY_STRING, REQUEST_URI } = visit.params;
      if (SCRIPT_NAME === "/index.php") await visit.out("Location: /other.php/info?z=1\n\n");
      else
        await visit.out(
          `A: 1\n\n${JSON.stringify([REQUEST_METHOD, CONTENT_LENGTH, CONTENT_TYPE, QUERY_STRING, REQUEST_URI])}`,
        );
      return undefined;
    };
    const { get } = await gatewayOf(script, { tree: { "other.php": "", "a.txt": "static" } });
    const response = await get("/?q=1", { method: "POST", body: "abc" });
    expect(await response.json()).toEqual(["GET", "", "", "z=1", "/?q=1"]);
  });

  test("to a file sends the file", async () => {
    const { get } = await gatewayOf(
      async (visit) => {
        await visit.out("Location: /a.txt\n\n");
        return undefined;
      },
      { tree: { "a.txt": "static" } },
    );
    expect(await (await get("/", { method: "POST", body: "x" })).text()).toBe("static");
  });

  test("without end is 500 after ten of them", async () => {
    let runs = 0;
    const { get, failures } = await gatewayOf(async (visit) => {
      runs++;
      await visit.out("Location: /index.php\n\n");
      return undefined;
    });
    expect((await get("/")).status).toBe(500);
    expect(failures).toMatchObject([{ code: "GATEWAY_REDIRECT_LOOP" }]);
    expect(runs).toBe(11);
  });

  test.each(["/../etc/passwd", "/%00", "/a b", "/%zz"])("to %s is the script's fault", async (target) => {
    const { get, failures } = await gatewayOf(async (visit) => {
      await visit.out(`Location: ${target}\n\n`);
      return undefined;
    });
    expect((await get("/")).status).toBe(502);
    expect(failures).toMatchObject([{ code: "GATEWAY_BAD_OUTPUT" }]);
  });

  test("with a Status goes to the visitor, as PHP's header() means it", async () => {
    const { get } = await gatewayOf(async (visit) => {
      await visit.out("Status: 302 Found\nLocation: /login.php\n\n");
      return undefined;
    });
    const response = await get("/");
    expect(response.status).toBe(302);
    expect(response.headers.get("location")).toBe("/login.php");
  });
});

describe("an exchange that fails", () => {
  test.each<[ExchangeErrorCode, number]>([
    ["EXCHANGE_CONNECT", 502],
    ["EXCHANGE_BROKEN", 502],
    ["EXCHANGE_PROTOCOL", 502],
    ["EXCHANGE_OVERLOADED", 503],
    ["EXCHANGE_STOPPING", 503],
    ["EXCHANGE_TIMEOUT", 504],
  ])("with %s is %i; the cause goes to the operator only", async (code, status) => {
    const { get, failures } = await gatewayOf(async () => {
      throw new ExchangeError(code, "secret: /srv/www at 10.0.0.1");
    });
    const response = await get("/");
    expect(response.status).toBe(status);
    expect(response.headers.get("retry-after")).toBe(status === 503 ? "1" : null);
    expect(await response.text()).not.toContain("secret");
    expect(failures).toEqual([{ code, status, message: "secret: /srv/www at 10.0.0.1" }]);
  });

  test.each([
    ["overloaded", 503],
    ["cannot-multiplex", 502],
    ["unknown-role", 502],
    [77, 502],
  ] as const)("with the protocol status %s is %i, a page before it or not", async (protocolStatus, status) => {
    const bare = await gatewayOf(async () => ({ protocolStatus }));
    expect((await bare.get("/")).status).toBe(status);
    const page = await gatewayOf(async (visit) => {
      await hello(visit);
      return { protocolStatus };
    });
    expect((await page.get("/")).status).toBe(status);
  });

  test("before the head is a page, in the middle of a body a broken transfer, never a clean end", async () => {
    const before = await gatewayOf(async (visit) => {
      await visit.out("Content-Type: te");
      throw new ExchangeError("EXCHANGE_BROKEN", "killed");
    });
    expect((await before.get("/")).status).toBe(502);

    const held = await gatewayOf(async (visit) => {
      await visit.out("A: 1\n\nbody");
      throw new ExchangeError("EXCHANGE_BROKEN", "killed");
    });
    expect((await held.get("/")).status).toBe(502);

    const middle = await gatewayOf(async (visit) => {
      await visit.out("A: 1\n\nbody");
      await pause(20);
      throw new ExchangeError("EXCHANGE_BROKEN", "killed");
    });
    const response = await middle.get("/");
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toMatchObject({ code: "EXCHANGE_BROKEN" });
    expect(middle.failures).toMatchObject([{ code: "EXCHANGE_BROKEN" }]);
  });

  test("that throws at once, or throws no error, is 500", async () => {
    const thrown = await gatewayOf(hello, {
      exchange: () => {
        throw new TypeError("a bug");
      },
    });
    expect((await thrown.get("/")).status).toBe(500);
    const odd = await gatewayOf(hello, { exchange: () => Promise.reject(undefined) });
    expect((await odd.get("/")).status).toBe(500);
  });

  test("ends when the application is silent for too long", async () => {
    let reason: unknown;
    const { get, failures } = await gatewayOf(
      (visit) => {
        visit.signal.addEventListener("abort", () => {
          reason = visit.signal.reason;
        });
        return new Promise(() => {});
      },
      { timeouts: { read: 20 } },
    );
    expect((await get("/")).status).toBe(504);
    expect(reason).toMatchObject({ code: "GATEWAY_TIMEOUT" });
    expect(failures).toMatchObject([{ code: "GATEWAY_TIMEOUT", status: 504 }]);
  });

  test("answers the visitor even when the application ignores the abort", async () => {
    const { get } = await gatewayOf(hello, { exchange: () => new Promise(() => {}), timeouts: { read: 20 } });
    expect((await get("/")).status).toBe(504);
  });

  test("is not ended while it says something, or while the visitor is what it waits for", async () => {
    const busy = await gatewayOf(
      async (visit) => {
        for (let i = 0; i < 8; i++) {
          await pause(60);
          await visit.err("still here\n");
        }
        return hello(visit);
      },
      { timeouts: { read: 300 } },
    );
    expect((await busy.get("/")).status).toBe(200);

    const slow = await gatewayOf(
      async (visit) => {
        await visit.out("A: 1\n\n");
        for (let i = 0; i < 10; i++) await visit.out("x".repeat(1000));
        return undefined;
      },
      { timeouts: { read: 150 }, limits: { responseBuffer: 1000 } },
    );
    const response = await slow.get("/");
    await pause(400);
    expect((await response.text()).length).toBe(10_000);
  });
});

describe("a visitor who leaves", () => {
  test("aborts the exchange, and nobody is told of an error", async () => {
    const visitor = new AbortController();
    let reason: unknown;
    const { get, failures } = await gatewayOf((visit) => {
      visit.signal.addEventListener("abort", () => {
        reason = visit.signal.reason;
      });
      setTimeout(() => visitor.abort(), 5);
      return new Promise(() => {});
    });
    await get("/", { signal: visitor.signal });
    expect(reason).toMatchObject({ name: "AbortError" });
    expect(failures).toEqual([]);
  });

  test("before the exchange began starts none", async () => {
    let ran = false;
    const { get } = await gatewayOf(async (visit) => {
      ran = true;
      return hello(visit);
    });
    await get("/", { signal: AbortSignal.abort() });
    expect(ran).toBe(false);
  });
});
