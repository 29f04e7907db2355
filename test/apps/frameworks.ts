// What visitors do with the applications in sites/, the same for every framework and on every server.

import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { type Page, Visitor } from "./browser.ts";
import { MEASURING, type Place, recordFigures } from "./figures.ts";
import { evictableFramework, type FrameworkServer, nativeFramework, type StartFramework } from "./framework-places.ts";
import { type FrameworkSite, layOutFramework } from "./framework-site.ts";
import { png } from "./pictures.ts";

/** Requests of one session at once. */
const AT_ONCE = 20;

export function frameworkScenario(site: FrameworkSite, tree: string, start: StartFramework, where: Place): void {
  const { fields } = site;
  const picture = png(64, 48, [20, 120, 200]);
  let scratch: Scratch;
  let server: FrameworkServer;
  let root: string;
  let visitor: Visitor;
  let kept: string;

  const layOut = (name: string): string => {
    const path = join(scratch.path, name);
    layOutFramework(site, tree, path);
    return path;
  };

  beforeAll(async () => {
    scratch = makeScratch(site.name);
    root = layOut("site");
    server = await start(root);
    visitor = new Visitor(server.baseUrl);
  }, 180_000);
  afterAll(async () => {
    await server?.stop();
    scratch.remove();
  });

  const log = (): string => server.log().slice(-2000);

  /** A page that must be there; what the server wrote is told when it is not. */
  const open = async (path: string, by = visitor): Promise<Page> => {
    const page = await by.open(path);
    expect(page.status, `${path}\n${page.html}\n${page.status === 200 ? "" : log()}`).toBe(200);
    return page;
  };
  const json = async (path: string, by = visitor): Promise<unknown> => JSON.parse((await open(path, by)).html);
  const visits = (page: Page): number => Number(/id="visits">(\d+)</.exec(page.html)?.[1]);

  /** Asks without following redirects. */
  const raw = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(new URL(path, server.baseUrl), { ...init, redirect: "manual" });

  const addNote = async (by: Visitor, title: string, file: Blob | undefined): Promise<Page> => {
    const page = await open("/notes", by);
    return by.submit(page, page.form(fields.title), {
      [fields.title]: title,
      [fields.text]: "one line\nand <another> ☕",
      ...(file === undefined ? {} : { [fields.picture]: file }),
    });
  };

  const logIn = async (by: Visitor, password: string): Promise<Page> => {
    const page = await open("/login", by);
    return by.submit(page, page.form("user"), { user: "ada & co", password });
  };

  test("counts a session's visits", async () => {
    expect(visits(await open("/"))).toBe(1);
    expect(visits(await open("/"))).toBe(2);
  }, 120_000);

  test("finds pages by their address, and escapes what is in it", async () => {
    expect((await open("/hello/Ada")).html).toContain("<h1>Hello, Ada!</h1>");
    expect((await open(`/hello/${encodeURIComponent("<Søren> ☕")}?a=1`)).html).toContain("Hello, &lt;Søren&gt; ☕!");
    expect((await open("/number/21")).html).toContain("Twice is 42");
    expect((await raw("/number/many")).status).toBe(404);
    expect((await raw("/hello/Ada", { method: "PUT" })).status).toBe(405);
  });

  test("redirects", async () => {
    const answer = await raw("/old");
    expect(answer.status).toBe(301);
    expect((await open("/old")).html).toContain("Hello, moved!");
  });

  test("answers JSON with JSON", async () => {
    const answer = await raw("/api/echo", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ words: ["naïve", "☕"], number: 1.5 }),
    });
    expect(answer.status, log()).toBe(201);
    expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
    expect(await answer.json()).toEqual({ got: { words: ["naïve", "☕"], number: 1.5 } });
  });

  test("shows its own pages for errors, and tells visitors nothing more", async () => {
    const missing = await visitor.open("/no/such/page");
    expect(missing.status).toBe(404);
    expect(missing.html).toContain("<h1>There is no such page</h1>");
    const broken = await visitor.open("/broken");
    expect(broken.status).toBe(500);
    expect(broken.html).toContain("<h1>Something is broken</h1>");
    expect(broken.html).not.toContain("a secret of the server");
  });

  test("computes once what all visitors get from the cache", async () => {
    const first = await json("/cached");
    const others = await Promise.all(Array.from({ length: 6 }, () => json("/cached", new Visitor(server.baseUrl))));
    expect(others).toEqual(others.map(() => first));
    const next = await json("/forget");
    expect(next).not.toEqual(first);
    expect(await json("/cached")).toEqual(next);
  });

  test("refuses a form that is wrong, and keeps what was typed", async () => {
    const short = await addNote(visitor, "ab", undefined);
    expect(short.status, log()).toBe(422);
    expect(short.html).toContain("The title is too short");
    // A form's line breaks are sent as CR and LF.
    expect(short.form(fields.title).fields.get(fields.text)).toMatch(/^one line\r?\nand <another> ☕$/);
    const script = new File(["<?php echo 1;"], "picture.png", { type: "image/png" });
    const odd = await addNote(visitor, "A script", script);
    expect(odd.status, log()).toBe(422);
    expect(odd.html).toContain("The picture is no picture");
    expect(await json("/api/notes")).toEqual([]);
  });

  test("refuses a form without this session's token", async () => {
    const page = await open("/login");
    const refused = await visitor.submit(page, page.form("user"), { user: "eve", password: "lovelace", _token: "x" });
    expect([403, 419]).toContain(refused.status);
    expect((await open("/me")).url).toContain("/login");
  });

  test("takes a note with a picture, says so once, and gives the picture back", async () => {
    const saved = await addNote(visitor, "First <note>", new File([picture], "blue.png", { type: "image/png" }));
    expect(saved.status, `${saved.html}\n${log()}`).toBe(200);
    expect(saved.html).toContain("Saved: First &lt;note&gt;");
    expect(saved.html).toMatch(/First &lt;note&gt;: one line<br ?\/?>\s*and &lt;another&gt; ☕/);
    expect((await open("/notes")).html).not.toContain("Saved:");
    await seePicture();
    expect((await raw("/notes/999/picture")).status).toBe(404);
  });

  test("logs in and out, each visitor alone", async () => {
    const other = new Visitor(server.baseUrl);
    const wrong = await logIn(visitor, "wrong");
    expect(wrong.status).toBe(422);
    expect(wrong.html).toContain("The password is wrong");
    const welcome = await logIn(visitor, "lovelace");
    expect(welcome.html, log()).toContain("You are logged in");
    expect(welcome.html).toContain("<b>ada &amp; co</b>");
    expect((await open("/me", other)).url).toContain("/login");
    await logIn(other, "lovelace");
    const mine = await open("/me", other);
    expect((await other.submit(mine, mine.form("logout"))).url).toContain("/login");
    expect((await open("/me")).html).toContain("ada &amp; co");
  });

  test("two visitors at once have two sessions", async () => {
    const two = [new Visitor(server.baseUrl), new Visitor(server.baseUrl)];
    for (const each of two) expect(visits(await open("/", each))).toBe(1);
    for (const n of [2, 3, 4]) {
      expect((await Promise.all(two.map((each) => open("/", each)))).map(visits)).toEqual([n, n]);
    }
  });

  test(`${AT_ONCE} requests of one session at once: none is lost`, async () => {
    const one = new Visitor(server.baseUrl);
    await open("/", one);
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => json("/count", one)));
    const counts = answers.map((answer) => (answer as { count: number }).count).sort((a, b) => a - b);
    expect(counts).toEqual(Array.from({ length: AT_ONCE }, (_, i) => i + 1));
  }, 120_000);

  test("notes of several visitors at once are all kept", async () => {
    const titles = Array.from({ length: 5 }, (_, i) => `Note ${i}`);
    const saved = await Promise.all(titles.map((title) => addNote(new Visitor(server.baseUrl), title, undefined)));
    for (const page of saved) expect(page.status, `${page.html}\n${log()}`).toBe(200);
    expect([...((await json("/api/notes")) as string[])].sort()).toEqual(["First <note>", ...titles]);
  });

  test("sends its style sheet, and nothing of what lies beside public/", async () => {
    const style = await raw("/style.css");
    expect(style.status).toBe(200);
    expect(style.headers.get("content-type")).toMatch(/^text\/css/);
    for (const path of ["/vendor/autoload.php", "/../vendor/autoload.php", "/.env"]) {
      const answer = await raw(path);
      expect([403, 404], path).toContain(answer.status);
    }
  });

  test("after a restart sessions, cache and notes are still there", async () => {
    kept = JSON.stringify(await json("/cached"));
    await server.stop();
    server = await start(root);
    visitor = visitor.movedTo(server.baseUrl);
    await seeEverything();
  }, 120_000);

  // Takes a minute.
  test.runIf(where === "workerd" && MEASURING)(
    "so are they when the pool is evicted before each request",
    async () => {
      await server.stop();
      server = await evictableFramework(root);
      // One that has never run cannot be evicted.
      await open("/hello/Ada", new Visitor(server.baseUrl));
      visitor = visitor.movedTo(server.baseUrl, async () => server.evict?.());
      await seeEverything();
      await addNote(visitor, "Evicted", new File([picture], "blue.png", { type: "image/png" }));
      await seeEverything();
      expect(((await json("/api/notes")) as string[]).at(-1)).toBe("Evicted");
    },
    180_000,
  );

  async function seeEverything(): Promise<void> {
    const before = visits(await open("/"));
    expect(visits(await open("/"))).toBe(before + 1);
    expect((await open("/me")).html).toContain("ada &amp; co");
    expect(JSON.stringify(await json("/cached"))).toBe(kept);
    await seePicture();
  }

  async function seePicture(): Promise<void> {
    const source = /<img src="(\/notes\/\d+\/picture)"/.exec((await open("/notes")).html)?.[1] ?? "";
    const sent = await open(source);
    expect(sent.headers.get("content-type")).toBe("image/png");
    expect(Buffer.from(sent.bytes).equals(picture)).toBe(true);
  }

  recordFigures({ application: site.title, where, target: 2.5 }, () => {
    const children = where === "Node, 3 children" ? 3 : 2;
    // Folders of their own: the scenario's server is still at work in its.
    const own = layOut("measured");
    const native = layOut("native");
    return {
      start: () => start(own),
      path: "/hello/Ada",
      native: { start: () => nativeFramework(children)(native), path: "/hello/Ada" },
    };
  });
}
