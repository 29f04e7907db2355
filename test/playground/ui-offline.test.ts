// PHP's way into the page with its bytes, and the page without a network.

import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { describePeers } from "../peers/peer.ts";
import { serveFolder } from "./chromium.ts";
import { openPlayground, type Playground } from "./page.ts";

// Each test waits for real interpreters, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const LONG = { timeout: 60_000 };

describePeers(["chromium"], "the page's bytes", () => {
  let playground: Playground;
  beforeAll(async () => {
    playground = await openPlayground();
  }, 120_000);
  afterAll(() => playground?.close());

  test("of PHP are shown as they come, and no more than needed", async () => {
    const { page, complaints } = await playground.open("pool");
    let release: (() => void) | undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    // The interpreter stands still until it was looked at.
    await page.route("**/*.bin", async (route) => {
      await held;
      await route.continue();
    });
    await page.getByRole("button", { name: /^Load it \(7\.\d MB\)$/ }).click();
    const bar = page.getByRole("progressbar", { name: /^PHP 8\.4 0\.\d \/ 7\.\d MB$/ });
    await bar.waitFor();
    const total = Number(await bar.getAttribute("max"));
    expect(total).toBeGreaterThan(7_000_000);
    release?.();
    await page.getByText("Idle", { exact: true }).first().waitFor(LONG);
    const php = playground.host.requests.filter(({ path }) => path.startsWith("php/"));
    const sent = new Map(php.map(({ path, bytes }) => [path, bytes]));
    expect([...sent.values()].reduce((sum, bytes) => sum + bytes, 0)).toBe(total);
    await page.locator(".strip progress").waitFor({ state: "detached" });
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test("of PHP can be asked for again when they could not be had", async () => {
    const { page } = await playground.open("pool");
    await page.route("**/*.bin", (route) => route.abort());
    await page.getByRole("button", { name: "Load it" }).click();
    await page.locator(".strip").getByRole("alert").waitFor();
    await page.unroute("**/*.bin");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText("Idle", { exact: true }).first().waitFor(LONG);
    await page.context().close();
  });

  test("are all kept after the first visit: every view works without a network", async () => {
    const host = await serveFolder(playground.folder);
    const context = await playground.browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    await page.goto(`${host.url}#/pool`);
    await page.getByText("page works offline").waitFor(LONG);
    await page.getByRole("button", { name: "Start the pool" }).click();
    await page.getByText("Idle", { exact: true }).first().waitFor(LONG);
    await page.locator(".strip", { hasText: "works offline" }).waitFor();
    await host.close();
    await context.setOffline(true);

    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.reload();
    await page.getByRole("button", { name: "1,000 quick ones" }).click();
    await page.getByText("1,000 of 1,000").waitFor(LONG);
    for (const [tab, heading] of [
      ["Multiplex", "Multiplex"],
      ["Break it", "Break it"],
      ["CGI or FastCGI", "CGI against FastCGI"],
      ["Set-ups", "Set-ups"],
      ["Captures", "Captures"],
    ] as const) {
      await page.getByRole("link", { name: tab }).click();
      await page.getByRole("heading", { name: heading, level: 1 }).waitFor();
    }
    await page.getByRole("button", { name: "nginx.pcapng" }).click();
    await page.getByRole("region", { name: "Requests" }).waitFor();
    await page.getByRole("button", { name: "Tour" }).click();
    await page.getByRole("heading", { name: "CGI, and what it costs" }).waitFor();
    await page.getByRole("button", { name: "Measure both" }).click();
    await expect.poll(() => page.locator(".tour-outcome").textContent(), LONG).toContain("times as long");
    expect(complaints).toEqual([]);
    await context.close();
  }, 120_000);
});
