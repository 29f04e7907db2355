// What is loaded when, what stays without a network, and the browsers that lack promise integration.

import { gzipSync } from "node:zlib";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describePeers } from "../peers/peer.ts";
import { type Built, makeEngine, openBuilt, openEnginePage, type StaticHost, serveFolder } from "./chromium.ts";

describePeers(["chromium"], "the built folder", () => {
  let folder: string;
  let built: Built;
  let browser: Browser;
  let host: StaticHost;
  beforeAll(async () => {
    built = await openBuilt();
    ({ host, browser, folder } = built);
  }, 120_000);
  afterAll(async () => {
    await built?.close();
  });

  test("loads PHP when a request needs it, and tells every byte", async () => {
    const context = await browser.newContext({ serviceWorkers: "block" });
    const { page } = await openEnginePage(context, host);
    const before = host.requests.length;
    await makeEngine(page, { files: { "/plain.txt": "plain" } });
    const { status, stages, first } = await page.evaluate(async () => {
      const { engine } = globalThis;
      const stages: { stage: string; loaded: number; total: number }[] = [];
      engine.on("php", ({ stage, loaded, total }) => stages.push({ stage, loaded, total }));
      const first = (await engine.request({ url: "/plain.txt" })).status;
      const quiet = stages.length;
      if (quiet > 0) throw new Error("a static file made PHP load");
      return { first, status: (await engine.request({ url: "/hello.php" })).status, stages };
    });
    expect({ first, status }).toEqual({ first: 200, status: 200 });
    const php = host.requests.slice(before).filter(({ path }) => path.startsWith("php/"));
    const sent = [...new Map(php.map((request) => [request.path, request.bytes])).values()];
    // One WebAssembly file and one glue, of one version and one way of waiting.
    expect(sent).toHaveLength(2);
    const total = sent.reduce((sum, bytes) => sum + bytes, 0);
    expect(stages.map(({ stage }) => stage)).toEqual(expect.arrayContaining(["loading", "starting", "ready"]));
    expect(stages.every((stage) => stage.total === total && stage.loaded <= total)).toBe(true);
    expect(stages.at(-1)?.loaded).toBe(total);
    expect(stages.filter(({ stage }) => stage === "loading").length).toBeGreaterThan(3);
    await context.close();
  });

  test("has less than 250 KB of its own before PHP, compressed", async () => {
    const fresh = await serveFolder(folder);
    const context = await browser.newContext({ serviceWorkers: "block" });
    const page = await context.newPage();
    await page.goto(fresh.url);
    await page.waitForLoadState("networkidle");
    const own = new Set(fresh.requests.map(({ path }) => path).filter((path) => !path.startsWith("php/")));
    expect(fresh.requests.some(({ path }) => path.endsWith(".bin"))).toBe(false);
    let bytes = 0;
    for (const path of own) {
      const response = await context.request.get(fresh.url + path);
      bytes += gzipSync(await response.body()).length;
    }
    console.log(`the page before PHP: ${(bytes / 1000).toFixed(0)} KB compressed, ${own.size} files`);
    expect(bytes).toBeLessThan(250_000);
    await context.close();
    await fresh.close();
  });

  test("works without a network after the first visit", async () => {
    const gone = await serveFolder(folder);
    const context = await browser.newContext();
    const { page } = await openEnginePage(context, gone);
    await makeEngine(page);
    const first = await page.evaluate(async () => {
      const answer = await (await globalThis.engine.request({ url: "/hello.php" })).text();
      await navigator.serviceWorker.ready;
      return answer;
    });
    expect(first).toContain("Hello, you!");
    await gone.close();
    await context.setOffline(true);
    await page.reload();
    await page.waitForFunction(() => "edgeFpm" in globalThis);
    await makeEngine(page);
    const again = await page.evaluate(async () => (await globalThis.engine.request({ url: "/hello.php" })).text());
    expect(again).toContain("Hello, you!");
    // The page itself, by a permalink.
    const status = (await page.goto(`${gone.url}?view=pool#step-3`))?.status();
    expect(status).toBe(200);
    await context.close();
  });

  test("runs PHP without promise integration too", async () => {
    const context = await browser.newContext({ serviceWorkers: "block" });
    const { page, complaints } = await openEnginePage(context, host);
    await makeEngine(page, { asyncMode: "asyncify" });
    const result = await page.evaluate(async () => {
      const { engine } = globalThis;
      const hello = await (await engine.request({ url: "/hello.php" })).text();
      const response = await engine.request({ url: "/slow.php?pieces=3&ms=100" });
      const reader = response.body.getReader();
      let pieces = 0;
      while (!(await reader.read()).done) pieces += 1;
      return { hello, pieces, mode: engine.php.asyncMode };
    });
    expect(result.hello).toContain("Hello, you!");
    expect(result.pieces).toBeGreaterThanOrEqual(3);
    expect(result.mode).toBe("asyncify");
    expect(complaints).toEqual([]);
    await context.close();
  });

  test("tells when the server Worker cannot be loaded", async () => {
    const context = await browser.newContext({ serviceWorkers: "block" });
    const { page } = await openEnginePage(context, host);
    await context.route("**/server.worker-*.js", (route) => route.abort());
    const codes = await page.evaluate(async () => {
      // In one go: the failure may come at once.
      const engine = globalThis.edgeFpm.createEngine();
      const failure = new Promise<string>((resolve) => {
        engine.on("failure", ({ code }) => resolve(code));
      });
      const call = engine.files.list().then(
        () => "answered",
        ({ code }) => code,
      );
      return [await failure, await call];
    });
    expect(codes).toEqual(["PLAYGROUND", "PLAYGROUND"]);
    await context.close();
  });

  test("says what is wrong when PHP cannot be loaded, and tries again when asked", async () => {
    const context = await browser.newContext({ serviceWorkers: "block" });
    const { page } = await openEnginePage(context, host);
    await context.route("**/*.bin", (route) => route.abort());
    await makeEngine(page);
    const error = await page.evaluate(() =>
      globalThis.engine.request({ url: "/hello.php" }).then(
        () => undefined,
        (reason) => ({ code: reason.code, stage: globalThis.engine.php.stage }),
      ),
    );
    expect(error).toEqual({ code: "PHP_BOOT", stage: "failed" });
    await context.unroute("**/*.bin");
    const status = await page.evaluate(async () => (await globalThis.engine.request({ url: "/hello.php" })).status);
    expect(status).toBe(200);
    await context.close();
  });
});
