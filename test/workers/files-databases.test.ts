// SQLite databases in a pool's files, in real workerd: many writers, databases that come with a write-ahead log.

import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { http } from "../http-suite/client.ts";
import { makeScratch } from "../peers/scratch.ts";
import { type RunningWorkers, startWorkers } from "./start.ts";

const OPEN = `$db = new PDO('sqlite:' . __DIR__ . '/data/' . ($_GET['file'] ?? 'rows.sqlite'));
  $db->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION); $db->setAttribute(PDO::ATTR_TIMEOUT, 60);
  $one = fn(string $sql) => $db->query($sql)->fetchColumn();`;

const SCRIPTS: Readonly<Record<string, string>> = {
  "make.php": `<?php ${OPEN} $db->exec('CREATE TABLE t (id INTEGER PRIMARY KEY, writer INT, n INT, filler TEXT)'); echo 'ok';`,
  "insert.php": `<?php ${OPEN} $s = $db->prepare('INSERT INTO t (writer, n, filler) VALUES (?, ?, ?)'); [$writer, $from, $count] = [(int) $_GET['writer'], (int) $_GET['from'], (int) $_GET['count']];
    for ($i = 0; $i < $count; $i++) $s->execute([$writer, $from + $i, str_repeat('x', 100)]); echo 'ok';`,
  "check.php": `<?php ${OPEN} echo json_encode([$one('PRAGMA integrity_check'), (int) $one('SELECT count(*) FROM t'), (int) $one('SELECT count(DISTINCT writer * 1000000 + n) FROM t')]);`,
  "wal.php": `<?php ${OPEN} $mode = $one('PRAGMA journal_mode=WAL'); $db->exec('CREATE TABLE IF NOT EXISTS u (n INT)'); $db->exec('INSERT INTO u VALUES (1)');
    echo json_encode([$mode, (int) $one('SELECT count(*) FROM u'), $one('PRAGMA journal_mode')]);`,
  "exclusive.php": `<?php ${OPEN} $db->exec('PRAGMA locking_mode=EXCLUSIVE'); $mode = $one('PRAGMA journal_mode=WAL'); $db->exec('CREATE TABLE IF NOT EXISTS v (n INT)'); $db->exec('INSERT INTO v VALUES (1)'); echo json_encode([$mode, (int) $one('SELECT count(*) FROM v')]);`,
  "unpack.php": `<?php foreach (glob(__DIR__ . '/came/*.dat') as $f) copy($f, __DIR__ . '/data/' . basename($f, '.dat')); echo 'ok';`,
  "came.php": `<?php ${OPEN} $before = (int) $one('SELECT count(*) FROM t'); $db->exec("INSERT INTO t (filler) VALUES ('mine')");
    clearstatcache(); echo json_encode([$one('PRAGMA integrity_check'), $before, $one('PRAGMA journal_mode'), array_values(array_filter(scandir(__DIR__ . '/data'), fn($n) => str_starts_with($n, $_GET['file'])))]);`,
  "rollback.php": `<?php ${OPEN} $db->beginTransaction(); $db->exec("INSERT INTO t (filler) VALUES ('never')"); $db->rollBack(); echo (int) $one("SELECT count(*) FROM t WHERE filler = 'never'");`,
};

/** Rows of the large run: 8 writers share them. The ordinary suite makes few. */
const ROWS = Number(process.env.EDGE_FPM_INSERTS ?? 320);
const WRITERS = 8;
const AT_ONCE = 20;

const site = makeScratch("databases-site");
let workers: RunningWorkers;

/** Databases as a server with a write-ahead log leaves them: closed in order, and copied while it is in use. */
function databasesWithLogs(folder: string): void {
  const path = join(folder, "made.sqlite");
  const db = new DatabaseSync(path);
  db.exec("PRAGMA journal_mode=WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, filler TEXT)");
  const insert = db.prepare("INSERT INTO t (filler) VALUES (?)");
  db.exec("PRAGMA wal_checkpoint(TRUNCATE); BEGIN");
  for (let n = 0; n < 3000; n++) insert.run("x".repeat(100));
  db.exec("COMMIT; BEGIN");
  insert.run("never committed".repeat(100));
  copyFileSync(path, join(folder, "hot.sqlite.dat"));
  copyFileSync(`${path}-wal`, join(folder, "hot.sqlite-wal.dat"));
  db.exec("COMMIT");
  db.close();
  copyFileSync(path, join(folder, "closed.sqlite.dat"));
}

beforeAll(async () => {
  for (const [name, text] of Object.entries(SCRIPTS)) writeFileSync(join(site.path, name), text);
  mkdirSync(join(site.path, "came"));
  mkdirSync(join(site.path, "data"));
  writeFileSync(join(site.path, "data/index.html"), "");
  databasesWithLogs(join(site.path, "came"));
  workers = await startWorkers({ root: site.path, pool: { maxChildren: 2, requestTerminateTimeout: 120_000 } });
});
afterAll(async () => {
  await workers?.stop();
  site.remove();
});

async function get(path: string): Promise<string> {
  const answer = await http(workers.baseUrl, path);
  expect(answer.status, `${path}: ${answer.text()} ${workers.log()}`).toBe(200);
  return answer.text();
}

const json = async (path: string): Promise<unknown> => JSON.parse(await get(path));

test("8 writers in two children lose no row", { timeout: 600_000 }, async () => {
  await get("/make.php");
  const each = ROWS / WRITERS;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: WRITERS }, async (_, writer) => {
      for (let from = 0; from < each; from += AT_ONCE) {
        await get(`/insert.php?writer=${writer}&from=${from}&count=${Math.min(AT_ONCE, each - from)}`);
      }
    }),
  );
  const each1 = (performance.now() - began) / ROWS;
  console.log(`${ROWS} inserts by ${WRITERS} writers in two children: ${each1.toFixed(2)} ms each`);
  expect(await json("/check.php")).toEqual(["ok", ROWS, ROWS]);
  expect(await get("/rollback.php")).toBe("0");
});

test("a write-ahead log is declined, and the database works on", async () => {
  expect(await json("/wal.php?file=w.sqlite")).toEqual(["delete", 1, "delete"]);
  expect(await json("/wal.php?file=w.sqlite")).toEqual(["delete", 2, "delete"]);
});

test("one that nobody shares works, and what it leaves can be shared", async () => {
  expect(await json("/exclusive.php?file=x.sqlite")).toEqual(["wal", 1]);
  expect(await json("/wal.php?file=x.sqlite")).toEqual(["delete", 1, "delete"]);
  expect(await json("/exclusive.php?file=x.sqlite")).toEqual(["wal", 2]);
});

test.each(["closed.sqlite", "hot.sqlite"])(
  "%s comes with a log, and is read and written by both children",
  async (file) => {
    await get("/unpack.php");
    const answers = (await Promise.all([0, 1, 2, 3].map(() => json(`/came.php?file=${file}`)))) as [
      string,
      number,
      string,
      string[],
    ][];
    expect(answers.map(([check, , mode]) => [check, mode])).toEqual(Array(4).fill(["ok", "delete"]));
    const before = file === "closed.sqlite" ? 3001 : 3000;
    expect(Math.min(...answers.map(([, rows]) => rows))).toBe(before);
    const [, rows] = (await json(`/came.php?file=${file}`)) as [string, number];
    expect(rows).toBe(before + answers.length);
    expect(answers.at(-1)?.[3]).toEqual([file]);
  },
);
