// Debian's adminer package, unmodified, used on a SQLite file.

import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AppServer, type StartAppServer, startNative } from "../peers/app-server.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { type Page, Visitor } from "./browser.ts";
import { type Place, recordFigures } from "./figures.ts";

export const ADMINER_PACKAGES = ["adminer"];

const PASSWORD = "a password for the test";

/**
 * Adminer's own way to be set up is a script that defines `adminer_object()` and includes it (Debian's
 * /etc/adminer/conf.php is one). It refuses SQLite files, which have no password, unless its plugin
 * AdminerLoginPasswordLess asks for one.
 */
const INDEX = `<?php
const ADMINER_DIR = __DIR__ . '/.package/usr/share/adminer';

function adminer_object() {
    include_once ADMINER_DIR . '/plugins/plugin.php';
    include_once ADMINER_DIR . '/plugins/login-password-less.php';
    include_once ADMINER_DIR . '/plugins/version-noverify.php';
    return new AdminerPlugin([
        new AdminerLoginPasswordLess(password_hash('${PASSWORD}', PASSWORD_DEFAULT, ['cost' => 4])),
        new AdminerVersionNoverify(),
    ]);
}

include ADMINER_DIR . '/adminer.php';
`;

export function adminerScenario(tree: string, start: StartAppServer, where?: Place): void {
  let scratch: Scratch;
  let server: AppServer;
  let root: string;
  let visitor: Visitor;
  let database: string;

  beforeAll(async () => {
    scratch = makeScratch("adminer");
    root = join(scratch.path, "adminer");
    mkdirSync(root);
    cpSync(join(tree, "usr/share/adminer"), join(root, ".package/usr/share/adminer"), { recursive: true });
    writeFileSync(join(root, "index.php"), INDEX);
    database = join(root, ".package/shop.sqlite");
    server = await start(root);
    visitor = new Visitor(server.baseUrl);
  });
  afterAll(async () => {
    await server?.stop();
    scratch.remove();
  });

  const address = (more: string): string => `/?sqlite=&username=&db=${encodeURIComponent(database)}&${more}`;

  const query = async (sql: string): Promise<Page> => {
    const page = await visitor.open(address("sql="));
    expect(page.status, page.html).toBe(200);
    return visitor.submit(page, page.form("query"), { query: sql });
  };

  const logIn = async (password: string): Promise<Page> => {
    const page = await visitor.open("/?sqlite=");
    return visitor.submit(page, page.form("auth[driver]"), {
      "auth[driver]": "sqlite",
      "auth[username]": "",
      "auth[password]": password,
      "auth[db]": database,
    });
  };

  test("a wrong password does not open the file", async () => {
    expect((await logIn("wrong")).html).toContain("Database does not support password");
  });

  test("logs in and creates a SQLite file", async () => {
    expect((await logIn(PASSWORD)).html).not.toContain("Invalid credentials");
    const page = await visitor.open("/?sqlite=&username=&database=");
    const created = await visitor.submit(page, page.form("name"), { name: database });
    expect(created.html).toContain("Database has been created");
  });

  test("makes a table, fills it and reads it back", async () => {
    const made = await query("CREATE TABLE goods (id INTEGER PRIMARY KEY, name TEXT, price REAL)");
    expect(made.html).toContain("Query executed OK");
    const filled = await query("INSERT INTO goods (name, price) VALUES ('tea & <cake>', 4.5), ('Kaffee ☕', 3)");
    expect(filled.html).toContain("2 rows affected");
    const read = await query("SELECT name, price * 2 AS twice FROM goods ORDER BY id");
    expect(read.html).toMatch(/<td[^>]*>tea &amp; &lt;cake&gt;/);
    expect(read.html).toMatch(/<td[^>]*>Kaffee ☕/);
    expect(read.html).toMatch(/<td[^>]*>9(\.0)?</);
  });

  test("edits a row, adds one and removes one, in its forms", async () => {
    const where = "edit=goods&where%5Bid%5D=1";
    const editor = await visitor.open(address(where));
    const saved = await visitor.submit(editor, editor.form("fields[name]"), { "fields[price]": "5.25" });
    expect(saved.html).toContain("Item has been updated");
    const empty = await visitor.open(address("edit=goods"));
    const added = await visitor.submit(empty, empty.form("fields[name]"), {
      "fields[name]": "Brot",
      "fields[price]": "2",
    });
    expect(added.html).toMatch(/Item[^<]* has been inserted/);
    const last = await visitor.open(address("edit=goods&where%5Bid%5D=3"));
    const removed = await visitor.submit(last, last.form("fields[name]"), { delete: "1" });
    expect(removed.html).toContain("Item has been deleted");
    const { html } = await visitor.open(address("select=goods"));
    expect(html).toContain("5.25");
    expect(html).not.toContain("Brot");
  });

  test.each([
    ["SQL", "sql", ["CREATE TABLE", "goods", "'tea & <cake>'", "5.25", "'Kaffee ☕'"]],
    ["CSV", "csv", ["id,name,price", "1,tea & <cake>,5.25", "2,Kaffee ☕,3"]],
  ])("exports the table as %s", async (_name, format, parts) => {
    const page = await visitor.open(address("dump=goods"));
    const dump = await visitor.submit(page, page.form("format"), {
      output: "text",
      format,
      table_style: "CREATE",
      data_style: "INSERT",
      "tables[]": "goods",
      "data[]": "goods",
    });
    expect(dump.status, `${dump.html}\n${server.log().slice(-3000)}`).toBe(200);
    for (const part of parts) expect(dump.html).toContain(part);
  });

  test("shows an error of SQLite as such", async () => {
    expect((await query("SELECT * FROM no_such_table")).html).toContain("no such table: no_such_table");
  });

  test("sends its style sheet and scripts", async () => {
    const page = await visitor.open("/?sqlite=");
    for (const [, path = ""] of page.html.matchAll(/(?:src|href)=['"](\?file=[^'"]+\.(?:css|js)[^'"]*)['"]/g)) {
      const file = await visitor.open(`/${path.replaceAll("&amp;", "&")}`);
      expect(file.status).toBe(200);
      expect(file.bytes.length).toBeGreaterThan(1000);
    }
  });

  test("the table is still there after a restart", async () => {
    await server.stop();
    server = await start(root);
    visitor = visitor.movedTo(server.baseUrl);
    await logIn(PASSWORD);
    expect((await visitor.open(address("select=goods"))).html).toContain("Kaffee ☕");
  });

  recordFigures({ application: "Adminer", where }, () => {
    const path = "/?sqlite=";
    return { start: () => start(root), path, native: { start: () => startNative(root), path } };
  });
}
