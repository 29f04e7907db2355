// Debian's dokuwiki package, unmodified, used as its writers do.

import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AppServer, type StartAppServer, startNative } from "../peers/app-server.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { type Page, Visitor } from "./browser.ts";
import { type DokuWikiSite, layOutDokuWiki, WIKI_USER, WIKI_WRITER } from "./dokuwiki-site.ts";
import { type Place, recordFigures } from "./figures.ts";
import { png } from "./pictures.ts";

const TEXT = `====== A page of our own ======

Some **bold** words, naïve ☕, and a picture: {{notes:orange.png}}

  * one
  * two
`;

export function dokuWikiScenario(tree: string, start: StartAppServer, where?: Place): void {
  const picture = png(64, 48, [230, 140, 20]);
  let scratch: Scratch;
  let server: AppServer;
  let site: DokuWikiSite;
  let visitor: Visitor;

  beforeAll(async () => {
    scratch = makeScratch("dokuwiki");
    site = layOutDokuWiki(tree, join(scratch.path, "wiki"));
    server = await start(site.root, site.settings);
    visitor = new Visitor(server.baseUrl);
  });
  afterAll(async () => {
    await server?.stop();
    scratch.remove();
  });

  const logIn = async (password: string, who = visitor, name: string = WIKI_USER.name): Promise<Page> => {
    const page = await who.open("/doku.php?id=start&do=login");
    expect(page.status, page.html).toBe(200);
    return who.submit(page, page.form("p"), { u: name, p: password, r: "1" });
  };

  const save = (who: Visitor, editor: Page, wikitext: string, summary: string): Promise<Page> =>
    who.submit(editor, editor.form("wikitext"), { wikitext, summary, "do[save]": "1" });

  const edit = (who: Visitor, id: string): Promise<Page> => who.open(`/doku.php?id=${id}&do=edit`);

  test("shows its welcome page to anybody", async () => {
    const page = await visitor.open("/doku.php?id=wiki:welcome");
    expect(page.status, page.html).toBe(200);
    expect(page.html).toContain("Welcome to your new DokuWiki");
  });

  test("finds its front page from the folder's address", async () => {
    const page = await visitor.open("/");
    expect(page.url).toContain("/doku.php");
    expect(page.html).toContain("A wiki under test");
  });

  test("refuses a wrong password", async () => {
    expect((await logIn("wrong")).html).toContain("Sorry, username or password was wrong");
  });

  test("logs in", async () => {
    const page = await logIn(WIKI_USER.password);
    expect(page.html).toContain("Logged in as");
    expect(page.html).toContain("The Admin");
  });

  test("uploads a picture through the media manager", async () => {
    const page = await visitor.open("/lib/exe/mediamanager.php?ns=notes");
    const sent = await visitor.submit(page, page.form("mediaid"), {
      mediaid: "orange.png",
      upload: new File([picture], "orange.png", { type: "image/png" }),
    });
    expect(sent.html).toContain("Upload successful");
    expect(sent.html).toContain("orange.png");
  });

  test("creates a page with that picture", async () => {
    const saved = await save(visitor, await edit(visitor, "notes:first"), TEXT, "made by a test");
    expect(saved.html).toContain("A page of our own</h1>");
    await seePageAndPicture();
  });

  test("finds the page in its list of changes", async () => {
    expect((await visitor.open("/doku.php?id=start&do=recent")).html).toContain("made by a test");
  });

  test("keeps what a page was before, and shows the difference", async () => {
    // Revisions are known by their second.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await save(visitor, await edit(visitor, "notes:first"), `${TEXT}\nAdded: quince.\n`, "a word more");
    expect((await visitor.open("/doku.php?id=notes:first")).html).toContain("Added: quince.");
    const revisions = (await visitor.open("/doku.php?id=notes:first&do=revisions")).html;
    expect(revisions).toContain("made by a test");
    expect(revisions).toContain("a word more");
    const [, rev = ""] = /[?&;]rev=(\d+)/.exec(revisions) ?? [];
    const before = (await visitor.open(`/doku.php?id=notes:first&rev=${rev}`)).html;
    expect(before).toContain("<strong>bold</strong> words");
    expect(before).not.toContain("quince");
    const difference = (await visitor.open(`/doku.php?id=notes:first&do=diff&rev=${rev}`)).html;
    expect(difference).toMatch(/diff-addedline.*quince/s);
  });

  test("finds a page by a word of it", async () => {
    const found = async (word: string) => (await visitor.open(`/doku.php?id=start&do=search&q=${word}`)).html;
    // The picture at the end of each page, by which readers keep the index: it is sent before its script has ended.
    const indexed = async () => {
      expect((await visitor.open("/lib/exe/taskrunner.php?id=notes:first")).status).toBe(200);
      return found("quince");
    };
    await expect.poll(indexed, { timeout: 10_000, interval: 250 }).toMatch(/search_fulltextresult.*notes:first/s);
    expect(await found("turnip")).not.toContain("search_fulltextresult");
  });

  test("lets one after the other edit a page, and two edit several at once", async () => {
    const writer = new Visitor(server.baseUrl);
    expect((await logIn(WIKI_WRITER.password, writer, WIKI_WRITER.name)).html).toContain("Ben");
    const editor = await edit(visitor, "notes:both");
    expect((await edit(writer, "notes:both")).html).toContain("currently locked for editing by another user");
    await save(visitor, editor, "Ann was here.", "by ann");
    const next = await edit(writer, "notes:both");
    expect(next.form("wikitext").fields.get("wikitext")).toContain("Ann was here.");
    await save(writer, next, "Ann was here. So was Ben.", "by ben");
    expect((await visitor.open("/doku.php?id=notes:both")).html).toContain("So was Ben.");

    const pages = Array.from({ length: 6 }, (_, index) => `notes:at-once-${index}`);
    await Promise.all(
      pages.map(async (id, index) => {
        const who = index % 2 === 0 ? visitor : writer;
        await save(who, await edit(who, id), `Words of ${id}.`, `sum of ${id}`);
      }),
    );
    const recent = (await visitor.open("/doku.php?id=start&do=recent")).html;
    for (const id of pages) {
      expect((await visitor.open(`/doku.php?id=${id}`)).html).toContain(`Words of ${id}.`);
      expect(recent).toContain(`sum of ${id}`);
    }
  });

  test.each(["css", "js"])("builds its %s from many files", async (kind) => {
    const page = await visitor.open(`/lib/exe/${kind}.php?t=dokuwiki`);
    expect(page.status, page.html.slice(0, 500)).toBe(200);
    expect(page.bytes.length).toBeGreaterThan(20_000);
  });

  test("sees page and picture again after a restart, still logged in", async () => {
    await server.stop();
    server = await start(site.root, site.settings);
    visitor = visitor.movedTo(server.baseUrl);
    await seePageAndPicture();
    expect((await visitor.open("/doku.php?id=notes:first")).html).toContain("The Admin");
  });

  recordFigures({ application: "DokuWiki", where }, () => {
    const path = "/doku.php?id=wiki:welcome";
    const native = { start: () => startNative(site.root, site.settings), path };
    return { start: () => start(site.root, site.settings), path, native };
  });

  async function seePageAndPicture(): Promise<void> {
    const page = await visitor.open("/doku.php?id=notes:first");
    expect(page.html).toContain("<strong>bold</strong> words, naïve ☕");
    const source = /<img src="([^"]*media=notes:orange\.png[^"]*)"/.exec(page.html)?.[1] ?? "";
    const image = await visitor.open(source.replaceAll("&amp;", "&"));
    expect(image.status, page.html).toBe(200);
    expect(image.headers.get("content-type")).toBe("image/png");
    expect(Buffer.from(image.bytes).equals(picture)).toBe(true);
  }
}
