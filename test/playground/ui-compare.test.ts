// CGI against FastCGI as a visitor measures it.

import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { CompareSample } from "../../playground/engine/types.ts";
import { milliseconds } from "../../playground/ui/views/compare/milliseconds.ts";
import { describePeers } from "../peers/peer.ts";
import { openPlayground, type Playground, violations } from "./page.ts";

// Each test waits for real interpreters, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const LONG = { timeout: 60_000 };

describePeers(["chromium"], "the comparison's view", () => {
  let playground: Playground;
  let page: Page;
  let complaints: string[];
  beforeAll(async () => {
    playground = await openPlayground();
    ({ page, complaints } = await playground.open("compare"));
  }, 120_000);
  afterAll(() => playground?.close());

  test("measures both kinds as often as it was told, and draws each request", async () => {
    await page.getByLabel("Requests of each kind").selectOption("5");
    await page.getByRole("button", { name: "Measure" }).click();
    await page.getByRole("button", { name: "Measure again" }).waitFor(LONG);
    expect(await page.locator(".race .dot[data-kind=cgi]").count()).toBe(5);
    expect(await page.locator(".race .dot[data-kind=fastcgi]").count()).toBe(5);
    const rows = page.getByRole("region", { name: "Samples" }).locator("tbody tr");
    await page.getByText("All 10 samples").click();
    expect(await rows.count()).toBe(10);
    expect(await page.locator(".samples td:nth-child(3)").allTextContents()).toEqual(Array(10).fill("200"));
  });

  test("says how many times as long a fresh interpreter takes, and for what", async () => {
    const times = Number((await page.locator(".ratio-figure").textContent())?.replaceAll(/[^\d.]/g, ""));
    const [cgi = 0, fastcgi = 0] = (await page.locator(".medians dd").allTextContents()).map(Number.parseFloat);
    expect(times).toBeGreaterThan(1);
    expect(cgi / fastcgi).toBeGreaterThan(times * 0.9);
    expect(cgi / fastcgi).toBeLessThan(times * 1.1);
    const [start = "", run = ""] = await page.locator(".bar-says").allTextContents();
    expect(start).toMatch(/^[\d.]+ m?s start \+ [\d.]+ m?s run$/);
    expect(run).toMatch(/^[\d.]+ m?s run$/);
    // The start is the larger part of what CGI takes.
    const widths = await page
      .locator(".bar-row:first-child .bar span")
      .evaluateAll((parts) => parts.map((part) => part.getBoundingClientRect().width));
    expect(widths[0]).toBeGreaterThan(widths[1] ?? 0);
  });

  test("is stopped when asked, and keeps what it has", async () => {
    await page.getByLabel("Requests of each kind").selectOption("50");
    await page.getByRole("button", { name: "Measure again" }).click();
    await expect.poll(() => page.locator(".race .dot").count(), LONG).toBeGreaterThan(3);
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("button", { name: "Measure again" }).waitFor(LONG);
    const dots = await page.locator(".race .dot").count();
    expect(dots).toBeGreaterThan(3);
    expect(dots).toBeLessThan(100);
  });

  test.each(["light", "dark"] as const)("is usable for everyone: %s", async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    expect(await violations(page)).toEqual([]);
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await violations(page)).toEqual([]);
    expect(await page.locator("main.view").evaluate((view) => view.scrollWidth - view.clientWidth)).toBe(0);
    await page.setViewportSize({ width: 1280, height: 800 });
    expect(complaints).toEqual([]);
  });
});

describe("durations", () => {
  test.each([
    [0.123, "0.12 ms"],
    [4.5, "4.50 ms"],
    [45.67, "45.7 ms"],
    [456.7, "457 ms"],
    [1234, "1.23 s"],
  ])("%f are read as %s", (value: CompareSample["total"], text) => {
    expect(milliseconds(value)).toBe(text);
  });
});
