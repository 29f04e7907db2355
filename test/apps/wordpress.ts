// WordPress on SQLite, from its installer to a restart, used as its owners and readers do.

import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AppServer, startNativeWith } from "../peers/app-server.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { type Page, Visitor } from "./browser.ts";
import { MEASURING, type Place, recordFigures } from "./figures.ts";
import { png } from "./pictures.ts";
import { layOutWordPress, type WordPressSite } from "./wordpress-site.ts";

const TITLE = "A site under test";

export const OWNER = { user: "ann", password: "Ann's pass word" };
const WRITER = { user: "ben", password: "Ben's pass word" };

/** The first post, as the editor stores it: with what gd has made of the picture. */
const POST = { title: "Naïve ☕ & <first>", text: "Words about quince jam." };

export interface WordPressPlace {
  /** Three children where there can be several. */
  readonly start: (site: WordPressSite) => Promise<AppServer>;
  readonly where: Place;
  /** Whether our gateway is in front, with the example's configuration. `purge` when a page of the owner's cannot do it. */
  readonly gateway?: { readonly purge?: (server: AppServer) => Promise<void> };
  /** Runs the job of the example's schedule now. */
  readonly runJob?: (site: WordPressSite) => Promise<void>;
  /** Lines of wp-config.php beside the example's. */
  readonly settings?: readonly string[];
  readonly target?: number;
}

/** The model, with as many children as ours have. */
export function startWordPressNatively(children: number): WordPressPlace["start"] {
  const start = startNativeWith({ children, front: "/index.php?$args" });
  return (site) => start(site.root, SETTINGS);
}

/** The same as the pool has, where PHP's own defaults are others. */
const SETTINGS = { "opcache.revalidate_freq": "0" };

