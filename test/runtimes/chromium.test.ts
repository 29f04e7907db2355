// The contract in a browser.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describePeers, peerPath } from "../peers/peer.ts";
import { bundleContract } from "./bundled.ts";
import { CASES, type Result } from "./contract.ts";
import { installPacked, type Packed } from "./packed.ts";

const PAGE = `
globalThis.results = runContract(modules, { sockets: false, dropsCookies: true });
`;

describePeers(["chromium"], "the packed package in Chromium", () => {
  let packed: Packed;
  let pages: Server;
  let browser: Browser;
  let results: readonly Result[] = [];

  beforeAll(async () => {
    packed = await installPacked();
    const script = await bundleContract(packed, ["browser"], PAGE);
    pages = createServer((request, response) => {
      const isScript = request.url === "/main.js";
      response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
      response.end(
        isScript ? script : "<!doctype html><title>contract</title><script type=module src=/main.js></script>",
      );
    });
    await new Promise<void>((resolve) => pages.listen(0, "127.0.0.1", resolve));
    browser = await chromium.launch({ executablePath: peerPath("chromium"), args: ["--no-sandbox"] });
    const page = await browser.newPage();
    const errors: Error[] = [];
    page.on("pageerror", (error) => errors.push(error));
    await page.goto(`http://127.0.0.1:${(pages.address() as AddressInfo).port}/`);
    results = await page.evaluate(() => (globalThis as unknown as { results: Promise<Result[]> }).results);
    expect(errors).toEqual([]);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    pages?.close();
    packed?.remove();
  });

  test.each(CASES.map(({ name, needs }) => [name, needs] as const))("%s", (name, needs) => {
    const result = results.find((other) => other.name === name);
    expect(result).toEqual(needs === undefined ? { name } : { name, skipped: true });
  });
});
