// Headers that pretend: of visitors to scripts, and of scripts to visitors.

import { describe, expect, onTestFinished, test } from "vitest";
import { createGateway, type GatewayError } from "../../../src/gateway/index.ts";
import { nodeFiles } from "../../../src/platform/node/files.ts";
import { createHttpServer, createNodeResponse } from "../../../src/platform/node/http-server.ts";
import { documentRoot, exchangeOf, type Script } from "../application.ts";
import { raw } from "./raw.ts";
import { useServers } from "./servers.ts";
import { makeSecretSite } from "./site.ts";

const servers = useServers(makeSecretSite);

interface Shown {
  readonly server: Readonly<Record<string, string>>;
  readonly env: string | false;
}

function visitorTests(port: () => number): void {
  const ask = (headers: string) =>
    raw(port(), `GET /show.php HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n${headers}\r\n`);

  async function shown(headers: string): Promise<Shown> {
    const { text } = await ask(headers);
    return JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1)) as Shown;
  }

  test.each(["Proxy", "PROXY", "proxy", "pRoXy"])("%s: does not become HTTP_PROXY (httpoxy)", async (name) => {
    const { server, env } = await shown(`${name}: http://evil.test:1\r\n`);
    expect(server).not.toHaveProperty("HTTP_PROXY");
    expect(env).toBe(false);
    expect(JSON.stringify(server)).not.toContain("evil.test");
  });

  test.each([
    ["X-Forwarded-For: 6.6.6.6", "REMOTE_ADDR", "127.0.0.1"],
    ["X-Real-IP: 6.6.6.6", "REMOTE_ADDR", "127.0.0.1"],
    ["Forwarded: for=6.6.6.6;proto=https;host=evil.test", "REMOTE_ADDR", "127.0.0.1"],
    ["Client-IP: 6.6.6.6", "REMOTE_ADDR", "127.0.0.1"],
    ["X-Forwarded-Host: evil.test", "SERVER_NAME", "site.test"],
    ["X-Host: evil.test", "HTTP_HOST", "site.test"],
    ["X-Forwarded-Proto: https", "REQUEST_SCHEME", "http"],
    ["X-Original-URL: /admin", "REQUEST_URI", "/show.php"],
    ["X-Rewrite-URL: /admin", "REQUEST_URI", "/show.php"],
    ["X-HTTP-Method-Override: DELETE", "REQUEST_METHOD", "GET"],
    ["Remote-User: admin", "REMOTE_USER", undefined],
    ["Script-Filename: /etc/passwd", "SCRIPT_NAME", "/show.php"],
    ["Https: on", "HTTPS", undefined],
    ["Php-Value: auto_prepend_file=/etc/passwd", "PHP_VALUE", undefined],
    ["Php-Admin-Value: open_basedir=/", "PHP_ADMIN_VALUE", undefined],
  ])("%s changes no %s", async (header, name, value) => {
    const { server } = await shown(`${header}\r\n`);
    expect(server[name]).toBe(value);
    expect(server.HTTPS).toBeUndefined();
  });

  test("a name with an underscore does not take the place of the one with a hyphen", async () => {
    const { server } = await shown("X-User: me\r\nX_User: admin\r\nX_Admin: 1\r\n");
    expect(server.HTTP_X_USER).toBe("me");
    expect(server).not.toHaveProperty("HTTP_X_ADMIN");
  });

  test("names that are tokens but no names of variables are dropped", async () => {
    const { server } = await shown("X.Foo: a\r\nX!Bar: b\r\nX'Baz: c\r\n$Qux: d\r\n");
    expect(Object.keys(server).filter((name) => /FOO|BAR|BAZ|QUX/.test(name))).toEqual([]);
  });
}

describe("what a visitor cannot say", () => visitorTests(() => servers.port));
describe("what a visitor cannot say to a gateway with a configuration", () => visitorTests(() => servers.guidePort));

