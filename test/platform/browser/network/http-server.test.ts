import { afterEach, describe, expect, test, vi } from "vitest";
import { Asker, type Browser } from "../../../../src/platform/browser/network/ask.ts";
import { serveHttp } from "../../../../src/platform/browser/network/http-server.ts";
import { Pipe } from "./pipes.ts";

type Asked = { readonly url: string; readonly init: RequestInit };

/** Answers of servers by URL; what has none fails as in a browser. */
function browserWith(answers: Readonly<Record<string, () => Response | Promise<Response>>>, secure = false) {
  const asked: Asked[] = [];
  const fetch = async (url: unknown, init: RequestInit = {}) => {
    asked.push({ url: String(url), init });
    const answer = answers[`${init.mode ?? "cors"} ${String(url)}`] ?? answers[String(url)];
    if (answer === undefined) throw new TypeError("Failed to fetch");
    return await answer();
  };
  return { asked, browser: { fetch, secure } as Browser };
}

const TO = { scheme: "http", host: "a.example", port: 8080 } as const;
const GET = (path = "/", more = "") => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;

async function exchange(
  browser: Browser,
  text: string,
  to: typeof TO | { scheme: "http"; host: string; port: 80 } = TO,
) {
  const [client, server] = Pipe.pair();
  const served = serveHttp(server, to, new Asker(browser), new AbortController().signal);
  await client.writeText(text);
  await client.writeText(GET("/last", "Connection: close\r\n"));
  const answer = await client.all();
  await served.catch(() => {});
  return answer;
}

function redirected(to: string, body: string): Response {
  const response = new Response(body);
  Object.defineProperties(response, { redirected: { value: true }, url: { value: to } });
  return response;
}

const LAST = { "http://a.example:8080/last": () => new Response("last") };

