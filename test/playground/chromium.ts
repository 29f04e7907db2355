// The built playground in Debian's Chromium, served as a static host would serve it: below a path, with nothing added.

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { lookup } from "mrmime";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { findProgram } from "../peers/binaries.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Where the build puts its folder. */
export const OUTPUT = join(root, "dist-playground");

/** The folder on the host. */
export const BASE = "/some/where/playground/";

/** Absolute path of Chromium; undefined when it is not installed (apt-get install chromium). */
export const CHROMIUM = findProgram(["chromium"]);

/** Builds the static folder, as `npm run build:playground` does. */
export async function buildPlayground(): Promise<void> {
  await promisify(execFile)(process.execPath, [join(root, "node_modules/vite/bin/vite.js"), "build", "playground"], {
    cwd: root,
    // Vite chooses between development and production by it; vitest sets it to "test".
    env: { ...process.env, NODE_ENV: "production" },
  });
}

export interface StaticHost {
  /** URL of the folder, with a slash at its end. */
  readonly url: string;
  /** Paths below the folder that were asked for, in order, with the bytes sent. */
  readonly requests: { readonly path: string; readonly bytes: number }[];
  close(): Promise<void>;
}

/** Serves the folder on 127.0.0.1. */
export async function serveFolder(folder: string = OUTPUT): Promise<StaticHost> {
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

export async function launchChromium(): Promise<Browser> {
  return await chromium.launch({
    executablePath: CHROMIUM ?? "",
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
}

/** A page with the engine and no user interface. What it complains about is collected. */
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
