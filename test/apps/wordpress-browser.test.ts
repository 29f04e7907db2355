// WordPress on `edge-fpm serve`, used by an owner and a reader with a real browser: the dashboard's scripts, the block
// editor and its requests to WordPress' own interface.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AppServer } from "../peers/app-server.ts";
import { describePeers } from "../peers/peer.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { launchChromium } from "../playground/chromium.ts";
import { describeDebianApp } from "./debian-packages.ts";
import { MEASURING } from "./figures.ts";
import { png } from "./pictures.ts";
import { startWordPressEdge } from "./wordpress-edge.ts";
import { layOutWordPress, WORDPRESS_PACKAGES } from "./wordpress-site.ts";

const OWNER = { user: "ann", password: "Ann's pass word 4 here" };
const POST = { title: "Quinces", text: "Words about quince jam." };

/** Where the pages are that somebody may want to look at. */
const PICTURES = fileURLToPath(new URL("../../.cache/apps-pictures", import.meta.url));

/** The dashboard is large, and the machine may be busy. */
const LONG = { timeout: 60_000 };

describe.runIf(MEASURING)("on edge-fpm serve", () => {
  describePeers(["chromium"], "in Chromium", () => {
    describeDebianApp("Debian's wordpress", "wordpress", WORDPRESS_PACKAGES, browserScenario);
  });
});

