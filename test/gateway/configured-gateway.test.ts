import { describe, expect, test } from "vitest";
import { memoryStore } from "../../src/gateway/cache/index.ts";
import { createTracing, type TracedRequest } from "../../src/gateway/observe/tracing.ts";
import { decode, echoParams, type Script } from "./application.ts";
import { configured, prints, TEXT } from "./configured.ts";

const json = async (response: Response) => (await response.json()) as Record<string, string>;

describe("what a script gets", () => {
  test("is what the location says: own params, no headers, no body", async () => {
    const { get } = await configured(
      {
        serverName: "www.example.org",
        fastcgi: {
          params: {
            WHO: "$remote_user at $remote_addr",
            EMPTY: { value: "$arg_nothing", ifNotEmpty: true },
            HOLLOW: "",
            SERVER_SOFTWARE: "ours",
          },
          passRequestHeaders: false,
          passRequestBody: false,
        },
      },
      {
        scripts: {
          default: async (visit) => {
            await visit.out(TEXT + JSON.stringify({ ...visit.params, body: decode(await visit.stdin()) }));
            return undefined;
          },
        },
      },
    );
    const init = {
      method: "POST",
      body: "12345",
      headers: { authorization: `Basic ${btoa("ann:secret")}`, "x-a": "1", "content-type": "text/x" },
    };
    const params = await json(await get("/index.php", init, { remoteAddress: "192.0.2.7" }));
    expect(params).toMatchObject({
      WHO: "ann at 192.0.2.7",
      HOLLOW: "",
      SERVER_SOFTWARE: "ours",
      SERVER_NAME: "www.example.org",
      CONTENT_LENGTH: "",
      CONTENT_TYPE: "",
      body: "",
    });
    expect(params).not.toHaveProperty("EMPTY");
    expect(Object.keys(params).filter((name) => name.startsWith("HTTP_"))).toEqual([]);
  });

  test("is the body of a GET too, where the server has it", async () => {
    const script: Script = async (visit) => {
      await visit.out(
        `${TEXT}${visit.params.REQUEST_METHOD} ${visit.params.CONTENT_LENGTH} ${decode(await visit.stdin())}`,
      );
      return undefined;
    };
    const { get } = await configured({}, { scripts: { default: script } });
    const body = () => new Response("12345").body as ReadableStream<Uint8Array>;
    const response = await get("/index.php", { headers: { "content-length": "5" } }, { body });
    expect(await response.text()).toBe("GET 5 12345");
  });

  test("takes neither host nor port of a trusted proxy that is not said to write them", async () => {
    const { get } = await configured(
      { trustedProxies: { from: ["10.0.0.0/8"] } },
      { scripts: { default: echoParams } },
    );
    const headers = {
      host: "inside.test",
      "x-forwarded-for": "192.0.2.7",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "evil.test",
      "x-forwarded-port": "666",
      forwarded: "for=198.51.100.1;host=evil.test",
    };
    const told = await json(await get("/index.php", { headers }, { remoteAddress: "10.1.2.3", serverPort: 8080 }));
    expect(told).toMatchObject({ REMOTE_ADDR: "192.0.2.7", SERVER_NAME: "inside.test", SERVER_PORT: "443" });
  });

  test("reads Forwarded, and no other header, of proxies that write it", async () => {
    const { get } = await configured(
      { trustedProxies: { from: ["unix:"], headers: "forwarded", take: ["for", "proto", "host"] } },
      { scripts: { default: echoParams } },
    );
    const headers = { forwarded: "for=192.0.2.7;proto=https;host=shop.test", "x-forwarded-for": "198.51.100.1" };
    const told = await json(await get("/index.php", { headers }, { remoteAddress: undefined }));
    expect(told).toMatchObject({ REMOTE_ADDR: "192.0.2.7", SERVER_NAME: "shop.test", HTTPS: "on" });
  });

  test("tells of the visitor what trusted proxies tell, and nobody else", async () => {
    const { get } = await configured(
      { trustedProxies: { from: ["10.0.0.0/8"], take: ["for", "proto", "host"] } },
      { scripts: { default: echoParams } },
    );
    const headers = {
      host: "inside.test",
      "x-forwarded-for": "192.0.2.7",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "shop.test",
    };
    const told = await json(await get("/index.php", { headers }, { remoteAddress: "10.1.2.3", serverPort: 8080 }));
    expect(told).toMatchObject({
      REMOTE_ADDR: "192.0.2.7",
      HTTPS: "on",
      REQUEST_SCHEME: "https",
      SERVER_NAME: "shop.test",
      SERVER_PORT: "443",
    });
    const lied = await json(await get("/index.php", { headers }, { remoteAddress: "192.0.2.99", serverPort: 8080 }));
    expect(lied).toMatchObject({ REMOTE_ADDR: "192.0.2.99", SERVER_NAME: "inside.test", SERVER_PORT: "8080" });
    expect(lied).not.toHaveProperty("HTTPS");
  });

  test("is rewritten path and query; REQUEST_URI stays as it was", async () => {
    const { get } = await configured(
      { rewrite: [{ from: "^/post/([0-9]+)$", to: "/index.php?id=$1" }] },
      { scripts: { default: echoParams } },
    );
    expect(await json(await get("/post/12?x=1"))).toMatchObject({
      REQUEST_URI: "/post/12?x=1",
      QUERY_STRING: "id=12&x=1",
      SCRIPT_NAME: "/index.php",
    });
  });

  test("may be longer than one location allows and not another", async () => {
    const { get } = await configured({
      maxBody: 10,
      locations: [{ exact: "/upload.php", maxBody: 100, fastcgi: { checkScript: false } }],
    });
    const body = { method: "POST", body: "x".repeat(50), headers: { "content-length": "50" } };
    expect((await get("/index.php", body)).status).toBe(413);
    expect((await get("/upload.php", body)).status).toBe(200);
  });
});

