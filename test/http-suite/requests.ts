// What reaches the script of a request.

import { createHash, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { http } from "./client.ts";
import type { Context } from "./suite.ts";

const MEGABYTE = 1024 * 1024;

/** Sizes around one record's content: 65,535 is the format's limit, 65,528 what we send. */
const EDGE_SIZES = [0, 1, 65_527, 65_528, 65_529, 65_535, 65_536, 131_072];

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const everyByte = (): Buffer => Buffer.from(Array.from({ length: 256 }, (_, value) => value));

const FORM = "application/x-www-form-urlencoded";

export function requestTests(context: Context): void {
  const ask: (...args: [Parameters<typeof http>[1]]) => ReturnType<typeof http> = (what) => http(context.baseUrl, what);

  test("GET runs a script with its query", async () => {
    const answer = await ask("/hello.php?who=world");
    expect(answer.status).toBe(200);
    expect(answer.text()).toBe("hello world");
    expect(answer.header("content-type")).toMatch(/^text\/html; ?charset=utf-8$/i);
  });

  test("the query string arrives raw and parsed", async () => {
    const answer = await ask("/query.php?a=1&b[]=x&b[]=y%20z&c=%C3%A9&d=%00&e");
    expect(answer.json()).toEqual({
      get: { a: "1", b: ["x", "y z"], c: "é", d: "\0", e: "" },
      raw: "a=1&b[]=x&b[]=y%20z&c=%C3%A9&d=%00&e",
    });
  });

  test("an escaped path finds its script", async () => {
    expect((await ask("/he%6Clo.php?who=escaped")).text()).toBe("hello escaped");
  });

  test("POST of a form fills $_POST", async () => {
    const body = "name=Ada+L&tags[]=a&tags[]=b&text=%F0%9F%8E%89%26";
    const answer = await ask({ path: "/form.php", body, headers: { "content-type": FORM } });
    expect(answer.json()).toEqual({
      method: "POST",
      post: { name: "Ada L", tags: ["a", "b"], text: "🎉&" },
      type: FORM,
    });
  });

  test("POST of JSON is read from php://input", async () => {
    const body = JSON.stringify({ numbers: [1, 2, 39], text: "naïve ☕" });
    const answer = await ask({ path: "/json.php", body, headers: { "content-type": "application/json" } });
    expect(answer.json()).toEqual({ sum: 42, text: "naïve ☕" });
  });

  test.each(["PUT", "PATCH", "DELETE"])("%s carries its body too", async (method) => {
    const answer = await ask({ method, path: "/body.php", body: "some bytes" });
    expect(answer.json()).toEqual({ method, bytes: 10, sha256: sha256(Buffer.from("some bytes")), length: "10" });
  });

  test("a body of every byte comes back the same", async () => {
    const body = everyByte();
    const answer = await ask({ path: "/echo.php", body, headers: { "content-type": "application/octet-stream" } });
    expect(answer.body.equals(body)).toBe(true);
  });

  test.each(EDGE_SIZES)("a body of %i bytes arrives whole", async (size) => {
    const body = randomBytes(size);
    const answer = await ask({ path: "/body.php", body, headers: { "content-type": "application/octet-stream" } });
    expect(answer.json()).toEqual({ method: "POST", bytes: size, sha256: sha256(body), length: String(size) });
  });

  test("a body of 10 MB arrives whole", async () => {
    const body = randomBytes(10 * MEGABYTE);
    const answer = await ask({ path: "/body.php", body, headers: { "content-type": "application/octet-stream" } });
    expect(answer.json()).toMatchObject({ bytes: body.length, sha256: sha256(body) });
  });

  test("a large body waits for 100 Continue when it asks to", async () => {
    const body = randomBytes(MEGABYTE);
    const answer = await ask({ path: "/body.php", body, headers: { expect: "100-continue" } });
    expect(answer.json()).toMatchObject({ bytes: body.length, sha256: sha256(body) });
  });

  const chunked = context.lacks("chunked-upload");
  test.skipIf(chunked.skip)(`a body sent in chunks arrives whole, with its length${chunked.note}`, async () => {
    const pieces = Array.from({ length: 50 }, (_, index) => randomBytes(index * 700));
    const whole = Buffer.concat(pieces);
    const answer = await ask({ path: "/body.php", body: pieces.filter((piece) => piece.length > 0) });
    expect(answer.json()).toEqual({
      method: "POST",
      bytes: whole.length,
      sha256: sha256(whole),
      length: String(whole.length),
    });
  });

  test("uploaded files arrive in $_FILES byte for byte, fields beside them", async () => {
    const large = new Uint8Array(randomBytes(3 * MEGABYTE));
    const form = new FormData();
    form.append("title", "two files");
    form.append("bytes", new File([new Uint8Array(everyByte())], "every byte.bin", { type: "application/x-test" }));
    form.append("large", new File([large], "größe.dat"));
    const response = await fetch(`${context.baseUrl}/upload.php`, { method: "POST", body: form });
    expect(await response.json()).toEqual({
      files: {
        bytes: { name: "every byte.bin", type: "application/x-test", error: 0, size: 256, sha256: sha256(everyByte()) },
        large: {
          name: "größe.dat",
          type: "application/octet-stream",
          error: 0,
          size: large.length,
          sha256: sha256(large),
        },
      },
      post: { title: "two files" },
    });
  });

  test("cookies arrive decoded", async () => {
    const answer = await ask({ path: "/cookies.php", headers: { cookie: "a=1; b=two%20words; c=x=y" } });
    expect(answer.json()).toEqual({ a: "1", b: "two words", c: "x=y" });
  });

  test("a path after the script's name is PATH_INFO", async () => {
    const answer = await ask("/server.php/extra/p%C3%A4th?x=1");
    expect(answer.json()).toMatchObject({
      PATH_INFO: "/extra/päth",
      SCRIPT_NAME: "/server.php",
      SCRIPT_FILENAME: `${context.site.root}/server.php`,
      REQUEST_URI: "/server.php/extra/p%C3%A4th?x=1",
      QUERY_STRING: "x=1",
      PHP_SELF: "/server.php/extra/päth",
    });
  });

  test("$_SERVER tells about the request, the server and the visitor", async () => {
    const { port } = new URL(context.baseUrl);
    const answer = await ask({
      path: "/server.php?a=b",
      headers: { host: `example.test:${port}`, "x-custom-name": "value", accept: "text/x-test" },
    });
    expect(answer.json()).toMatchObject({
      REQUEST_METHOD: "GET",
      REQUEST_URI: "/server.php?a=b",
      QUERY_STRING: "a=b",
      SCRIPT_NAME: "/server.php",
      SCRIPT_FILENAME: `${context.site.root}/server.php`,
      DOCUMENT_ROOT: context.site.root,
      PHP_SELF: "/server.php",
      SERVER_PROTOCOL: "HTTP/1.1",
      GATEWAY_INTERFACE: "CGI/1.1",
      REQUEST_SCHEME: "http",
      SERVER_NAME: "example.test",
      SERVER_PORT: port,
      REMOTE_ADDR: "127.0.0.1",
      SERVER_SOFTWARE: expect.stringMatching(/./),
      HTTP_HOST: `example.test:${port}`,
      HTTP_X_CUSTOM_NAME: "value",
      HTTP_ACCEPT: "text/x-test",
      FCGI_ROLE: "RESPONDER",
      REQUEST_TIME: expect.any(Number),
      REQUEST_TIME_FLOAT: expect.any(Number),
    });
  });

  const addresses = context.lacks("both-addresses");
  test.skipIf(addresses.skip)(`$_SERVER tells our own address and the visitor's port${addresses.note}`, async () => {
    const answer = await ask("/server.php");
    expect(answer.json()).toMatchObject({
      SERVER_ADDR: "127.0.0.1",
      REMOTE_PORT: expect.stringMatching(/^\d+$/),
    });
  });

  const documentUri = context.lacks("document-uri");
  test.skipIf(documentUri.skip)(`DOCUMENT_URI is the path without the query${documentUri.note}`, async () => {
    const answer = await ask("/server.php/more?a=b");
    expect(answer.json()).toMatchObject({ DOCUMENT_URI: "/server.php/more" });
  });

  test("nothing of one request is left for the next", async () => {
    await ask({ path: "/server.php/info?secret=1", headers: { "x-secret": "1", cookie: "secret=1" } });
    const all = JSON.stringify((await ask("/server.php")).json());
    expect(all).not.toContain("SECRET");
    expect(all).not.toContain("secret");
  });

  test("headers that would become dangerous or ambiguous variables are not passed", async () => {
    const answer = await ask({ path: "/server.php", headers: { proxy: "http://evil.test", x_under_score: "1" } });
    const server = answer.json() as Record<string, unknown>;
    expect(server).not.toHaveProperty("HTTP_PROXY");
    expect(server).not.toHaveProperty("HTTP_X_UNDER_SCORE");
  });

  test("getallheaders() gives what was sent", async () => {
    const answer = await ask({
      path: "/headers.php",
      body: "{}",
      headers: { "x-one": "1", "content-type": "text/json" },
    });
    expect(answer.json()).toMatchObject({ "x-one": "1", "content-type": "text/json", "content-length": "2" });
  });

  const bytes = context.lacks("header-bytes");
  test.skipIf(bytes.skip)(`a header's bytes are kept in both directions${bytes.note}`, async () => {
    const answer = await ask({ path: "/header-bytes.php", headers: { "x-bytes": "caf\xe9 \xff" } });
    expect(answer.text()).toBe("636166e920ff");
    expect(answer.header("x-bytes")).toBe("caf\xe9 \xf0\x9f\x8e\x89");
  });

  test("a session counts one visitor's requests", async () => {
    const first = await ask("/session.php");
    const cookie = /^[^;]+/.exec(first.header("set-cookie") ?? "")?.[0] ?? "";
    expect(first.text()).toBe("1");
    for (const count of ["2", "3", "4", "5"]) {
      expect((await ask({ path: "/session.php", headers: { cookie } })).text()).toBe(count);
    }
    expect((await ask("/session.php")).text()).toBe("1");
  });
}
