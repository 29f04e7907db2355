// The Node server, the gateway and real files together, over real sockets: what fetch would never send, too.

import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { createGateway, type GatewayOptions } from "../../src/gateway/index.ts";
import { nodeFiles } from "../../src/platform/node/files.ts";
import { createHttpServer, createNodeResponse, type HttpServerOptions } from "../../src/platform/node/http-server.ts";
import { nodeSpool } from "../../src/platform/node/spool.ts";
import { ExchangeError } from "../../src/transport/exchange.ts";
import { documentRoot, echoParams, exchangeOf, hello, type Script } from "./application.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function serve(
  script: Script,
  options: Partial<GatewayOptions> = {},
  serverOptions: Partial<HttpServerOptions> = {},
) {
  const root = await documentRoot({
    "www/index.php": "<?php // SECRET",
    "www/a.txt": "0123456789",
    "www/big.bin": new Uint8Array(3_000_000).fill(65),
    "secret.txt": "SECRET",
  });
  const errors: unknown[] = [];
  const gateway = createGateway({
    documentRoot: join(root, "www"),
    files: nodeFiles(join(root, "www")),
    exchange: exchangeOf(script),
    spool: nodeSpool(),
    createResponse: createNodeResponse,
    onError: (error) => errors.push(error),
    ...options,
  });
  const server = createHttpServer({ handler: gateway, onError: (error) => errors.push(error), ...serverOptions });
  const address = await server.listen({ port: 0, host: "127.0.0.1" });
  if (!("port" in address)) throw new Error("no port");
  onTestFinished(() => server.close(0));
  return { server, port: address.port, url: `http://127.0.0.1:${address.port}`, errors };
}

/** Sends bytes as they are; returns all that comes until the server closes. */
async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => {});
  // Not `end`: a client that has closed its side is taken for one that left.
  socket.write(text, "latin1");
  return readAll(socket);
}

async function readAll(socket: Socket): Promise<string> {
  let seen = "";
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => {
    seen += chunk;
  });
  await once(socket, "close");
  return seen;
}

const get = (target: string, more = "") =>
  `GET ${target} HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n${more}\r\n`;
const statusOf = (answer: string) => Number(answer.split(" ")[1]);

/** An upload with node:http, which tells what fetch hides. */
function upload(url: string, headers: Record<string, string>) {
  const req = httpRequest(url, { method: "POST", headers });
  req.on("error", () => {});
  onTestFinished(() => void req.destroy());
  const answer = once(req, "response").then(([res]) => res as IncomingMessage);
  answer.catch(() => {});
  return { req, answer };
}

describe("traversal over a raw socket", () => {
  test.each([
    "/../secret.txt",
    "/x/../../secret.txt",
    "/%2e%2e/secret.txt",
    "/%2E%2E/secret.txt",
    "/.%2e/secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e%2fsecret.txt",
    "/..%5csecret.txt",
    "/..\\secret.txt",
    "/%c0%ae%c0%ae/secret.txt",
    "/..%c0%afsecret.txt",
    "/%e0%80%ae%e0%80%ae/secret.txt",
    "/%252e%252e/secret.txt",
    "/..%00/secret.txt",
    "/a.txt%00.php",
    "//../secret.txt",
    "/..;/secret.txt",
    "/./../secret.txt",
    "/index.php/../../secret.txt",
    "http://example.test/../secret.txt",
    "../secret.txt",
    "/a.txt/../../secret.txt",
    "/index.php%20",
    "/index.php.",
    "/index.php::$DATA",
    "/INDEX.PHP",
    "/index.php%0A",
    "/a.txt/x.php",
  ])("%s gives nothing away and runs nothing", async (target) => {
    let ran = false;
    const { port } = await serve(async (visit) => {
      ran = true;
      return hello(visit);
    });
    const answer = await raw(port, get(target));
    expect([400, 403, 404]).toContain(statusOf(answer));
    expect(answer).not.toContain("SECRET");
    expect(ran).toBe(false);
  });
});

