// What reaches the visitor of a script's answer.

import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { http } from "./client.ts";
import type { Context } from "./suite.ts";

const LARGE = 10 * 1024 * 1024;

/** What www/large.php writes. */
function largeBody(): Buffer {
  const pieces: Buffer[] = [];
  for (let i = 0, bytes = 0; bytes < LARGE; i++) {
    const hash = createHash("sha512").update(String(i)).digest();
    const piece = Buffer.concat(Array.from({ length: 100 + (i % 37) }, () => hash));
    pieces.push(piece);
    bytes += piece.length;
  }
  return Buffer.concat(pieces).subarray(0, LARGE);
}

export function responseTests(context: Context): void {
  const ask: (...args: [Parameters<typeof http>[1]]) => ReturnType<typeof http> = (what) => http(context.baseUrl, what);

  test("several cookies are several headers, in their order", async () => {
    const answer = await ask("/cookies.php");
    const cookies = answer.headers.filter(([name]) => name === "set-cookie").map(([, value]) => value);
    expect(cookies).toHaveLength(3);
    expect(cookies[0]).toBe("first=one%20two");
    expect(cookies[1]).toBe("second=2; path=/; HttpOnly; SameSite=Lax");
    expect(cookies[2]).toMatch(/^third=a%3Db%3B%20c; expires=Wed, 18[ -]May[ -]2033 03:33:20 GMT; Max-Age=\d+$/);
  });

  test.each([
    ["an absolute address", "http://elsewhere.test/x?y=1", 302],
    ["a path", "/hello.php", 302],
    ["a relative path", "hello.php?who=you", 302],
  ])("a redirect to %s is passed on", async (_what, to, status) => {
    const answer = await ask(`/redirect.php?to=${encodeURIComponent(to)}`);
    expect(answer.status).toBe(status);
    // A server may write out the address in full.
    expect([to, new URL(to, context.baseUrl).href]).toContain(answer.header("location"));
  });

  test.each([301, 303, 307, 308])("a redirect keeps the status %i that the script chose", async (status) => {
    const answer = await ask(`/redirect.php?status=${status}&to=/hello.php`);
    expect(answer.status).toBe(status);
    expect(answer.text()).toBe("elsewhere");
  });

  test.each([200, 201, 400, 404, 418, 500, 503])("status %i is passed on with its body", async (code) => {
    const answer = await ask(`/status.php?code=${code}`);
    expect(answer.status).toBe(code);
    expect(answer.text()).toBe(`status ${code}`);
  });

  test("status 204 has no body", async () => {
    const answer = await ask("/status.php?code=204");
    expect(answer.status).toBe(204);
    expect(answer.body).toHaveLength(0);
  });

  test.each(["/fatal.php", "/throw.php", "/syntax.php"])("%s is a 500", async (path) => {
    expect((await ask(path)).status).toBe(500);
  });

  test("a fatal error after output keeps the status that was sent", async () => {
    const answer = await ask("/fatal.php?after=1");
    expect(answer.status).toBe(200);
    expect(answer.text()).toBe("before ");
  });

  test.each([0, 1, 3, 255])("exit(%i) is no failure for the visitor", async (code) => {
    const answer = await ask(`/exit.php?code=${code}`);
    expect(answer.status).toBe(200);
    expect(answer.text()).toBe("leaving");
  });

  test("the next request after a fatal error is served as ever", async () => {
    for (const path of ["/fatal.php", "/throw.php", "/syntax.php", "/exit.php?code=9"]) {
      await ask(path);
      expect((await ask("/hello.php?who=next")).text()).toBe("hello next");
    }
  });

  test("what a script logs does not reach the visitor", async () => {
    expect((await ask("/warn.php")).text()).toBe("fine");
  });

  test("HEAD has the headers and no body", async () => {
    const answer = await ask({ method: "HEAD", path: "/no-body.php" });
    expect(answer.status).toBe(200);
    expect(answer.header("x-ran")).toBe("yes");
    expect(answer.header("content-type")).toMatch(/^text\/plain/);
    expect(answer.body).toHaveLength(0);
  });

  test("OPTIONS reaches the script", async () => {
    expect((await ask({ method: "OPTIONS", path: "/no-body.php" })).text()).toBe("the body of OPTIONS");
  });

  test("two hundred headers, repeated names and colons in values survive", async () => {
    const answer = await ask("/many-headers.php");
    for (let i = 0; i < 200; i++) expect(answer.header(`x-number-${i}`)).toBe(`value ${i}`);
    expect(answer.header("x-colons")).toBe("a:b:c");
    const twice = answer.headers.filter(([name]) => name === "x-twice").map(([, value]) => value);
    expect(twice.join(", ")).toBe("one, two");
    expect(answer.text()).toBe("ok");
  });

  test("10 MB arrive whole", async () => {
    const answer = await ask(`/large.php?bytes=${LARGE}`);
    expect(answer.body).toHaveLength(LARGE);
    expect(answer.body.equals(largeBody())).toBe(true);
  });
}
