// Permalinks: everything that a visitor has set, on another visitor's screen.

import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { describePeers } from "../peers/peer.ts";
import { openPlayground, type Playground, violations } from "./page.ts";

// Each test waits for real interpreters, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const LONG = { timeout: 60_000 };
const button = (page: Page) => page.getByRole("button", { name: "Copy a link to this page as it is" });

/** Changes one thing of each kind. */
async function setUp(page: Page): Promise<void> {
  await page.locator(".cm-content").click();
  await page.keyboard.press("Control+A");
  await page.keyboard.type("<?php echo 'from a link, ', PHP_VERSION;");
  await page.getByLabel("Path and query").fill("/hello.php?from=link");
  await page.getByRole("link", { name: "Multiplex" }).click();
  await page.getByRole("slider", { name: "Requests at once" }).fill("6");
  await page.getByRole("link", { name: "Break it" }).click();
  await page.getByLabel("Type of record 1").selectOption("42");
  await page.getByRole("link", { name: "Set-ups" }).click();
  await page.getByLabel("Host name").fill("shop.example");
  await page.getByRole("link", { name: "Pool", exact: true }).click();
  await page.getByRole("radio", { name: "static" }).check();
  await page.getByRole("slider", { name: "pm.max_children" }).fill("3");
  await page.getByRole("slider", { name: "pm.max_requests" }).fill("42");
}

describePeers(["chromium"], "permalinks", () => {
  let playground: Playground;
  let link: string;
  beforeAll(async () => {
    playground = await openPlayground();
  }, 120_000);
  afterAll(() => playground?.close());

  test("are copied, and told to be", async () => {
    const { page, complaints } = await playground.open("workbench", {
      permissions: ["clipboard-read", "clipboard-write"],
    });
    await setUp(page);
    await page.getByRole("combobox", { name: "PHP" }).selectOption("8.2");
    await page.getByText("Idle", { exact: true }).first().waitFor(LONG);
    await page.getByRole("button", { name: "Tour" }).click();
    await page.getByRole("navigation", { name: "Steps of the tour" }).getByRole("button", { name: "Streams" }).click();
    await page.getByRole("link", { name: "Pool", exact: true }).click();
    await button(page).click();
    await page.getByRole("button", { name: "Link copied" }).waitFor();
    link = await page.evaluate(() => navigator.clipboard.readText());
    expect(link).toMatch(
      /^http:\/\/127\.0\.0\.1:\d+\/some\/where\/playground\/#\/pool\?php=8\.2&tour=streams&s=[\w-]+$/,
    );
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test("restore scripts, request, numbers, version of PHP, what views keep, view and step for another visitor", async () => {
    const { page, complaints } = await playground.open();
    await page.goto("about:blank");
    await page.goto(link);
    await page.getByRole("heading", { name: "The pool" }).waitFor();
    await page.getByRole("heading", { name: "Streams" }).waitFor();
    expect(await page.getByRole("radio", { name: "static" }).isChecked()).toBe(true);
    await expect.poll(() => page.getByRole("slider", { name: "pm.max_children" }).inputValue()).toBe("3");
    expect(await page.getByRole("slider", { name: "pm.max_requests" }).inputValue()).toBe("42");
    expect(await page.getByRole("combobox", { name: "PHP" }).inputValue()).toBe("8.2");
    await page.getByRole("link", { name: "Multiplex" }).click();
    expect(await page.getByRole("slider", { name: "Requests at once" }).inputValue()).toBe("6");
    await page.getByRole("link", { name: "Break it" }).click();
    expect(await page.getByLabel("Type of record 1").inputValue()).toBe("42");
    await page.getByRole("link", { name: "Set-ups" }).click();
    expect(await page.getByLabel("Host name").inputValue()).toBe("shop.example");
    await page.getByText("server_name shop.example;").waitFor();
    await page.getByRole("link", { name: "Workbench" }).click();
    expect(await page.getByLabel("Path and query").inputValue()).toBe("/hello.php?from=link");
    await page.getByRole("button", { name: "Send", exact: true }).click();
    const answer = page.frameLocator("iframe").getByText(/from a link, 8\.2\./);
    await answer.waitFor(LONG);
    const status = await page.locator(".strip").textContent();
    expect(status).toContain("pm = static, at most 3");
    expect(complaints).toEqual([]);

    // What was edited since is not lost to the link when the page is loaded again.
    expect(page.url()).not.toContain("s=");
    await page.getByLabel("Path and query").fill("/hello.php?edited");
    await page.reload();
    expect(await page.getByLabel("Path and query").inputValue()).toBe("/hello.php?edited");
    await page.context().close();
  });

  test("are shown in a field where the browser does not let the page copy", async () => {
    const { page } = await playground.open("pool");
    await page.evaluate(() => {
      Object.defineProperty(navigator, "clipboard", { value: undefined });
    });
    await button(page).click();
    const dialog = page.getByRole("dialog", { name: "Link to this page as it is" });
    const field = dialog.getByRole("textbox", { name: "Link" });
    expect(await field.inputValue()).toMatch(/#\/pool\?php=8\.4&s=[\w-]+$/);
    expect(await field.evaluate((input: HTMLInputElement) => input.selectionEnd)).toBe(
      (await field.inputValue()).length,
    );
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await page.context().close();
  });

  test.each([
    ["no base64", "s=%25%25"],
    ["no packed text", "s=AAAA"],
    ["another shape", "s=q1YqLU5MT1WyUipKLVaqBQA"],
    ["an unknown version of PHP", "php=4.1"],
  ])("that cannot be read change nothing: %s", async (_, query) => {
    const { page, complaints } = await playground.open(`pool?${query}`);
    await page.getByRole("heading", { name: "The pool" }).waitFor();
    expect(await page.getByRole("slider", { name: "pm.max_children" }).inputValue()).toBe("4");
    expect(await page.getByRole("combobox", { name: "PHP" }).inputValue()).toBe("8.4");
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});
