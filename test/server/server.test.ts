// A fetch handler as a FastCGI application, called by our own client and by hand.

import { createConnection, type Socket } from "node:net";
import { Hono } from "hono";
import { afterEach, describe, expect, test } from "vitest";
import { connect } from "../../src/client/index.ts";
import {
  encodeBeginRequest,
  encodeParams,
  encodeRecord,
  type Pair,
  RecordDecoder,
  RecordType,
  type Role,
} from "../../src/codec/index.ts";
import {
  type FastCgiContext,
  type FetchHandler,
  type ServeOptions,
  type Server,
  serve,
} from "../../src/server/index.ts";
import { serve as serveNowhere } from "../../src/server/neutral.ts";

const cleanups: Array<() => unknown> = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function started(fetch: FetchHandler, options: Partial<ServeOptions> = {}): Promise<Server> {
  const server = await serve({ listen: { port: 0 }, fetch, ...options });
  cleanups.push(() => server.close({ grace: 0 }));
  return server;
}

function clientOf(server: Server, options: Parameters<typeof connect>[1] = {}) {
  const client = connect(server.url, options);
  cleanups.push(() => client.close({ abort: true }));
  return client;
}

/** A connection by hand: what came, as `type:id:text`, and how it ended. */
function wire(server: Server) {
  if (server.address.type !== "tcp") throw new Error("not over TCP");
  const socket: Socket = createConnection({ port: server.address.port, host: "127.0.0.1" });
  const records: string[] = [];
  const decoder = new RecordDecoder();
  socket.on("data", (chunk) => {
    decoder.decode(chunk, (type, id, buffer, start, end) => {
      records.push(`${type}:${id}:${Buffer.from(buffer.subarray(start, end)).toString("latin1")}`);
    });
  });
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.on("error", () => {});
  cleanups.push(() => socket.destroy());
  return {
    socket,
    records,
    closed,
    begin(id: number, params: readonly Pair[], role: Role = "responder", stdin: Uint8Array | null = new Uint8Array(0)) {
      socket.write(encodeBeginRequest(id, role, true));
      for (const content of encodeParams(params))
        socket.write(encodeRecord({ type: "params", requestId: id, content }));
      socket.write(encodeRecord({ type: "params", requestId: id, content: new Uint8Array(0) }));
      if (stdin === null) return;
      if (stdin.length > 0) socket.write(encodeRecord({ type: "stdin", requestId: id, content: stdin }));
      socket.write(encodeRecord({ type: "stdin", requestId: id, content: new Uint8Array(0) }));
    },
  };
}

const ends = (records: readonly string[]) =>
  records.filter((record) => record.startsWith(`${RecordType.END_REQUEST}:`)).length;

const GET: readonly Pair[] = [
  ["REQUEST_METHOD", "GET"],
  ["REQUEST_URI", "/a?b=c"],
  ["HTTP_HOST", "example.org"],
];

describe("requests", () => {
  async function built(params: readonly Pair[]): Promise<{ request: Request; context: FastCgiContext } | number> {
    let seen: { request: Request; context: FastCgiContext } | undefined;
    const server = await started((request, context) => {
      seen = { request, context };
      return new Response("ok");
    });
    const { begin, records } = wire(server);
    begin(1, params);
    await expect.poll(() => ends(records)).toBe(1);
    return seen ?? Number(/Status: (\d+)/.exec(records.join(""))?.[1]);
  }

  test.each<[string, readonly Pair[], string]>([
    ["Host and target", GET, "http://example.org/a?b=c"],
    ["HTTPS", [...GET, ["HTTPS", "on"]], "https://example.org/a?b=c"],
    ["HTTPS that is off", [...GET, ["HTTPS", "off"]], "http://example.org/a?b=c"],
    ["REQUEST_SCHEME", [...GET, ["REQUEST_SCHEME", "https"]], "https://example.org/a?b=c"],
    ["a target in absolute form", [...GET, ["REQUEST_URI", "http://other/x"]], "http://example.org/x"],
    [
      "no target",
      [
        ["SCRIPT_NAME", "/s.php"],
        ["PATH_INFO", "/p?%"],
        ["QUERY_STRING", "q"],
      ],
      "http://localhost/s.php/p%3F%25?q",
    ],
    [
      "a server name and port",
      [
        ["SERVER_NAME", "srv"],
        ["SERVER_PORT", "8080"],
        ["REQUEST_URI", "/"],
      ],
      "http://srv:8080/",
    ],
    ["nothing", [], "http://localhost/"],
  ])("the URL is made of %s", async (_what, params, url) => {
    expect(await built(params)).toMatchObject({ request: { url } });
  });

  test("headers are made of HTTP_*, but no Proxy and none of the visitor's connection", async () => {
    const seen = await built([
      ...GET,
      ["HTTP_X_ONE", "1"],
      ["HTTP_PROXY", "http://evil"],
      ["HTTP_CONNECTION", "close"],
      ["HTTP_TRANSFER_ENCODING", "chunked"],
      ["CONTENT_TYPE", "text/plain"],
      ["HTTP_CONTENT_TYPE", "text/html"],
      ["CONTENT_LENGTH", "0"],
    ]);
    if (typeof seen === "number") throw new Error("refused");
    expect([...seen.request.headers]).toEqual([
      ["content-length", "0"],
      ["content-type", "text/plain"],
      ["host", "example.org"],
      ["x-one", "1"],
    ]);
    expect(seen.context.params.HTTP_PROXY).toBe("http://evil");
    expect(seen.context.remote).toBe("127.0.0.1");
  });

  test.each<[string, Pair]>([
    ["a host that is none", ["HTTP_HOST", "a b/../c@d"]],
    ["a method that fetch forbids", ["REQUEST_METHOD", "TRACE"]],
    ["a line break in a header", ["HTTP_X", "a\r\nb: c"]],
  ])("%s is a 400", async (_what, pair) => {
    expect(await built([...GET, pair])).toBe(400);
  });

  test("a body that ends before its Content-Length is an error for its reader", async () => {
    const server = await started(async (request) => new Response(await request.text().catch((error) => error.message)));
    const { begin, records } = wire(server);
    begin(
      1,
      [
        ["REQUEST_METHOD", "POST"],
        ["CONTENT_LENGTH", "10"],
      ],
      "responder",
      new Uint8Array(4),
    );
    await expect.poll(() => records.join("")).toContain("the body ended after 4 of its 10 bytes");
  });

  test("hono works as it is, with the params as its environment", async () => {
    const app = new Hono<{ Bindings: FastCgiContext }>();
    app.get("/user/:name", (c) => c.json({ name: c.req.param("name"), software: c.env.params.SERVER_SOFTWARE }));
    app.post("/form", async (c) => c.text(String((await c.req.parseBody()).field)));
    const client = clientOf(await started(app.fetch));
    expect(await (await client.fetch("/user/ada")).json()).toEqual({ name: "ada", software: "edge-fpm" });
    const body = new URLSearchParams({ field: "value" });
    expect(await (await client.fetch("/form", { method: "POST", body })).text()).toBe("value");
    expect((await client.fetch("/nothing")).status).toBe(404);
  });
});

