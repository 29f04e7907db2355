// The workbench as a visitor uses it: scripts, requests, answers.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describePeers } from "../peers/peer.ts";
import { openPlayground, type Playground } from "./page.ts";

/** PHP is fetched, compiled and started by the first request. */
const FIRST = { timeout: 60_000 };

const answer = (page: Page) => page.getByRole("region", { name: "Answer" });

async function send(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Send", exact: true }).click();
}

async function answered(page: Page, status: number): Promise<void> {
  await answer(page).getByText(`${status}`, { exact: false }).first().waitFor(FIRST);
  await page.getByRole("button", { name: "Send", exact: true }).waitFor(FIRST);
}

async function raw(page: Page): Promise<string> {
  await answer(page).getByRole("tab", { name: "Raw" }).click();
  return (await answer(page).locator("pre").textContent()) ?? "";
}

async function choose(page: Page, script: string): Promise<void> {
  await page.getByRole("tab", { name: script, exact: true }).click();
}

async function setUrl(page: Page, url: string): Promise<void> {
  await page.getByLabel("Path and query").fill(url);
}

describePeers(["chromium"], "the workbench", () => {
  let playground: Playground;
  beforeAll(async () => {
    playground = await openPlayground();
  }, 120_000);
  afterAll(() => playground?.close());

  test("weighs less than 250 KB, packed, before PHP is asked for", async () => {
    const before = playground.host.requests.length;
    const { page } = await playground.open();
    await page.locator(".cm-content").waitFor();
    await page.waitForLoadState("networkidle");
    const names = new Set(playground.host.requests.slice(before).map(({ path }) => path || "index.html"));
    let bytes = 0;
    for (const name of names) bytes += gzipSync(await readFile(join(playground.folder, name)), { level: 9 }).length;
    expect([...names].filter((name) => name.startsWith("php/"))).toEqual([]);
    expect(names.size).toBeGreaterThan(5);
    expect(bytes).toBeLessThan(250_000);
    await page.context().close();
  });

  test("shows page, headers, raw body and STDERR of an answer", async () => {
    const { page, complaints } = await playground.open();
    await setUrl(page, "/hello.php?name=Ada");
    await send(page);
    await answered(page, 200);
    await page.frameLocator(".page-frame").getByRole("heading", { name: "Hello, Ada!" }).waitFor();
    await answer(page).getByRole("tab", { name: "Headers" }).click();
    await answer(page).getByRole("rowheader", { name: "Content-type", exact: false }).waitFor();
    expect(await raw(page)).toContain("<h1>Hello, Ada!</h1>");
    await choose(page, "fatal.php");
    await send(page);
    await answered(page, 500);
    await answer(page).getByRole("tab", { name: "STDERR" }).click();
    await answer(page).getByText("Call to undefined function missing_function()").waitFor();
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test("takes the request of an example with its script", async () => {
    const { page } = await playground.open();
    await choose(page, "form.php");
    expect(await page.getByLabel("Method").inputValue()).toBe("POST");
    await send(page);
    await answered(page, 200);
    expect(await raw(page)).toContain("[colour] =&gt; green");
    await choose(page, "upload.php");
    await send(page);
    await page.getByText("Stored 13 bytes").waitFor(FIRST);
    await page.context().close();
  });

  test("sends a form with a file that the visitor chose", async () => {
    const { page } = await playground.open();
    await choose(page, "upload.php");
    await page.getByLabel("Kind").selectOption("form");
    const content = Buffer.from([0, 255, 254, 128, 10, 13, 10]);
    await page
      .locator('input[type="file"]')
      .setInputFiles({ name: "bytes.bin", mimeType: "image/x-test", buffer: content });
    await send(page);
    await answered(page, 200);
    expect(await raw(page)).toContain(`Stored ${content.length} bytes`);
    await setUrl(page, "/uploads/bytes.bin");
    await page.getByLabel("Method").selectOption("GET");
    await page.getByLabel("Kind").selectOption("none");
    await send(page);
    await answered(page, 200);
    await answer(page).getByText(`${content.length} B`, { exact: false }).first().waitFor();
    await page.context().close();
  });

  test("keeps cookies as a browser does, and forgets them when asked", async () => {
    const { page } = await playground.open();
    await choose(page, "session.php");
    await send(page);
    await answered(page, 200);
    expect(await raw(page)).toContain("Visits: 1");
    await send(page);
    await page.getByText("Visits: 2").waitFor(FIRST);
    await page.getByText("Headers", { exact: false }).locator("xpath=ancestor-or-self::summary").first().click();
    await page.getByRole("button", { name: "Forget them" }).click();
    await send(page);
    await page.getByText("Visits: 1").waitFor(FIRST);
    await page.getByLabel("Earlier requests").selectOption({ index: 1 });
    await page.getByText("Visits: 2").waitFor();
    await page.context().close();
  });

  test("stops a script by an ABORT_REQUEST", async () => {
    const { page } = await playground.open();
    await choose(page, "slow.php");
    await setUrl(page, "/slow.php?pieces=100&ms=100");
    await send(page);
    await answer(page).getByText("piece 2 of 100").waitFor(FIRST);
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("button", { name: "Send", exact: true }).waitFor();
    // It is over, and nothing was sent in its place.
    await page.locator('.answer[data-visit="1"][data-state="failed"]').waitFor();
    await page.getByLabel("Part of a record type").fill("abort");
    await page
      .getByRole("option", { name: /ABORT_REQUEST/ })
      .first()
      .waitFor();
    await page.context().close();
  });

  test("survives an endless loop: its child is ended and replaced", async () => {
    const { page } = await playground.open();
    const pids = async () => {
      await setUrl(page, "/status?json&full");
      await send(page);
      await answered(page, 200);
      const text = await raw(page);
      return (JSON.parse(text) as { processes: { pid: number }[] }).processes.map(({ pid }) => pid);
    };
    await send(page);
    await answered(page, 200);
    const before = await pids();
    await choose(page, "loop.php");
    await send(page);
    const row = page.getByRole("option", { name: /STDIN.*master to child/ }).last();
    await row.waitFor(FIRST);
    const busy = Number((await row.locator(".wire-pid").textContent()) ?? "");
    expect(busy).toBeGreaterThan(0);
    await page.getByRole("button", { name: "Stop" }).click();
    await expect.poll(pids, { timeout: 20_000, interval: 300 }).not.toContain(busy);
    await expect
      .poll(async () => (await pids()).length, { timeout: 20_000, interval: 300 })
      .toBeGreaterThanOrEqual(before.length);
    await setUrl(page, "/hello.php");
    await send(page);
    await answered(page, 200);
    await page.context().close();
  }, 90_000);

  test("keeps edits, new scripts and the request over a reload", async () => {
    const { page } = await playground.open();
    await page.locator(".cm-content").click();
    await page.keyboard.press("Control+Home");
    await page.keyboard.type("<p>edited</p>");
    await page.getByRole("button", { name: "New script" }).click();
    await page.getByLabel("Name of the new script").fill("mine.php");
    await page.keyboard.press("Enter");
    await page.locator(".cm-content").click();
    await page.keyboard.press("Control+End");
    await page.keyboard.type("echo 'mine';");
    await setUrl(page, "/mine.php?a=b");
    await page.reload();
    expect(await page.getByLabel("Path and query").inputValue()).toBe("/mine.php?a=b");
    await send(page);
    await answered(page, 200);
    expect(await raw(page)).toBe("mine");
    await setUrl(page, "/hello.php");
    await send(page);
    await page.getByText("<p>edited</p>").first().waitFor(FIRST);
    await choose(page, "hello.php edited");
    await page.getByRole("button", { name: "As it was" }).click();
    await choose(page, "mine.php edited");
    await page.getByRole("button", { name: "Remove /mine.php" }).click();
    expect(await page.getByRole("tab", { name: "mine.php" }).count()).toBe(0);
    await page.context().close();
  });
});
