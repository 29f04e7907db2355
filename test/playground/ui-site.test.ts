// An application of the visitor's own, in the view for it: brought, shown, used by its links and forms, kept, removed.

import { strToU8, zipSync } from "fflate";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { describePeers } from "../peers/peer.ts";
import { openPlayground, type Playground, violations } from "./page.ts";

vi.setConfig({ testTimeout: 120_000 });

const LONG = { timeout: 20_000 };

const INDEX = `<?php session_start();
$base = rtrim(dirname($_SERVER["SCRIPT_NAME"]), "/");
if (isset($_GET["leave"])) { setcookie("seen", "yes", ["path" => "$base/deep", "httponly" => true]); header("Location: $base/deep/page?x=1"); exit; }
$_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1;
?><!doctype html><html lang="en"><title>A site</title><link rel="stylesheet" href="<?= $base ?>/css/a.css">
<main><h1>HEADING</h1><p id="n"><?= $_SESSION["n"] ?></p><p id="at"><?= htmlspecialchars($_SERVER["REQUEST_URI"]) ?></p>
<p id="got"><?= htmlspecialchars(($_POST["word"] ?? "") . " " . ($_COOKIE["seen"] ?? "")) ?></p><a href="?leave=1">leave</a>
<form method="post" enctype="multipart/form-data"><label>Word <input name="word"></label><button>Send</button></form></main>`;

const zip = (files: Readonly<Record<string, string>>) => ({
  name: "site.zip",
  mimeType: "application/zip",
  buffer: Buffer.from(zipSync(Object.fromEntries(Object.entries(files).map(([path, text]) => [path, strToU8(text)])))),
});

const site = (name: string) =>
  zip({ "my-app/index.php": INDEX.replace("HEADING", name), "my-app/css/a.css": "h1 { color: rgb(1, 2, 3) }" });

describePeers(["chromium"], "an application of one's own", () => {
  let playground: Playground;
  let page: Page;
  let context: BrowserContext;
  let complaints: string[];
  const bring = (file: ReturnType<typeof zip>) => page.locator('input[type="file"]').setInputFiles(file);
  const frame = () => page.frameLocator('iframe[title="Application"]');
  const text = async (id: string) => (await frame().locator(id).textContent())?.trim();

  beforeAll(async () => {
    playground = await openPlayground();
    ({ page, complaints } = await playground.open("site", { serviceWorkers: "allow" }));
    context = page.context();
  }, 120_000);
  afterAll(() => playground?.close());

  test("is refused with the reason when it is none, and nothing is lost", async () => {
    await page.getByText("Files are kept in this browser").waitFor(LONG);
    await bring({ name: "a.zip", mimeType: "application/zip", buffer: Buffer.from("not a zip") });
    await page.getByRole("alert").getByText("no zip archive").waitFor();
    await bring(zip({ "readme.txt": "nothing to run" }));
    await page.getByRole("alert").getByText("no index.php").waitFor();
    expect(await page.locator("iframe").count()).toBe(0);
    expect(await violations(page)).toEqual([]);
  });

  test("is shown, with what its links, redirects, forms and cookies do", async () => {
    await bring(site("First"));
    await frame().getByRole("heading", { name: "First" }).waitFor(LONG);
    expect(await page.getByRole("alert").count()).toBe(0);
    expect(
      await frame()
        .locator("h1")
        .evaluate((heading) => getComputedStyle(heading).color),
    ).toBe("rgb(1, 2, 3)");
    await frame().getByRole("link", { name: "leave" }).click();
    await frame().getByText("/site/deep/page?x=1").waitFor();
    expect([await text("#n"), await text("#got")]).toEqual(["2", "yes"]);
    await frame().getByLabel("Word").fill("jäm");
    await frame().getByRole("button", { name: "Send" }).click();
    await frame().getByText("jäm").waitFor();
    expect([await text("#n"), await text("#got")]).toEqual(["3", "jäm yes"]);
    const address = page.getByLabel("Address");
    await expect.poll(() => address.inputValue()).toContain("/site/deep/page?x=1");
    await address.fill((await address.inputValue()).replace(/deep.*/, "other"));
    await address.press("Enter");
    await frame().getByText("/site/other").waitFor();
    // Of another folder.
    expect(await text("#got")).toBe("");
  });

  test("has nothing that axe objects to, in both themes, on a phone too", async () => {
    const found: string[] = [];
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 800 });
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        found.push(...(await violations(page)).map((violation) => `${width} ${colorScheme}: ${violation}`));
      }
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    }
    await page.setViewportSize({ width: 1280, height: 800 });
    expect(found).toEqual([]);
  });

  test("is there after a reload, with its sessions; another tab is told that it has files of its own", async () => {
    await page.reload();
    await frame().getByRole("heading", { name: "First" }).waitFor(LONG);
    expect(Number(await text("#n"))).toBeGreaterThan(4);
    const second = await context.newPage();
    await second.goto(page.url());
    await second.getByText("Another tab has the files").waitFor(LONG);
    await second.locator('input[type="file"]').setInputFiles(site("Second"));
    const other = second.frameLocator('iframe[title="Application"]');
    await other.getByRole("heading", { name: "Second" }).waitFor(LONG);
    await expect.poll(() => second.getByLabel("Address").inputValue()).toMatch(/\/site-[a-z0-9]+\//);
    await page.getByRole("button", { name: "Load this page again" }).click();
    await frame().getByRole("heading", { name: "First" }).waitFor();
    await second.close();
  });

  test("gives way to another one, dropped on any view, and is gone when the files are reset", async () => {
    await page.evaluate(() => {
      location.hash = "#/pool";
    });
    await page.locator("main h1", { hasText: "Pool" }).waitFor();
    const bytes = [...site("Third").buffer];
    await page.evaluate((content) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(content)], "third.zip"));
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
    }, bytes);
    await frame().getByRole("heading", { name: "Third" }).waitFor(LONG);
    expect(await text("#n")).toBe("1");
    await page.getByRole("button", { name: "Reset files" }).click();
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Remove all files" }).click();
    await page.getByRole("button", { name: "Remove all files" }).waitFor({ state: "detached" });
    await page.getByText("Files are kept in this browser").waitFor(LONG);
    expect(await page.locator("iframe").count()).toBe(0);
    expect(complaints).toEqual([]);
  });
});
