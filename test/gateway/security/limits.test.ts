// Too much, too many, too slow.

import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { createGateway, type GatewayOptions } from "../../../src/gateway/index.ts";
import { nodeFiles } from "../../../src/platform/node/files.ts";
import {
  createHttpServer,
  createNodeResponse,
  type HttpServerOptions,
  type RefusedRequest,
} from "../../../src/platform/node/http-server.ts";
import { documentRoot, exchangeOf, type Script } from "../application.ts";
import { raw } from "./raw.ts";

const count: Script = async (visit) => {
  const body = await visit.stdin();
  await visit.out(`A: 1\n\n${body.length}`);
  return undefined;
};

async function serve(gateway: Partial<GatewayOptions> = {}, server: Partial<HttpServerOptions> = {}) {
  const root = await documentRoot({ "index.php": "" });
  const refusals: RefusedRequest[] = [];
  const http = createHttpServer({
    handler: createGateway({
      documentRoot: root,
      files: nodeFiles(root),
      exchange: exchangeOf(count),
      createResponse: createNodeResponse,
      ...gateway,
    }),
    onRefuse: (refusal) => refusals.push(refusal),
    ...server,
  });
  onTestFinished(() => http.close(0));
  const bound = await http.listen({ port: 0, host: "127.0.0.1" });
  return { port: "port" in bound ? bound.port : 0, refusals, http };
}

const get = (target: string, headers = "") =>
  `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${headers}\r\n`;

describe("heads", () => {
  test("200 header lines are taken, one more is 431 and the end of the connection", async () => {
    const { port, refusals } = await serve();
    expect((await raw(port, get("/", "X: 1\r\n".repeat(198)))).statuses).toEqual([200]);
    const kept = `GET / HTTP/1.1\r\nHost: a\r\n${"X: 1\r\n".repeat(200)}\r\n`;
    const refused = await raw(port, kept + get("/"));
    expect([refused.statuses, refused.closed]).toEqual([[431], true]);
    expect(refusals).toEqual([
      { status: 431, reason: "201 request headers; 200 are allowed", remoteAddress: "127.0.0.1" },
    ]);
  });

  test("the number is the operator's", async () => {
    const { port } = await serve({}, { maxHeaders: 5 });
    expect((await raw(port, get("/", "X: 1\r\n".repeat(3)))).statuses).toEqual([200]);
    expect((await raw(port, get("/", "X: 1\r\n".repeat(4)))).statuses).toEqual([431]);
  });

  test("none is dropped in silence, a length among the last included", async () => {
    const { port } = await serve({}, { maxHeaders: 1000 });
    const head = `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${"X: 1\r\n".repeat(900)}Content-Length: 3\r\n\r\n`;
    expect((await raw(port, `${head}abc`)).text).toMatch(/\r\n\r\n3$/);
  });

  test("bytes beyond the gateway's limit and beyond the parser's are 431", async () => {
    const { port } = await serve();
    expect((await raw(port, get("/", `X: ${"x".repeat(40_000)}\r\n`))).statuses).toEqual([431]);
    const answer = await raw(port, get("/", `X: ${"x".repeat(70_000)}\r\n`));
    expect([answer.statuses, answer.closed]).toEqual([[431], true]);
  });

  test("a target beyond the limit is 414", async () => {
    const { port } = await serve();
    expect((await raw(port, get(`/?${"x".repeat(8190)}`))).statuses).toEqual([200]);
    expect((await raw(port, get(`/?${"x".repeat(8191)}`))).statuses).toEqual([414]);
  });

  test("one that comes a byte at a time is 408 in the end, and others are served meanwhile", async () => {
    const { port, refusals } = await serve({}, { headersTimeout: 300 });
    const slow = connect(port, "127.0.0.1");
    onTestFinished(() => void slow.destroy());
    slow.on("error", () => {});
    let seen = "";
    slow.on("data", (chunk) => {
      seen += chunk;
    });
    const bytes = `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(100_000)}`;
    let at = 0;
    const drip = setInterval(() => slow.writable && slow.write(bytes[at++] ?? "x"), 10);
    onTestFinished(() => clearInterval(drip));
    expect((await raw(port, get("/"))).statuses).toEqual([200]);
    await once(slow, "close");
    expect(seen).toMatch(/^HTTP\/1\.1 408 /);
    expect(refusals).toMatchObject([{ status: 408, remoteAddress: "127.0.0.1" }]);
  });

  test("a connection that says nothing is ended", async () => {
    const { port } = await serve({}, { headersTimeout: 200, sendTimeout: 300 });
    const silent = connect(port, "127.0.0.1");
    onTestFinished(() => void silent.destroy());
    silent.on("error", () => {});
    silent.resume();
    await once(silent, "close");
  });
});

describe("bodies", () => {
  const post = (headers: string, body: string) => `POST / HTTP/1.1\r\nHost: a\r\n${headers}\r\n${body}`;

  test("a declared length beyond the limit is 413 before a byte is read", async () => {
    const { port } = await serve({ limits: { maxBody: 1000 } });
    expect((await raw(port, post("Content-Length: 1001\r\n", ""))).statuses).toEqual([413]);
    expect((await raw(port, post("Content-Length: 999999999999999\r\n", ""))).statuses).toEqual([413]);
  });

  test("chunks beyond the limit are 413, whatever their sizes claim", async () => {
    const { port } = await serve({ limits: { maxBody: 1000, maxBodyInMemory: 5000 } });
    const chunks = "10\r\n0123456789abcdef\r\n".repeat(100);
    expect((await raw(port, post("Transfer-Encoding: chunked\r\n", `${chunks}0\r\n\r\n`))).statuses[0]).toBe(413);
    const endless = `ffffffffffffffff\r\n${"x".repeat(2000)}`;
    expect((await raw(port, post("Transfer-Encoding: chunked\r\n", endless))).statuses).toEqual([413]);
  });

  test("extensions of chunks are no way around the limit", async () => {
    const { port } = await serve({ limits: { maxBody: 1000 } });
    const answer = await raw(
      port,
      post("Transfer-Encoding: chunked\r\n", `1;${"x".repeat(100_000)}\r\na\r\n0\r\n\r\n`),
    );
    // Node bounds them at 16 KiB a body.
    expect([400, 413]).toContain(answer.statuses[0]);
    expect(answer.closed).toBe(true);
  });

  test("trailers are bounded as headers are", async () => {
    const { port } = await serve();
    const trailers = `X: ${"x".repeat(100_000)}\r\n`;
    const answer = await raw(port, post("Transfer-Encoding: chunked\r\n", `0\r\n${trailers}\r\n`));
    expect(answer.closed).toBe(true);
    expect(answer.statuses.every((status) => status >= 400)).toBe(true);
  });

  test("one that stops in the middle is 408", async () => {
    const { port } = await serve({ timeouts: { body: 100 } });
    const answer = await raw(port, post("Content-Length: 10\r\n", "abc"));
    expect(answer.statuses).toEqual([408]);
  });
});

test("connections beyond the operator's number are closed, and served again later", async () => {
  const { port } = await serve({}, { maxConnections: 2 });
  const held = [connect(port, "127.0.0.1"), connect(port, "127.0.0.1")];
  for (const socket of held) {
    onTestFinished(() => void socket.destroy());
    await once(socket, "connect");
  }
  const third = await raw(port, get("/"));
  expect([third.statuses, third.closed]).toEqual([[], true]);
  for (const socket of held) socket.destroy();
  await expect.poll(async () => (await raw(port, get("/"))).statuses).toEqual([200]);
});