describe("responses", () => {
  test("an answer that breaks off does not look complete", async () => {
    const broken = new Error("broken on purpose");
    const errors: unknown[] = [];
    const server = await started(
      () => {
        let pulled = 0;
        return new Response(
          new ReadableStream({
            pull(controller) {
              pulled += 1;
              if (pulled === 1) controller.enqueue(new TextEncoder().encode("half"));
              else setTimeout(() => controller.error(broken), 20);
            },
          }),
        );
      },
      { onError: (error) => errors.push(error) },
    );
    const response = await clientOf(server).fetch("/");
    await expect(response.text()).rejects.toMatchObject({ code: expect.stringMatching(/^EXCHANGE_/) });
    expect(errors).toEqual([broken]);
  });

  test("a Content-Length that is not true breaks off", async () => {
    const server = await started(() => new Response("abc", { headers: { "content-length": "10" } }));
    const read = async () => (await clientOf(server).fetch("/")).text();
    await expect(read()).rejects.toMatchObject({ code: expect.stringMatching(/^EXCHANGE_/) });
  });

  test("STDERR and the reason of a failure go to the web server", async () => {
    const server = await started((_request, { stderr }) => {
      stderr("a line\n");
      throw new Error("thrown on purpose");
    });
    const { response, end } = await clientOf(server).request("/");
    expect(response.status).toBe(500);
    await response.text();
    expect(await end).toMatchObject({ applicationStatus: 1, stderr: "a line\nedge-fpm: thrown on purpose\n" });
  });

  test("an answer that reads the request's body comes after it, unless there is too much of it", async () => {
    const held = await started((request) => new Response(request.body));
    const direct = await started((request) => new Response(request.body), { limits: { heldOutput: 0 } });
    for (const [server, early] of [
      [held, false],
      [direct, true],
    ] as const) {
      const { begin, socket, records } = wire(server);
      begin(1, [["REQUEST_METHOD", "POST"]], "responder", null);
      socket.write(encodeRecord({ type: "stdin", requestId: 1, content: new TextEncoder().encode("first") }));
      if (early) await expect.poll(() => records.join("")).toContain("first");
      else {
        await new Promise((resolve) => setTimeout(resolve, 100));
        expect(records.join("")).not.toContain("first");
      }
      socket.write(encodeRecord({ type: "stdin", requestId: 1, content: new Uint8Array(0) }));
      await expect.poll(() => records.join("")).toContain("first");
    }
  });
});