export function wordPressScenario(tree: string, place: WordPressPlace): void {
  const { start, where, gateway } = place;
  let scratch: Scratch;
  let site: WordPressSite;
  let server: AppServer;
  let owner: Visitor;

  const visitor = (): Visitor => new Visitor(server.baseUrl);

  beforeAll(async () => {
    scratch = makeScratch("wordpress");
    site = layOutWordPress(tree, join(scratch.path, "site"), place.settings);
    server = await start(site);
    owner = visitor();
  });
  afterAll(async () => {
    await server?.stop();
    scratch.remove();
  });

  test("sends whoever comes first to its installer", async () => {
    const page = await visitor().open("/");
    expect(page.status, page.html).toBe(200);
    expect(page.url).toContain("/wp-admin/install.php");
  });

  test("is installed by its own pages", async () => {
    const page = await install(visitor());
    expect(page.html).toContain("WordPress has been installed");
    expect((await visitor().open("/")).html).toContain(`<title>${TITLE}</title>`);
  });

  test("refuses a wrong password, and lets the owner in", async () => {
    const refused = await logIn(visitor(), { ...OWNER, password: "wrong" });
    expect(refused.html).toContain("The password you entered for the username");
    const page = await logIn(owner, OWNER);
    expect(page.url).toContain("/wp-admin/");
    expect(page.html).toMatch(/<title>Dashboard/);
  });

  test("gives pages addresses of their own", async () => {
    expect((await namePages(owner)).html).toContain("Permalink structure updated");
    const page = await reader(`/${new Date().getUTCFullYear()}/hello-world/`);
    expect(page.status).toBe(200);
    expect(page.html).toContain("Welcome to WordPress. This is your first post.");
    expect((await reader("/no/such/page/")).status).toBe(404);
  });

  test("takes a picture, and makes smaller ones of it", async () => {
    const sizes = await upload(owner, "quince.png");
    expect(Object.keys(sizes).sort()).toEqual(["full", "large", "medium", "medium_large", "thumbnail"]);
    for (const [name, { width, source_url }] of Object.entries(sizes)) {
      const file = await visitor().open(new URL(source_url).pathname);
      expect(file.status, `${name} ${source_url}`).toBe(200);
      expect(file.headers.get("content-type")).toBe("image/png");
      // Of its IHDR.
      expect(new DataView(file.bytes.buffer, file.bytes.byteOffset).getUint32(16)).toBe(width);
    }
  });

  test("publishes a post with that picture", async () => {
    const link = await publish(owner, POST.title, `${POST.text} ${await pictureOf(owner, "quince")}`);
    expect(new URL(link).pathname).toMatch(/^\/\d{4}\/naive-[^/]+\/$/);
    const page = await reader(new URL(link).pathname);
    expect(page.html).toContain("Naïve ☕ &#038; ");
    expect(page.html).toContain(POST.text);
    const source = /<img[^>]* src="([^"]*quince[^"]*)"/.exec(page.html)?.[1] ?? "";
    expect((await visitor().open(new URL(source, server.baseUrl).pathname)).status).toBe(200);
    expect((await reader("/")).html).toContain("Naïve ☕");
  });

  test("takes a reader's comment, and shows it once it is approved", async () => {
    const guest = visitor();
    const page = await guest.open(await firstPost());
    const sent = await guest.submit(page, page.form("comment"), {
      comment: "I'd add <b>lemon</b> & sugar",
      author: "Søren",
      email: "soren@example.test",
    });
    expect(sent.html).toContain("Your comment is awaiting moderation");
    expect((await reader(await firstPost())).html).not.toContain("lemon");
    const [waiting] = await api<{ id: number }[]>(owner, "/wp-json/wp/v2/comments?status=hold");
    await api(owner, `/wp-json/wp/v2/comments/${waiting?.id}`, { status: "approve" });
    const seen = (await reader(await firstPost())).html;
    expect(seen).toContain("<b>lemon</b> &amp; sugar");
    expect(seen).toContain("Søren");
  });

  test("loses no comment of many that come at once", async () => {
    const post = await firstPost();
    const page = await owner.open(post);
    const form = page.form("comment");
    const answers = await Promise.all(
      Array.from({ length: 5 }, (_, index) => owner.submit(page, form, { comment: `One of five: ${index}.` })),
    );
    for (const { status, html } of answers) expect(status, html).toBe(200);
    const seen = (await reader(post)).html;
    for (let index = 0; index < 5; index++) expect(seen).toContain(`One of five: ${index}.`);
  });

  test("answers programs: anybody reads, only members write", async () => {
    const posts = await api<{ title: { rendered: string } }[]>(visitor(), "/wp-json/wp/v2/posts?search=quince");
    expect(posts.map(({ title }) => title.rendered)).toEqual(["Naïve ☕ &#038; <first>"]);
    const refused = await visitor().request("/wp-json/wp/v2/posts", jsonBody({ title: "no", status: "publish" }));
    expect([refused.status, JSON.parse(refused.html).code]).toEqual([401, "rest_cannot_create"]);
    const without = await owner.request("/wp-json/wp/v2/posts", jsonBody({ title: "no nonce", status: "publish" }));
    expect(without.status).toBe(401);
  });

  test("has a feed and finds words", async () => {
    const feed = await reader("/feed/");
    expect(feed.headers.get("content-type")).toMatch(/^application\/rss\+xml/);
    expect(feed.html).toContain("quince jam");
    expect((await reader("/?s=quince")).html).toContain("Naïve ☕");
    expect((await reader("/?s=turnip")).html).not.toContain("Naïve ☕");
  });

  test("lets two members write at once", async () => {
    await api(owner, "/wp-json/wp/v2/users", {
      username: WRITER.user,
      email: "ben@example.test",
      password: WRITER.password,
      roles: ["author"],
    });
    const writer = visitor();
    expect((await logIn(writer, WRITER)).html).toMatch(/<title>(?:Dashboard|Profile)/);
    const titles = Array.from({ length: 2 }, (_, index) => [`Ann's ${index}`, `Ben's ${index}`]).flat();
    await Promise.all(
      titles.map((title) => publish(title.startsWith("Ann") ? owner : writer, title, `By one of two: ${title}`)),
    );
    const found = await api<{ author: number }[]>(visitor(), "/wp-json/wp/v2/posts?search=By+one+of+two");
    expect(found).toHaveLength(4);
    expect(new Set(found.map(({ author }) => author)).size).toBe(2);
  });

  // WordPress publishes at once what is due within a minute: only where there is no hurry.
  const waits = MEASURING && place.runJob !== undefined;
  test.runIf(waits)("publishes a post at its time, by the job of the schedule", { timeout: 180_000 }, async () => {
    const at = Date.now() + 65_000;
    const date_gmt = new Date(at).toISOString().slice(0, 19);
    const post = { title: "For later", content: "Its time has come.", date_gmt, status: "publish" };
    const { id, status } = await api<{ id: number; status: string }>(owner, "/wp-json/wp/v2/posts", post);
    expect(status).toBe("future");
    await new Promise((resolve) => setTimeout(resolve, at + 1000 - Date.now()));
    await place.runJob?.(site);
    const [found] = await api<{ status: string }[]>(visitor(), `/wp-json/wp/v2/posts?include=${id}`);
    expect(found?.status).toBe("publish");
  });

  test("changes its theme", async () => {
    expect((await changeTheme(owner)).html).toContain("New theme activated");
    expect((await reader("/")).html).toContain("/wp-content/themes/twentytwentytwo/");
  });

  test("activates a plugin", async () => {
    await activatePlugin(owner);
    const plugins = await api<{ plugin: string; status: string }[]>(owner, "/wp-json/wp/v2/plugins");
    expect(plugins.find(({ plugin }) => plugin === "akismet/akismet")?.status).toBe("active");
  });

  describe.runIf(gateway !== undefined)("with the gateway's cache", () => {
    const statusOf = async (who: Visitor, path = "/") => (await who.open(path)).headers.get("x-cache-status");

    test("readers get a page that is kept, members their own", async () => {
      const someone = visitor();
      await someone.open("/");
      expect(await statusOf(someone)).toBe("HIT");
      expect(await statusOf(owner)).toBe("BYPASS");
      expect((await owner.open("/")).html).toContain("wpadminbar");
      expect((await someone.open("/")).html).not.toContain("wpadminbar");
    });

    test("what is published is seen at once", async () => {
      expect(await statusOf(visitor())).toBe("HIT");
      await publish(owner, "Fresh from the press", "Just now.");
      await gateway?.purge?.(server);
      const page = await visitor().open("/");
      expect(page.headers.get("x-cache-status")).toBe("MISS");
      expect(page.html).toContain("Fresh from the press");
    });

    test("settings and sources are nobody's business", async () => {
      for (const path of ["/wp-config.php", "/wp-content/database/.ht.sqlite", "/edge-fpm.config.ts"]) {
        expect([403, 404], path).toContain((await visitor().open(path)).status);
      }
    });
  });

  test("has everything after a restart, and knows who was logged in", async () => {
    await server.stop();
    server = await start(site);
    owner = owner.movedTo(server.baseUrl);
    const page = await reader(await firstPost());
    expect(page.html).toContain("<b>lemon</b> &amp; sugar");
    const source = /<img[^>]* src="([^"]*quince[^"]*)"/.exec(page.html)?.[1] ?? "";
    expect((await visitor().open(new URL(source, server.baseUrl).pathname)).status).toBe(200);
    expect((await owner.open("/wp-admin/")).html).toMatch(/<title>Dashboard/);
  });

  /** A page as somebody sees it who has never been there, not from a cache. */
  async function reader(path: string): Promise<Page> {
    if (gateway?.purge !== undefined) await gateway.purge(server);
    return visitor().open(path);
  }

  let post: string | undefined;
  async function firstPost(): Promise<string> {
    if (post === undefined) {
      const [found] = await api<{ link: string }[]>(owner, "/wp-json/wp/v2/posts?search=quince");
      post = new URL(found?.link ?? "/", server.baseUrl).pathname;
    }
    return post;
  }

  recordFigures(
    {
      application: "WordPress",
      where,
      ...(place.target !== undefined && { target: place.target, cachedTarget: 2 }),
    },
    async () => {
      // A site of its own for the model, with the same pages on it.
      const model = layOutWordPress(tree, join(scratch.path, "model"), place.settings);
      const native = startWordPressNatively(where === "workerd" ? 1 : 3);
      const first = await native(model);
      try {
        const its = new Visitor(first.baseUrl);
        await install(its);
        await logIn(its, OWNER);
        await namePages(its);
        await changeTheme(its);
        await activatePlugin(its);
        // The oldest one comes with the installer.
        const posts = (await api<Post[]>(visitor(), "/wp-json/wp/v2/posts?per_page=100")).reverse().slice(1);
        for (const { title, content } of posts) {
          await publish(its, title.rendered, content.rendered);
        }
      } finally {
        await first.stop();
      }
      // A cookie that goes around the cache, and that WordPress makes nothing of.
      const path = "/";
      const headers = { cookie: "comment_author_0=nobody" };
      return {
        start: () => start(site),
        path,
        headers,
        native: { start: () => native(model), path, headers },
        cached: { start: () => start(site), path },
      };
    },
  );
}

