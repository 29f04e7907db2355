// The files that children of a page share: locks between children, and what a reload, a second page or a killed one leaves.

import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { describePeers } from "../peers/peer.ts";
import { type Built, makeEngine, openBuilt, openEnginePage, type StaticHost } from "./chromium.ts";

vi.setConfig({ testTimeout: 120_000 });

const SESSION = `<?php session_start();
$n = ($_SESSION["n"] ?? 0) + 1; usleep(1000); $_SESSION["n"] = $n; session_write_close(); echo $n, " ", getenv("CHILD_PID");`;

const COUNTER = `<?php $f = fopen("/tmp/counter", "c+"); flock($f, LOCK_EX);
$n = (int) stream_get_contents($f); usleep(1000); rewind($f); fwrite($f, (string) ($n + 1)); fflush($f);
flock($f, LOCK_UN); echo $n + 1;`;

const TRY = `<?php $f = fopen("/tmp/held", "c"); if (($_GET["hold"] ?? "") !== "") { flock($f, LOCK_EX); usleep(600000 * (int) $_GET["hold"]); echo "held"; }
else echo flock($f, LOCK_EX | LOCK_NB) ? "got" : "busy";`;

const DATABASE = `<?php $db = new PDO("sqlite:/www/data.sqlite"); $db->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
$db->exec("PRAGMA busy_timeout = 20000");
if (isset($_GET["make"])) $db->exec("CREATE TABLE t (n INTEGER PRIMARY KEY, who TEXT, at INTEGER)");
for ($i = 0; $i < (int) ($_GET["rows"] ?? 0); $i++) $db->prepare("INSERT INTO t (who, at) VALUES (?, ?)")->execute([getenv("CHILD_PID"), $i]);
if (isset($_GET["check"])) echo json_encode([
  $db->query("SELECT count(*) FROM t")->fetchColumn(), $db->query("SELECT count(DISTINCT who) FROM t")->fetchColumn(),
  $db->query("PRAGMA integrity_check")->fetchColumn()]);`;

const SIZE = `<?php usleep(30000); echo strlen(file_get_contents("/www/large.txt"));`;

