// Debian's mediawiki package, unmodified, on SQLite: installed, then used as its writers do.

import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AppServer, PhpSettings, StartAppServer } from "../peers/app-server.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { type Page, Visitor } from "./browser.ts";
import { type Place, recordFigures } from "./figures.ts";
import { testUnless } from "./gaps.ts";
import { installMediaWiki, type RunPhp, WIKI_ADMIN } from "./mediawiki-site.ts";
import { png } from "./pictures.ts";

export interface MediaWikiPlace {
  readonly where: Place;
  readonly start: StartAppServer;
  readonly php: RunPhp;
  readonly settings?: PhpSettings;
  /** Why words in the text of pages are not found. */
  readonly noFullText?: string;
  /** The same wiki on nginx and php-fpm, to be measured beside. */
  readonly native?: StartAppServer;
}

const TEXT = `== First words ==
Some '''bold''' words, naïve ☕, from [[Main Page]].

[[File:Orange.png|thumb|120px|A picture]]

{| class="wikitable"
! number !! {{lc:NAME}}
|-
| {{formatnum:1234567.5}} || {{PLURAL:2|one|many}}
|}
`;

export function mediaWikiScenario(tree: string, place: MediaWikiPlace): void {
  const picture = png(640, 480, [230, 140, 20]);
  let scratch: Scratch;
  let root: string;
  let server: AppServer;
  let visitor: Visitor;
  let installed: string;

  beforeAll(async () => {
    scratch = makeScratch("mediawiki");
    root = join(scratch.path, "wiki");
    installed = await installMediaWiki(tree, root, place.php);
    server = await place.start(root, place.settings);
    visitor = new Visitor(server.baseUrl);
  }, 240_000);
  afterAll(async () => {
    await server?.stop();
    scratch.remove();
  });

  const open = async (path: string, by = visitor): Promise<Page> => {
    const page = await by.open(path);
    expect(page.status, `${path}\n${page.html.slice(0, 3000)}\n${server.log().slice(-3000)}`).toBe(200);
    return page;
  };

  const logIn = async (by: Visitor, password: string): Promise<Page> => {
    const page = await open("/index.php?title=Special:UserLogin", by);
    return by.submit(page, page.form("wpName"), { wpName: WIKI_ADMIN.name, wpPassword: password });
  };

  const save = (by: Visitor, editor: Page, text: string, summary: string): Promise<Page> =>
    by.submit(editor, editor.form("wpTextbox1"), { wpTextbox1: text, wpSummary: summary, wpSave: "Save page" });

  const edit = async (title: string, text: string, summary: string, by = visitor): Promise<Page> =>
    save(by, await open(`/index.php?title=${title}&action=edit`, by), text, summary);

  const jobs = async (): Promise<number> => Number((await place.php(["maintenance/showJobs.php"], root)).trim());

  test("its installer makes the database and the first page", () => {
    expect(installed).toContain("MediaWiki has been successfully installed");
  });

  test("shows its first page to anybody, by either kind of address", async () => {
    expect((await open("/")).html).toContain("MediaWiki has been installed");
    expect((await open("/index.php/Main_Page")).html).toContain("MediaWiki has been installed");
  }, 120_000);

  test("builds its styles and scripts from many files", async () => {
    const { html } = await open("/index.php?title=Main_Page");
    const sources = [...html.matchAll(/(?:href|src)="(\/load\.php\?[^"]+)"/g)].map(([, path = ""]) => path);
    expect(sources.length).toBeGreaterThan(1);
    for (const source of sources)
      expect((await open(source.replaceAll("&amp;", "&"))).bytes.length).toBeGreaterThan(500);
  }, 120_000);

  test("refuses a wrong password", async () => {
    expect((await logIn(new Visitor(server.baseUrl), "wrong")).html).toContain("Incorrect username or password");
  });

  test("logs in, and every child knows it", async () => {
    const page = await logIn(visitor, WIKI_ADMIN.password);
    expect(page.html, server.log()).toContain('"wgUserName":"Admin"');
    const pages = await Promise.all(Array.from({ length: 6 }, () => open("/index.php?title=Special:Version")));
    for (const { html } of pages) expect(html).toContain('"wgUserName":"Admin"');
    expect(pages[0]?.html).toMatch(/<td>(<a [^>]*>)?ICU(<\/a>)?<\/td>/);
  }, 120_000);

  test("takes a picture", async () => {
    const page = await open("/index.php?title=Special:Upload");
    const sent = await visitor.submit(page, page.form("wpDestFile"), {
      wpUploadFile: new File([picture], "orange.png", { type: "image/png" }),
      wpDestFile: "Orange.png",
      wpUploadDescription: "All orange",
      wpUpload: "Upload file",
    });
    expect(sent.html).toContain("640 × 480");
    const path = /<a href="(\/images\/[^"]+Orange\.png)"/.exec(sent.html)?.[1] ?? "";
    const file = await open(path);
    expect(Buffer.from(file.bytes).equals(picture)).toBe(true);
  }, 120_000);

  test("makes a page with that picture as a thumbnail", async () => {
    await edit("Notes", TEXT, "made by a test");
    await seePageAndThumbnail();
  }, 120_000);

  async function seePageAndThumbnail(): Promise<void> {
    const { html } = await open("/index.php?title=Notes");
    expect(html).toContain("<b>bold</b> words, naïve ☕");
    expect(html).toMatch(/<td>1,234,567\.5\s*<\/td>\s*<td>many/);
    const thumbnail = /src="(\/images\/thumb\/[^"]+\/120px-Orange\.png)"/.exec(html)?.[1] ?? "";
    const { bytes, headers } = await open(thumbnail);
    expect(headers.get("content-type")).toBe("image/png");
    // A PNG's width, in its first chunk.
    expect(Buffer.from(bytes).readUInt32BE(16)).toBe(120);
  }

  test("keeps the history of a page, and shows what changed", async () => {
    await edit("Notes", TEXT.replace("First words", "Second thoughts"), "another heading");
    const history = await open("/index.php?title=Notes&action=history");
    expect(history.html).toContain("made by a test");
    expect(history.html).toContain("another heading");
    const { html } = await open("/index.php?title=Notes&diff=cur&oldid=prev");
    expect(html).toMatch(/class="diff-deletedline[^"]*"[^>]*><div>== <del[^>]*>First words ?<\/del>/);
    expect(html).toMatch(/class="diff-addedline[^"]*"[^>]*><div>== <ins[^>]*>Second thoughts ?<\/ins>/);
    expect((await open("/index.php?title=Special:RecentChanges")).html).toContain("another heading");
  }, 120_000);

  test("tells the second of two writers that the first was faster, and loses neither text", async () => {
    const other = new Visitor(server.baseUrl);
    await logIn(other, WIKI_ADMIN.password);
    await edit("Shared", "Before.", "begun");
    const [mine, theirs] = [
      await open("/index.php?title=Shared&action=edit"),
      await open("/index.php?title=Shared&action=edit", other),
    ];
    expect((await save(other, theirs, "By the other.", "first")).html).toContain("By the other.");
    // Its own edits are no conflict to MediaWiki: the second one comes from somebody else.
    const stranger = new Visitor(server.baseUrl);
    const late = mine.form("wpTextbox1");
    const page = await open("/index.php?title=Shared&action=edit", stranger);
    const conflict = await stranger.submit(page, page.form("wpTextbox1"), {
      wpStarttime: late.fields.get("wpStarttime") ?? "",
      wpEdittime: late.fields.get("wpEdittime") ?? "",
      editRevId: late.fields.get("editRevId") ?? "",
      parentRevId: late.fields.get("parentRevId") ?? "",
      wpTextbox1: "By a stranger.",
      wpSave: "Save page",
    });
    expect(conflict.html).toContain("Edit conflict");
    expect(conflict.html).toContain("By the other.");
    expect(conflict.html).toContain("By a stranger.");
    expect((await open("/index.php?title=Shared")).html).toContain("By the other.");
  }, 120_000);

  test("loses no edit of writers who save at the same moment", async () => {
    const names = Array.from({ length: 6 }, (_, index) => `At_once_${index}`);
    const saved = await Promise.all(
      names.map((name) => edit(name, `This is ${name}. [[Category:Together]]`, "at once")),
    );
    for (const [index, page] of saved.entries()) expect(page.html).toContain(`This is ${names[index]}`);
    expect((await place.php(["maintenance/showSiteStats.php"], root)).replaceAll(/\s+/g, " ")).toMatch(
      /Total edits\D+\d/,
    );
    for (const name of names) expect((await open(`/index.php?title=${name}`)).html).toContain(`This is ${name}`);
  }, 120_000);

  test("runs the jobs that edits left", async () => {
    expect(await jobs()).toBeGreaterThan(0);
    await place.php(["maintenance/runJobs.php"], root);
    expect(await jobs()).toBe(0);
    const { html } = await open("/index.php?title=Category:Together");
    expect(html).toContain("At once 0");
    expect(html).toContain("At once 5");
  }, 120_000);

  test("finds a page by its title, and answers its programming interface", async () => {
    expect((await open("/index.php?search=notes&go=Go")).url).toMatch(/title=Notes|\/Notes$/);
    const found = JSON.parse((await open("/api.php?action=opensearch&search=at%20on&format=json")).html);
    expect(found[1]).toContain("At once 0");
    const parsed = JSON.parse(
      (await open(`/api.php?action=parse&contentmodel=wikitext&format=json&text=${encodeURIComponent("'''x'''")}`))
        .html,
    );
    expect(parsed.parse.text["*"]).toContain("<b>x</b>");
    expect(JSON.parse((await open("/rest.php/v1/page/Notes")).html).source).toContain("Second thoughts");
  });

  testUnless(place.noFullText)("finds a page by a word of its text", async () => {
    expect((await open("/index.php?search=thoughts&fulltext=1")).html).toContain("Notes");
  });

  test("does not give away its database or settings", async () => {
    for (const path of ["/.data/wiki.sqlite", "/.data/", "/LocalSettings.php"]) {
      const page = await visitor.open(path);
      expect(page.html).not.toContain("wgSecretKey");
      if (path.startsWith("/.")) expect([403, 404]).toContain(page.status);
    }
  });

  test("has everything after a restart, and the visitor is still logged in", async () => {
    await server.stop();
    server = await place.start(root, place.settings);
    visitor = visitor.movedTo(server.baseUrl);
    await seePageAndThumbnail();
    expect((await open("/index.php?title=Notes")).html).toContain('"wgUserName":"Admin"');
    expect((await open("/index.php?title=Notes&action=history")).html).toContain("made by a test");
  }, 120_000);

  recordFigures({ application: "MediaWiki 1.39, SQLite", where: place.where }, () => ({
    start: () => place.start(root, place.settings),
    path: "/index.php?title=Notes",
    native: place.native === undefined ? undefined : { start: () => nativeCopy(), path: "/index.php?title=Notes" },
  }));

  /** The same folder: both only read while they are measured. */
  function nativeCopy(): Promise<AppServer> {
    const start = place.native;
    if (start === undefined) throw new Error("there is no native server to measure");
    return start(root);
  }
}
