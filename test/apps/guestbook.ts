// The guestbook example, used as its visitors do. Runs the same on every server.

import { cpSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AppServer, type StartAppServer, startNative } from "../peers/app-server.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { Visitor } from "./browser.ts";
import { type Place, recordFigures } from "./figures.ts";
import { png } from "./pictures.ts";

const EXAMPLE = fileURLToPath(new URL("../../examples/guestbook", import.meta.url));

/** Visits made at once to learn whether two children share sessions and the database. */
const CROWD = 12;

export function guestbookScenario(start: StartAppServer, where?: Place): void {
  let scratch: Scratch;
  let server: AppServer;
  let root: string;

  beforeAll(async () => {
    scratch = makeScratch("guestbook");
    root = join(scratch.path, "guestbook");
    // Without the entries of whoever tries the example by hand.
    cpSync(EXAMPLE, root, { recursive: true, filter: (path) => !path.endsWith("/.data") });
    server = await start(root);
  });
  afterAll(async () => {
    await server?.stop();
    scratch.remove();
  });

  test("starts empty and counts a visitor's views", async () => {
    const visitor = new Visitor(server.baseUrl);
    const first = await visitor.open("/");
    expect(first.status, first.html).toBe(200);
    expect(first.html).toContain("Nothing here yet");
    expect(first.html).toContain("opened this page once");
    expect((await visitor.open("/")).html).toContain("opened this page 2 times");
    expect(first.html).toMatch(/PHP 8\.\d+\.\d+ as fpm-fcgi, child \d+/);
  });

  test("takes an entry with a picture, shows it escaped, and remembers the name", async () => {
    const visitor = new Visitor(server.baseUrl);
    const picture = png(40, 30, [200, 80, 40]);
    const page = await visitor.open("/");
    const signed = await visitor.submit(page, page.form("message"), {
      action: "sign",
      name: "Ada <b>& Søren",
      message: "first line\nsecond <script>alert(1)</script> 🎉",
      picture: new File([picture], "red.png", { type: "image/png" }),
    });
    expect(signed.html).toContain("Thank you, Ada &lt;b&gt;&amp; Søren");
    expect(signed.html).toContain("first line<br>");
    expect(signed.html).toContain("second &lt;script&gt;alert(1)&lt;/script&gt; 🎉");
    expect(signed.form("message").fields.get("name")).toBe("Ada <b>& Søren");

    const src = /<img src="(picture\.php\?id=\d+)"/.exec(signed.html)?.[1] ?? "";
    const sent = await visitor.open(src);
    expect(sent.headers.get("content-type")).toBe("image/png");
    expect(Buffer.from(sent.bytes).equals(picture)).toBe(true);
    const again = await fetch(new URL(src, server.baseUrl), {
      headers: { "if-none-match": sent.headers.get("etag") ?? "" },
    });
    expect(again.status).toBe(304);

    const next = await visitor.open("/");
    expect(next.html).not.toContain("Thank you");
  });

  test("refuses what is no picture, and keeps what was typed", async () => {
    const visitor = new Visitor(server.baseUrl);
    const page = await visitor.open("/");
    const refused = await visitor.submit(page, page.form("message"), {
      action: "sign",
      name: "Eve",
      message: "look at this",
      picture: new File(["<?php echo 1;"], "picture.png", { type: "image/png" }),
    });
    expect(refused.html).toContain("must be a JPEG, PNG, GIF or WebP");
    expect(refused.form("message").fields.get("message")).toBe("look at this");
  });

  test("refuses a form without this session's token", async () => {
    const visitor = new Visitor(server.baseUrl);
    const page = await visitor.open("/");
    const refused = await visitor.submit(page, page.form("message"), {
      action: "sign",
      token: "x",
      name: "M",
      message: "no",
    });
    expect(refused.html).toContain("This form had expired");
  });

  test("lets only its writer delete an entry", async () => {
    const writer = new Visitor(server.baseUrl);
    const page = await writer.open("/");
    const signed = await writer.submit(page, page.form("message"), {
      action: "sign",
      name: "W",
      message: "to be deleted",
    });
    const own = signed.form("id");

    const other = new Visitor(server.baseUrl);
    const theirs = await other.open("/");
    expect(theirs.forms().some((form) => form.fields.has("id"))).toBe(false);
    const token = theirs.form("message").fields.get("token") ?? "";
    const tried = await other.submit(theirs, own, { action: "delete", token });
    expect(tried.html).toContain("Only the one who wrote an entry can delete it");
    expect(tried.html).toContain("to be deleted");

    const deleted = await writer.submit(signed, own, { action: "delete" });
    expect(deleted.html).toContain("Your entry is gone");
    expect(deleted.html).not.toContain("to be deleted");
  });

  test("loses no entry when many visitors sign at once", async () => {
    const signed = await Promise.all(
      Array.from({ length: CROWD }, async (_, index) => {
        const visitor = new Visitor(server.baseUrl);
        const page = await visitor.open("/");
        return visitor.submit(page, page.form("message"), {
          action: "sign",
          name: `Guest ${index}`,
          message: `of ${CROWD}`,
        });
      }),
    );
    for (const [index, page] of signed.entries()) expect(page.html).toContain(`Thank you, Guest ${index}.`);
    const all = (await new Visitor(server.baseUrl).open("/")).html;
    for (let index = 0; index < CROWD; index++) expect(all).toContain(`<h3>Guest ${index}</h3>`);
  });

  test.each(["/.data/guestbook.sqlite", "/.data/", "/.gitignore"])("does not give away %s", async (path) => {
    const page = await new Visitor(server.baseUrl).open(path);
    expect([403, 404]).toContain(page.status);
  });

  test("sends its style sheet as a static file", async () => {
    const page = await new Visitor(server.baseUrl).open("/style.css");
    expect(page.status).toBe(200);
    expect(page.headers.get("content-type")).toMatch(/^text\/css/);
  });

  test("still has its entries after a restart", async () => {
    await server.stop();
    server = await start(root);
    expect((await new Visitor(server.baseUrl).open("/")).html).toContain("second &lt;script&gt;");
  });

  recordFigures({ application: "the guestbook", where }, () => {
    const path = "/";
    return { start: () => start(root), path, native: { start: () => startNative(root), path } };
  });
}
