// What a gateway does with requests and answers, beyond passing them on: asked of nginx and of ours, on sockets.

import { once } from "node:events";
import { connect } from "node:net";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, http } from "./client.ts";
import type { GatewayServer } from "./gateway-sites.ts";

/** Where ours differs on purpose. */
export interface Differences {
  readonly ours: boolean;
  /** What a platform does itself, or leaves out, and why. */
  readonly without?: Readonly<Partial<Record<"compression" | "date", string>>>;
}

export function gatewaySuite(start: (children?: number) => Promise<GatewayServer>, differences: Differences): void {
  const { ours, without = {} } = differences;
  let server: GatewayServer | undefined;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server?.stop());
  const ask = (...[what]: [Parameters<typeof http>[1]]): Promise<Answer> => {
    if (server === undefined) throw new Error("the server is not up");
    return http(server.baseUrl, what);
  };
  const script = (location: string, query: Record<string, string | readonly string[]> = {}) => {
    const pairs = Object.entries(query).flatMap(([name, value]) =>
      typeof value === "string" ? [[name, value]] : value.map((one) => [`${name}[]`, one]),
    );
    return `/${location}/s.php?${new URLSearchParams(pairs as [string, string][])}`;
  };

  describe("X-Accel-Redirect", () => {
    const to = (target: string, ...headers: string[]) =>
      script("plain", { h: [`X-Accel-Redirect: ${target}`, ...headers] });

    test("sends a file that visitors cannot reach", async () => {
      expect((await ask("/private/file.txt")).status).toBe(404);
      const answer = await ask({ path: to("/private/file.txt"), headers: { range: "bytes=2-4" } });
      expect([answer.status, answer.text()]).toEqual([206, "234"]);
      expect(answer.header("content-range")).toBe("bytes 2-4/10");
      expect(answer.header("x-accel-redirect")).toBeUndefined();
    });

    test("takes spaces, encoded or not", async () => {
      expect((await ask(to("/private/with%20space.txt"))).text()).toBe("spaced");
      expect((await ask(to("/private/with space.txt"))).text()).toBe("spaced");
    });

    test("keeps the script's type, cookies, disposition and caching", async () => {
      const answer = await ask(
        to(
          "/private/file.txt",
          "Content-Type: text/x-own",
          "Set-Cookie: a=1",
          "Set-Cookie: b=2",
          "Content-Disposition: attachment",
          "Cache-Control: private",
          "X-Other: lost",
        ),
      );
      expect(answer.header("content-type")).toMatch(/^text\/x-own/);
      expect(answer.headers.filter(([name]) => name === "set-cookie").map(([, value]) => value)).toEqual([
        "a=1",
        "b=2",
      ]);
      expect(answer.header("content-disposition")).toBe("attachment");
      expect(answer.header("cache-control")).toBe("private");
      expect(answer.header("x-other")).toBeUndefined();
      expect(answer.text()).toBe("0123456789");
    });

    test("goes to a named location, and to another script", async () => {
      expect((await ask(to("@named"))).text()).toBe("named /plain/s.php");
      expect((await ask(to("/plain/s.php?body=other"))).text()).toBe("other");
    });

    test("to what is not there is 404, and to nothing known an error", async () => {
      expect((await ask(to("/private/missing.txt"))).status).toBe(404);
      expect((await ask(to("@unknown"))).status).toBe(500);
    });

    test("of a POST goes on with GET", async () => {
      const answer = await ask({ path: to("/plain/s.php?server=1"), body: "a=1", method: "POST" });
      expect(answer.json()).toMatchObject({ REQUEST_METHOD: "GET" });
    });
  });

  describe("headers for the gateway", () => {
    test("do not reach the visitor", async () => {
      const h = ["X-Accel-Expires: 10", "X-Accel-Buffering: no", "X-Accel-Limit-Rate: 100000", "X-Accel-Charset: off"];
      const answer = await ask(script("plain", { h }));
      expect(answer.headers.filter(([name]) => name.startsWith("x-accel"))).toEqual([]);
      expect(answer.text()).toBe("own");
    });

    test("are hidden, passed and ignored as configured", async () => {
      const h = ["X-Secret: 1", "X-Accel-Expires: 10", "X-Accel-Redirect: /digits.txt", "X-Other: 2"];
      const answer = await ask(script("headers", { h }));
      expect(answer.header("x-secret")).toBeUndefined();
      expect(answer.header("x-accel-expires")).toBe("10");
      expect(answer.header("x-other")).toBe("2");
      expect(answer.text()).toBe("own");
    });

    test("are added, to errors too", async () => {
      const answer = await ask({ path: "/added/nothing", headers: { host: "Example.Test:80" } });
      // nginx takes the headers of the page's location, ours do so too.
      expect(answer.status).toBe(404);
      expect(answer.text()).toContain("the page for errors");
    });

    test("expires says how long a file may be kept", async () => {
      const answer = await ask("/expires/digits.txt");
      expect(answer.text()).toBe("0123456789");
      expect(answer.header("cache-control")).toBe("max-age=3600");
      const date = without.date === undefined ? Date.parse(answer.header("date") ?? "") : Date.now();
      const ahead = Date.parse(answer.header("expires") ?? "") - date;
      expect(Math.abs(ahead - 3_600_000)).toBeLessThan(2_000);
    });
  });

  describe("pages for errors", () => {
    test("of the gateway's own: a file, with the status of the error", async () => {
      const answer = await ask("/nothing");
      expect([answer.status, answer.text()]).toEqual([404, "<p>the page for errors</p>"]);
      const ranged = await ask({ path: "/nothing", headers: { range: "bytes=0-1", "if-none-match": "*" } });
      expect([ranged.status, ranged.text()]).toEqual([404, "<p>the page for errors</p>"]);
    });

    test.each([
      [404, 404, "<p>the page for errors</p>"],
      [403, 200, "<p>the page for errors</p>"],
      [500, 500, "page"],
      [418, 418, "own"],
      [200, 200, "own"],
    ])("of an application that says %i: %i", async (status, shown, text) => {
      const answer = await ask(script("errors", { status: String(status), h: ["X-Own: 1"] }));
      expect([answer.status, answer.text()]).toEqual([shown, text]);
      expect(answer.header("x-own")).toBe(text === "own" ? "1" : undefined);
    });

    test("without interception the application's own answer stays", async () => {
      const answer = await ask(script("plain", { status: "404" }));
      expect([answer.status, answer.text()]).toEqual([404, "own"]);
    });

    test("of an application that is down: a named location", async () => {
      const answer = await ask("/down/x.php");
      expect([answer.status, answer.text()]).toEqual([200, "named /down/x.php"]);
    });

    test("elsewhere: a redirect", async () => {
      const answer = await ask("/gone/x");
      expect([answer.status, answer.header("location")]).toEqual([302, "http://other.test/"]);
    });

    test("that are missing: the error stays (nginx says what happened to the page)", async () => {
      expect((await ask("/lost/x")).status).toBe(ours ? 410 : 404);
    });

    test("text on STDERR makes an answer a failure where that is configured", async () => {
      expect((await ask(script("caught", { log: "caught it" }))).status).toBe(502);
      expect((await ask(script("caught", { log: "something else" }))).status).toBe(200);
    });
  });

  describe("ranges and conditions", () => {
    test("several ranges are parts of one answer", async () => {
      const answer = await ask({ path: "/digits.txt", headers: { range: "bytes=0-1,-2" } });
      expect(answer.status).toBe(206);
      expect(answer.header("content-type")).toMatch(/^multipart\/byteranges; boundary=[0-9]+$/);
      const parts = answer.text().split(/\r\n--[0-9]+(?:--)?\r\n/);
      expect(parts.map((part) => part.slice(part.indexOf("\r\n\r\n") + 4)).filter(Boolean)).toEqual(["01", "89"]);
      expect(answer.text()).toMatch(/Content-Range: bytes 8-9\/10/);
    });

    test("ranges that touch are one (nginx sends them apart)", async () => {
      const answer = await ask({ path: "/digits.txt", headers: { range: "bytes=0-2,3-5" } });
      expect(answer.status).toBe(206);
      expect(answer.header("content-type")).toMatch(ours ? /^text\/plain/ : /^multipart\/byteranges/);
    });

    test("a range that makes no sense is no range (nginx refuses it)", async () => {
      expect((await ask({ path: "/digits.txt", headers: { range: "bytes=a-b" } })).status).toBe(ours ? 200 : 416);
    });

    test.each([
      [{ "if-match": '"other"' }, 412],
      [{ "if-match": "*" }, 200],
      [{ "if-unmodified-since": "Tue, 14 Nov 2023 22:13:19 GMT" }, 412],
      [{ "if-unmodified-since": "Tue, 14 Nov 2023 22:13:20 GMT" }, 200],
      [{ "if-modified-since": "Tue, 14 Nov 2023 22:13:20 GMT" }, 304],
    ])("%j of a file is %i", async (headers, status) => {
      expect((await ask({ path: "/digits.txt", headers: headers as Record<string, string> })).status).toBe(status);
    });

    test("are served from a script's answer where that is configured", async () => {
      const h = ["Content-Length: 10", 'ETag: "v"'];
      const path = script("ranged", { h, body: "0123456789" });
      const answer = await ask({ path, headers: { range: "bytes=2-4" } });
      expect([answer.status, answer.text()]).toEqual([206, "234"]);
      expect((await ask({ path, headers: { range: "bytes=20-" } })).status).toBe(416);
      const plain = await ask({ path: path.replace("ranged", "plain"), headers: { range: "bytes=2-4" } });
      expect([plain.status, plain.text()]).toEqual([200, "0123456789"]);
    });
  });

  describe("requests", () => {
    test.each(["GET", "DELETE", "PATCH"])("the body of a %s reaches the script", async (method) => {
      const answer = await ask({ method, path: script("plain", { server: "1" }), body: "12345" });
      expect(answer.json()).toMatchObject({ REQUEST_METHOD: method, CONTENT_LENGTH: "5", body: "12345" });
    });

    test("have the params of the configuration, and no headers where that is said", async () => {
      const headers = { authorization: `Basic ${btoa("ann:secret")}`, "x-a": "1" };
      const got = (await ask({ path: script("params", { server: "1", mine: "a" }), headers })).json();
      expect(got).toMatchObject({ MINE: "a", WHO: "ann" });
      expect(got).not.toHaveProperty("HTTP_X_A");
      expect((await ask(script("params", { server: "1" }))).json()).not.toHaveProperty("MINE");
    });
  });

  describe("the cache", () => {
    const counted = (name: string, more: Record<string, string | readonly string[]> = {}) =>
      script("cached", { count: name, ...more });

    test("answers in the place of the script", async () => {
      const path = counted("hit");
      const [first, second] = [await ask(path), await ask(path)];
      expect([first.text(), first.header("x-cache-status")]).toEqual(["1", "MISS"]);
      expect([second.text(), second.header("x-cache-status")]).toEqual(["1", "HIT"]);
      const head = await ask({ method: "HEAD", path });
      expect([head.header("x-cache-status"), head.body.length]).toEqual(["HIT", 0]);
      const bypass = await ask({ path, headers: { "x-bypass": "1" } });
      expect([bypass.text(), bypass.header("x-cache-status")]).toEqual(["2", "BYPASS"]);
      expect((await ask(path)).text()).toBe("2");
    });

    test.each([
      ["X-Accel-Expires: 0", "2"],
      ["Cache-Control: no-store", "2"],
      ["Cache-Control: private", "2"],
      ["Set-Cookie: a=1", "2"],
      ["X-Accel-Expires: 10", "1"],
      ["Cache-Control: max-age=10", "1"],
      ["Vary: *", "2"],
    ])("heeds %s", async (header, second) => {
      const path = counted(`heed-${header.replace(/\W/g, "")}`, { h: [header] });
      expect((await ask(path)).text()).toBe("1");
      expect((await ask(path)).text()).toBe(second);
    });

    test("keeps variants apart", async () => {
      const path = counted("vary", { h: ["Vary: X-Kind"] });
      const kind = async (value: string) => (await ask({ path, headers: { "x-kind": value } })).text();
      expect([await kind("a"), await kind("b"), await kind("b"), await kind("a")].join()).toBe("1,2,2,1");
    });

    test("does not keep the answer to a POST", async () => {
      const path = counted("post");
      expect((await ask({ path, body: "x" })).text()).toBe("1");
      expect((await ask({ path, body: "x" })).text()).toBe("2");
    });

    test("keeps errors that are listed, and not others", async () => {
      expect((await ask(counted("e404", { status: "404" }))).status).toBe(404);
      expect((await ask(counted("e404", { status: "404" }))).header("x-cache-status")).toBe("HIT");
      await ask(counted("e500", { status: "500" }));
      expect((await ask(counted("e500", { status: "500" }))).header("x-cache-status")).toBe("MISS");
    });
  });

  describe.runIf(without.compression === undefined)("compression", () => {
    const long = "text that can be made shorter ".repeat(50);

    test("is for visitors who take it", async () => {
      const path = script("zipped", { body: long, h: ['ETag: "v"', "Content-Type: text/plain"] });
      const answer = await ask({ path, headers: { "accept-encoding": "gzip" } });
      expect(answer.header("content-encoding")).toBe("gzip");
      expect(gunzipSync(answer.body).toString()).toBe(long);
      expect(answer.header("vary")).toMatch(/accept-encoding/i);
      expect(answer.header("etag")).toBe('W/"v"');
      const plain = await ask({ path, headers: { "accept-encoding": "gzip;q=0" } });
      expect([plain.header("content-encoding"), plain.text()]).toEqual([undefined, long]);
      expect(plain.header("vary")).toMatch(/accept-encoding/i);
    });

    // nginx has a module for it, which is no part of it.
    if (ours) {
      test("is Brotli for those who take that", async () => {
        const path = script("zipped", { body: long, h: ["Content-Type: text/plain"] });
        const answer = await ask({ path, headers: { "accept-encoding": "gzip, br" } });
        expect(brotliDecompressSync(answer.body).toString()).toBe(long);
      });
    }

    test("is for files too, but not for parts of them", async () => {
      const answer = await ask({ path: "/long.css", headers: { "accept-encoding": "gzip" } });
      expect(gunzipSync(answer.body).toString()).toBe("body { color: black }\n".repeat(200));
      expect(answer.header("accept-ranges")).toBeUndefined();
      const part = await ask({ path: "/long.css", headers: { "accept-encoding": "gzip", range: "bytes=0-3" } });
      // nginx sends the whole, compressed.
      expect(part.status).toBe(ours ? 206 : 200);
      if (ours) expect(part.text()).toBe("body");
    });

    test("is not for what is short, or of another type", async () => {
      const headers = { "accept-encoding": "gzip" };
      const h = ["Content-Length: 3", "Content-Type: text/plain"];
      expect((await ask({ path: script("zipped", { h }), headers })).header("content-encoding")).toBeUndefined();
      const image = script("zipped", { body: long, h: ["Content-Type: image/png"] });
      expect((await ask({ path: image, headers })).header("content-encoding")).toBeUndefined();
    });
  });

  // nginx knows no other role than the responder's.
  if (ours) {
    describe("the application as an authorizer", () => {
      test("lets nobody in by itself, and its answer is seen", async () => {
        const answer = await ask(script("guarded", { body: "secret" }));
        expect([answer.status, answer.text()]).toEqual([401, "who are you?"]);
      });

      test("lets in whom it knows, and tells the script who that is", async () => {
        const headers = { cookie: "let=me" };
        const answer = await ask({ path: script("guarded", { server: "1" }), headers, body: "12345" });
        expect(answer.status).toBe(200);
        expect(answer.json()).toMatchObject({
          REMOTE_USER: "ann",
          ROLE: "AUTHORIZER",
          FCGI_ROLE: "RESPONDER",
          REQUEST_METHOD: "POST",
          body: "12345",
        });
      });
    });
  }

  test("limit_rate bounds the speed", async () => {
    const began = performance.now();
    expect((await ask(script("slow", { n: "200000" }))).body).toHaveLength(200_000);
    expect(performance.now() - began).toBeGreaterThan(700);
  });
}

