// What holds in every view, in both themes, on a wide screen and on a phone; tabs by the keyboard; what is too big to keep.

import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { describePeers } from "../peers/peer.ts";
import { openPlayground, type Playground, tabTo, violations } from "./page.ts";

// Each test waits for real interpreters, on a machine that may be busy.
vi.setConfig({ testTimeout: 240_000 });

const LONG = { timeout: 60_000 };

/** In each view: what a visitor does there, until something is to be seen. Each step is looked at. */
const VIEWS: readonly { readonly view: string; readonly steps: readonly ((page: Page) => Promise<void>)[] }[] = [
  {
    view: "workbench",
    steps: [
      async (page) => {
        await page.locator(".cm-content").waitFor();
        await page.getByRole("button", { name: "Send", exact: true }).click();
        await page.getByRole("region", { name: "Answer" }).getByText("200").first().waitFor(LONG);
      },
      async (page) => {
        const wire = page.getByRole("button", { name: "Wire", exact: true });
        if (await wire.isVisible()) await wire.click();
        await page
          .getByRole("option", { name: /PARAMS/ })
          .first()
          .click();
        await page.getByRole("tab", { name: "Bytes" }).click();
      },
      async (page) => page.getByRole("tab", { name: "States" }).click(),
      async (page) => page.getByRole("tab", { name: "Specification" }).click(),
    ],
  },
  {
    view: "multiplex",
    steps: [
      async (page) => {
        await page.getByText("The requests one by one").click();
        await page.getByRole("button", { name: "Send them" }).click();
        await page.locator(".lesson").nth(1).waitFor(LONG);
      },
    ],
  },
  {
    view: "break",
    steps: [
      async (page) => {
        await page.getByRole("button", { name: "HTTP on a FastCGI port" }).click();
        await page.getByRole("button", { name: "Run", exact: true }).click();
        await page.getByText("the connection has ended").waitFor();
      },
      async (page) => page.getByRole("tab", { name: "Raw bytes" }).click(),
    ],
  },
  {
    view: "pool",
    steps: [
      async (page) => {
        await page.getByRole("button", { name: "A rush" }).click();
        await page.getByText("Running", { exact: true }).first().waitFor(LONG);
      },
      async (page) => {
        await page.getByRole("button", { name: "Stop", exact: true }).click();
        await page.getByRole("tab", { name: "Status page" }).click();
      },
    ],
  },
  {
    view: "compare",
    steps: [
      async (page) => {
        await page.getByRole("combobox", { name: "Requests of each kind" }).selectOption({ index: 0 });
        await page.getByRole("button", { name: "Measure" }).click();
        await page.getByRole("button", { name: "Measure again" }).waitFor(LONG);
      },
    ],
  },
  {
    view: "site",
    steps: [async (page) => page.getByText("Files are kept in this browser").waitFor()],
  },
  {
    view: "setups",
    steps: [async (page) => page.getByLabel("Host name").fill("shop.example")],
  },
  {
    view: "captures",
    steps: [
      async (page) => {
        await page.getByRole("button", { name: "nginx.pcapng" }).click();
        await page.getByRole("region", { name: "Requests" }).waitFor();
      },
      async (page) => page.getByRole("tab", { name: "States" }).click(),
    ],
  },
];

describePeers(["chromium"], "every view", () => {
  let playground: Playground;
  beforeAll(async () => {
    playground = await openPlayground();
  }, 120_000);
  afterAll(() => playground?.close());

  test.each([
    ["a wide screen", { width: 1280, height: 800 }],
    ["a phone", { width: 390, height: 844 }],
  ] as const)("has nothing that axe objects to, in both themes, and nothing wider than %s", async (_, viewport) => {
    const { page, complaints } = await playground.open("workbench", { viewport });
    const found: string[] = [];
    const look = async (where: string) => {
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        found.push(...(await violations(page)).map((violation) => `${where}, ${colorScheme}: ${violation}`));
      }
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      if (width !== viewport.width) found.push(`${where} is ${width} pixels wide`);
    };
    for (const { view, steps } of VIEWS) {
      await page.evaluate((name) => {
        location.hash = `#/${name}`;
      }, view);
      await page.locator(`a[href="#/${view}"][aria-current="page"]`).waitFor();
      await page.locator("main h1").waitFor();
      await look(`${view}, untouched`);
      for (const [index, step] of steps.entries()) {
        await step(page);
        await look(`${view}, step ${index + 1}`);
      }
    }
    expect(found).toEqual([]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test("has tabs with one stop for Tab, and arrows between them", async () => {
    const { page } = await playground.open();
    const tabs = page.getByRole("tablist", { name: "Parts of the answer" }).getByRole("tab");
    await tabTo(page, tabs.first());
    for (const [key, name] of [
      ["ArrowRight", "Headers"],
      ["End", "STDERR"],
      ["ArrowRight", "Page"],
      ["ArrowLeft", "STDERR"],
      ["Home", "Page"],
    ] as const) {
      await page.keyboard.press(key);
      const tab = page.getByRole("tab", { name, exact: true });
      expect(await tab.getAttribute("aria-selected")).toBe("true");
      expect(await tab.evaluate((element) => element === document.activeElement)).toBe(true);
    }
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.getAttribute("role"))).toBe("tabpanel");
    await page.context().close();
  });

  test("moves among scripts without a word to the request, until one is chosen", async () => {
    const { page } = await playground.open();
    const last = page.getByRole("tablist", { name: "Scripts" }).getByRole("tab").last();
    await tabTo(page, page.getByRole("tab", { name: "hello.php", exact: true }));
    await page.keyboard.press("ArrowLeft");
    expect(await last.evaluate((element) => element === document.activeElement)).toBe(true);
    expect(await page.getByLabel("Path and query").inputValue()).toBe("/hello.php");
    await page.keyboard.press("Enter");
    expect(await page.getByLabel("Path and query").inputValue()).toBe(`/${await last.textContent()}`);
    await page.context().close();
  });

  test("shows the chosen tab whole, also when the page is opened with one far away", async () => {
    const { page } = await playground.open("workbench", { viewport: { width: 390, height: 844 } });
    const list = page.getByRole("tablist", { name: "Scripts" });
    await list.getByRole("tab").last().click();
    await page.reload();
    await page.locator(".cm-content").waitFor();
    const [box, tab] = await Promise.all([list.boundingBox(), list.getByRole("tab").last().boundingBox()]);
    if (box === null || tab === null) throw new Error("there are no tabs");
    expect(tab.x).toBeGreaterThanOrEqual(box.x);
    expect(tab.x + tab.width).toBeLessThanOrEqual(box.x + box.width + 1);
    expect(await list.getAttribute("data-before")).toBe("");
    expect(await list.getAttribute("data-after")).toBe(null);
    await page.context().close();
  });

  test("says when something is too big to be kept, and what a reload brings back", async () => {
    const { page } = await playground.open("workbench");
    await page.getByLabel("Path and query").fill("/upload.php?kept");
    await page.getByLabel("Kind").selectOption("form", { force: true });
    await page
      .locator('input[type="file"]')
      .setInputFiles({ name: "big.bin", mimeType: "image/x-test", buffer: Buffer.alloc(6 * 1024 * 1024, 1) });
    const note = page.getByText("This browser does not keep this request");
    await note.waitFor();
    expect(await violations(page)).toEqual([]);
    await page.reload();
    await page.locator(".cm-content").waitFor();
    expect(await page.getByLabel("Path and query").inputValue()).toBe("/upload.php?kept");
    expect(await note.count()).toBe(0);
    await page.context().close();
  });
});