describe("a visitor who leaves", () => {
  const leaving = async (ignoreClientAbort: boolean) => {
    let ended = "";
    const { get } = await configured(
      { fastcgi: { ignoreClientAbort } },
      {
        scripts: {
          default: async (visit) => {
            visit.signal.addEventListener("abort", () => {
              ended = "aborted";
            });
            await visit.out(`${TEXT}x`);
            await new Promise((resolve) => setTimeout(resolve, 40));
            await visit.out("y".repeat(200_000));
            ended ||= "whole";
            return undefined;
          },
        },
      },
    );
    const visitor = new AbortController();
    const response = await get("/", { signal: visitor.signal });
    visitor.abort();
    await response.body?.cancel().catch(() => {});
    await expect.poll(() => ended).not.toBe("");
    return ended;
  };

  test("ends the script", async () => {
    expect(await leaving(false)).toBe("aborted");
  });

  test("does not, where that is said", async () => {
    expect(await leaving(true)).toBe("whole");
  });
});

describe("ranges of scripts' answers", () => {
  const config = { fastcgi: { forceRanges: true } };
  const whole = prints(`ETag: "v1"\n${TEXT}`, "0123456789");

  test.each([
    ["bytes=2-4", 206, "234", "bytes 2-4/10"],
    ["bytes=-2", 206, "89", "bytes 8-9/10"],
    ["bytes=20-", 416, "", "bytes */10"],
    ["nonsense", 200, "0123456789", null],
  ])("%s is %i where they are to be served", async (range, status, body, contentRange) => {
    const { get } = await configured(config, { scripts: { default: whole } });
    const response = await get("/", { headers: { range } });
    expect([response.status, await response.text()]).toEqual([status, body]);
    expect(response.headers.get("content-range")).toBe(contentRange);
    expect(response.headers.get("content-length")).toBe(String(body.length));
  });

  test("are cut out of a stream whose length is known; the script is not waited for", async () => {
    const script: Script = async (visit) => {
      await visit.out(`Content-Length: 300000\n${TEXT}${"a".repeat(100_000)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
      await visit.out("b".repeat(100_000));
      await new Promise(() => {});
      return undefined;
    };
    const { get } = await configured(config, { scripts: { default: script } });
    const response = await get("/", { headers: { range: "bytes=99999-100000" } });
    expect(await response.text()).toBe("ab");
  });

  test("are not served otherwise", async () => {
    const { get } = await configured({}, { scripts: { default: whole } });
    expect((await get("/", { headers: { range: "bytes=2-4" } })).status).toBe(200);
  });
});

describe("a cache", () => {
  const site = (script: Script, config = {}) => {
    const store = memoryStore();
    return configured(
      { caches: { pages: {} }, cache: { zone: "pages", valid: { 200: 60 }, showStatus: true }, ...config },
      { scripts: { default: script }, tree: { "www/a.txt": "0123456789" }, resources: { cacheStore: () => store } },
    );
  };
  const counting = (head = "") => {
    let count = 0;
    const script: Script = async (visit) => {
      await visit.out(`${head}${TEXT}${visit.params.REQUEST_URI} ${++count}`);
      return undefined;
    };
    return script;
  };

  test("answers in the place of the script, for HEAD and conditions too, and tells the log", async () => {
    const { get, entries } = await site(counting('ETag: "v"\n'));
    expect(await (await get("/?a")).text()).toBe("/?a 1");
    const again = await get("/?a");
    expect([again.headers.get("x-cache-status"), await again.text()]).toEqual(["HIT", "/?a 1"]);
    expect((await get("/?a", { method: "HEAD" })).headers.get("x-cache-status")).toBe("HIT");
    expect((await get("/?a", { headers: { "if-none-match": '"v"' } })).status).toBe(304);
    expect(await (await get("/?b")).text()).toBe("/?b 2");
    expect(entries.map(({ cacheStatus }) => cacheStatus)).toEqual(["MISS", "HIT", "HIT", "HIT", "MISS"]);
    expect(entries.map(({ upstream }) => upstream.length)).toEqual([1, 0, 0, 0, 1]);
  });

  test("is told in a header of the configuration's own", async () => {
    const { get } = await site(counting(), { headers: { "X-Cache": "$upstream_cache_status" } });
    expect((await get("/")).headers.get("x-cache")).toBe("MISS");
    expect((await get("/")).headers.get("x-cache")).toBe("HIT");
  });

  test("forgets when told so", async () => {
    const { get, purge } = await site(counting());
    await get("/");
    expect(await purge("pages", { type: "all" })).toBe(1);
    expect(await (await get("/")).text()).toBe("/ 2");
  });

  test("heeds X-Accel-Expires and does not show it", async () => {
    const { get } = await site(counting("X-Accel-Expires: 0\n"));
    const response = await get("/");
    expect(response.headers.has("x-accel-expires")).toBe(false);
    expect(await response.text()).toBe("/ 1");
    expect(await (await get("/")).text()).toBe("/ 2");
  });

  test("keeps no redirect of a script to a file, and gives nobody another visitor's", async () => {
    const script: Script = async (visit) => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      const file = visit.params.HTTP_COOKIE === "a" ? "/a.txt" : "/missing.txt";
      await visit.out(`X-Accel-Redirect: ${file}\n\n`);
      return undefined;
    };
    const { get } = await site(script);
    const both = await Promise.all([get("/", { headers: { cookie: "a" } }), get("/", { headers: { cookie: "b" } })]);
    expect(both.map(({ status }) => status)).toEqual([200, 404]);
  });

  test("keeps no answer to somebody whom an authorizer named, unless it is said to be for all", async () => {
    const script: Script = async (visit) => {
      const { REMOTE_USER, QUERY_STRING } = visit.params;
      await visit.out(
        `${QUERY_STRING === "public" ? "Cache-Control: public, max-age=60\n" : ""}${TEXT}for ${REMOTE_USER}`,
      );
      return undefined;
    };
    const guard: Script = async (visit) => {
      await visit.out(`Variable-REMOTE_USER: ${visit.params.HTTP_COOKIE}\n\n`);
      return undefined;
    };
    const store = memoryStore();
    const { get } = await configured(
      { caches: { pages: {} }, cache: { zone: "pages", valid: { any: 60 } }, authorizer: "guard" },
      { scripts: { default: script, guard }, resources: { cacheStore: () => store } },
    );
    const as = async (user: string, path: string) => (await get(path, { headers: { cookie: user } })).text();
    expect([await as("ann", "/"), await as("bob", "/")]).toEqual(["for ann", "for bob"]);
    expect([await as("ann", "/?public"), await as("bob", "/?public")]).toEqual(["for ann", "for ann"]);
  });

  test("is bypassed, and not filled, as templates say", async () => {
    const { get } = await site(counting(), {
      cache: { zone: "pages", valid: { any: 60 }, bypass: ["$cookie_session"], noCache: ["$http_x_private"] },
    });
    await get("/");
    expect(await (await get("/", { headers: { cookie: "session=1" } })).text()).toBe("/ 2");
    await get("/?p", { headers: { "x-private": "1" } });
    expect(await (await get("/?p")).text()).toBe("/?p 4");
  });

  test("keeps an application's error, and the visitor gets the page for it", async () => {
    let count = 0;
    const script: Script = async (visit) => {
      await visit.out(`Status: 404\n${TEXT}own ${++count}`);
      return undefined;
    };
    const { get } = await site(script, {
      cache: { zone: "pages", valid: { 404: 60 } },
      errorPages: { "404": "/a.txt" },
      fastcgi: { interceptErrors: true },
    });
    for (let i = 0; i < 3; i++) {
      const response = await get("/");
      expect([response.status, await response.text()]).toEqual([404, "0123456789"]);
    }
    expect(count).toBe(1);
  });
});

describe("what is told of a request", () => {
  test("is its entry in the log, when its body was taken", async () => {
    const { get, entries } = await configured(
      { locations: [{ prefix: "/quiet/", accessLog: false, return: { status: 204 } }] },
      { scripts: { default: prints(`Status: 201\n${TEXT}`, "12345") } },
    );
    await (
      await get("/index.php/info?x", { headers: { host: "Example.Test" } }, { remoteAddress: "192.0.2.7" })
    ).text();
    expect(entries).toMatchObject([
      {
        method: "GET",
        target: "/index.php/info?x",
        host: "example.test",
        remoteAddress: "192.0.2.7",
        status: 201,
        bodyBytesSent: 5,
        scriptName: "/index.php",
        pathInfo: "/info",
        location: "default",
        aborted: false,
        upstream: [{ address: "application", status: 201, responseLength: 5 }],
      },
    ]);
    await get("/a%00");
    expect(entries[1]).toMatchObject({ target: "/a%00", status: 400, error: "GATEWAY_BAD_REQUEST" });
  });

  test("is every application that was asked, and what upstreams tell of their servers", async () => {
    const { get, entries } = await configured(
      { locations: [{ prefix: "/b/", fastcgi: { pass: "second", checkScript: false } }] },
      {
        resources: {
          application: (name) => async (_request, sink, _signal, observer) => {
            const text = name === "second" ? `${TEXT}b` : "X-Accel-Redirect: /b/x.php\n\n";
            const attempt = { address: "10.0.0.1:9000", responseTime: 1 };
            if (name === "second") {
              observer?.({ ...attempt, outcome: "error", error: "EXCHANGE_CONNECT" });
              observer?.({ ...attempt, outcome: "answered", status: 200 });
            }
            await sink.stdout(Uint8Array.from(text, (char) => char.charCodeAt(0)));
            return { applicationStatus: 0, protocolStatus: "request-complete" };
          },
        },
      },
    );
    expect(await (await get("/index.php")).text()).toBe("b");
    expect(entries[0]?.upstream).toMatchObject([
      { address: "application" },
      { address: "10.0.0.1:9000", error: "EXCHANGE_CONNECT", redirected: true },
      { address: "10.0.0.1:9000", status: 200 },
    ]);
  });

  test("is a trace, which goes on in the script", async () => {
    const { get, entries } = await configured(
      {},
      { scripts: { default: echoParams }, resources: { tracing: createTracing() } },
    );
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const params = await json(await get("/", { headers: { traceparent, tracestate: "a=1" } }));
    expect(params).toMatchObject({ HTTP_TRACEPARENT: traceparent, HTTP_TRACESTATE: "a=1" });
    expect((await json(await get("/"))).HTTP_TRACEPARENT).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$/);
    expect(entries[0]?.traceId).toBe("0af7651916cd43dd8448eb211c80319c");
  });

  test("is Server-Timing where that is wanted", async () => {
    const { get } = await configured({ serverTiming: true });
    expect((await get("/")).headers.get("server-timing")).toMatch(/upstream;dur=[0-9.]+, total;dur=[0-9.]+/);
    const { get: other } = await configured({});
    expect((await other("/")).headers.has("server-timing")).toBe(false);
  });

  test.each([
    ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", {}],
    ["nonsense", {}],
    ["nonsense", { tracing: createTracing({ start: "never" }) }],
  ])("passes no malformed traceparent on: %s %j", async (traceparent, resources) => {
    const { get } = await configured({}, { scripts: { default: echoParams }, resources });
    const params = await json(await get("/", { headers: { traceparent, tracestate: "a=1", "x-a": "1" } }));
    expect(params).not.toHaveProperty("HTTP_TRACEPARENT");
    expect(params).not.toHaveProperty("HTTP_TRACESTATE");
    expect(params).toMatchObject({ HTTP_X_A: "1" });
  });

  test("is a span of the host without its port", async () => {
    const seen: unknown[] = [];
    const tracing = {
      begin(request: TracedRequest) {
        seen.push([request.host, request.port]);
        return createTracing({ start: "never" }).begin(request);
      },
    };
    const { get } = await configured({}, { resources: { tracing } });
    await get("/", { headers: { host: "Shop.test:8443" } }, { serverPort: 8443 });
    expect(seen).toEqual([["shop.test", 8443]]);
  });

  test("is the metrics' page, for this machine only unless somebody is named", async () => {
    const resources = { metrics: () => "# EOF\n" };
    const { get } = await configured({ metrics: { path: "/metrics" } }, { resources });
    const status = async (remoteAddress: string | undefined, headers: Record<string, string> = {}) =>
      (await get("/metrics", { headers }, { remoteAddress })).status;
    expect(await status("127.0.0.1")).toBe(200);
    expect(await status("::1")).toBe(200);
    expect(await status(undefined)).toBe(200);
    expect(await status("192.0.2.7")).toBe(404);
    // A web server of this machine, for somebody else.
    expect(await status("127.0.0.1", { "x-forwarded-for": "192.0.2.7" })).toBe(404);
    const everybody = await configured({ metrics: { path: "/metrics", allow: ["all"] } }, { resources });
    expect((await everybody.get("/metrics", {}, { remoteAddress: "192.0.2.7" })).status).toBe(200);
  });

  test("is the metrics' page, for those who may see it", async () => {
    const { get } = await configured(
      { metrics: { path: "/metrics", allow: ["127.0.0.1"] } },
      { resources: { metrics: () => "# EOF\n" } },
    );
    expect(await (await get("/metrics", {}, { remoteAddress: "127.0.0.1" })).text()).toBe("# EOF\n");
    expect((await get("/metrics", {}, { remoteAddress: "192.0.2.7" })).status).toBe(404);
  });
});
