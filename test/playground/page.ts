// The built page with its user interface in Debian's Chromium, for tests that use it as a visitor does.

import { createRequire } from "node:module";
import type { BrowserContextOptions, Locator, Page } from "playwright-core";
import { type Built, openBuilt } from "./chromium.ts";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

export interface OpenedPage {
  readonly page: Page;
  /** What the page complained about: errors thrown and logged. */
  readonly complaints: string[];
}

/** The built page on a host of its own, to be opened any number of times. */
export interface Playground extends Built {
  /** A visitor without a past, at a view such as "break". Without a service worker, unless `options` allow it. */
  open(view?: string, options?: BrowserContextOptions): Promise<OpenedPage>;
}

/** Builds the page, and serves it below a path. */
export async function openPlayground(): Promise<Playground> {
  const built = await openBuilt();
  const { browser, host } = built;
  return {
    ...built,
    async open(view = "workbench", options = {}) {
      const context = await browser.newContext({
        viewport: { width: 1280, height: 800 },
        serviceWorkers: "block",
        ...options,
      });
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on("pageerror", (error) => complaints.push(String(error)));
      page.on("console", (message) => {
        if (message.type() === "error") complaints.push(message.text());
      });
      await page.goto(`${host.url}#/${view}`);
      return { page, complaints };
    },
  };
}

/** Sends the request of the workbench, and waits for the end of its answer. */
export async function sendAndWait(page: Page): Promise<void> {
  const answer = page.getByRole("region", { name: "Answer" });
  const before = Number((await answer.getAttribute("data-visit")) ?? 0);
  await page.getByRole("button", { name: "Send", exact: true }).click();
  // The first request waits for PHP: it is fetched, compiled and started.
  await page
    .locator(`.answer[data-visit="${before + 1}"]:is([data-state="done"], [data-state="failed"])`)
    .waitFor({ timeout: 60_000 });
}

/** Stops of Tab that any part of the page may be away. */
const MOST_STOPS = 150;

/** Presses Tab until the element has the focus, out of the script's editor too, as somebody without a mouse does. */
export async function tabTo(page: Page, wanted: Locator): Promise<void> {
  await wanted.waitFor();
  for (let stops = 0; stops < MOST_STOPS; stops++) {
    if (await wanted.evaluate((element) => element === document.activeElement)) return;
    if (await page.evaluate(() => document.activeElement?.closest(".cm-editor") != null)) {
      await page.keyboard.press("Escape");
    }
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not reach ${wanted}`);
}

/** What axe-core finds wrong in the page as it is: rule and element, one a line. */
export async function violations(page: Page): Promise<string[]> {
  await page.addScriptTag({ path: axe });
  return await page.evaluate(async () => {
    // Motion that is under way has colours of its own.
    await Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {})));
    const { axe } = globalThis as unknown as { axe: { run(): Promise<AxeResult> } };
    const found = await axe.run();
    return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
  });
}

interface AxeResult {
  readonly violations: readonly { readonly id: string; readonly nodes: readonly { readonly html: string }[] }[];
}
