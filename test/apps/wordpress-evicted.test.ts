// WordPress in workerd, with its pool thrown out of memory before each single request: nothing is lost.

import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadConfigFile } from "../../src/platform/node/config-file.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { startWorkerd, type WorkerdServer } from "../peers/workerd.ts";
import { Visitor } from "./browser.ts";
import { describeDebianApp } from "./debian-packages.ts";
import { MEASURING } from "./figures.ts";
import { api, install, logIn, namePages, OWNER, pictureOf, publish, upload } from "./wordpress.ts";
import { layOutWordPress, WORDPRESS_PACKAGES, type WordPressSite } from "./wordpress-site.ts";

// Only a pool that gives up children without work can be evicted.
const startFolder = startWorkerd("8.2", {
  children: 2,
  pool: { pm: "ondemand", processIdleTimeout: 300 },
  build: async (folder) => {
    const { config } = await loadConfigFile(join(folder, "edge-fpm.config.ts"));
    // Whatever is asked for is asked of the pool.
    const { cache: _, caches: __, purge: ___, locations: ____, cron: _____, ...uncached } = config;
    return { config: uncached, assetsOnly: ["*.woff2", "*.ttf", "*.eot", "*.mp4", "*.jpg"] };
  },
});

/** Each request starts an interpreter, which compiles all of WordPress. */
const LONG = 300_000;

// Takes minutes.
describe.runIf(MEASURING)("in workerd, evicted before each request,", () => {
  describeDebianApp("Debian's wordpress", "wordpress", WORDPRESS_PACKAGES, (tree) => {
    let scratch: Scratch;
    let site: WordPressSite;
    let server: WorkerdServer;
    let evictions = 0;
    let owner: Visitor;
    let post: string;

    const evict = async (): Promise<void> => {
      await server.evict();
      evictions += 1;
    };
    const visitor = (): Visitor => new Visitor(server.baseUrl, evict);

    beforeAll(async () => {
      scratch = makeScratch("wordpress-evicted");
      site = layOutWordPress(tree, join(scratch.path, "site"));
      server = await startFolder(site.folder);
      // One that has never run cannot be evicted.
      await new Visitor(server.baseUrl).open("/");
    }, LONG);
    afterAll(async () => {
      await server?.stop();
      scratch.remove();
    });

    test("is installed, and lets its owner in", { timeout: LONG }, async () => {
      expect((await install(visitor())).html).toContain("WordPress has been installed");
      owner = visitor();
      expect((await logIn(owner, OWNER)).html).toMatch(/<title>Dashboard/);
      expect((await namePages(owner)).html).toContain("Permalink structure updated");
    });

    test("publishes a post with a picture", { timeout: LONG }, async () => {
      expect(Object.keys(await upload(owner, "quince.png"))).toContain("thumbnail");
      post = new URL(await publish(owner, "Quinces", `Words about jam. ${await pictureOf(owner, "quince")}`)).pathname;
      const page = await visitor().open(post);
      expect(page.html).toContain("Words about jam.");
    });

    test("takes a reader's comment, and shows it once it is approved", { timeout: LONG }, async () => {
      const guest = visitor();
      const page = await guest.open(post);
      const fields = { comment: "I'd add lemon", author: "Søren", email: "soren@example.test" };
      expect((await guest.submit(page, page.form("comment"), fields)).html).toContain("awaiting moderation");
      const [waiting] = await api<{ id: number }[]>(owner, "/wp-json/wp/v2/comments?status=hold");
      await api(owner, `/wp-json/wp/v2/comments/${waiting?.id}`, { status: "approve" });
      await seeEverything();
    });

    test("has everything after a restart as well", { timeout: LONG }, async () => {
      await server.stop();
      server = await startFolder(site.folder);
      await new Visitor(server.baseUrl).open("/");
      owner = owner.movedTo(server.baseUrl, evict);
      await seeEverything();
      expect(evictions).toBeGreaterThan(20);
    });

    async function seeEverything(): Promise<void> {
      const page = await visitor().open(post);
      expect(page.html).toMatch(/I(?:'|&#8217;)d add lemon/);
      const source = /<img[^>]* src="([^"]*quince[^"]*)"/.exec(page.html)?.[1] ?? "";
      const picture = await visitor().open(new URL(source, server.baseUrl).pathname);
      expect([picture.status, picture.headers.get("content-type")]).toEqual([200, "image/png"]);
      expect((await owner.open("/wp-admin/")).html).toMatch(/<title>Dashboard/);
    }
  });
});
