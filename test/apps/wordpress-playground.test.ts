// WordPress in the playground, as a visitor brings it: a zip that is dropped on the page, installed, written in, kept.

import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join, relative } from "node:path";
import { zipSync } from "fflate";
import type { FrameLocator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describePeers } from "../peers/peer.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { type Built, openBuilt } from "../playground/chromium.ts";
import { describeDebianApp } from "./debian-packages.ts";
import { MEASURING, recordFigures } from "./figures.ts";
import { layOutWordPress, WORDPRESS_PACKAGES } from "./wordpress-site.ts";

const TITLE = "A site in a page";
const OWNER = { user: "ann", password: "Ann's pass word 4 here" };
const POST = { title: "Quinces", text: "Words about quince jam." };

/** Pages of WordPress are made by PHP in WebAssembly, on a machine that may be busy. */
const LONG = { timeout: 60_000 };

describe.runIf(MEASURING)("in the playground", () => {
  describePeers(["chromium"], "in Chromium", () => {
    describeDebianApp("Debian's wordpress", "wordpress", WORDPRESS_PACKAGES, playgroundScenario);
  });
});

function playgroundScenario(tree: string): void {
  let scratch: Scratch;
  let built: Built;
  let page: Page;
  let site: FrameLocator;
  /** The file that the visitor drags onto the page. */
  let visitorsDisk: Server;
  let dropped = 0;
  let firstPage = 0;

  beforeAll(async () => {
    scratch = makeScratch("wordpress-playground");
    const { root } = layOutWordPress(tree, join(scratch.path, "site"));
    // The installer finds the address out by itself: the playground's applications are in a folder of its host.
    const config = join(root, "wp-config.php");
    writeFileSync(config, readFileSync(config, "utf8").replaceAll(/^define\('WP_(?:HOME|SITEURL)'.*\n/gm, ""));
    const zip = zipFolder(root, "wordpress");
    built = await openBuilt();
    const context = await built.browser.newContext({ viewport: { width: 1280, height: 1000 } });
    page = await context.newPage();
    visitorsDisk = createServer((_, response) => response.setHeader("Access-Control-Allow-Origin", "*").end(zip));
    await new Promise<void>((resolve) => {
      visitorsDisk.listen(0, "127.0.0.1", resolve);
    });
    site = page.frameLocator('iframe[title="Application"]');
    await page.goto(built.host.url);
    await page.locator(".cm-content").waitFor();
  }, 240_000);
  afterAll(async () => {
    await built?.close();
    visitorsDisk?.close();
    scratch.remove();
  });

  test("is unpacked where it is dropped, and shows its installer", LONG, async () => {
    dropped = performance.now();
    const { port } = visitorsDisk.address() as AddressInfo;
    await page.evaluate(async (url) => {
      const zip = await (await fetch(url)).blob();
      const transfer = new DataTransfer();
      transfer.items.add(new File([zip], "wordpress.zip", { type: "application/zip" }));
      const event = { dataTransfer: transfer, bubbles: true, cancelable: true };
      document.querySelector("main")?.dispatchEvent(new DragEvent("drop", event));
    }, `http://127.0.0.1:${port}/wordpress.zip`);
    await site.locator("#weblog_title").waitFor(LONG);
    firstPage = performance.now() - dropped;
    await expect.poll(() => page.getByLabel("Address").inputValue()).toContain("/site/wp-admin/install.php");
  });

  test("is installed by its own pages", LONG, async () => {
    await site.locator("#weblog_title").fill(TITLE);
    await site.locator("#user_login").fill(OWNER.user);
    await site.locator("#pass1").fill(OWNER.password);
    await site.locator("#admin_email").fill("ann@example.test");
    const weak = site.locator("#pw-weak");
    if (await weak.isVisible()) await weak.check();
    await site.locator("#submit").click();
    await site.getByText("WordPress has been installed").waitFor(LONG);
  });

  test("lets its owner in", LONG, async () => {
    await site.getByRole("link", { name: "Log In" }).click();
    await site.locator("#user_login").fill(OWNER.user);
    await site.locator("#user_pass").fill(OWNER.password);
    await site.locator("#wp-submit").click();
    await site.getByRole("heading", { name: "Dashboard" }).waitFor(LONG);
  });

  test("publishes a post from its editor", { timeout: 240_000 }, async () => {
    await open("wp-admin/post-new.php");
    // The welcome of a first visit.
    await site.getByRole("button", { name: "Close dialog" }).click(LONG);
    const title = site.getByRole("textbox", { name: "Add title" });
    await title.fill(POST.title);
    await title.press("Enter");
    await page.keyboard.type(POST.text);
    await site.getByRole("button", { name: "Publish", exact: true }).first().click();
    await site.locator(".editor-post-publish-panel").getByRole("button", { name: "Publish", exact: true }).click();
    await site.getByText("is now live.").waitFor(LONG);
  });

  test("shows it to readers, and after the page was loaded again", { timeout: 240_000 }, async () => {
    await open("");
    await site.getByRole("link", { name: POST.title }).first().click();
    await site.getByText(POST.text).waitFor(LONG);
    await page.reload();
    await site.getByRole("link", { name: POST.title }).first().waitFor(LONG);
    // The owner is still known.
    await site.locator("#wpadminbar").waitFor(LONG);
  });

  recordFigures({ application: "WordPress", where: "playground", note: "through the page's service worker" }, () => ({
    path: "/",
    start: async () => {
      const server = createServer((_, response) => {
        const frame = page.frames().find((one) => one.url().includes("/site/"));
        frame
          ?.evaluate(async () => (await fetch(location.href)).text())
          .then(
            (text) => response.end(text),
            () => response.writeHead(500).end(),
          );
      });
      await new Promise<void>((resolve) => {
        server.listen(0, "127.0.0.1", resolve);
      });
      return {
        baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        // From the drop to its first page.
        startedAt: performance.now() - firstPage,
        log: () => "",
        stop: async () => {
          server.closeAllConnections();
          server.close();
        },
      };
    },
  }));

  async function open(path: string): Promise<void> {
    const address = page.getByLabel("Address");
    const base = (await address.inputValue()).replace(/\/site\/.*$/, "/site/");
    await address.fill(base + path);
    await address.press("Enter");
  }
}

function zipFolder(root: string, name: string): Buffer {
  const files: Record<string, Uint8Array> = {};
  for (const entry of readdirSync(root, { recursive: true, encoding: "utf8" })) {
    const path = join(root, entry);
    if (statSync(path).isFile()) files[`${name}/${relative(root, path)}`] = readFileSync(path);
  }
  return Buffer.from(zipSync(files, { level: 6 }));
}