describePeers(["chromium"], "files of a page", () => {
  let built: Built;
  let browser: Browser;
  let host: StaticHost;
  /** The last change that a page was told of as durable. */
  let acknowledged = 0;

  beforeAll(async () => {
    built = await openBuilt();
    ({ host, browser } = built);
  }, 120_000);
  afterAll(async () => {
    await built?.close();
  });

  async function open(context: BrowserContext, options: Parameters<typeof makeEngine>[1] = {}): Promise<Page> {
    const { page } = await openEnginePage(context, host);
    await makeEngine(page, options);
    return page;
  }

  test("are locked between children: sessions, flock, and a database with 8 writers", async () => {
    const context = await browser.newContext({ serviceWorkers: "block" });
    const files = { "/n.php": SESSION, "/count.php": COUNTER, "/try.php": TRY, "/db.php": DATABASE };
    const page = await open(context, {
      files,
      pool: { pm: "static", maxChildren: 8, requestTerminateTimeout: 60_000 },
    });
    const found = await page.evaluate(async () => {
      const { engine } = globalThis;
      const first = await engine.request({ url: "/n.php" });
      await first.text();
      const cookie = first.headers.find(([name]) => name.toLowerCase() === "set-cookie")?.[1].split(";", 1)[0] ?? "";
      const headers = [["Cookie", cookie]] as const;
      const ask = async (url: string) => (await engine.request({ url, headers })).text();
      const many = async (count: number, url: string) => Promise.all(Array.from({ length: count }, () => ask(url)));
      const visits = await many(50, "/n.php");
      const counts = await many(30, "/count.php");
      const holder = ask("/try.php?hold=1");
      await new Promise((done) => setTimeout(done, 300));
      const tried = [await ask("/try.php"), await holder, await ask("/try.php")];
      // A child that is killed gives its locks back.
      const killed = ask("/try.php?hold=20");
      await new Promise((done) => setTimeout(done, 300));
      tried.push(await ask("/try.php"));
      const { pid } = engine.pool.snapshot?.status.processes.find(({ state }) => state === "Running") ?? { pid: 0 };
      await engine.pool.kill(pid);
      await killed;
      tried.push(await ask("/try.php"));
      await ask("/db.php?make");
      await many(8, "/db.php?rows=12");
      return { visits, counts, tried, database: JSON.parse(await ask("/db.php?check")) };
    });
    const numbers = (texts: readonly string[]) => texts.map((text) => Number.parseInt(text, 10)).sort((a, b) => a - b);
    const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, at) => at + first);
    expect(numbers(found.visits)).toEqual(upTo(51, 2));
    expect(new Set(found.visits.map((text) => text.split(" ")[1])).size).toBeGreaterThan(1);
    expect(numbers(found.counts)).toEqual(upTo(30));
    expect(found.tried).toEqual(["busy", "held", "got", "busy", "got"]);
    const [rows, writers, integrity] = found.database;
    expect({ rows, integrity }).toEqual({ rows: 96, integrity: "ok" });
    expect(writers).toBeGreaterThan(1);
    await context.close();
  });

  test("are the same for all children after each request, where PHP cannot wait", async () => {
    const context = await browser.newContext({ serviceWorkers: "block" });
    const large = "x".repeat(3 * 1024 * 1024);
    const files = { "/n.php": SESSION, "/db.php": DATABASE, "/large.txt": large, "/size.php": SIZE };
    const page = await open(context, { files, asyncMode: "asyncify", pool: { pm: "static", maxChildren: 2 } });
    const found = await page.evaluate(async () => {
      const { engine } = globalThis;
      const first = await engine.request({ url: "/n.php" });
      const texts = [await first.text()];
      const cookie = first.headers.find(([name]) => name.toLowerCase() === "set-cookie")?.[1].split(";", 1)[0] ?? "";
      const ask = async (url: string) => (await engine.request({ url, headers: [["Cookie", cookie]] })).text();
      await ask("/db.php?make");
      // Two at a time keep both children busy.
      for (let turn = 0; turn < 4; turn++) {
        const [text] = await Promise.all([ask("/n.php"), ask("/size.php")]);
        texts.push(text);
        await ask("/db.php?rows=3");
      }
      return { texts, size: await ask("/size.php"), database: JSON.parse(await ask("/db.php?check")) };
    });
    expect(found.texts.map((text) => text.split(" ")[0])).toEqual(["1", "2", "3", "4", "5"]);
    expect(new Set(found.texts.map((text) => text.split(" ")[1])).size).toBe(2);
    expect(found.size).toBe(String(large.length));
    expect([found.database[0], found.database[2]]).toEqual([12, "ok"]);
    await context.close();
  });

  test("survive a reload, and are forgotten when that is asked for", async () => {
    const context = await browser.newContext({ serviceWorkers: "block" });
    const page = await open(context, { files: { "/w.php": "<?php echo file_put_contents('/www/kept.txt', 'kept');" } });
    const read = () => page.evaluate(async () => (await globalThis.engine.request({ url: "/kept.txt" })).text());
    await page.evaluate(async () => (await globalThis.engine.request({ url: "/w.php" })).text());
    expect(await read()).toBe("kept");
    const again = async () => {
      await page.reload();
      await page.waitForFunction(() => "edgeFpm" in globalThis);
      await makeEngine(page);
      return page.evaluate(async () => globalThis.engine.files.storage());
    };
    expect(await again()).toMatchObject({ kept: true });
    expect(await read()).toBe("kept");
    await page.evaluate(async () => globalThis.engine.files.reset());
    expect(await again()).toMatchObject({ kept: true });
    const paths = await page.evaluate(async () => (await globalThis.engine.files.list()).map(({ path }) => path));
    expect(paths).not.toContain("/kept.txt");
    expect(paths).toContain("/hello.php");
    // What cannot be read is left alone until it is to be forgotten.
    await page.goto("about:blank");
    await page.goto(`${host.url}engine.html`);
    await page.evaluate(async () => {
      const root = await navigator.storage.getDirectory();
      for await (const [name, folder] of root.entries()) {
        if (!name.startsWith("edge-fpm files")) continue;
        for (const file of ["journal-1", "journal-2"]) {
          const handle = await (folder as FileSystemDirectoryHandle).getFileHandle(file);
          const writable = await handle.createWritable();
          await writable.write("damaged");
          await writable.close();
        }
      }
    });
    const damaged = { kept: false, reason: "failed", message: expect.stringContaining("no journal") };
    expect(await again()).toMatchObject(damaged);
    expect(await again()).toMatchObject(damaged);
    await page.evaluate(async () => globalThis.engine.files.reset());
    expect(await again()).toMatchObject({ kept: true });
    await context.close();
  });

  test("are of one page at a time: a second one is told, and has files of its own in memory", async () => {
    const context = await browser.newContext({ serviceWorkers: "block" });
    const first = await open(context, { files: { "/mine.txt": "first" } });
    const state = (page: Page) => page.evaluate(async () => globalThis.engine.files.storage());
    expect(await state(first)).toMatchObject({ kept: true, site: expect.stringMatching(/\/site\/$/) });
    const second = await open(context, { files: { "/mine.txt": "second" } });
    expect(await state(second)).toMatchObject({ kept: false, reason: "another-page" });
    expect((await state(second)).site).toMatch(/\/site-[a-z0-9]+\/$/);
    const read = (page: Page) =>
      page.evaluate(async () => (await globalThis.engine.request({ url: "/mine.txt" })).text());
    expect([await read(first), await read(second)]).toEqual(["first", "second"]);
    await first.close();
    await second.reload();
    await second.waitForFunction(() => "edgeFpm" in globalThis);
    await makeEngine(second);
    expect(await state(second)).toMatchObject({ kept: true });
    expect(await read(second)).toBe("first");
    await context.close();
  });

  test("are whole after the page was killed in the middle of writing, with all that was acknowledged", async () => {
    const context = await browser.newContext({ serviceWorkers: "block" });
    for (const [round, pause] of [150, 40, 90, 300].entries()) {
      const page = await open(context);
      const before = await page.evaluate(async () => {
        const { files } = globalThis.engine;
        const text = async (path: string) => new TextDecoder().decode(await files.read(path)).slice(0, 9);
        return { kept: (await files.storage()).kept, a: await text("/a.txt"), b: await text("/b.txt") };
      });
      expect(before.kept).toBe(true);
      expect(before.a).toBe(before.b);
      expect(Number(before.a)).toBeGreaterThanOrEqual(acknowledged);
      if (round > 0) expect(acknowledged).toBeGreaterThan(0);
      await page.exposeFunction("done", (n: number) => {
        acknowledged = n;
      });
      await page.evaluate((from) => {
        const { files } = globalThis.engine;
        const { done } = globalThis as unknown as { done(n: number): Promise<void> };
        const go = async () => {
          for (let n = from + 1; ; n++) {
            const name = String(n).padStart(9, "0");
            await files.change({ "/a.txt": name.padEnd(200_000, "a"), "/b.txt": name.padEnd(70_000, "b") });
            void done(n);
          }
        };
        void go();
      }, Number(before.a));
      await new Promise((resolve) => setTimeout(resolve, pause));
      const session = await context.newCDPSession(page);
      // Its process ends at once; it never answers.
      void session.send("Page.crash").catch(() => {});
      await page.waitForEvent("crash");
      await page.close();
    }
    await context.close();
  });
});