describe("limits", () => {
  test("a request above maxRequests is OVERLOADED, all connections together", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const server = await started(
      async () => {
        await promise;
        return new Response("ok");
      },
      { limits: { maxRequests: 2 } },
    );
    const client = clientOf(server);
    const running = [client.fetch("/"), client.fetch("/")];
    await expect.poll(() => server.counts().requests).toBe(2);
    await expect(client.fetch("/")).rejects.toMatchObject({ message: expect.stringContaining("overloaded") });
    resolve();
    for (const one of running) expect((await one).status).toBe(200);
  });

  test("a connection above maxConnections is closed at once", async () => {
    const server = await started(() => new Response("ok"), { limits: { maxConnections: 1 } });
    const first = wire(server);
    await expect.poll(() => server.counts().connections).toBe(1);
    await wire(server).closed;
    first.socket.destroy();
    await expect.poll(() => server.counts().connections).toBe(0);
    expect(await (await clientOf(server).fetch("/")).text()).toBe("ok");
  });

  test("a connection ends after maxRequestsPerConnection", async () => {
    const server = await started(() => new Response("ok"), { limits: { maxRequestsPerConnection: 2 } });
    const { begin, records, closed } = wire(server);
    begin(1, GET);
    await expect.poll(() => ends(records)).toBe(1);
    begin(1, GET);
    await closed;
    expect(ends(records)).toBe(2);
  });

  test("params beyond the limit are refused, and others go on", async () => {
    const server = await started(() => new Response("ok"), { limits: { maxParamsBytes: 1000 } });
    const { begin, records } = wire(server);
    begin(1, [["LONG", "x".repeat(2000)]]);
    begin(2, GET);
    await expect.poll(() => ends(records)).toBe(2);
    expect(records.join("")).toContain("1000");
    expect(records.some((record) => record.startsWith(`${RecordType.STDOUT}:2:Status: 200`))).toBe(true);
  });

  test("an idle connection and a half-sent header are closed", async () => {
    const server = await started(() => new Response("ok"), { limits: { idleTimeout: 100, receiveTimeout: 100 } });
    const idle = wire(server);
    const half = wire(server);
    half.socket.write(Uint8Array.of(1, 1, 0));
    await Promise.all([idle.closed, half.closed]);
    await expect.poll(() => server.counts().connections).toBe(0);
  });
});

describe("the protocol", () => {
  test("roles that are not played are UNKNOWN_ROLE, by default all but responder", async () => {
    const server = await started(() => new Response("ok"));
    const { begin, records } = wire(server);
    begin(1, GET, "authorizer");
    // END_REQUEST: application status 0, protocol status 3 (UNKNOWN_ROLE), section 5.5.
    await expect.poll(() => records).toEqual([`${RecordType.END_REQUEST}:1:\0\0\0\0\x03\0\0\0`]);
  });

  test("management records are answered, unknown ones too", async () => {
    const server = await started(() => new Response("ok"), { limits: { maxRequests: 7, maxConnections: 9 } });
    const { socket, records } = wire(server);
    const [content = new Uint8Array(0)] = encodeParams([
      ["FCGI_MAX_REQS", ""],
      ["FCGI_MAX_CONNS", ""],
    ]);
    socket.write(encodeRecord({ type: "get-values", requestId: 0, content }));
    socket.write(Uint8Array.of(1, 99, 0, 0, 0, 0, 0, 0));
    await expect.poll(() => records.length).toBe(2);
    expect(records[0]).toContain("FCGI_MAX_REQS7");
    expect(records[0]).toContain("FCGI_MAX_CONNS9");
    expect(records[1]).toBe(`${RecordType.UNKNOWN_TYPE}:0:c\0\0\0\0\0\0\0`);
  });

  test("ABORT_REQUEST aborts the handler's signal, and END_REQUEST still comes", async () => {
    let signal: AbortSignal | undefined;
    const server = await started(async (request) => {
      signal = request.signal;
      await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
      return new Response("nobody reads this");
    });
    const { begin, socket, records } = wire(server);
    begin(1, GET);
    await expect.poll(() => server.counts().requests).toBe(1);
    socket.write(encodeRecord({ type: "abort-request", requestId: 1 }));
    await expect.poll(() => records.map((record) => record.split(":")[0])).toEqual([String(RecordType.END_REQUEST)]);
    expect(signal?.aborted).toBe(true);
  });
});

describe("closing", () => {
  test("lets what runs end, and takes no more", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const server = await started(async () => {
      await promise;
      return new Response("in time");
    });
    const client = clientOf(server);
    const running = client.fetch("/");
    await expect.poll(() => server.counts().requests).toBe(1);
    const closed = server.close();
    await expect.poll(() => client.fetch("/").catch((error) => error.code)).toBe("EXCHANGE_CONNECT");
    resolve();
    expect(await (await running).text()).toBe("in time");
    await closed;
  });

  test("aborts what runs when the grace is over", async () => {
    const server = await started(() => new Promise<Response>(() => {}));
    const failed = expect(clientOf(server).fetch("/")).rejects.toMatchObject({ code: "EXCHANGE_BROKEN" });
    await expect.poll(() => server.counts().requests).toBe(1);
    await server.close({ grace: 50 });
    await failed;
  });

  test("an address that is taken or none is told", async () => {
    const server = await started(() => new Response("ok"));
    await expect(serve({ listen: server.url, fetch: () => new Response() })).rejects.toMatchObject({
      code: "EADDRINUSE",
    });
    await expect(serve({ listen: "nowhere", fetch: () => new Response() })).rejects.toThrow("nowhere");
    await expect(serveNowhere({ listen: "9000", fetch: () => new Response() })).rejects.toThrow("handleConnection");
  });
});
