// Debian's dokuwiki package, unmodified, used as its writers do.

import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AppServer, type StartAppServer, startNative } from "../peers/app-server.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { type Page, Visitor } from "./browser.ts";
import { type DokuWikiSite, layOutDokuWiki, WIKI_USER } from "./dokuwiki-site.ts";
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

  const logIn = async (password: string): Promise<Page> => {
    const page = await visitor.open("/doku.php?id=start&do=login");
    expect(page.status, page.html).toBe(200);
    return visitor.submit(page, page.form("p"), { u: WIKI_USER.name, p: password, r: "1" });
  };

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
    const editor = await visitor.open("/doku.php?id=notes:first&do=edit");
    const saved = await visitor.submit(editor, editor.form("wikitext"), {
      wikitext: TEXT,
      summary: "made by a test",
      "do[save]": "1",
    });
    expect(saved.html).toContain("A page of our own</h1>");
    await seePageAndPicture();
  });

  test("finds the page in its list of changes", async () => {
    expect((await visitor.open("/doku.php?id=start&do=recent")).html).toContain("made by a test");
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