/** Goes through the installer's pages. */
export async function install(visitor: Visitor): Promise<Page> {
  const page = await visitor.open("/wp-admin/install.php?step=1");
  return visitor.submit(page, page.form("user_name"), {
    weblog_title: TITLE,
    user_name: OWNER.user,
    admin_password: OWNER.password,
    admin_password2: OWNER.password,
    pw_weak: "on",
    admin_email: "ann@example.test",
  });
}

/** Gives pages addresses without a question mark. */
export async function namePages(visitor: Visitor): Promise<Page> {
  const settings = await visitor.open("/wp-admin/options-permalink.php");
  return visitor.submit(settings, settings.form("permalink_structure"), {
    selection: "custom",
    permalink_structure: "/%year%/%postname%/",
  });
}

export async function logIn(
  visitor: Visitor,
  who: { readonly user: string; readonly password: string },
): Promise<Page> {
  const page = await visitor.open("/wp-login.php");
  return visitor.submit(page, page.form("log"), { log: who.user, pwd: who.password });
}

export async function changeTheme(visitor: Visitor): Promise<Page> {
  const page = await visitor.open("/wp-admin/themes.php");
  const [link = ""] = /themes\.php\?action=activate&amp;stylesheet=twentytwentytwo&amp;_wpnonce=\w+/.exec(
    page.html.replaceAll("\\/", "/").replaceAll("\\u0026", "&"),
  ) ?? [""];
  return await visitor.open(`/wp-admin/${link.replaceAll("&amp;", "&")}`);
}