function browserScenario(tree: string): void {
  let scratch: Scratch;
  let server: AppServer;
  let browser: Browser;
  let owner: Page;
  let post: string;
  /** What a page's own scripts threw, and what the server could not do. */
  const complaints: string[] = [];

  beforeAll(async () => {
    scratch = makeScratch("wordpress-browser");
    mkdirSync(PICTURES, { recursive: true });
    server = await startWordPressEdge(layOutWordPress(tree, join(scratch.path, "site")));
    browser = await launchChromium();
    owner = await (await newContext()).newPage();
    watch(owner);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    scratch.remove();
  });

  /** Somebody's browser, which reaches nothing but the site. */
  async function newContext(): Promise<BrowserContext> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 1000 } });
    context.setDefaultTimeout(LONG.timeout);
    await context.route(
      (url) => url.hostname !== "127.0.0.1" && url.protocol.startsWith("http"),
      (route) => route.abort(),
    );
    return context;
  }

  function watch(page: Page): void {
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("response", (response) => {
      if (response.status() >= 500) complaints.push(`${response.status()} ${response.url()}`);
    });
  }

  const open = (page: Page, path: string) => page.goto(new URL(path, server.baseUrl).href);
  const look = (page: Page, name: string) => page.screenshot({ path: join(PICTURES, `wordpress-${name}.png`) });

  test("is installed by its own pages, and lets its owner in", LONG, async () => {
    await open(owner, "/");
    await owner.locator("#weblog_title").fill("A site under test");
    await owner.locator("#user_login").fill(OWNER.user);
    await owner.locator("#pass1").fill(OWNER.password);
    await owner.locator("#admin_email").fill("ann@example.test");
    const weak = owner.locator("#pw-weak");
    if (await weak.isVisible()) await weak.check();
    await owner.locator("#submit").click();
    await owner.getByText("WordPress has been installed").waitFor();
    await owner.getByRole("link", { name: "Log In" }).click();
    await owner.locator("#user_login").fill(OWNER.user);
    await owner.locator("#user_pass").fill(OWNER.password);
    await owner.locator("#wp-submit").click();
    await owner.getByRole("heading", { name: "Dashboard" }).waitFor();
    await look(owner, "dashboard");
  });

  test("gives pages addresses of their own", LONG, async () => {
    await open(owner, "/wp-admin/options-permalink.php");
    await owner.getByRole("radio", { name: /Custom Structure/ }).check();
    await owner.locator("#permalink_structure").fill("/%postname%/");
    await owner.getByRole("button", { name: "Save Changes" }).click();
    await owner.getByText("Permalink structure updated").waitFor();
  });

  test("publishes a post with an uploaded picture from its editor", { timeout: 240_000 }, async () => {
    await open(owner, "/wp-admin/post-new.php");
    // The welcome of a first visit.
    await owner.getByRole("button", { name: "Close dialog" }).click();
    const title = owner.getByRole("textbox", { name: "Add title" });
    await title.fill(POST.title);
    await title.press("Enter");
    await owner.keyboard.type(POST.text);
    await owner.keyboard.press("Enter");
    await owner.keyboard.type("/image");
    await owner.getByRole("option", { name: "Image", exact: true }).click();
    const uploaded = owner.waitForResponse(
      (response) => /wp(?:\/|%2F)v2(?:\/|%2F)media/.test(response.url()) && response.status() === 201,
    );
    const picture = Buffer.from(png(1200, 800, [230, 190, 40]));
    await owner
      .locator(".block-editor-media-placeholder input[type=file]")
      .setInputFiles({ name: "quince.png", mimeType: "image/png", buffer: picture });
    await uploaded;
    await owner.locator('.wp-block-image img[src*="/wp-content/uploads/"]').waitFor();
    await look(owner, "editor");
    await owner.getByRole("button", { name: "Publish", exact: true }).first().click();
    await owner.locator(".editor-post-publish-panel").getByRole("button", { name: "Publish", exact: true }).click();
    await owner.getByText("is now live.").waitFor();
    post = "/quinces/";
  });

  test("a reader sees it, picture and all, and comments on it", { timeout: 240_000 }, async () => {
    const reader = await (await newContext()).newPage();
    watch(reader);
    await open(reader, "/");
    await reader.getByRole("link", { name: POST.title }).first().click();
    await reader.waitForURL(`**${post}`);
    await reader.getByText(POST.text).waitFor();
    const width = () =>
      reader.locator(".wp-block-image img").evaluate((image) => (image as HTMLImageElement).naturalWidth);
    await expect.poll(width, LONG).toBeGreaterThan(300);
    await reader.locator("#comment").fill("I'd add <b>lemon</b> & sugar");
    await reader.locator("#author").fill("Søren");
    await reader.locator("#email").fill("soren@example.test");
    await reader.locator("#submit").click();
    await reader.getByText("awaiting moderation").waitFor();
    await open(owner, "/wp-admin/edit-comments.php?comment_status=moderated");
    const waiting = owner.locator("#the-comment-list tr").filter({ hasText: "Søren" }).first();
    await waiting.hover();
    const approved = owner.waitForResponse((response) => response.url().endsWith("/wp-admin/admin-ajax.php"));
    await waiting.locator(".approve a").click();
    await approved;
    const other = await (await newContext()).newPage();
    watch(other);
    const seen = async (): Promise<number> => {
      await open(other, post);
      return other.getByText("lemon").count();
    };
    // Sooner than the cache would forget the page by itself.
    await expect.poll(seen, { timeout: 20_000 }).toBe(1);
    expect(await other.locator(".comment-content b, .wp-block-comment-content b").textContent()).toBe("lemon");
    await look(other, "post");
  });

  test("changes its theme, and activates a plugin", { timeout: 240_000 }, async () => {
    await open(owner, "/wp-admin/themes.php");
    const theme = owner.locator('.theme[data-slug="twentytwentytwo"]');
    await theme.hover();
    await theme.getByRole("link", { name: /Activate/ }).click();
    await owner.getByText("New theme activated").waitFor();
    await open(owner, "/wp-admin/plugins.php");
    await owner.locator('tr[data-slug^="akismet"] .activate a').click();
    await owner.waitForURL(/activate=true|akismet/);
    await open(owner, "/wp-admin/plugins.php");
    await owner.locator('tr.active[data-slug^="akismet"]').first().waitFor();
    await open(owner, "/");
    await owner
      .locator('link[href*="/themes/twentytwentytwo/"], #wp-site-blocks, .wp-site-blocks')
      .first()
      .waitFor({ state: "attached" });
    expect(await owner.content()).toContain("/wp-content/themes/twentytwentytwo/");
    await look(owner, "front");
  });

  test("readers get a kept page, and no page complained", LONG, async () => {
    const reader = await (await newContext()).newPage();
    await open(reader, "/");
    const again = await open(reader, "/");
    expect(again?.headers()["x-cache-status"]).toBe("HIT");
    expect(complaints, server.log().slice(-4000)).toEqual([]);
  });
}
