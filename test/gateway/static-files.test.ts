import { truncateSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { gatewayOf, hello } from "./application.ts";

const TEXT = "0123456789";
const TREE = {
  "a.txt": TEXT,
  "page.html": "<p>",
  "style.css": "",
  "app.js": "",
  "photo.JPG": "",
  "data.unknown": "",
  "big.bin": new Uint8Array(1_000_000).fill(7),
};

async function site() {
  const made = await gatewayOf(hello, { tree: TREE });
  utimesSync(join(made.root, "a.txt"), 1_700_000_000, 1_700_000_000);
  return made;
}

describe("static files", () => {
  test("have their length, type and validators", async () => {
    const { get } = await site();
    const response = await get("/a.txt");
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toEqual({
      "accept-ranges": "bytes",
      "content-length": "10",
      "content-type": "text/plain; charset=utf-8",
      etag: '"18bcfe56800-a"',
      "last-modified": "Tue, 14 Nov 2023 22:13:20 GMT",
    });
    expect(await response.text()).toBe(TEXT);
  });

  test.each([
    ["/page.html", "text/html"],
    ["/style.css", "text/css; charset=utf-8"],
    ["/app.js", "text/javascript; charset=utf-8"],
    ["/photo.JPG", "image/jpeg"],
    ["/data.unknown", "application/octet-stream"],
    ["/big.bin", "application/octet-stream"],
  ])("%s is %s", async (path, type) => {
    const { get } = await site();
    expect((await get(path, { method: "HEAD" })).headers.get("content-type")).toBe(type);
  });

  test("HEAD says the same and sends nothing", async () => {
    const { get } = await site();
    const response = await get("/a.txt", { method: "HEAD" });
    expect(response.headers.get("content-length")).toBe("10");
    expect(response.body).toBeNull();
  });

  test.each(["POST", "PUT", "DELETE", "OPTIONS"])("%s is refused with the methods allowed", async (method) => {
    const { get } = await site();
    const response = await get("/a.txt", { method });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET, HEAD");
  });

  test.each([
    [{ "if-none-match": '"18bcfe56800-a"' }, 304],
    [{ "if-none-match": 'W/"18bcfe56800-a"' }, 304],
    [{ "if-none-match": '"x", "18bcfe56800-a"' }, 304],
    [{ "if-none-match": "*" }, 304],
    [{ "if-none-match": '"other"' }, 200],
    [{ "if-modified-since": "Tue, 14 Nov 2023 22:13:20 GMT" }, 304],
    [{ "if-modified-since": "Tue, 14 Nov 2023 22:13:19 GMT" }, 200],
    [{ "if-modified-since": "nonsense" }, 200],
    [{ "if-none-match": '"other"', "if-modified-since": "Tue, 14 Nov 2023 22:13:20 GMT" }, 200],
    [{ "if-none-match": '"18bcfe56800-a"', "cache-control": "no-cache" }, 200],
  ])("answers %j with %i", async (headers, status) => {
    const { get } = await site();
    const response = await get("/a.txt", { headers: headers as Record<string, string> });
    expect(response.status).toBe(status);
    if (status === 304) {
      expect(response.body).toBeNull();
      expect(response.headers.get("etag")).toBe('"18bcfe56800-a"');
      expect(response.headers.has("content-length")).toBe(false);
    }
  });

  test.each([
    ["bytes=0-0", 206, "0", "bytes 0-0/10"],
    ["bytes=2-4", 206, "234", "bytes 2-4/10"],
    ["bytes=7-", 206, "789", "bytes 7-9/10"],
    ["bytes=-3", 206, "789", "bytes 7-9/10"],
    ["bytes=8-100", 206, "89", "bytes 8-9/10"],
    ["bytes=0-2,3-5", 206, "012345", "bytes 0-5/10"],
    ["bytes=0-4,6-9,5-8", 206, TEXT, "bytes 0-9/10"],
    ["bytes=10-", 416, "", "bytes */10"],
    ["bytes=5-2", 416, "", "bytes */10"],
    ["bytes=a-b", 200, TEXT, null],
    ["bytes=", 200, TEXT, null],
    ["lines=1-2", 200, TEXT, null],
    ["nonsense", 200, TEXT, null],
  ])("Range: %s gives %i %j", async (range, status, body, contentRange) => {
    const { get } = await site();
    const response = await get("/a.txt", { headers: { range } });
    expect(response.status).toBe(status);
    expect(response.headers.get("content-range")).toBe(contentRange);
    expect(await response.text()).toBe(body);
    if (status !== 416) expect(response.headers.get("content-length")).toBe(String(body.length));
  });

  test("several ranges are parts of one answer", async () => {
    const { get } = await site();
    const response = await get("/a.txt", { headers: { range: "bytes=0-1,-2" } });
    expect(response.status).toBe(206);
    const [, boundary] =
      /^multipart\/byteranges; boundary=([0-9]{20})$/.exec(response.headers.get("content-type") ?? "") ?? [];
    expect(boundary).toBeDefined();
    const body = await response.text();
    const part = (bytes: string, range: string) =>
      `\r\n--${boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes ${range}/10\r\n\r\n${bytes}`;
    expect(body).toBe(`${part("01", "0-1")}${part("89", "8-9")}\r\n--${boundary}--\r\n`);
    expect(response.headers.get("content-length")).toBe(String(body.length));
  });

  test("several ranges of another version, or far too many, are the whole file", async () => {
    const { get } = await site();
    const several = { range: "bytes=0-1,5-6", "if-range": '"other"' };
    expect((await get("/a.txt", { headers: several })).status).toBe(200);
    const many = Array.from({ length: 50 }, (_, i) => `${i * 2}-${i * 2}`).join(",");
    const whole = await get("/big.bin", { headers: { range: `bytes=${many}` } });
    expect(whole.status).toBe(200);
    await whole.body?.cancel();
  });

  test.each([
    [{ "if-match": '"18bcfe56800-a"' }, 200],
    [{ "if-match": '"x", "18bcfe56800-a"' }, 200],
    [{ "if-match": "*" }, 200],
    [{ "if-match": '"other"' }, 412],
    [{ "if-match": 'W/"18bcfe56800-a"' }, 412],
    [{ "if-unmodified-since": "Tue, 14 Nov 2023 22:13:20 GMT" }, 200],
    [{ "if-unmodified-since": "Tue, 14 Nov 2023 22:13:19 GMT" }, 412],
    [{ "if-unmodified-since": "nonsense" }, 200],
    [{ "if-match": "*", "if-unmodified-since": "Tue, 14 Nov 2023 22:13:19 GMT" }, 200],
  ])("answers %j with %i, before it looks at any range", async (headers, status) => {
    const { get } = await site();
    const all = { ...headers, range: "bytes=0-1" } as Record<string, string>;
    expect((await get("/a.txt", { headers: all })).status).toBe(status === 200 ? 206 : status);
  });

  test.each([
    ['"18bcfe56800-a"', 206],
    ["Tue, 14 Nov 2023 22:13:20 GMT", 206],
    ['"other"', 200],
    ["Tue, 14 Nov 2023 22:13:19 GMT", 200],
  ])("If-Range: %s gives %i", async (ifRange, status) => {
    const { get } = await site();
    const response = await get("/a.txt", { headers: { range: "bytes=0-1", "if-range": ifRange } });
    expect(response.status).toBe(status);
  });

  test("HEAD ignores a range", async () => {
    const { get } = await site();
    expect((await get("/a.txt", { method: "HEAD", headers: { range: "bytes=0-1" } })).status).toBe(200);
  });

  test("a long file is streamed, a part of it too", async () => {
    const { get } = await site();
    expect((await (await get("/big.bin")).arrayBuffer()).byteLength).toBe(1_000_000);
    const part = await get("/big.bin", { headers: { range: "bytes=1-900000" } });
    expect((await part.arrayBuffer()).byteLength).toBe(900_000);
  });

  test("a file that becomes shorter while it is read is a broken transfer, not a short one", async () => {
    const { get, root } = await site();
    const response = await get("/big.bin");
    truncateSync(join(root, "big.bin"), 500_000);
    await expect(response.arrayBuffer()).rejects.toThrow();
  });

  test("a folder without slash is a redirect that keeps the query and stays on this host", async () => {
    const { get } = await gatewayOf(hello, { tree: { "a b/x.txt": "", "evil.test/x.txt": "" } });
    const response = await get("/a%20b?x=1&y=%20");
    expect(response.status).toBe(301);
    expect(response.headers.get("location")).toBe("/a%20b/?x=1&y=%20");
    expect((await get("//evil.test")).headers.get("location")).toBe("/evil.test/");
    expect((await get("/a%20b/")).status).toBe(403);
  });
});