/** With one child: who is slow must not hold it. */
export function slowVisitorSuite(start: (children?: number) => Promise<GatewayServer>): void {
  let server: GatewayServer | undefined;
  beforeAll(async () => {
    server = await start(1);
  });
  afterAll(() => server?.stop());

  const dial = async (text: string) => {
    const { port } = new URL(server?.baseUrl ?? "");
    const socket = connect(Number(port), "127.0.0.1");
    await once(socket, "connect");
    socket.write(text);
    return socket;
  };
  const other = () => http(server?.baseUrl ?? "", "/plain/s.php?body=other");

  test("a visitor who does not read a long answer holds no child", async () => {
    const socket = await dial("GET /plain/s.php?n=60000000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await other()).text()).toBe("other");
    let length = 0;
    socket.on("data", (chunk: Buffer) => {
      length += chunk.length;
    });
    socket.resume();
    await once(socket, "end");
    expect(length).toBeGreaterThan(60_000_000);
  }, 30_000);

  test("a visitor who sends a long body slowly holds no child", async () => {
    const head = "POST /plain/s.php?server=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    const socket = await dial(`${head}Content-Type: text/x\r\nContent-Length: 3000000\r\n\r\n`);
    socket.write(Buffer.alloc(2_000_000, "x"));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await other()).text()).toBe("other");
    socket.write(Buffer.alloc(1_000_000, "x"));
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    await once(socket, "end");
    expect(text).toContain('"CONTENT_LENGTH":"3000000"');
  }, 30_000);
}
