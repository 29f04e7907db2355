import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { chooseCoding } from "../../src/gateway/answer/accept-encoding.ts";
import { streamCompressor } from "../../src/gateway/index.ts";
import type { Script } from "./application.ts";
import { configured, prints } from "./configured.ts";

describe("the coding for a visitor", () => {
  test.each([
    [null, undefined],
    ["", undefined],
    ["gzip", "gzip"],
    ["br", "br"],
    ["gzip, deflate, br, zstd", "br"],
    ["gzip;q=1, br;q=0.5", "gzip"],
    ["GZIP;Q=0.5", "gzip"],
    ["br;q=0, gzip", "gzip"],
    ["gzip;q=0", undefined],
    ["*", "br"],
    ["*;q=0.1, br;q=0", "gzip"],
    ["identity, gzip;q=0.5", undefined],
    ["identity;q=0.5, gzip", "gzip"],
    ["x-gzip", "gzip"],
    ["gzip;q=nonsense", undefined],
    ["gzip;x=1", undefined],
    ["deflate", undefined],
    ["br;q=0.000", undefined],
  ])("that says %j is %j", (header, coding) => {
    expect(chooseCoding(header, ["br", "gzip"])).toBe(coding);
  });
});

const PAGE = "<p>text that can be made shorter</p>".repeat(100);
const html = (...more: string[]): Script => prints(`Content-Type: text/html\n${more.join("")}\n`, PAGE);
const gzip = { headers: { "accept-encoding": "gzip" } };

describe("compression", () => {
  test.each([
    ["gzip", gunzipSync],
    ["br", brotliDecompressSync],
  ])("%s of a script's answer", async (coding, decompress) => {
    const { get } = await configured({ compress: true }, { scripts: { default: html('ETag: "x"\n') } });
    const response = await get("/", { headers: { "accept-encoding": coding } });
    const body = new Uint8Array(await response.arrayBuffer());
    expect(decompress(body).toString()).toBe(PAGE);
    expect(body.length).toBeLessThan(PAGE.length / 10);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-encoding": coding,
      "content-length": String(body.length),
      etag: 'W/"x"',
      vary: "Accept-Encoding",
    });
  });

  test("of a file keeps its conditional requests working, and offers no ranges", async () => {
    const { get } = await configured({ compress: true }, { tree: { "www/a.css": PAGE } });
    const response = await get("/a.css", gzip);
    const etag = response.headers.get("etag") ?? "";
    expect(etag).toMatch(/^W\/"/);
    expect(response.headers.has("accept-ranges")).toBe(false);
    expect(gunzipSync(new Uint8Array(await response.arrayBuffer())).toString()).toBe(PAGE);
    const again = { headers: { "accept-encoding": "gzip", "if-none-match": etag } };
    expect((await get("/a.css", again)).status).toBe(304);
    const part = await get("/a.css", { headers: { "accept-encoding": "gzip", range: "bytes=0-4" } });
    expect(part.status).toBe(206);
    expect(part.headers.has("content-encoding")).toBe(false);
    expect(await part.text()).toBe("<p>te");
  });

  test.each([
    ["what is no text", { compress: true }, prints("Content-Type: image/png\n\n", PAGE)],
    ["what has no type", { compress: true }, prints("X-A: 1\n\n", PAGE)],
    ["what is compressed already", { compress: true }, html("Content-Encoding: zstd\n")],
    ["what must not be changed", { compress: true }, html("Cache-Control: public, no-transform\n")],
    ["what is short", { compress: { minLength: 10_000 } }, html()],
    ["what is not listed", { compress: { types: ["text/css"] } }, html()],
    ["a part", { compress: true }, html("Status: 206\nContent-Range: bytes 0-3599/9999\n")],
    ["anything when it is off", {}, html()],
  ] as const)("leaves %s as it is", async (_what, config, script) => {
    const { get } = await configured(config, { scripts: { default: script as Script } });
    const response = await get("/", gzip);
    expect(response.headers.get("content-encoding")).not.toBe("gzip");
    expect(await response.text()).toBe(PAGE);
  });

  test("tells caches of it even where the visitor takes none", async () => {
    const { get } = await configured({ compress: true }, { scripts: { default: html("Vary: Cookie\n") } });
    const response = await get("/");
    expect(response.headers.get("vary")).toBe("Cookie, Accept-Encoding");
    expect(response.headers.has("content-encoding")).toBe(false);
  });

  test("of a HEAD says what a GET would, without a length", async () => {
    const { get } = await configured({ compress: true }, { scripts: { default: html("Content-Length: 3600\n") } });
    const response = await get("/", { method: "HEAD", ...gzip });
    expect(response.headers.get("content-encoding")).toBe("gzip");
    expect(response.headers.has("content-length")).toBe(false);
    expect(response.body).toBeNull();
  });

  test.each(["gzip", "br"])("%s of a stream lets each flush of the script through at once", async (coding) => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { get } = await configured(
      { compress: true },
      {
        scripts: {
          default: async (visit) => {
            await visit.out("Content-Type: text/html\n\nfirst");
            await gate;
            await visit.out("second");
            return undefined;
          },
        },
      },
    );
    const response = await get("/", { headers: { "accept-encoding": coding } });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const chunks = [(await reader.read()).value as Uint8Array];
    release();
    for (let next = await reader.read(); !next.done; next = await reader.read()) chunks.push(next.value);
    const all = Buffer.concat(chunks);
    expect((coding === "br" ? brotliDecompressSync : gunzipSync)(all).toString()).toBe("firstsecond");
  });

  test("of a stream that breaks off breaks off", async () => {
    const { get } = await configured(
      { compress: true },
      {
        scripts: {
          default: async (visit) => {
            await visit.out("Content-Type: text/html\n\nfirst");
            await new Promise((resolve) => setTimeout(resolve, 20));
            throw new Error("crash");
          },
        },
      },
    );
    await expect((await get("/", gzip)).arrayBuffer()).rejects.toThrow("crash");
  });

  test("of a stream that nobody wants ends the script", async () => {
    let reason: unknown;
    const { get } = await configured(
      { compress: true },
      {
        scripts: {
          default: async (visit) => {
            visit.signal.addEventListener("abort", () => {
              reason = visit.signal.reason;
            });
            await visit.out("Content-Type: text/html\n\n");
            for (;;) {
              await visit.out(crypto.getRandomValues(new Uint8Array(10_000)));
              await new Promise((resolve) => setTimeout(resolve, 0));
            }
          },
        },
      },
    );
    const response = await get("/", gzip);
    await response.body?.cancel("enough");
    await expect.poll(() => reason).toBe("enough");
  });

  test("without Node's library is gzip", async () => {
    const { get } = await configured(
      { compress: true },
      { scripts: { default: html() }, resources: { compress: streamCompressor } },
    );
    const response = await get("/", { headers: { "accept-encoding": "br, gzip" } });
    expect(response.headers.get("content-encoding")).toBe("gzip");
    expect(gunzipSync(new Uint8Array(await response.arrayBuffer())).toString()).toBe(PAGE);
  });
});
