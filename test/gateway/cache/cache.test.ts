import { describe, expect, test } from "vitest";
import { memoryStore } from "../../../src/gateway/cache/index.ts";
import { GatewayError } from "../../../src/gateway/index.ts";
import { counting, siteOf, streaming, type TestScript } from "./scripts.ts";

const MINUTE = { "Cache-Control": "max-age=60" };

function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** Lets everything run that needs no timer. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

describe("a cache", () => {
  test("answers from the store until a response is too old", async () => {
    const site = siteOf(counting(MINUTE));
    expect(await site.ask("/")).toMatchObject({ cache: "MISS", body: "run 1" });
    site.pass(59);
    expect(await site.ask("/")).toMatchObject({ cache: "HIT", body: "run 1" });
    site.pass(1);
    expect(await site.ask("/")).toMatchObject({ cache: "EXPIRED", body: "run 2" });
    expect(await site.ask("/")).toMatchObject({ cache: "HIT", body: "run 2" });
  });

  test("says how old a response is", async () => {
    const site = siteOf(counting({ "Cache-Control": "max-age=60", Age: "7" }));
    await site.ask("/");
    site.pass(12.9);
    expect((await site.ask("/")).headers.get("age")).toBe("19");
  });

  test("sends the headers of the script, the length, and its own status where asked to", async () => {
    const site = siteOf(counting({ ...MINUTE, "Content-Type": "text/x-own", "X-Own": "1", "X-Accel-Expires": "60" }), {
      statusHeader: "X-Cache-Status",
    });
    const miss = await site.ask("/");
    expect(miss.headers.get("x-cache-status")).toBe("MISS");
    expect(miss.headers.get("x-accel-expires")).toBeNull();
    const hit = await site.ask("/");
    expect(Object.fromEntries(hit.headers)).toEqual({
      "accept-ranges": "bytes",
      age: "0",
      "cache-control": "max-age=60",
      "content-length": "5",
      "content-type": "text/x-own",
      "x-cache-status": "HIT",
      "x-own": "1",
    });
  });

  test("keeps queries and hosts apart", async () => {
    const site = siteOf(counting(MINUTE));
    await site.ask("/?a=1");
    expect(await site.ask("/?a=2")).toMatchObject({ cache: "MISS" });
    expect(await site.ask("/?a=1")).toMatchObject({ cache: "HIT", body: "run 1" });
  });

  test("takes the key that the operator makes", async () => {
    const site = siteOf(counting(MINUTE), { key: ({ url }) => new URL(url).pathname });
    await site.ask("/?utm=1");
    expect(await site.ask("/?utm=2")).toMatchObject({ cache: "HIT" });
  });

  test("shares an entry between HEAD and GET: the script runs as for GET", async () => {
    const site = siteOf(({ as }) => new Response(as.method, { headers: { ...MINUTE, "Content-Length": "3" } }));
    const head = await site.ask("/", { method: "HEAD" });
    expect(head).toMatchObject({ cache: "MISS", body: "" });
    expect(head.headers.get("content-length")).toBe("3");
    expect(await site.ask("/")).toMatchObject({ cache: "HIT", body: "GET" });
    const second = await site.ask("/", { method: "HEAD" });
    expect(second).toMatchObject({ cache: "HIT", body: "" });
    expect(second.headers.get("content-length")).toBe("3");
  });

  test("leaves other methods alone, and forgets a URL that one of them changed", async () => {
    const site = siteOf(({ as, count }) => new Response(`${as.method} ${count}`, { headers: MINUTE }));
    await site.ask("/");
    expect(await site.ask("/", { method: "OPTIONS" })).toMatchObject({ cache: undefined, body: "OPTIONS 2" });
    expect(await site.ask("/")).toMatchObject({ cache: "HIT" });
    expect(await site.ask("/", { method: "POST", body: "x" })).toMatchObject({ cache: undefined, body: "POST 3" });
    expect(await site.ask("/")).toMatchObject({ cache: "MISS", body: "GET 4" });
  });

  test("caches POST where told to, apart from GET", async () => {
    const site = siteOf(counting(MINUTE), { methods: ["GET", "HEAD", "POST"] });
    await site.ask("/", { method: "POST" });
    expect(await site.ask("/")).toMatchObject({ cache: "MISS" });
    expect(await site.ask("/", { method: "POST" })).toMatchObject({ cache: "HIT", body: "run 1" });
  });

  test("bypass runs the script and stores its answer", async () => {
    const site = siteOf(counting(MINUTE), { bypass: ({ headers }) => headers.get("x-fresh") !== null });
    await site.ask("/");
    expect(await site.ask("/", { headers: { "X-Fresh": "1" } })).toMatchObject({ cache: "BYPASS", body: "run 2" });
    expect(await site.ask("/")).toMatchObject({ cache: "HIT", body: "run 2" });
  });

  test("noCache runs the script and does not store", async () => {
    const site = siteOf(counting({ ...MINUTE, "X-Private": "1" }), {
      noCache: (_request, response) => response.headers.get("X-Private") !== null,
    });
    await site.ask("/");
    expect(await site.ask("/")).toMatchObject({ cache: "MISS", body: "run 2" });
  });

  test("stores what was asked for often enough", async () => {
    const site = siteOf(counting(MINUTE), { minUses: 3 });
    expect([(await site.ask("/")).cache, (await site.ask("/")).cache, (await site.ask("/")).cache]).toEqual([
      "MISS",
      "MISS",
      "MISS",
    ]);
    expect(await site.ask("/")).toMatchObject({ cache: "HIT", body: "run 3" });
  });

  test("never stores a cookie; with Set-Cookie ignored it stores the response without it", async () => {
    const script = counting({ ...MINUTE, "Set-Cookie": "a=1" });
    const strict = siteOf(script);
    await strict.ask("/");
    expect(await strict.ask("/")).toMatchObject({ cache: "MISS", body: "run 2" });
    const loose = siteOf(script, { ignoreHeaders: ["Set-Cookie"] });
    expect((await loose.ask("/")).headers.get("set-cookie")).toBe("a=1");
    const hit = await loose.ask("/");
    expect(hit).toMatchObject({ cache: "HIT" });
    expect(hit.headers.get("set-cookie")).toBeNull();
  });

  test("gives nothing of one visitor with Authorization to others, nor the other way round", async () => {
    const site = siteOf(counting(MINUTE));
    const headers = { Authorization: "Basic x" };
    expect(await site.ask("/", { headers })).toMatchObject({ cache: "MISS", body: "run 1" });
    expect(await site.ask("/")).toMatchObject({ cache: "MISS", body: "run 2" });
    expect(await site.ask("/", { headers })).toMatchObject({ cache: "BYPASS", body: "run 3" });
    const open = siteOf(counting({ "Cache-Control": "public, max-age=60" }));
    await open.ask("/", { headers });
    expect(await open.ask("/")).toMatchObject({ cache: "HIT" });
    expect(await open.ask("/", { headers })).toMatchObject({ cache: "HIT" });
  });

  test("lets the body of a GET choose nothing for others", async () => {
    const site = siteOf(counting(MINUTE));
    expect(await site.ask("/", { headers: { "Content-Length": "3" } })).toMatchObject({ cache: "BYPASS" });
    expect(await site.ask("/")).toMatchObject({ cache: "MISS", body: "run 2" });
    expect(await site.ask("/", { headers: { "Transfer-Encoding": "chunked" } })).toMatchObject({ cache: "BYPASS" });
    expect(await site.ask("/", { headers: { "Content-Length": "0" } })).toMatchObject({ cache: "HIT" });
  });

  test("tells variants apart", async () => {
    const site = siteOf(counting({ ...MINUTE, Vary: "Accept-Language" }));
    const ask = (language: string) => site.ask("/", { headers: { "Accept-Language": language } });
    expect(await ask("de")).toMatchObject({ cache: "MISS", body: "run 1" });
    expect(await ask("fr, en")).toMatchObject({ cache: "MISS", body: "run 2" });
    expect(await ask("de")).toMatchObject({ cache: "HIT", body: "run 1" });
    expect(await ask("fr ,en")).toMatchObject({ cache: "HIT", body: "run 2" });
    await site.cache.purge({ type: "key", key: "http://example.test/" });
    expect(await ask("de")).toMatchObject({ cache: "MISS", body: "run 3" });
    expect(await ask("fr, en")).toMatchObject({ cache: "MISS", body: "run 4" });
  });

  test("answers conditions and single ranges from a whole", async () => {
    const site = siteOf(() => {
      return new Response("0123456789", {
        headers: { ...MINUTE, ETag: '"v1"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT", "X-Own": "1" },
      });
    });
    const ranged = await site.ask("/", { headers: { Range: "bytes=2-4" } });
    expect(ranged).toMatchObject({ cache: "MISS", status: 206, body: "234" });
    expect(ranged.headers.get("content-range")).toBe("bytes 2-4/10");
    expect(ranged.headers.get("content-length")).toBe("3");
    expect(site.runs[0]?.as).toEqual({ method: "GET", shared: true });

    const fresh = await site.ask("/", { headers: { "If-None-Match": 'W/"v1"' } });
    expect(fresh).toMatchObject({ cache: "HIT", status: 304, body: "" });
    expect([...fresh.headers.keys()]).toEqual(["age", "cache-control", "etag", "last-modified"]);
    expect(await site.ask("/", { headers: { "If-None-Match": '"v2"' } })).toMatchObject({ status: 200 });
    expect(await site.ask("/", { headers: { Range: "bytes=20-" } })).toMatchObject({ status: 416 });
    expect(await site.ask("/", { headers: { Range: "bytes=1-2,4-5" } })).toMatchObject({ status: 200 });
    expect(await site.ask("/", { headers: { Range: "bytes=-3", "If-Range": '"v1"' } })).toMatchObject({ body: "789" });
    expect(await site.ask("/", { headers: { Range: "bytes=-3", "If-Range": '"v0"' } })).toMatchObject({ status: 200 });
    expect(site.runs).toHaveLength(1);
  });

  test("shows a script whose responses are not for the store the visitor's own conditions", async () => {
    const site = siteOf(counting({ "Cache-Control": "private" }));
    const headers = { Range: "bytes=0-1" };
    await site.ask("/", { headers });
    await site.ask("/", { headers });
    expect(site.runs.map(({ as }) => as.shared)).toEqual([true, false]);
  });
});

describe("what is stored", () => {
  test("is whole: a body that broke off is not", async () => {
    const script: TestScript = ({ count }) => {
      return new Response(count === 1 ? streaming(["ab"], new Error("broken off")) : "whole", { headers: MINUTE });
    };
    const site = siteOf(script);
    await expect(site.ask("/")).rejects.toThrow("broken off");
    await site.settled();
    expect(await site.ask("/")).toMatchObject({ cache: "MISS", body: "whole" });
  });

  test("is whole: a body shorter than it was said to be is not", async () => {
    const site = siteOf(() => new Response("abc", { headers: { ...MINUTE, "Content-Length": "4" } }));
    await site.ask("/");
    expect((await site.ask("/")).cache).toBe("MISS");
  });

  test("is not too long: longer bodies stream through at the visitor's pace", async () => {
    let pulled = 0;
    const site = siteOf(
      () => {
        const body = new ReadableStream<Uint8Array>({
          pull(controller) {
            pulled++;
            if (pulled > 100) controller.close();
            else controller.enqueue(new Uint8Array(1000));
          },
        });
        return new Response(body, { headers: MINUTE });
      },
      { maxEntry: 10_000 },
    );
    const { response, status } = await site.answer("/");
    expect(status).toBe("MISS");
    await turn();
    expect(pulled).toBeLessThan(15);
    expect((await response.arrayBuffer()).byteLength).toBe(100_000);
    await site.settled();
    pulled = 0;
    expect((await site.ask("/")).cache).toBe("MISS");
  });

  test("is stored although the visitor left", async () => {
    const site = siteOf(() => new Response(streaming(["a", "b", "c"]), { headers: MINUTE }));
    const { response } = await site.answer("/");
    await response.body?.cancel();
    await site.settled();
    expect(await site.ask("/")).toMatchObject({ cache: "HIT", body: "abc" });
  });

  test("ends a script whose long answer nobody takes", async () => {
    let cancelled = false;
    const site = siteOf(
      () => {
        const body = new ReadableStream<Uint8Array>({
          pull: (controller) => controller.enqueue(new Uint8Array(1000)),
          cancel() {
            cancelled = true;
          },
        });
        return new Response(body, { headers: MINUTE });
      },
      { maxEntry: 10_000 },
    );
    const { response } = await site.answer("/");
    await response.body?.cancel();
    await turn();
    expect(cancelled).toBe(true);
  });

  test("may be lost by the store without harm", async () => {
    const store = memoryStore();
    const site = siteOf(counting(MINUTE), {
      store: {
        ...store,
        get: () => Promise.reject(new Error("cannot read")),
        set: () => Promise.reject(new Error("cannot write")),
      },
    });
    expect(await site.ask("/")).toMatchObject({ cache: "MISS", body: "run 1" });
    expect(site.errors.map(String)).toEqual(["Error: cannot read", "Error: cannot write"]);
  });
});

describe("what is too old", () => {
  const down = () => {
    throw Object.assign(new Error("nobody listens"), { code: "EXCHANGE_CONNECT" });
  };
  const thenDown = (headers: Record<string, string> = MINUTE): TestScript => {
    return ({ count }) => (count === 1 ? new Response("old", { headers }) : down());
  };

  test("is sent while the application is down, where allowed", async () => {
    const site = siteOf(thenDown(), { useStale: ["error"] });
    await site.ask("/");
    site.pass(3600);
    expect(await site.ask("/")).toMatchObject({ cache: "STALE", body: "old" });
    expect(site.errors).toHaveLength(1);
  });

  test("is not sent where not allowed, or for another failure", async () => {
    const site = siteOf(thenDown(), { useStale: ["timeout"] });
    await site.ask("/");
    site.pass(3600);
    await expect(site.ask("/")).rejects.toMatchObject({ code: "EXCHANGE_CONNECT" });
  });

  test.each([
    ["timeout", new GatewayError("GATEWAY_TIMEOUT", 504, "silent")],
    ["invalid-header", new GatewayError("GATEWAY_BAD_OUTPUT", 502, "no head")],
    ["error", Object.assign(new Error("overloaded"), { code: "EXCHANGE_OVERLOADED" })],
  ] as const)("is sent for %s", async (condition, error) => {
    const script: TestScript = ({ count }) => {
      if (count === 1) return new Response("old", { headers: MINUTE });
      throw error;
    };
    const site = siteOf(script, { useStale: [condition] });
    await site.ask("/");
    site.pass(61);
    expect((await site.ask("/")).cache).toBe("STALE");
  });

  test("is not sent in the place of a refusal that is the visitor's fault", async () => {
    const script: TestScript = ({ count }) => {
      if (count === 1) return new Response("old", { headers: MINUTE });
      throw new GatewayError("GATEWAY_BODY_LIMIT", 413, "too long");
    };
    const site = siteOf(script, { useStale: ["error", "timeout", "invalid-header"] });
    await site.ask("/");
    site.pass(61);
    await expect(site.ask("/")).rejects.toMatchObject({ status: 413 });
  });

  test.each([500, 503, 403, 404, 429] as const)("is sent in the place of a %i", async (status) => {
    const script: TestScript = ({ count }) =>
      new Response("page", { status: count === 1 ? 200 : status, headers: MINUTE });
    const site = siteOf(script, { useStale: [`http_${status}`] });
    await site.ask("/");
    site.pass(61);
    expect(await site.ask("/")).toMatchObject({ cache: "STALE", status: 200 });
  });

  test("is sent for as long as stale-if-error says", async () => {
    const site = siteOf(thenDown({ "Cache-Control": "max-age=60, stale-if-error=100" }));
    await site.ask("/");
    site.pass(159);
    expect((await site.ask("/")).cache).toBe("STALE");
    site.pass(1);
    await expect(site.ask("/")).rejects.toMatchObject({ code: "EXCHANGE_CONNECT" });
  });

  test("is never sent when the response forbids it", async () => {
    const site = siteOf(thenDown({ "Cache-Control": "max-age=60, must-revalidate" }), {
      useStale: ["error", "updating"],
    });
    await site.ask("/");
    site.pass(61);
    await expect(site.ask("/")).rejects.toMatchObject({ code: "EXCHANGE_CONNECT" });
  });

  test("is sent at once while the script runs behind it", async () => {
    const site = siteOf(counting({ "Cache-Control": "max-age=60, stale-while-revalidate=30" }));
    await site.ask("/");
    site.pass(61);
    expect(await site.ask("/")).toMatchObject({ cache: "STALE", body: "run 1" });
    expect(await site.ask("/")).toMatchObject({ cache: "HIT", body: "run 2" });
    site.pass(90);
    expect(await site.ask("/")).toMatchObject({ cache: "EXPIRED", body: "run 3" });
  });

  test("is sent to others while one waits for the script", async () => {
    const { opened, open } = gate();
    const script: TestScript = async ({ count }) => {
      if (count === 2) await opened;
      return new Response(`run ${count}`, { headers: MINUTE });
    };
    const site = siteOf(script, { useStale: ["updating"], backgroundUpdate: false });
    await site.ask("/");
    site.pass(61);
    const first = site.ask("/");
    await turn();
    const { response, status } = await site.answer("/");
    expect([status, await response.text()]).toEqual(["UPDATING", "run 1"]);
    open();
    expect(await first).toMatchObject({ cache: "EXPIRED", body: "run 2" });
  });

  test("survives an update in the background that failed", async () => {
    const site = siteOf(thenDown(), { useStale: ["updating"] });
    await site.ask("/");
    site.pass(61);
    expect((await site.ask("/")).cache).toBe("STALE");
    expect((await site.ask("/")).cache).toBe("STALE");
    expect(site.errors).toHaveLength(2);
  });

  test("is confirmed by a 304", async () => {
    const script: TestScript = ({ conditional }) => {
      if (conditional?.etag === '"v1"')
        return new Response(null, { status: 304, headers: { ...MINUTE, "X-New": "1" } });
      return new Response("body", { headers: { ...MINUTE, ETag: '"v1"', "X-Old": "1" } });
    };
    const site = siteOf(script);
    await site.ask("/");
    site.pass(61);
    const confirmed = await site.ask("/");
    expect(confirmed).toMatchObject({ cache: "REVALIDATED", status: 200, body: "body" });
    expect(confirmed.headers.get("x-new")).toBe("1");
    expect(confirmed.headers.get("x-old")).toBe("1");
    expect(confirmed.headers.get("age")).toBe("0");
    site.pass(59);
    expect(await site.ask("/")).toMatchObject({ cache: "HIT", body: "body" });
  });

  test("is confirmed each time when the response says no-cache", async () => {
    const script: TestScript = ({ conditional }) => {
      const headers = { "Cache-Control": "no-cache", ETag: '"v1"' };
      return conditional ? new Response(null, { status: 304, headers }) : new Response("body", { headers });
    };
    const site = siteOf(script);
    await site.ask("/");
    expect(await site.ask("/")).toMatchObject({ cache: "REVALIDATED", body: "body" });
    expect(await site.ask("/")).toMatchObject({ cache: "REVALIDATED", body: "body" });
    expect(await site.ask("/", { headers: { "If-None-Match": '"v1"' } })).toMatchObject({ status: 304 });
  });

  test("is dropped by a 304 that forbids to store", async () => {
    const script: TestScript = ({ conditional }) => {
      if (conditional) return new Response(null, { status: 304, headers: { "Cache-Control": "no-store" } });
      return new Response("body", { headers: { ...MINUTE, ETag: '"v1"' } });
    };
    const site = siteOf(script);
    await site.ask("/");
    site.pass(61);
    expect(await site.ask("/")).toMatchObject({ cache: "REVALIDATED", body: "body" });
    expect(await site.ask("/")).toMatchObject({ cache: "MISS", body: "body" });
  });

  test("is fetched whole where told not to revalidate", async () => {
    const site = siteOf(counting({ ...MINUTE, ETag: '"v1"' }), { revalidate: false });
    await site.ask("/");
    site.pass(61);
    await site.ask("/");
    expect(site.runs[1]?.conditional).toBeUndefined();
  });
});

describe("many at once", () => {
  const thousand = (site: ReturnType<typeof siteOf>) => Array.from({ length: 1000 }, () => site.ask("/"));

  test("1,000 misses of one key run the script once", async () => {
    const { opened, open } = gate();
    const site = siteOf(async ({ count }) => {
      await opened;
      return new Response(`run ${count}`, { headers: MINUTE });
    });
    const all = thousand(site);
    await turn();
    open();
    const seen = await Promise.all(all);
    expect(site.runs).toHaveLength(1);
    expect(new Set(seen.map(({ body }) => body))).toEqual(new Set(["run 1"]));
    expect(seen.filter(({ cache }) => cache === "HIT")).toHaveLength(999);
  });

  test("1,000 misses of one key in four variants run the script four times", async () => {
    const site = siteOf(
      ({ count }) => new Response(streaming(["run ", `${count}`]), { headers: { ...MINUTE, Vary: "X-V" } }),
    );
    const seen = await Promise.all(
      Array.from({ length: 1000 }, (_, i) => site.ask("/", { headers: { "X-V": String(i % 4) } })),
    );
    expect(site.runs).toHaveLength(4);
    for (let i = 0; i < 1000; i++) expect(seen[i]?.body).toBe(seen[i % 4]?.body);
  });

  test("with a store that takes its time the script still runs once", async () => {
    const store = memoryStore();
    const later = async <T>(value: T): Promise<T> => {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
      return value;
    };
    const slow = { ...store, get: async (name: string) => store.get(await later(name)) };
    const site = siteOf(counting(MINUTE), { store: slow });
    await Promise.all(thousand(site));
    expect(site.runs).toHaveLength(1);
  });

  test("a response that is not for all is no reason to wait the next time", async () => {
    let running = 0;
    let most = 0;
    const site = siteOf(async () => {
      running++;
      most = Math.max(most, running);
      await turn();
      running--;
      return new Response("mine", { headers: { "Set-Cookie": "a=1" } });
    });
    await site.ask("/");
    expect(most).toBe(1);
    await Promise.all([site.ask("/"), site.ask("/"), site.ask("/")]);
    expect(most).toBe(3);
  });

  test("a failure is everybody's", async () => {
    const site = siteOf(async () => {
      await turn();
      throw Object.assign(new Error("down"), { code: "EXCHANGE_CONNECT" });
    });
    const all = await Promise.allSettled(thousand(site));
    expect(all.filter(({ status }) => status === "rejected")).toHaveLength(1000);
    expect(site.runs).toHaveLength(1);
  });

  test("who waited long enough runs the script alone", async () => {
    const { opened, open } = gate();
    const script: TestScript = async ({ count }) => {
      if (count === 1) await opened;
      return new Response(`run ${count}`, { headers: MINUTE });
    };
    const site = siteOf(script, { lockTimeout: 30 });
    const first = site.ask("/");
    const before = Date.now();
    const timer = setInterval(() => site.pass(0.01), 5);
    expect(await site.ask("/")).toMatchObject({ cache: "MISS", body: "run 2" });
    clearInterval(timer);
    expect(Date.now() - before).toBeGreaterThanOrEqual(10);
    open();
    expect(await first).toMatchObject({ cache: "MISS", body: "run 1" });
    expect(await site.ask("/")).toMatchObject({ cache: "HIT", body: "run 1" });
  });

  test("one more may run the script when the first takes too long", async () => {
    const { opened, open } = gate();
    const script: TestScript = async ({ count }) => {
      if (count === 1) await opened;
      return new Response(`run ${count}`, { headers: MINUTE });
    };
    const site = siteOf(script, { lockAge: 1_000 });
    const first = site.ask("/");
    await turn();
    site.pass(2);
    expect(await site.ask("/")).toMatchObject({ cache: "MISS", body: "run 2" });
    expect(await site.ask("/")).toMatchObject({ cache: "HIT", body: "run 2" });
    open();
    await first;
  });

  test("without a lock all run the script", async () => {
    const site = siteOf(
      async ({ count }) => {
        await turn();
        return new Response(`run ${count}`, { headers: MINUTE });
      },
      { lock: false },
    );
    await Promise.all([site.ask("/"), site.ask("/"), site.ask("/")]);
    expect(site.runs).toHaveLength(3);
  });
});

describe("a purge", () => {
  const tagged: TestScript = ({ count }) => {
    return new Response(`run ${count}`, {
      headers: { ...MINUTE, "Cache-Tag": "page, post-7", "X-Cache-Tags": "front" },
    });
  };

  test.each([
    ["by key", { type: "key", key: "http://example.test/blog/a" }, 1],
    ["by prefix", { type: "prefix", prefix: "http://example.test/blog/" }, 2],
    ["by tag", { type: "tag", tag: "post-7" }, 3],
    ["by the other header's tag", { type: "tag", tag: "front" }, 3],
    ["by a tag that nothing has", { type: "tag", tag: "post" }, 0],
    ["of everything", { type: "all" }, 3],
  ] as const)("%s forgets", async (_name, purge, count) => {
    const site = siteOf(tagged);
    const paths = ["/blog/a", "/blog/b", "/shop"];
    for (const path of paths) await site.ask(path);
    expect(await site.cache.purge(purge)).toBe(count);
    const after = [];
    for (const path of paths) after.push((await site.ask(path)).cache);
    expect(after.filter((status) => status === "MISS")).toHaveLength(count);
  });

  test.each([
    ["key", { type: "key", key: "http://example.test/" }],
    ["tag", { type: "tag", tag: "page" }],
  ] as const)("by %s is also about what is being made", async (_name, purge) => {
    const { opened, open } = gate();
    const site = siteOf(async (run) => {
      if (run.count === 1) await opened;
      return tagged(run);
    });
    const first = site.ask("/");
    await turn();
    await site.cache.purge(purge);
    open();
    expect(await first).toMatchObject({ body: "run 1" });
    expect(await site.ask("/")).toMatchObject({ cache: "MISS", body: "run 2" });
  });

  test("by key sends nobody who asks after it what was begun before", async () => {
    const { opened, open } = gate();
    const site = siteOf(async (run) => {
      if (run.count === 1) await opened;
      return tagged(run);
    });
    const first = site.ask("/");
    await turn();
    await site.cache.purge({ type: "key", key: "http://example.test/" });
    expect(await site.ask("/")).toMatchObject({ cache: "MISS", body: "run 2" });
    open();
    await first;
    expect(await site.ask("/")).toMatchObject({ cache: "HIT", body: "run 2" });
  });
});