/** A server before a script that writes its own header block. */
async function scripted(script: Script) {
  const root = await documentRoot({ "index.php": "" });
  const errors: GatewayError[] = [];
  const http = createHttpServer({
    handler: createGateway({
      documentRoot: root,
      files: nodeFiles(root),
      exchange: exchangeOf(script),
      createResponse: createNodeResponse,
      onError: (error) => errors.push(error as GatewayError),
    }),
  });
  onTestFinished(() => http.close(0));
  const bound = await http.listen({ port: 0, host: "127.0.0.1" });
  const port = "port" in bound ? bound.port : 0;
  const answer = await raw(port, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  return { answer, errors };
}

const writes =
  (head: string): Script =>
  async (visit) => {
    await visit.out(`${head}body`);
    return undefined;
  };

describe("what a script cannot say", () => {
  test.each([
    ["a carriage return in a value", "X-A: 1\rSet-Cookie: evil=1\r\n\r\n"],
    ["a NUL in a value", "X-A: 1\0Set-Cookie: evil=1\r\n\r\n"],
    ["a control character in a value", "X-A: 1\x08evil\r\n\r\n"],
    ["DEL in a value", "X-A: 1\x7fevil\r\n\r\n"],
    ["a folded line", "X-A: 1\r\n Set-Cookie: evil=1\r\n\r\n"],
    ["a folded line, with a tab", "X-A: 1\r\n\tevil\r\n\r\n"],
    ["a space in a name", "Set Cookie: evil=1\r\n\r\n"],
    ["a space before the colon", "Set-Cookie : evil=1\r\n\r\n"],
    ["a NUL in a name", "Set-Cookie\0: evil=1\r\n\r\n"],
    ["a carriage return in a name", "X\rSet-Cookie: evil=1\r\n\r\n"],
    ["a byte above 127 in a name", "S\xe9t: evil\r\n\r\n"],
    ["no colon", "evil\r\n\r\n"],
    ["no name", ": evil\r\n\r\n"],
    ["a status line instead of headers", "HTTP/1.1 200 OK\r\nX: evil\r\n\r\n"],
    ["a status with a line break", "Status: 200 OK\rX: evil\r\n\r\n"],
    ["a status that is no number", "Status: evil\r\n\r\n"],
    ["a status of a protocol's own", "Status: 101 evil\r\n\r\n"],
    ["two statuses", "Status: 200\r\nStatus: 500 evil\r\n\r\n"],
    ["two lengths", "Content-Length: 1\r\nContent-Length: 2\r\nX: evil\r\n\r\n"],
    ["a length with a sign", "Content-Length: +4\r\nX: evil\r\n\r\n"],
    ["a location with a line break", "Location: /\rX: evil\r\n\r\n"],
    ["more header than allowed", `X: evil${"x".repeat(40_000)}\r\n\r\n`],
    ["more headers than allowed", `${"X: evil\r\n".repeat(1001)}\r\n`],
  ])("%s is 502, and nothing of it reaches the visitor", async (_name, head) => {
    const { answer, errors } = await scripted(writes(head));
    expect(answer.statuses).toEqual([502]);
    expect(answer.text).not.toContain("evil");
    expect(errors).toHaveLength(1);
  });

  test("framing and connection are the server's", async () => {
    const { answer } = await scripted(
      writes(
        "Transfer-Encoding: chunked\r\nConnection: keep-alive, X-Gone\r\nX-Gone: 1\r\nUpgrade: h2c\r\nTrailer: X\r\nX: 1\r\n\r\n",
      ),
    );
    expect(answer.statuses).toEqual([200]);
    expect(answer.text).not.toMatch(/chunked|keep-alive|x-gone|upgrade|trailer/i);
    expect(answer.text).toMatch(/\r\n\r\nbody$/);
  });

  test("what is beyond its own length is not the next answer", async () => {
    const { answer } = await scripted(writes("Content-Length: 4\r\n\r\nbodyHTTP/1.1 200 OK\r\n\r\nevil"));
    expect(answer.statuses).toEqual([200]);
    expect(answer.text).not.toContain("evil");
  });

  test("a local redirect cannot leave the root", async () => {
    for (const target of ["/../secret.txt", "/%2e%2e/secret.txt", "/a%00", "/.env"]) {
      const { answer } = await scripted(writes(`Location: ${target}\n\n`));
      expect([403, 502], target).toContain(answer.statuses[0]);
    }
  });
});