export async function activatePlugin(visitor: Visitor): Promise<void> {
  const page = await visitor.open("/wp-admin/plugins.php");
  const [link = ""] = /plugins\.php\?action=activate&amp;plugin=akismet[^"]*/.exec(page.html) ?? [];
  await visitor.open(`/wp-admin/${link.replaceAll("&amp;", "&")}`);
}

/** Calls WordPress' own interface as its editor does: with the session's cookie and a nonce when something is written. */
export async function api<T>(visitor: Visitor, path: string, body?: object): Promise<T> {
  const needsNonce = body !== undefined || /status=hold|\/plugins/.test(path);
  const nonce = needsNonce ? (await visitor.open("/wp-admin/admin-ajax.php?action=rest-nonce")).html : undefined;
  const init = body === undefined ? { headers: {} } : jsonBody(body);
  const page = await visitor.request(path, {
    ...init,
    headers: { ...init.headers, ...(nonce !== undefined && { "x-wp-nonce": nonce }) },
  });
  expect([200, 201], `${path}: ${page.html}`).toContain(page.status);
  return JSON.parse(page.html) as T;
}

const jsonBody = (body: object) => ({
  method: "POST",
  headers: { "content-type": "application/json" } as Record<string, string>,
  body: JSON.stringify(body),
});

/** @returns the address of the published post */
export async function publish(visitor: Visitor, title: string, content: string): Promise<string> {
  const { link } = await api<{ link: string }>(visitor, "/wp-json/wp/v2/posts", { title, content, status: "publish" });
  return link;
}

interface Post {
  readonly title: { readonly rendered: string };
  readonly content: { readonly rendered: string };
}

type Sizes = Readonly<Record<string, { readonly width: number; readonly source_url: string }>>;

export async function upload(visitor: Visitor, name: string): Promise<Sizes> {
  const nonce = (await visitor.open("/wp-admin/admin-ajax.php?action=rest-nonce")).html;
  const body = new FormData();
  body.append("file", new File([png(1200, 800, [230, 190, 40])], name, { type: "image/png" }));
  const page = await visitor.request("/wp-json/wp/v2/media", {
    method: "POST",
    headers: { "x-wp-nonce": nonce },
    body,
  });
  expect(page.status, page.html).toBe(201);
  return (JSON.parse(page.html) as { media_details: { sizes: Sizes } }).media_details.sizes;
}

/** The block of a picture in a post. */
export async function pictureOf(visitor: Visitor, search: string): Promise<string> {
  const [{ id, source_url } = { id: 0, source_url: "" }] = await api<{ id: number; source_url: string }[]>(
    visitor,
    `/wp-json/wp/v2/media?search=${search}`,
  );
  return `<!-- wp:image {"id":${id}} --><figure><img src="${source_url}" class="wp-image-${id}"></figure><!-- /wp:image -->`;
}
