// Takes the README's pictures of the playground: the workbench with its wire, and the pool under load.
//
//     npm run build:playground && npx node playground/pictures.ts
//
// Needs Debian's chromium.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { lookup } from "mrmime";
import { chromium, type Page } from "playwright-core";

const SITE = fileURLToPath(new URL("../dist-playground/", import.meta.url));
const PICTURES = fileURLToPath(new URL("../docs/pictures/", import.meta.url));

/** Milliseconds that PHP may take to be there. */
const LONG = { timeout: 60_000 };

const server = createServer(async (request, response) => {
  const name = new URL(request.url ?? "/", "http://host").pathname.slice(1) || "index.html";
  try {
    const bytes = await readFile(join(SITE, name));
    response.setHeader("Content-Type", lookup(name) ?? "application/octet-stream");
    response.end(bytes);
  } catch {
    response.statusCode = 404;
    response.end();
  }
});
await new Promise<void>((resolve) => {
  server.listen(0, "127.0.0.1", resolve);
});
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: "light" });
  await workbench(page);
  await take(page, "playground-workbench.png");
  await pool(page);
  await take(page, "playground-pool.png");
} finally {
  await browser.close();
  server.close();
  server.closeAllConnections();
}

async function take(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(PICTURES, name) });
  console.log(`docs/pictures/${name}`);
}

/** A request that was sent, its PARAMS chosen. */
async function workbench(page: Page): Promise<void> {
  await page.goto(`${url}#/workbench`);
  await page.locator(".cm-content").waitFor(LONG);
  await send(page, "hello.php");
  await page.getByRole("button", { name: "Clear" }).click();
  await send(page, "session.php");
  const records = page.getByRole("listbox", { name: "Records, oldest first" }).getByRole("option");
  await records.filter({ hasText: "PARAMS" }).first().click();
  await page.locator(".wire-scroll").evaluate((list) => list.scrollTo(0, 0));
  await page.waitForTimeout(500);
}

async function send(page: Page, script: string): Promise<void> {
  await page.getByRole("tab", { name: script, exact: true }).click();
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await page.getByRole("region", { name: "Answer" }).getByText("200").first().waitFor(LONG);
  await page.waitForTimeout(500);
}

/** More requests than the children can take. */
async function pool(page: Page): Promise<void> {
  await page.getByRole("link", { name: "Pool" }).click();
  await page.getByRole("combobox", { name: "Length of the drawing" }).selectOption("15");
  await page.getByRole("button", { name: "1,000 quick ones" }).click();
  await page.getByText("1,000 of 1,000").waitFor(LONG);
  await page.waitForTimeout(2000);
  await page.getByRole("button", { name: "A rush" }).click();
  await page.waitForTimeout(5000);
}
