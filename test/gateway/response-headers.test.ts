import { describe, expect, test } from "vitest";
import { decode, gatewayOf } from "./application.ts";
import { configured, prints, TEXT } from "./configured.ts";

const HTML = "Content-Type: text/html\n\n";

describe("X-Accel-Redirect", () => {
  const accel = (target: string, more = "") => prints(`X-Accel-Redirect: ${target}\n${more}${HTML}the script's own`);

  test("sends a file of an internal location that visitors cannot reach", async () => {
    const { get } = await configured(
      (folder) => ({ locations: [{ prefix: "/private/", internal: true, alias: `${folder}/private/` }] }),
      { scripts: { default: accel("/private/a%20b.txt") }, tree: { "private/a b.txt": "0123456789" } },
    );
    expect((await get("/private/a%20b.txt")).status).toBe(404);
    const response = await get("/", { headers: { range: "bytes=2-4" } });
    expect(response.status).toBe(206);
    expect(await response.text()).toBe("234");
    expect(response.headers.get("content-range")).toBe("bytes 2-4/10");
  });

  test("keeps Content-Type, cookies, Content-Disposition and caching of the script, and nothing else", async () => {
    const { get } = await gatewayOf(
      accel(
        "/a.txt",
        "Set-Cookie: a=1\nSet-Cookie: b=2\nContent-Disposition: attachment\nCache-Control: private\n" +
          'Expires: Thu, 01 Jan 2026 00:00:00 GMT\nX-Other: 1\nETag: "script"\nContent-Length: 16\nStatus: 404\n',
      ),
      { tree: { "a.txt": "0123456789" } },
    );
    const response = await get("/index.php");
    expect(response.status).toBe(200);
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    const {
      etag,
      "last-modified": _modified,
      "set-cookie": _cookies,
      ...headers
    } = Object.fromEntries(response.headers);
    expect(headers).toEqual({
      "accept-ranges": "bytes",
      "cache-control": "private",
      "content-disposition": "attachment",
      "content-length": "10",
      "content-type": "text/html",
      expires: "Thu, 01 Jan 2026 00:00:00 GMT",
    });
    expect(etag).not.toBe('"script"');
    expect(await response.text()).toBe("0123456789");
  });

  test("runs another script, with GET and without the body", async () => {
    const { get } = await gatewayOf(
      async (visit) => {
        const { SCRIPT_NAME, REQUEST_METHOD, QUERY_STRING, CONTENT_LENGTH, REQUEST_URI } = visit.params;
        if (SCRIPT_NAME === "/index.php") await visit.out("X-Accel-Redirect: /other.php?x=1\n\n");
        else await visit.out(`A: 1\n\n${REQUEST_METHOD} ${QUERY_STRING} [${CONTENT_LENGTH}] ${REQUEST_URI}`);
        return undefined;
      },
      { tree: { "other.php": "" } },
    );
    expect(await (await get("/index.php?y", { method: "POST", body: "12345" })).text()).toBe("GET x=1 [] /index.php?y");
  });

  test("goes to a named location", async () => {
    const { get } = await configured(
      { locations: [{ name: "@elsewhere", return: { status: 200, body: "elsewhere $uri" } }] },
      { scripts: { default: accel("@elsewhere") } },
    );
    expect(await (await get("/index.php")).text()).toBe("elsewhere /index.php");
  });

  test("to itself for ever is an error, not a loop", async () => {
    const { get, failures } = await gatewayOf(accel("/index.php"));
    expect((await get("/")).status).toBe(500);
    expect(failures).toMatchObject([{ code: "GATEWAY_REDIRECT_LOOP" }]);
  });

  test.each(["/../etc/passwd", "/%2e%2e/etc/passwd", "nonsense", "http://other.test/"])(
    "to %s shows nothing of this machine",
    async (target) => {
      const { get } = await gatewayOf(accel(target));
      const response = await get("/");
      expect(response.status).toBeGreaterThanOrEqual(404);
      expect(await response.text()).not.toContain("root:");
    },
  );

  test("is ignored when told so, and shown when told so", async () => {
    const fastcgi = { ignoreHeaders: ["X-Accel-Redirect"], passHeaders: ["x-accel-redirect"] };
    const { get } = await configured({ fastcgi }, { scripts: { default: accel("/a.txt") } });
    const response = await get("/");
    expect(response.headers.get("x-accel-redirect")).toBe("/a.txt");
    expect(await response.text()).toBe("the script's own");
  });
});

describe("X-Sendfile", () => {
  test("sends a file below the root, whatever the script printed, with the script's headers and ranges", async () => {
    const { get, root } = await gatewayOf(
      async (visit) => {
        await visit.out(`X-Sendfile: ${visit.params.DOCUMENT_ROOT}/a b.txt\nContent-Type: application/pdf\nX-A: 1\n\n`);
        return undefined;
      },
      { tree: { "a b.txt": "0123456789" } },
    );
    expect(root).toBeDefined();
    const response = await get("/", { headers: { range: "bytes=-3" } });
    expect(response.status).toBe(206);
    expect(await response.text()).toBe("789");
    expect(response.headers.get("content-type")).toBe("application/pdf");
    expect(response.headers.get("x-a")).toBe("1");
    expect(response.headers.has("x-sendfile")).toBe(false);
  });

  test.each(["/etc/passwd", "etc/passwd", "ROOT/../secret.txt", "ROOT2/secret.txt", "ROOT"])(
    "of %s, which is not below the root, is 404",
    async (name) => {
      const { get, failures } = await gatewayOf(async (visit) => {
        await visit.out(`X-Sendfile: ${name.replace("ROOT", visit.params.DOCUMENT_ROOT ?? "")}\n\n`);
        return undefined;
      });
      expect((await get("/")).status).toBe(404);
      expect(failures).toMatchObject([{ code: "GATEWAY_NOT_FOUND" }]);
    },
  );

  test("may name the folders of internal locations", async () => {
    const { get } = await configured(
      (folder) => ({ locations: [{ prefix: "/p/", internal: true, alias: `${folder}/private/` }] }),
      {
        scripts: {
          default: async (visit) => {
            await visit.out(`X-Sendfile: ${(visit.params.DOCUMENT_ROOT ?? "").replace(/www$/, "private/x.txt")}\n\n`);
            return undefined;
          },
        },
        tree: { "private/x.txt": "private" },
      },
    );
    expect(await (await get("/")).text()).toBe("private");
  });
});

