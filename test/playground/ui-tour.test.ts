// The guided tour: one text with the document, steps that drive the page, the keyboard alone.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { describePeers } from "../peers/peer.ts";
import { openPlayground, type Playground, tabTo, violations } from "./page.ts";

// Each test waits for real interpreters, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const LONG = 90_000;
const document = readFileSync(join(import.meta.dirname, "../../docs/how-it-works.md"), "utf8");
const titles = [...document.matchAll(/^## (.+)$/gm)].map(([, title]) => title ?? "");

/** For each step in turn: what its button says, and what comes of it in the page. */
const STEPS: readonly {
  readonly button: string;
  readonly outcome: RegExp;
  readonly proof: (page: Page) => Promise<void>;
}[] = [
  {
    button: "Measure both",
    outcome: /CGI took [\d.]+ m?s, FastCGI [\d.]+ m?s: \d+ times as long/,
    proof: async (page) => expect(await page.locator(".race .dot").count()).toBe(20),
  },
  {
    button: "Send ten requests",
    outcome: /Child \d+ has served \d+ requests/,
    proof: async (page) => page.getByText("10 of 10").waitFor(),
  },
  {
    button: "Send a request and choose its first record",
    outcome: /BEGIN_REQUEST with request id 1/,
    proof: async (page) => {
      await page.getByRole("region", { name: "Inspector" }).getByText("BEGIN_REQUEST of request 1").waitFor();
    },
  },
  {
    button: "Send a form",
    outcome: /PARAMS, \d+ bytes of names and values/,
    proof: async (page) => {
      await page.getByRole("region", { name: "Inspector" }).getByText("CONTENT_LENGTH").first().waitFor();
    },
  },
  {
    button: "Send three at once",
    outcome: /the records are mixed/,
    proof: async (page) => page.getByText("2, 3, 1").first().waitFor(),
  },
  {
    button: "Two children, then a rush",
    outcome: /up to \d+ requests waited/,
    proof: async (page) => page.getByText("server reached pm.max_children setting (2)").first().waitFor(),
  },
  {
    button: "Keep connections",
    outcome: /two lines more/,
    proof: async (page) => page.getByText("fastcgi_keep_conn on;").waitFor(),
  },
  {
    button: "Run an endless loop",
    outcome: /the visitor got 504/,
    proof: async (page) =>
      page
        .getByText(/execution timed out/)
        .first()
        .waitFor(),
  },
];

async function press(page: Page, name: string): Promise<void> {
  const button = page.getByRole("complementary", { name: "Guided tour" }).getByRole("button", { name });
  await tabTo(page, button);
  await page.keyboard.press("Enter");
}

describePeers(["chromium"], "the tour", () => {
  let playground: Playground;
  let page: Page;
  let complaints: string[];
  beforeAll(async () => {
    playground = await openPlayground();
    ({ page, complaints } = await playground.open());
  }, 120_000);
  afterAll(() => playground?.close());

  test("opens by the keyboard, with the focus on its first heading", async () => {
    await tabTo(page, page.getByRole("button", { name: "Tour" }));
    await page.keyboard.press("Enter");
    const heading = page.getByRole("heading", { name: titles[0] ?? "" });
    await heading.waitFor();
    await expect.poll(() => heading.evaluate((element) => element === window.document.activeElement)).toBe(true);
    expect(new URL(page.url()).hash).toBe("#/compare?tour=cgi-and-what-it-costs");
  });

  test("has the document's steps and words", async () => {
    expect(titles).toHaveLength(STEPS.length);
    const steps = page.getByRole("navigation", { name: "Steps of the tour" }).getByRole("button");
    expect(await steps.allTextContents()).toEqual(titles);
    const plain = (text: string) => text.replaceAll(/[`*]|\s+/g, "");
    for (let index = 0; index < titles.length; index++) {
      await steps.nth(index).click();
      await page.getByRole("heading", { name: titles[index] ?? "", exact: true, level: 2 }).waitFor();
      const shown = plain((await page.locator(".tour-text").textContent()) ?? "");
      expect(shown.length).toBeGreaterThan(200);
      expect(plain(document)).toContain(shown);
    }
    await steps.first().click();
  });

  test.each(STEPS.map((step, index) => [titles[index] ?? "", index, step] as const))(
    "drives the page: %s",
    async (title, index, { button, outcome, proof }) => {
      if (index > 0) await press(page, "Next");
      await page.getByRole("heading", { name: title, exact: true, level: 2 }).waitFor();
      await press(page, button);
      await expect.poll(() => page.locator(".tour-outcome").textContent(), { timeout: LONG }).toMatch(outcome);
      await proof(page);
      expect(new URL(page.url()).hash).toMatch(/^#\/[a-z]+\?tour=[a-z-]+$/);
    },
    LONG + 30_000,
  );

  test("can be left for free play, and says how to come back", async () => {
    await page.getByRole("link", { name: "Set-ups" }).click();
    await page.getByRole("heading", { name: "Set-ups" }).waitFor();
    await page.getByText("You have gone elsewhere.").waitFor();
    expect(new URL(page.url()).hash).toBe("#/setups?tour=at-the-edge");
    await press(page, "Back to this step");
    await page.getByRole("heading", { name: "The pool" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("complementary", { name: "Guided tour" }).waitFor({ state: "detached" });
    expect(new URL(page.url()).hash).toBe("#/pool");
    expect(await page.evaluate(() => window.document.activeElement?.textContent)).toBe("Tour");
  });

  test("opens at the step of the address", async () => {
    const other = await playground.open("workbench?tour=streams");
    await other.page.getByRole("heading", { name: "Streams" }).waitFor();
    expect(other.complaints).toEqual([]);
    await other.page.context().close();
  });

  test.each(["light", "dark"] as const)("is usable for everyone: %s", async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    await page.goto(`${playground.host.url}#/setups?tour=nginx-and-php-fpm`);
    await page.getByRole("heading", { name: "nginx and php-fpm" }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await violations(page)).toEqual([]);
    // The drawer lies below what it talks about.
    const [view, tour] = await Promise.all([page.locator("main").boundingBox(), page.locator(".tour").boundingBox()]);
    expect((view?.y ?? 0) + (view?.height ?? 0)).toBeLessThanOrEqual((tour?.y ?? 0) + 1);
    expect(view?.height).toBeGreaterThan(200);
    await page.setViewportSize({ width: 1280, height: 800 });
    expect(complaints).toEqual([]);
  });
});
