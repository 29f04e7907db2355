// Locks on bytes of a child that has the files for itself: nobody is asked, and everything else is as it was.

import { beforeAll, expect, test } from "vitest";
import type { StoreAnswer } from "../../../src/fs/index.ts";
import { SHARED, SHARED_END } from "../../../src/php/durable/database-locks.ts";
import { Child, ROOT_PATH, Store } from "./child.ts";

const store = new Store({}, true);
let child: Child;

beforeAll(async () => {
  child = await new Child(store, "one").boot();
  await child.run('(new PDO("sqlite:$d/db"))->exec("CREATE TABLE t (x)");');
}, 30_000);

/** The messages of one request. */
async function sent(code: string): Promise<readonly string[]> {
  child.plan(undefined);
  await child.run(code);
  return child.sent.filter((type) => type !== "sync");
}

test("reading a database takes no messages, and each change of it one", async () => {
  const query = '$db = new PDO("sqlite:$d/db"); for ($i = 0; $i < 20; $i++) $db->query("SELECT * FROM t")->fetchAll();';
  expect(await sent(query)).toEqual([]);
  expect(await sent(`${query} $db->exec("INSERT INTO t VALUES (1)");`)).toEqual(["commit"]);
  expect(await sent(`${query} for ($i = 0; $i < 3; $i++) $db->exec("INSERT INTO t VALUES (1)"); ${query}`)).toEqual([
    "commit",
    "commit",
    "commit",
  ]);
  // A transaction is one batch.
  const changes = 'for ($i = 0; $i < 9; $i++) $db->exec("INSERT INTO t VALUES ($i)");';
  expect(await sent(`$db = new PDO("sqlite:$d/db"); $db->beginTransaction(); ${changes} $db->commit();`)).toEqual([
    "commit",
  ]);
});

test("with others about, statements that read in a row share a lock, until one that waits gets its turn", async () => {
  const both = new Store();
  const one = await new Child(both, "one").boot();
  const other = await new Child(both, "other").boot();
  await one.run('(new PDO("sqlite:$d/db"))->exec("CREATE TABLE t (x)");');
  const locks = async (code: string) => {
    one.plan(undefined);
    await one.run(`$db = new PDO("sqlite:$d/db"); ${code}`);
    expect([both.service.locks.held, both.service.locks.waiting]).toEqual([0, 0]);
    return one.sent.filter((type) => type !== "sync");
  };
  const reads = 'for ($i = 0; $i < 24; $i++) $db->query("SELECT * FROM t")->fetchAll();';
  const sent = await locks(reads);
  expect(sent.at(-1)).toBe("unlock");
  expect(sent.filter((type) => type === "unlock").length).toBe(1);
  expect(sent.length).toBeLessThan(6);
  // A script that waits has nothing locked meanwhile: another one can write, and is seen.
  const waits = one.run(
    `$db = new PDO("sqlite:$d/db"); ${reads} usleep(400000); echo $db->query("SELECT COUNT(*) FROM t")->fetchColumn();`,
  );
  await new Promise((resolve) => {
    setTimeout(resolve, 100);
  });
  await other.run(
    '$db = new PDO("sqlite:$d/db", null, null, [PDO::ATTR_TIMEOUT => 0]); $db->exec("INSERT INTO t VALUES (1)");',
  );
  expect(await waits).toBe("1");
  // What both read and then change, one after the other.
  const change = (n: number) =>
    `${reads} $db->exec("BEGIN IMMEDIATE"); $n = $db->query("SELECT COUNT(*) FROM t")->fetchColumn(); $db->exec("INSERT INTO t VALUES ($n)"); $db->exec("COMMIT"); ${n > 1 ? "" : reads}`;
  const open = '$db = new PDO("sqlite:$d/db"); for ($k = 0; $k < 10; $k++) {';
  await Promise.all([one.run(`${open} ${change(1)} }`), other.run(`${open} ${change(2)} }`)]);
  expect(
    await one.run(
      'echo (new PDO("sqlite:$d/db"))->query("SELECT COUNT(DISTINCT x) || \'/\' || COUNT(*) FROM t")->fetchColumn();',
    ),
  ).toBe("20/21");
}, 60_000);

test("a database that another child reads for long is busy for a writer, as it is elsewhere", async () => {
  const both = new Store();
  const { service } = both;
  const writer = await new Child(both, "writer").boot();
  await writer.run('(new PDO("sqlite:$d/db"))->exec("CREATE TABLE t (x)");');
  const reader = service.hello("reader") as Extract<StoreAnswer, { type: "welcome" }>;
  const { ino } = service.store.lookup(`${ROOT_PATH}/db`);
  const bytes = { family: "range", ino, start: SHARED, end: SHARED_END } as const;
  service.locks.request(reader.life, { ...bytes, type: "shared" });
  const insert = (timeout: number) => `try {
    $db = new PDO("sqlite:$d/db", null, null, [PDO::ATTR_TIMEOUT => ${timeout}]);
    $db->exec("INSERT INTO t VALUES (1)"); echo "done";
  } catch (PDOException $e) { echo $e->errorInfo[1]; }`;
  const clock = setInterval(() => service.expire(Date.now()), 20);
  const SQLITE_BUSY = "5";
  expect(await writer.run(insert(0))).toBe(SQLITE_BUSY);
  writer.plan(undefined);
  const waits = writer.run(insert(60));
  // For a reader, for a writer to be, and twice for the writer.
  await expect.poll(() => writer.sent.filter((type) => type === "lock").length).toBe(4);
  service.locks.release(reader.life, bytes);
  expect(await waits).toBe("done");
  clearInterval(clock);
  // Two databases that two children lock the other way around.
  service.locks.request = () => "deadlock";
  expect(await writer.run(insert(0))).toBe(SQLITE_BUSY);
}, 30_000);

test("a change is durable when the statement is over, whatever becomes of the request", async () => {
  const rows = 'echo (new PDO("sqlite:$d/db"))->query("SELECT COUNT(*) FROM t")->fetchColumn();';
  const before = Number(await child.run(rows));
  // Of the two statements the second one's commit is never answered.
  child.plan({ at: 2, fault: "dies-before" });
  const two =
    '$db = new PDO("sqlite:$d/db"); $db->exec("INSERT INTO t VALUES (1)"); $db->exec("INSERT INTO t VALUES (2)");';
  await expect(child.run(two)).rejects.toThrow();
  await child.begin();
  expect(Number(await child.run(rows))).toBe(before + 1);
});

test("a lock of its own is no obstacle to it, as of one process under Linux; flock() is between its open files", async () => {
  const seen =
    await child.run(`$one = new PDO("sqlite:$d/db"); $one->beginTransaction(); $one->query("SELECT 1 FROM t");
    $a = fopen("$d/file", 'c'); $b = fopen("$d/file", 'c'); echo json_encode([flock($a, LOCK_EX), flock($b, LOCK_EX | LOCK_NB), $one->commit()]);`);
  expect(seen).toBe("[true,false,true]");
  expect([store.service.locks.held, store.service.locks.waiting]).toEqual([0, 0]);
});

test("another life ends the one before: there are never two", async () => {
  const next = await new Child(store, "two").boot();
  expect(store.service.lives).toBe(1);
  await expect(child.run('file_put_contents("$d/late", "x");')).rejects.toThrow();
  expect(await next.run('echo json_encode(file_exists("$d/late"));')).toBe("false");
});