describe("the other headers for the gateway", () => {
  test("are consumed", async () => {
    const { get } = await gatewayOf(
      prints(`X-Accel-Expires: 5\nX-Accel-Buffering: yes\nX-Accel-Limit-Rate: 0\nX-Accel-Charset: off\n${TEXT}x`),
    );
    expect(Object.keys(Object.fromEntries((await get("/")).headers))).toEqual(["content-length", "content-type"]);
  });

  test("X-Accel-Charset names the charset of a type that has none", async () => {
    const { get } = await gatewayOf(prints(`X-Accel-Charset: koi8-r\n${TEXT}x`));
    expect((await get("/")).headers.get("content-type")).toBe("text/plain; charset=koi8-r");
  });

  test("X-Accel-Limit-Rate bounds the speed", async () => {
    const { get } = await gatewayOf(prints(`X-Accel-Limit-Rate: 40000\n${TEXT}`, "x".repeat(60_000)));
    const began = performance.now();
    expect((await (await get("/")).text()).length).toBe(60_000);
    // One second's worth at once, the other 20,000 bytes in half a second.
    expect(performance.now() - began).toBeGreaterThan(400);
  });

  test("X-Accel-Buffering: no hands the head out before any body", async () => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { get } = await gatewayOf(
      async (visit) => {
        await visit.out(`X-Accel-Buffering: no\n${TEXT}`);
        await gate;
        await visit.out("late");
        return undefined;
      },
      { timeouts: { holdBack: 60_000 } },
    );
    const response = await get("/");
    release();
    expect(await response.text()).toBe("late");
  });

  test("events are never held back", async () => {
    const { get } = await gatewayOf(
      async (visit) => {
        await visit.out("Content-Type: text/event-stream\n\ndata: 1\n\n");
        await new Promise((resolve) => setTimeout(resolve, 50));
        await visit.out("data: 2\n\n");
        return undefined;
      },
      { timeouts: { holdBack: 60_000 } },
    );
    const reader = ((await get("/")).body as ReadableStream<Uint8Array>).getReader();
    expect(decode((await reader.read()).value as Uint8Array)).toBe("data: 1\n\n");
    expect(decode((await reader.read()).value as Uint8Array)).toBe("data: 2\n\n");
  });
});

describe("headers that the configuration names", () => {
  test("are hidden, added, replaced and removed, on errors too", async () => {
    const { get } = await configured(
      {
        headers: { "X-Frame": "deny", "X-Host": "$host-$uri", "X-Powered-By": "", "Set-Cookie": "gateway=1" },
        fastcgi: { hideHeaders: ["x-secret"] },
      },
      { scripts: { default: prints(`X-Secret: 1\nX-Powered-By: PHP\nX-Frame: allow\nSet-Cookie: own=1\n${TEXT}x`) } },
    );
    const response = await get("/", { headers: { host: "example.test" } });
    expect(response.headers.getSetCookie()).toEqual(["own=1", "gateway=1"]);
    expect(response.headers.get("x-frame")).toBe("deny");
    expect(response.headers.get("x-host")).toBe("example.test-/");
    expect(response.headers.has("x-powered-by")).toBe(false);
    expect(response.headers.has("x-secret")).toBe(false);
    expect((await get("/nothing")).headers.get("x-frame")).toBe("deny");
  });

  test("cannot be smuggled in through a variable", async () => {
    const { get } = await configured({ headers: { "X-Uri": "$arg_x" } });
    const response = await get("/?x=a%0d%0aSet-Cookie:b");
    expect(response.headers.get("x-uri")).toBe("a%0d%0aSet-Cookie:b");
    expect(response.headers.getSetCookie()).toEqual([]);
  });

  test.each([
    [3600, "Sun, 09 Sep 2001 02:46:40 GMT", "max-age=3600"],
    [0, "Sun, 09 Sep 2001 01:46:40 GMT", "max-age=0"],
    [-1, "Sun, 09 Sep 2001 01:46:39 GMT", "no-cache"],
    ["max", "Thu, 31 Dec 2037 23:55:55 GMT", "max-age=315360000"],
    ["epoch", "Thu, 01 Jan 1970 00:00:01 GMT", "no-cache"],
  ] as const)("expires %s is for files, not for scripts", async (expires, date, control) => {
    const { get } = await configured(
      { expires },
      { tree: { "www/a.css": "x" }, resources: { now: () => 1_000_000_000_000 } },
    );
    const file = await get("/a.css");
    expect(file.headers.get("expires")).toBe(date);
    expect(file.headers.get("cache-control")).toBe(control);
    expect((await get("/")).headers.has("expires")).toBe(false);
  });
});