describe("HTTP in a page", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test("is asked by fetch, as nobody: without the headers that are the browser's own", async () => {
    const { asked, browser } = browserWith({ "http://a.example:8080/p?q=%e9": () => new Response("got"), ...LAST });
    const head = "Cookie: a=b\r\nUser-Agent: curl\r\nAccept-Encoding: gzip\r\nX-A: 1\r\nContent-Length: 2\r\n";
    await exchange(browser, `POST /p?q=\xe9 HTTP/1.1\r\nHost: other\r\n${head}\r\nok`);
    expect(asked[0]).toMatchObject({
      url: "http://a.example:8080/p?q=%e9",
      init: { method: "POST", headers: [["X-A", "1"]], credentials: "omit", cache: "no-store" },
    });
    expect(asked[0]?.init.body).toEqual(Uint8Array.of(0x6f, 0x6b));
  });

  test("gives answers in chunks on a connection that stays, without what no longer holds", async () => {
    const headers = {
      "Content-Encoding": "gzip",
      "Content-Length": "99",
      "Content-Type": "text/plain",
      "X-Latin": "\xe9",
    };
    const { browser } = browserWith({
      "http://a.example:8080/": () => new Response("hello", { status: 404, headers }),
      ...LAST,
    });
    expect(await exchange(browser, GET())).toBe(
      "HTTP/1.1 404 Not Found\r\ncontent-type: text/plain\r\nx-latin: \xe9\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" +
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain;charset=UTF-8\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n4\r\nlast\r\n0\r\n\r\n",
    );
  });

  test("ends the connection after an answer for HTTP/1.0, and gives no body where there is none", async () => {
    const { browser } = browserWith({
      "http://a.example:8080/": () => new Response("hello", { headers: { "Content-Length": "5" } }),
      "http://a.example:8080/none": () => new Response(null, { status: 204 }),
    });
    expect(await exchange(browser, "GET / HTTP/1.0\r\n\r\n")).toMatch(
      /^HTTP\/1.1 200 OK\r\n(?!.*Transfer).*Connection: close\r\n\r\nhello$/s,
    );
    const answers = await exchange(browser, `HEAD / HTTP/1.1\r\n\r\n${GET("/none", "Connection: close\r\n")}`);
    expect(answers).toMatch(
      /^HTTP\/1.1 200 OK\r\ncontent-length: 5\r\n.*\r\n\r\nHTTP\/1.1 204 No Content\r\nConnection: close\r\n\r\n$/s,
    );
  });

  test("tells a client to go on before its body is there", async () => {
    const { browser } = browserWith({ "http://a.example:8080/": () => new Response("") });
    const [client, server] = Pipe.pair();
    void serveHttp(server, TO, new Asker(browser), new AbortController().signal);
    await client.writeText("POST / HTTP/1.1\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n");
    expect(Buffer.from((await client.read()) ?? []).toString()).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    await client.writeText("x");
    expect(Buffer.from((await client.read()) ?? []).toString()).toMatch(/^HTTP\/1.1 200 OK/);
  });

  test("gives a redirect to where it led, once, and then what was there; other methods get that at once", async () => {
    vi.useFakeTimers();
    const there = "https://b.example/there";
    const { asked, browser } = browserWith({
      "http://a.example:8080/moved": () => redirected(there, "first"),
      [there]: () => new Response("anew"),
    });
    const asker = new Asker(browser);
    const signal = new AbortController().signal;
    const request = (method: string, target: string) =>
      ({ method, target, minorVersion: 1, headers: [], body: new Uint8Array(0), keepAlive: true }) as const;
    const ask = async (method: string, target: string, to: Parameters<Asker["ask"]>[1] = TO) => {
      const { status, headers, body } = await asker.ask(request(method, target), to, signal);
      return [
        status,
        new Headers([...headers].map(([a, b]) => [a, b])).get("location"),
        await new Response(body).text(),
      ];
    };
    const b = { scheme: "https", host: "b.example", port: 443 } as const;
    expect((await ask("GET", "/moved")).slice(0, 2)).toEqual([302, there]);
    expect(await ask("GET", "/there", b)).toEqual([200, null, "first"]);
    expect(await ask("GET", "/there", b)).toEqual([200, null, "anew"]);
    expect(await ask("POST", "/moved")).toEqual([200, null, "first"]);
    // What nobody asked for in time is dropped: it may have changed.
    await ask("GET", "/moved");
    await vi.advanceTimersByTimeAsync(5000);
    expect(await ask("GET", "/there", b)).toEqual([200, null, "anew"]);
    expect(asked).toHaveLength(5);
  });

  test.each([
    [
      "CORS",
      false,
      "http",
      { "no-cors http://a.example:8080/": () => new Response("") },
      "502 The server does not let this page read its answer (CORS)",
    ],
    ["nobody there", false, "http", {}, "502 The server cannot be reached"],
    ["mixed content", true, "http", {}, "502 An https page may not load http (mixed content)"],
  ] as const)("says why there is no answer: %s", async (_what, secure, _scheme, answers, said) => {
    const { browser } = browserWith(answers, secure);
    expect(await exchange(browser, GET("/x", "Connection: close\r\n"))).toMatch(
      new RegExp(`^HTTP/1.1 ${said.replace(/[()]/g, "\\$&")}\r\n`),
    );
  });

  test("asks https for http on its own port where the page came over https, but not of this machine", async () => {
    const { asked, browser } = browserWith({ "https://a.example/": () => new Response("") }, true);
    await exchange(browser, GET(), { scheme: "http", host: "a.example", port: 80 });
    await exchange(browser, GET(), { scheme: "http", host: "127.0.0.1", port: 80 });
    const urls = new Set(asked.map(({ url }) => url));
    expect(urls).toContain("https://a.example/");
    expect(urls).toContain("http://127.0.0.1/");
  });

  test("refuses what is no HTTP, what is for proxies and what no page may send, and closes", async () => {
    const { asked, browser } = browserWith({});
    expect(await exchange(browser, "PING\r\n")).toMatch(
      /^HTTP\/1.1 400 PHP in a page reaches HTTP and HTTPS servers only\r\n/,
    );
    expect(await exchange(browser, "TRACE / HTTP/1.1\r\nConnection: close\r\n\r\n")).toMatch(/^HTTP\/1.1 405 /);
    expect(asked).toEqual([]);
  });

  test("breaks the connection off where the answer broke off", async () => {
    let pulled = 0;
    const body = new ReadableStream({
      pull(controller) {
        if (pulled++ === 0) controller.enqueue(Uint8Array.of(0x61));
        else controller.error(new TypeError("network error"));
      },
    });
    const { browser } = browserWith({ "http://a.example:8080/": () => new Response(body) });
    const [client, server] = Pipe.pair();
    const served = serveHttp(server, TO, new Asker(browser), new AbortController().signal);
    await client.writeText(GET());
    await expect(served).rejects.toThrow("network error");
    await server.close();
    expect(await client.all()).toMatch(/1\r\na\r\n$/);
  });

  test("stops reading a server whose answer is not taken, and lets go of it when the script leaves", async () => {
    let pulled = 0;
    let cancelled = false;
    const body = new ReadableStream(
      {
        pull(controller) {
          pulled++;
          controller.enqueue(new Uint8Array(1000));
        },
        cancel() {
          cancelled = true;
        },
      },
      { highWaterMark: 0 },
    );
    const { browser } = browserWith({ "http://a.example:8080/": () => new Response(body) });
    const [client, server] = Pipe.pair();
    let room = () => {};
    const slow = {
      read: () => server.read(),
      close: () => server.close(),
      write: async (bytes: Uint8Array) => {
        await server.write(bytes);
        if (client.unread < 5000) return;
        await new Promise<void>((resolve) => {
          room = resolve;
        });
      },
    };
    const served = serveHttp(slow, TO, new Asker(browser), new AbortController().signal);
    await client.writeText(GET());
    await vi.waitFor(() => expect(client.unread).toBeGreaterThan(5000));
    const before = pulled;
    await new Promise((resolve) => {
      setTimeout(resolve, 30);
    });
    expect(pulled).toBe(before);
    await client.close();
    room();
    await expect(served).rejects.toThrow("closed");
    expect(cancelled).toBe(true);
  });
});
