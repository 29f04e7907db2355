// Static files beside the scripts, and paths that must give nothing away.

import { expect, test } from "vitest";
import { http } from "./client.ts";
import type { Context } from "./suite.ts";

const PATH = "/static/plain.txt";
const TEXT = "a static file, read in ranges\n";

export function fileTests(context: Context): void {
  const ask: (...args: [Parameters<typeof http>[1]]) => ReturnType<typeof http> = (what) => http(context.baseUrl, what);

  test("a static file has its type, length and validators", async () => {
    const answer = await ask(PATH);
    expect(answer.status).toBe(200);
    expect(answer.text()).toBe(TEXT);
    expect(answer.header("content-type")).toMatch(/^text\/plain/);
    expect(answer.header("content-length")).toBe(String(TEXT.length));
    expect(answer.header("etag")).toMatch(/^(W\/)?"[^"]+"$/);
    expect(answer.header("last-modified")).toMatch(/GMT$/);
  });

  test("HEAD of a static file has its length and no body", async () => {
    const answer = await ask({ method: "HEAD", path: PATH });
    expect(answer.status).toBe(200);
    expect(answer.header("content-length")).toBe(String(TEXT.length));
    expect(answer.body).toHaveLength(0);
  });

  test("an unchanged file is a 304 by its ETag and by its date", async () => {
    const first = await ask(PATH);
    const validators = [
      { "if-none-match": first.header("etag") ?? "" },
      { "if-none-match": `"other", ${first.header("etag")}` },
      { "if-modified-since": first.header("last-modified") ?? "" },
    ];
    for (const headers of validators) {
      const again = await ask({ path: PATH, headers });
      expect(again.status, JSON.stringify(headers)).toBe(304);
      expect(again.body).toHaveLength(0);
    }
    expect((await ask({ path: PATH, headers: { "if-none-match": '"other"' } })).status).toBe(200);
  });

  test.each([
    ["bytes=2-7", TEXT.slice(2, 8), `bytes 2-7/${TEXT.length}`],
    ["bytes=-6", TEXT.slice(-6), `bytes ${TEXT.length - 6}-${TEXT.length - 1}/${TEXT.length}`],
    ["bytes=20-", TEXT.slice(20), `bytes 20-${TEXT.length - 1}/${TEXT.length}`],
    ["bytes=5-9999", TEXT.slice(5), `bytes 5-${TEXT.length - 1}/${TEXT.length}`],
  ])("range %s of a file", async (range, text, contentRange) => {
    const answer = await ask({ path: PATH, headers: { range } });
    expect(answer.status).toBe(206);
    expect(answer.text()).toBe(text);
    expect(answer.header("content-range")).toBe(contentRange);
  });

  test("a range beyond the end is refused", async () => {
    expect((await ask({ path: PATH, headers: { range: "bytes=1000-" } })).status).toBe(416);
  });

  const size = context.lacks("range-size");
  test.skipIf(size.skip)(`a range beyond the end is told the file's size${size.note}`, async () => {
    const answer = await ask({ path: PATH, headers: { range: "bytes=1000-" } });
    expect(answer.header("content-range")).toBe(`bytes */${TEXT.length}`);
  });

  const methods = context.lacks("static-methods");
  test.skipIf(methods.skip)(`a static file cannot be posted to${methods.note}`, async () => {
    expect((await ask({ path: PATH, body: "x" })).status).toBe(405);
  });

  test("a folder is its index.php", async () => {
    expect((await ask("/folder/")).text()).toBe("index of folder as /folder/index.php");
  });

  test("a folder without its slash redirects to it", async () => {
    const answer = await ask("/folder");
    expect(answer.status).toBe(301);
    expect(new URL(answer.header("location") ?? "", context.baseUrl).pathname).toBe("/folder/");
  });

  test.each(["/missing.php", "/missing.txt", "/missing/", "/static/plain.txt/more"])(
    "%s is not found",
    async (path) => {
      expect((await ask(path)).status).toBe(404);
    },
  );

  test.each(["/.env", "/.git/config", "/folder/.htaccess", "/%2eenv"])("%s is refused", async (path) => {
    const answer = await ask(path);
    expect([403, 404]).toContain(answer.status);
    expect(answer.text()).not.toContain("SECRET");
  });

  test.each([
    "/../../../../etc/passwd",
    "/static/../../../../../etc/passwd",
    "/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/static/..%2f..%2f..%2f..%2fetc/passwd",
    "/hello.php/../../../../../etc/passwd",
    "/static/plain.txt%00.php",
    "/hello.php%00",
    "/static/%0a.php",
  ])("%s leads nowhere", async (path) => {
    const answer = await ask(path);
    expect(answer.status, answer.text()).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.text()).not.toContain("root:");
  });

  test("a file that is no script is not run because .php follows it", async () => {
    const answer = await ask("/static/plain.txt/x.php");
    expect([403, 404]).toContain(answer.status);
  });
}
