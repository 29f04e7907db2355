// One list of requests for cgi-fcgi, whatever FastCGI application answers.

import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { FastCgiAddress } from "../peers/address.ts";
import { type CgiFcgiResult, cgiFcgi, scriptParams } from "../peers/cgi-fcgi.ts";
import { makeSite, type Site } from "./site.ts";

export interface FastCgiServer {
  readonly address: FastCgiAddress;
  stop(): Promise<void>;
}

/** Header block and body of a CGI response. */
function split(result: CgiFcgiResult): { head: string; body: Buffer } {
  const end = result.stdout.indexOf("\r\n\r\n");
  if (end < 0) throw new Error(`no header block: ${result.stdout.toString()}\n${result.stderr}`);
  return { head: result.stdout.subarray(0, end).toString("latin1"), body: result.stdout.subarray(end + 4) };
}

export function cgiFcgiSuite(start: (root: string, socket: string) => Promise<FastCgiServer>): void {
  let site: Site;
  let server: FastCgiServer;
  beforeAll(async () => {
    site = makeSite();
    server = await start(site.root, `${site.root}/../fastcgi.sock`);
  });
  afterAll(async () => {
    await server?.stop();
    site?.remove();
  });

  const run = async (script: string, extra: Record<string, string> = {}, stdin?: Uint8Array) => {
    const params = scriptParams(site.root, script, extra);
    const result = await cgiFcgi(server.address, stdin === undefined ? { params } : { params, stdin });
    return { ...split(result), stderr: result.stderr, exitCode: result.exitCode };
  };

  test("GET", async () => {
    const answer = await run("/hello.php", { QUERY_STRING: "who=cgi-fcgi" });
    expect(answer.head).not.toMatch(/^status:/im);
    expect(answer.head).toMatch(/^content-type: text\/html; ?charset=utf-8$/im);
    expect(answer.body.toString()).toBe("hello cgi-fcgi");
    expect(answer.exitCode).toBe(0);
  });

  test("POST of 10 MB", async () => {
    const body = randomBytes(10 * 1024 * 1024);
    const answer = await run("/body.php", { REQUEST_METHOD: "POST", CONTENT_TYPE: "application/octet-stream" }, body);
    const sha256 = createHash("sha256").update(body).digest("hex");
    expect(JSON.parse(answer.body.toString())).toMatchObject({ bytes: body.length, sha256 });
  });

  test("an upload and a field beside it", async () => {
    const form = new FormData();
    form.append("picture", new File([new Uint8Array([0, 255, 10, 13])], "four.bin"));
    form.append("title", "four bytes");
    const encoded = new Response(form);
    const type = encoded.headers.get("content-type") ?? "";
    const body = new Uint8Array(await encoded.arrayBuffer());
    const answer = await run("/upload.php", { REQUEST_METHOD: "POST", CONTENT_TYPE: type }, body);
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      files: { picture: { name: "four.bin", size: 4, error: 0 } },
      post: { title: "four bytes" },
    });
  });

  test("cookies both ways", async () => {
    const answer = await run("/cookies.php", { HTTP_COOKIE: "a=1; b=2" });
    expect(JSON.parse(answer.body.toString())).toEqual({ a: "1", b: "2" });
    expect(answer.head.match(/^set-cookie:/gim)).toHaveLength(3);
  });

  test("a missing script is a 404 with the message that php-fpm gives", async () => {
    const answer = await run("/missing.php");
    expect(answer.head).toMatch(/^Status: 404 Not Found$/m);
    expect(answer.body.toString()).toBe("File not found.\n");
    expect(answer.stderr).toContain("Primary script unknown");
  });

  test("a file that is no script is denied", async () => {
    const answer = await run("/static/plain.txt");
    expect(answer.head).toMatch(/^Status: 403 Forbidden$/m);
    expect(answer.body.toString()).toBe("Access denied.\n");
    expect(answer.stderr).toContain("security.limit_extensions");
  });

  test("a fatal error is a 500", async () => {
    expect((await run("/fatal.php")).head).toMatch(/^Status: 500 /m);
  });

  test("100 requests at once each get their own answer", async () => {
    const tokens = Array.from({ length: 100 }, () => site.token());
    await Promise.all(
      tokens.map(async (token) => {
        const answer = await run(
          "/token.php",
          {
            REQUEST_METHOD: "POST",
            QUERY_STRING: `token=${token}`,
            CONTENT_TYPE: "application/x-www-form-urlencoded",
            HTTP_COOKIE: `token=${token}`,
            HTTP_X_TOKEN: token,
          },
          Buffer.from(`token=${token}`),
        );
        expect(JSON.parse(answer.body.toString())).toEqual({ get: token, post: token, cookie: token, header: token });
      }),
    );
  });
}