describe("the Node server", () => {
  test("passes on the request as it came", async () => {
    const { port } = await serve(echoParams);
    const answer = await raw(
      port,
      get(
        "/index.php/%7Ea?q=%41&%zz",
        "X-A: 1\r\nX_A: evil\r\nX-A: 2\r\nCookie: a=1\r\nCookie: b=2\r\nX-L: caf\xe9\r\nProxy: x\r\n",
      ),
    );
    const params = JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4));
    expect(params).toMatchObject({
      REQUEST_URI: "/index.php/%7Ea?q=%41&%zz",
      QUERY_STRING: "q=%41&%zz",
      PATH_INFO: "/~a",
      HTTP_X_A: "1, 2",
      HTTP_COOKIE: "a=1; b=2",
      HTTP_X_L: "caf\xe9",
      REMOTE_ADDR: "127.0.0.1",
      SERVER_ADDR: "127.0.0.1",
      SERVER_PORT: String(port),
      SERVER_PROTOCOL: "HTTP/1.1",
      HTTP_HOST: "example.test",
    });
    expect(params).not.toHaveProperty("HTTP_PROXY");
  });

  test("sends a short response in one piece, with its length and reason", async () => {
    const { port } = await serve(hello);
    const answer = await raw(port, get("/"));
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).toMatch(/content-length: 5\r\n/i);
    expect(answer).toMatch(/\r\n\r\nhello$/);
    expect(answer).not.toMatch(/transfer-encoding/i);
  });

  test("answers HEAD without a body, for scripts, files and failures", async () => {
    const { port } = await serve(hello);
    for (const target of ["/", "/a.txt", "/big.bin", "/nothing"]) {
      const answer = await raw(port, get(target).replace("GET", "HEAD"));
      expect(answer.endsWith("\r\n\r\n")).toBe(true);
    }
  });

  test("sends several cookies as several headers", async () => {
    const { url } = await serve(async (visit) => {
      await visit.out("Set-Cookie: a=1\nSet-Cookie: b=2\n\n");
      return undefined;
    });
    expect((await fetch(url)).headers.getSetCookie()).toEqual(["a=1", "b=2"]);
  });

  test("sends files whole, in ranges and long ones", async () => {
    const { url } = await serve(hello);
    expect(await (await fetch(`${url}/a.txt`)).text()).toBe("0123456789");
    const part = await fetch(`${url}/a.txt`, { headers: { range: "bytes=2-4" } });
    expect([part.status, await part.text()]).toEqual([206, "234"]);
    expect((await (await fetch(`${url}/big.bin`)).arrayBuffer()).byteLength).toBe(3_000_000);
  });

  test("streams what a script flushes at once", async () => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { url } = await serve(async (visit) => {
      await visit.out("A: 1\n\nfirst");
      await gate;
      await visit.out("second");
      return undefined;
    });
    const response = await fetch(url);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    expect(Buffer.from((await reader.read()).value as Uint8Array).toString()).toBe("first");
    release();
    expect(Buffer.from((await reader.read()).value as Uint8Array).toString()).toBe("second");
    expect((await reader.read()).done).toBe(true);
  });

  test("serves many requests on one connection, pipelined too", async () => {
    const { port } = await serve(echoParams);
    const many = Array.from({ length: 20 }, (_, i) => `GET /?n=${i} HTTP/1.1\r\nHost: a\r\n\r\n`).join("");
    const answer = await raw(port, `${many}${get("/?n=last")}`);
    const order = [...answer.matchAll(/"QUERY_STRING":"n=(\w+)"/g)].map((match) => match[1]);
    expect(order).toEqual([...Array.from({ length: 20 }, (_, i) => String(i)), "last"]);
  });

  test("gives each of 200 requests at once its own answer", async () => {
    const { url } = await serve(async (visit) => {
      await pause(Math.random() * 10);
      const body = Buffer.from(await visit.stdin()).toString();
      await visit.out(`A: 1\n\n${visit.params.QUERY_STRING}:${body}`);
      return undefined;
    });
    await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const response = await fetch(`${url}/?${i}`, { method: "POST", body: `body ${i}` });
        expect(await response.text()).toBe(`${i}:body ${i}`);
      }),
    );
  });
});

