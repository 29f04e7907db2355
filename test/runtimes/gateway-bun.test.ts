// The gateway before a FastCGI application elsewhere, run by Bun: its node:http is another server than Node's.

import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Server, serve } from "../../src/server/index.ts";
import { Program } from "../peers/program.ts";
import { makeScratch } from "../peers/scratch.ts";

const BUN = fileURLToPath(new URL("../../node_modules/.bin/bun", import.meta.url));
const COMMAND = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const FILE = "<p>a file</p>";

let application: Server;
let bun: Program;
let url: string;
const scratch = makeScratch("gateway-bun");

beforeAll(async () => {
  writeFileSync(join(scratch.path, "index.php"), "<?php // runs elsewhere");
  writeFileSync(join(scratch.path, "page.html"), FILE);
  const listen = `unix:${join(scratch.path, "fastcgi.sock")}`;
  application = await serve({
    listen,
    async fetch(asked) {
      const body = await asked.arrayBuffer();
      return new Response(`${asked.method} ${new URL(asked.url).pathname} ${body.byteLength}`, {
        headers: { "X-Seen": asked.headers.get("x-sent") ?? "" },
      });
    },
  });
  bun = new Program(BUN, [COMMAND, "serve", scratch.path, "--port", "0", "--upstream", listen, "--keep-connections=2"]);
  url = (await bun.waitFor(/(http:\/\/127\.0\.0\.1:\d+)/))[1] ?? "";
});
afterAll(async () => {
  await bun?.stop("SIGINT");
  await application?.close({ grace: 0 });
  scratch.remove();
});

/** All that comes for these bytes until the server closes. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let seen = "";
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => socket.write(bytes, "latin1"));
    socket.setEncoding("latin1").on("data", (text: string) => {
      seen += text;
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(seen));
  });
}

describe("edge-fpm serve --upstream on Bun", () => {
  test("passes requests on, and answers back", async () => {
    for (let round = 0; round < 3; round++) {
      const response = await fetch(`${url}/index.php`, { headers: { "X-Sent": `round ${round}` } });
      expect(await response.text()).toBe("GET /index.php 0");
      expect(response.headers.get("x-seen")).toBe(`round ${round}`);
    }
  });

  test("bodies go through, chunked ones too", async () => {
    const body = new Uint8Array(3_000_000).fill(65);
    const sized = await fetch(`${url}/index.php`, { method: "POST", body });
    expect(await sized.text()).toBe("POST /index.php 3000000");
    const chunked = await new Promise<string>((resolve, reject) => {
      const req = request(`${url}/index.php`, { method: "POST" }, (res) => {
        let text = "";
        res.setEncoding("utf8").on("data", (piece: string) => {
          text += piece;
        });
        res.on("end", () => resolve(text));
      });
      req.on("error", reject);
      for (let i = 0; i < 100; i++) req.write(new Uint8Array(10_000));
      req.end();
    });
    expect(chunked).toBe("POST /index.php 1000000");
  });

  test("files, HEAD and conditions", async () => {
    const file = await fetch(`${url}/page.html`);
    expect(await file.text()).toBe(FILE);
    const head = await fetch(`${url}/page.html`, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "13", ""]);
    const etag = file.headers.get("etag") ?? "";
    // Not by fetch, which asks for no cached answer when it is given conditions.
    const same = await raw(`GET /page.html HTTP/1.1\r\nHost: a\r\nConnection: close\r\nIf-None-Match: ${etag}\r\n\r\n`);
    expect(same).toMatch(/^HTTP\/1\.1 304 /);
    expect(same).not.toContain(FILE);
  });

  test.each([
    ["a length beside chunks", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["two different lengths", "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"],
    ["a coding that nobody decodes", "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"],
    ["a second Host", "Host: b\r\n\r\n"],
  ])("%s is refused, and what follows is no request", async (_name, rest) => {
    const smuggled = "GET /index.php/smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    const seen = await raw(`POST /index.php HTTP/1.1\r\nHost: a\r\n${rest}${smuggled}`);
    expect(seen).toMatch(/^HTTP\/1\.1 400 /);
    expect(seen).not.toContain("smuggled");
  });

  test("a visitor who leaves harms nobody", async () => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => {
      socket.write("POST /index.php HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf");
      setTimeout(() => socket.destroy(), 50);
    });
    await new Promise((resolve) => socket.on("close", resolve));
    const response = await fetch(`${url}/index.php`);
    expect(await response.text()).toBe("GET /index.php 0");
  });
});
