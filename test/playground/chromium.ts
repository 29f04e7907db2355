// The built playground in Debian's Chromium, served as a static host would serve it: below a path, with nothing added.

import { readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { lookup } from "mrmime";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import type { Engine, EngineOptions } from "../../playground/engine/index.ts";
import { peerPath } from "../peers/peer.ts";
import { buildPlayground } from "./build.ts";

export { buildPlayground };

/** The folder on the host. */
export const BASE = "/some/where/playground/";

export interface StaticHost {
  /** URL of the folder, with a slash at its end. */
  readonly url: string;
  /** Paths below the folder that were asked for, in order, with the bytes sent. */
  readonly requests: { readonly path: string; readonly bytes: number }[];
  close(): Promise<void>;
}

/** Serves the folder on 127.0.0.1. */
export async function serveFolder(folder: string): Promise<StaticHost> {
  const requests: { path: string; bytes: number }[] = [];
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://host");
    const name = pathname.slice(BASE.length);
    try {
      if (!pathname.startsWith(BASE) || name.includes("..")) throw new Error("outside");
      const file = name === "" || name.endsWith("/") ? `${name}index.html` : name;
      const bytes = await readFile(join(folder, file));
      requests.push({ path: name, bytes: bytes.length });
      response.setHeader("Content-Type", lookup(file) ?? "application/octet-stream");
      response.end(bytes);
    } catch {
      response.statusCode = 404;
      response.end("not found");
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${BASE}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** @param options more of the command line */
export async function launchChromium(options: readonly string[] = []): Promise<Browser> {
  return await chromium.launch({
    executablePath: peerPath("chromium"),
    args: ["--no-sandbox", "--disable-dev-shm-usage", ...options],
  });
}

/** A build of the playground, a host that serves it, and a browser. */
export interface Built {
  /** What was built. */
  readonly folder: string;
  readonly host: StaticHost;
  readonly browser: Browser;
  /** Ends and removes everything. */
  close(): Promise<void>;
}

/** @param options more of Chromium's command line */
export async function openBuilt(options?: readonly string[]): Promise<Built> {
  const folder = await buildPlayground();
  const host = await serveFolder(folder);
  const browser = await launchChromium(options);
  return {
    folder,
    host,
    browser,
    async close() {
      await browser.close();
      await host.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Names in the page that tests use inside `page.evaluate`. */
declare global {
  var edgeFpm: typeof import("../../playground/engine/index.ts");
  /** Made by `openEngine`: with the files of all examples. */
  var engine: Engine;
}

/** A page with the engine and no user interface. What the page complains about is collected. */
export async function openEnginePage(
  context: BrowserContext,
  host: StaticHost,
): Promise<{ readonly page: Page; readonly complaints: string[] }> {
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  await page.goto(`${host.url}engine.html`);
  await page.waitForFunction(() => "edgeFpm" in globalThis);
  return { page, complaints };
}

/** Makes `engine` in the page. */
export async function makeEngine(page: Page, options: EngineOptions = {}): Promise<void> {
  await page.evaluate((given) => {
    const { createEngine, EXAMPLES } = globalThis.edgeFpm;
    const files = Object.fromEntries(EXAMPLES.map(({ path, source }) => [path, source]));
    globalThis.engine = createEngine({ ...given, files: { ...files, ...given.files } });
  }, options);
}

/** A page with `engine`, on a build of its own. `close` ends and removes everything. */
export async function openEngine(options: EngineOptions = {}): Promise<{
  readonly page: Page;
  readonly host: StaticHost;
  readonly complaints: string[];
  close(): Promise<void>;
}> {
  const { host, browser, close } = await openBuilt();
  const { page, complaints } = await openEnginePage(await browser.newContext(), host);
  await makeEngine(page, options);
  return { page, host, complaints, close };
}