describe("request smuggling and other malformed requests", () => {
  test.each([
    [
      "a length beside chunked",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ["two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
    ["a signed length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na"],
    ["an unknown coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"],
    ["no host", "GET / HTTP/1.1\r\n\r\n"],
    ["two hosts", get("/", "Host: b\r\n")],
    ["a space before the colon", "GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n"],
    ["garbage", "\x00\x01\x02\r\n\r\n"],
    ["a bad chunk size", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
  ])("%s is refused and runs nothing", async (_name, text) => {
    let ran = false;
    const { port } = await serve(async (visit) => {
      ran = true;
      return hello(visit);
    });
    const answer = await raw(port, text);
    expect(statusOf(answer)).toBe(400);
    expect(ran).toBe(false);
  });

  test("headers beyond the parser's limit are 431", async () => {
    const { port } = await serve(hello);
    expect(statusOf(await raw(port, get("/", `X: ${"x".repeat(100_000)}\r\n`)))).toBe(431);
  });

  test("a head that never ends is cut off", async () => {
    const { port, url } = await serve(hello, {}, { headersTimeout: 200 });
    const socket = connect(port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    socket.on("error", () => {});
    socket.write("GET / HTTP/1.1\r\nHost: a\r\nX: ");
    const drip = setInterval(() => socket.writable && socket.write("x"), 50);
    onTestFinished(() => clearInterval(drip));
    expect(statusOf(await readAll(socket))).toBe(408);
    expect((await fetch(url)).status).toBe(200);
  });

  test("TRACE is refused", async () => {
    const { port } = await serve(hello);
    expect(statusOf(await raw(port, get("/").replace("GET", "TRACE")))).toBe(405);
  });

  test("a GET's body is neither the script's nor the next request", async () => {
    const { port } = await serve(echoParams);
    const answer = await raw(
      port,
      `GET /?1 HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n${"GET /?evil HTTP/1.1\r\nX: 1\r\n\r\n".padEnd(30)}${get("/?2")}`,
    );
    expect([...answer.matchAll(/"QUERY_STRING":"(\w+)"/g)].map((match) => match[1])).toEqual(["1", "2"]);
    expect(answer).toContain('"CONTENT_LENGTH":""');
  });
});

describe("connections", () => {
  test("a visitor who takes nothing of the answer is cut off, and the script learns of it", async () => {
    const gone = Promise.withResolvers<void>();
    const { port, errors } = await serve(
      async (visit) => {
        visit.signal.addEventListener("abort", () => gone.resolve());
        await visit.out("A: 1\n\n");
        for (;;) await visit.out(new Uint8Array(65_536));
      },
      {},
      { sendTimeout: 200 },
    );
    const socket = connect(port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    socket.on("error", () => {});
    socket.pause();
    socket.write(get("/"));
    await gone.promise;
    // It is the visitor's fault and no news.
    expect(errors).toEqual([]);
  });

  test("a script that says nothing for longer than that is waited for", async () => {
    const { port } = await serve(
      async (visit) => {
        await pause(500);
        await visit.out("A: 1\n\nat last");
        return undefined;
      },
      {},
      { sendTimeout: 100 },
    );
    expect(await raw(port, get("/"))).toMatch(/at last$/);
  });

  test("a visitor who reads slowly but steadily gets everything", async () => {
    const { port } = await serve(hello, {}, { sendTimeout: 300 });
    const socket = connect(port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    socket.write(get("/big.bin"));
    let length = 0;
    for await (const chunk of socket) {
      length += chunk.length;
      if (length < 2_000_000) await pause(20);
    }
    expect(length).toBeGreaterThan(3_000_000);
  });

  test("is closed after the answer when the visitor wants that and also waits for 100 Continue", async () => {
    const { port } = await serve(hello);
    const answer = await raw(
      port,
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\nabc",
    );
    expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
    expect(answer).toMatch(/Connection: close\r\n/);
  });
});

describe("uploads", () => {
  const count: Script = async (visit) => {
    let length = 0;
    for await (const chunk of visit.stdinChunks) length += chunk.length;
    await visit.out(`A: 1\n\n${visit.params.CONTENT_LENGTH}/${length}`);
    return undefined;
  };

  test("of 100 MB pass through, with no more than a few of them in memory", async () => {
    let received = 0;
    const { url } = await serve(
      async (visit) => {
        for await (const chunk of visit.stdinChunks) received += chunk.length;
        await visit.out(`A: 1\n\n${visit.params.CONTENT_LENGTH}/${received}`);
        return undefined;
      },
      { requestBuffering: false },
    );
    const length = 100_000_000;
    const { req, answer } = upload(url, { "content-length": String(length) });
    const chunk = Buffer.alloc(1_000_000, 1);
    let most = 0;
    for (let sent = 0; sent < length; sent += chunk.length) {
      if (!req.write(chunk)) await once(req, "drain");
      most = Math.max(most, sent - received);
    }
    req.end();
    const res = await answer;
    expect(Buffer.concat(await res.toArray()).toString()).toBe(`${length}/${length}`);
    // The kernel's socket buffers are among it.
    expect(most).toBeLessThan(20_000_000);
  });

  test("wait for a script that does not read yet", async () => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { url } = await serve(
      async (visit) => {
        await gate;
        return count(visit);
      },
      { requestBuffering: false },
    );
    const length = 50_000_000;
    const { req, answer } = upload(url, { "content-length": String(length) });
    const chunk = Buffer.alloc(1_000_000, 1);
    let sent = 0;
    const sending = (async () => {
      for (; sent < length; sent += chunk.length) if (!req.write(chunk)) await once(req, "drain");
      req.end();
    })();
    await pause(300);
    // What the kernel's socket buffers take is the system's choice; all of it would be wrong.
    expect(sent).toBeLessThan(length / 2);
    release();
    await sending;
    expect(Buffer.concat(await (await answer).toArray()).toString()).toBe(`${length}/${length}`);
  });

  test.each([1000, 3_000_000])("chunked, of %i bytes, get a length", async (length) => {
    const { url } = await serve(count);
    const { req, answer } = upload(url, {});
    for (let sent = 0; sent < length; sent += 1000) req.write(Buffer.alloc(1000));
    req.end();
    expect(Buffer.concat(await (await answer).toArray()).toString()).toBe(`${length}/${length}`);
  });

  test("with Expect: 100-continue are asked for only when they are wanted", async () => {
    const { url } = await serve(count, { limits: { maxBody: 1000 } });
    const good = upload(url, { "content-length": "3", expect: "100-continue" });
    good.req.flushHeaders();
    await once(good.req, "continue");
    good.req.end("abc");
    expect(Buffer.concat(await (await good.answer).toArray()).toString()).toBe("3/3");

    let continued = false;
    const refused = upload(url, { "content-length": "5000", expect: "100-continue" });
    refused.req.on("continue", () => {
      continued = true;
    });
    refused.req.flushHeaders();
    const res = await refused.answer;
    expect([res.statusCode, continued, res.headers.connection]).toEqual([413, false, "close"]);
  });

  test("that are too long see their 413 even while they send", async () => {
    const { url } = await serve(count, { limits: { maxBody: 1000 } });
    const { req, answer } = upload(url, { "content-length": "3000000" });
    req.write(Buffer.alloc(1_000_000));
    const res = await answer;
    expect(res.statusCode).toBe(413);
    res.resume();
    req.end(Buffer.alloc(2_000_000));
    await once(res, "end");
  });

  test("chunked ones beyond the limit see their 413, and their rest is not taken for ever", async () => {
    const { port } = await serve(count, { limits: { maxBody: 1000, maxBodyInMemory: 100 } });
    const socket = connect(port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    socket.on("error", () => {});
    let seen = "";
    socket.on("data", (data) => {
      seen += data;
    });
    socket.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    const chunk = Buffer.concat([Buffer.from("f4240\r\n"), Buffer.alloc(1_000_000), Buffer.from("\r\n")]);
    let sent = 0;
    while (sent < 100_000_000 && !socket.destroyed) {
      sent += chunk.length;
      if (!socket.write(chunk)) await Promise.race([once(socket, "drain"), once(socket, "close")]).catch(() => {});
    }
    expect(seen).toMatch(/^HTTP\/1\.1 413 /);
    expect(sent).toBeGreaterThan(5_000_000);
    expect(sent).toBeLessThan(100_000_000);
  });

  test("that break off end the exchange, and nothing else is harmed", async () => {
    let reason: unknown;
    const { url } = await serve(
      async (visit) => {
        visit.signal.addEventListener("abort", () => {
          reason = visit.signal.reason;
        });
        return count(visit);
      },
      { requestBuffering: false },
    );
    const { req } = upload(url, { "content-length": "5000000" });
    req.write(Buffer.alloc(2_000_000));
    await pause(50);
    req.destroy();
    await expect.poll(() => reason).toBeDefined();
    expect((await fetch(url)).status).toBe(200);
  });
});

describe("ends in the middle", () => {
  test("a client that leaves before the answer aborts the exchange", async () => {
    let aborted = false;
    const { url, errors } = await serve((visit) => {
      visit.signal.addEventListener("abort", () => {
        aborted = true;
      });
      return new Promise(() => {});
    });
    await expect(fetch(url, { signal: AbortSignal.timeout(50) })).rejects.toThrow();
    await expect.poll(() => aborted).toBe(true);
    expect(errors).toEqual([]);
  });

  test("a client that leaves in the middle of a body aborts the exchange", async () => {
    let aborted = false;
    const { url, errors } = await serve(async (visit) => {
      visit.signal.addEventListener("abort", () => {
        aborted = true;
      });
      await visit.out("A: 1\n\n");
      for (;;) await visit.out("x".repeat(50_000));
    });
    const response = await fetch(url);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    await reader.cancel();
    await expect.poll(() => aborted).toBe(true);
    expect(errors).toEqual([]);
  });

  test("an exchange that breaks in the middle is an error for the client, whatever framing", async () => {
    for (const head of ["A: 1\n\n", "Content-Length: 1000\n\n"]) {
      const { port, url, errors } = await serve(async (visit) => {
        await visit.out(`${head}body`);
        await pause(30);
        throw new ExchangeError("EXCHANGE_BROKEN", "killed");
      });
      await expect(fetch(url).then((response) => response.text())).rejects.toThrow();
      // No last chunk: nothing that could be taken for a clean end.
      const answer = await raw(port, get("/"));
      expect(answer).toContain("body");
      expect(answer).not.toMatch(/0\r\n\r\n$/);
      expect(errors).toMatchObject([{ code: "EXCHANGE_BROKEN" }, { code: "EXCHANGE_BROKEN" }]);
    }
  });

  test("a slow reader holds the script back", async () => {
    let sent = 0;
    const { port } = await serve(async (visit) => {
      await visit.out("A: 1\n\n");
      for (; sent < 100_000_000; sent += 100_000) await visit.out("x".repeat(100_000));
      return undefined;
    });
    const socket = connect(port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    socket.pause();
    socket.write(get("/"));
    await pause(300);
    expect(sent).toBeLessThan(50_000_000);
  });

  test("a handler may answer without a promise", async () => {
    const { url } = await serve(hello, {}, { handler: () => Response.json({ at: "once" }) });
    expect(await (await fetch(url)).json()).toEqual({ at: "once" });
  });

  test.each([
    ["throws", () => bug()],
    ["rejects", async () => bug()],
  ])("a handler that %s is an empty 500", async (_how, handler) => {
    const { url, errors } = await serve(hello, {}, { handler });
    const response = await fetch(url);
    expect([response.status, await response.text()]).toEqual([500, ""]);
    expect(errors).toMatchObject([{ message: "bug" }]);
  });
});

function bug(): never {
  throw new Error("bug");
}

describe("closing", () => {
  test("lets what is under way finish, ends kept connections, takes no new ones", async () => {
    const { server, url, port } = await serve(async (visit) => {
      await pause(100);
      return hello(visit);
    });
    const idle = connect(port, "127.0.0.1");
    idle.on("error", () => {});
    await once(idle, "connect");
    const busy = fetch(url);
    await pause(30);
    const closed = server.close();
    const response = await busy;
    expect(await response.text()).toBe("hello");
    expect(response.headers.get("connection")).toBe("close");
    await closed;
    await server.close();
    await expect(fetch(url)).rejects.toThrow();
  });

  test("cuts off what does not finish", async () => {
    let aborted = false;
    const { server, url } = await serve((visit) => {
      visit.signal.addEventListener("abort", () => {
        aborted = true;
      });
      return new Promise(() => {});
    });
    const hanging = fetch(url).catch(() => "broken");
    await pause(30);
    await server.close(50);
    expect(await hanging).toBe("broken");
    await expect.poll(() => aborted).toBe(true);
  });

  test("an IPv4 visitor of a socket for both families has an IPv4 address", async () => {
    const server = createHttpServer({
      handler: async (_request, info) => Response.json([info.remoteAddress, info.serverAddress]),
    });
    onTestFinished(() => server.close(0));
    // The loopback addresses only: an IPv6 socket that takes IPv4 too needs the mapped form.
    const address = await server.listen({ port: 0, host: "::ffff:127.0.0.1" });
    const port = "port" in address ? address.port : 0;
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).json()).toEqual(["127.0.0.1", "127.0.0.1"]);
  });

  test("listening on a taken port says so", async () => {
    const { port } = await serve(hello);
    const second = createHttpServer({ handler: async () => new Response() });
    await expect(second.listen({ port, host: "127.0.0.1" })).rejects.toMatchObject({ code: "EADDRINUSE" });
  });
});

describe("createNodeResponse", () => {
  const made = () => createNodeResponse(new TextEncoder().encode("body"), { status: 201, headers: [["X-Name", "a"]] });

  async function served(response: Response): Promise<string> {
    const server = createHttpServer({ handler: () => response });
    const address = await server.listen({ port: 0, host: "127.0.0.1" });
    if (!("port" in address)) throw new Error("no port");
    onTestFinished(() => server.close(0));
    return raw(address.port, get("/"));
  }

  test("is sent as it was made, names as they were written", async () => {
    expect(await served(made())).toMatch(/^HTTP\/1\.1 201 Created\r\nX-Name: a\r\n.*\r\n\r\n4\r\nbody\r\n/s);
  });

  test("is a Response like others", async () => {
    const response = made();
    expect(response).toBeInstanceOf(Response);
    expect([response.status, response.statusText, response.headers.get("x-name")]).toEqual([201, "Created", "a"]);
    expect(await response.clone().text()).toBe("body");
    expect(await response.text()).toBe("body");
  });

  test("shows what was changed in it afterwards", async () => {
    const response = made();
    response.headers.set("X-Name", "b");
    response.headers.append("X-More", "c");
    const answer = await served(response);
    expect(answer).toMatch(/\r\nx-name: b\r\n/i);
    expect(answer).toMatch(/\r\nx-more: c\r\n/i);
    expect(answer.endsWith("body") || answer.includes("\r\nbody\r\n")).toBe(true);
  });
});
