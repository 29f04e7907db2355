// mysqli and pdo_mysql of the Node build against a real MariaDB server.

import { afterAll, beforeAll, expect, test } from "vitest";
import { MARIADB_LOGIN, type RunningMariadb, startMariadb } from "../peers/mariadb.ts";
import { describePeers } from "../peers/peer.ts";
import { Fixture } from "./fixture.ts";

describePeers(["mariadbd"], "a MySQL database from PHP on Node", () => {
  let server: RunningMariadb;
  let php: Fixture;

  beforeAll(async () => {
    server = await startMariadb();
    php = await Fixture.boot({ php: "8.2", network: true, ini: { settings: { memory_limit: "256M" } } });
  }, 90_000);
  afterAll(async () => {
    php?.[Symbol.dispose]();
    await server?.stop();
  });

  const { user, password } = MARIADB_LOGIN;
  async function run(code: string): Promise<unknown> {
    const answer = await php.php(`
      function db(string $host = '127.0.0.1'): mysqli { return new mysqli($host, '${user}', '${password}', 'test', ${server.port}); }
      function pdo(array $o = []): PDO { return new PDO('mysql:host=127.0.0.1;port=${server.port};dbname=test;charset=utf8mb4', '${user}', '${password}', $o + [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]); }
      echo json_encode((function () { ${code} })());`);
    try {
      return JSON.parse(answer.body);
    } catch {
      throw new Error(`${answer.body}\n${answer.log.join("\n")}`);
    }
  }

  test("queries, prepared statements and text of all the world", async () => {
    const value =
      await run(`$db = db(); $db->set_charset('utf8mb4'); $db->query('CREATE TABLE words (id INT PRIMARY KEY AUTO_INCREMENT, word VARCHAR(100), n DOUBLE, at DATETIME)');
      $s = $db->prepare('INSERT INTO words (word, n, at) VALUES (?, ?, ?)'); $w = ''; $n = 0.0; $at = '2026-01-02 03:04:05'; $s->bind_param('sds', $w, $n, $at);
      foreach (['zażółć', '日本', '😀', "O'Neil"] as $i => $w) { $n = $i + 0.5; $s->execute(); }
      $r = $db->prepare('SELECT id, word, n, at FROM words WHERE n > ? ORDER BY id'); $min = 1.0; $r->bind_param('d', $min); $r->execute();
      return $r->get_result()->fetch_all(MYSQLI_ASSOC);`);
    expect(value).toEqual([
      { id: 2, word: "日本", n: 1.5, at: "2026-01-02 03:04:05" },
      { id: 3, word: "😀", n: 2.5, at: "2026-01-02 03:04:05" },
      { id: 4, word: "O'Neil", n: 3.5, at: "2026-01-02 03:04:05" },
    ]);
    expect(
      await run(
        "$s = pdo([PDO::ATTR_EMULATE_PREPARES => false])->prepare('SELECT word, n FROM words WHERE id = :id'); $s->execute(['id' => 1]); return $s->fetch(PDO::FETCH_NUM);",
      ),
    ).toEqual(["zażółć", 0.5]);
  });

  test("a blob of 10 MB there and back", async () => {
    const value =
      await run(`$db = pdo([PDO::MYSQL_ATTR_USE_BUFFERED_QUERY => true]); $db->exec('CREATE TABLE blobs (id INT PRIMARY KEY, b LONGBLOB)');
      $b = ''; for ($i = 0; $i < 160; $i++) $b .= str_repeat(hash('sha256', (string) $i, true), 2048);
      $s = $db->prepare('INSERT INTO blobs VALUES (1, ?)'); $s->bindParam(1, $b, PDO::PARAM_LOB); $s->execute();
      $r = $db->query('SELECT b, LENGTH(b) FROM blobs')->fetch(PDO::FETCH_NUM); return [strlen($b), $r[1], $r[0] === $b];`);
    expect(value).toEqual([10_485_760, 10_485_760, true]);
  }, 30_000);

  test("transactions, and what one connection holds another one waits for", async () => {
    const value =
      await run(`$a = db(); $b = db(); $a->query('CREATE TABLE t (id INT PRIMARY KEY, v INT) ENGINE=InnoDB'); $a->query('INSERT INTO t VALUES (1, 0)');
      $b->query('SET innodb_lock_wait_timeout = 1'); $a->begin_transaction(); $a->query('UPDATE t SET v = 1'); $seen = $b->query('SELECT v FROM t')->fetch_row()[0];
      try { $b->query('UPDATE t SET v = 2'); $waited = 'no'; } catch (mysqli_sql_exception $e) { $waited = $e->getCode(); }
      $a->rollback(); $a->begin_transaction(); $a->query('UPDATE t SET v = 3'); $a->commit();
      return [$seen, $waited, $b->query('SELECT v FROM t')->fetch_row()[0]];`);
    expect(value).toEqual(["0", 1205, "3"]);
  }, 30_000);

  test("asynchronous queries and several results of one", async () => {
    const value =
      await run(`$a = db(); $b = db(); foreach ([$a, $b] as $i => $c) $c->query("SELECT SLEEP(0.2), $i", MYSQLI_ASYNC);
      $left = [$a, $b]; $found = []; while ($left) { $r = $e = $j = $left; if (!mysqli_poll($r, $e, $j, 1)) break; foreach ($r as $c) { $found[] = $c->reap_async_query()->fetch_row()[1]; $left = array_filter($left, fn($o) => $o !== $c); } }
      sort($found); $a->multi_query('SELECT 1; SELECT 2'); $all = []; do { $all[] = $a->store_result()->fetch_row()[0]; } while ($a->more_results() && $a->next_result()); return [$found, $all];`);
    expect(value).toEqual([
      ["0", "1"],
      ["1", "2"],
    ]);
  }, 30_000);

  test("persistent connections are kept from one request of a child to the next", async () => {
    const code = `return mysqli_connect('p:127.0.0.1', '${user}', '${password}', 'test', ${server.port})->thread_id;`;
    const first = await run(code);
    expect(await run(code)).toBe(first);
    const pdo = "return pdo([PDO::ATTR_PERSISTENT => true])->query('SELECT CONNECTION_ID()')->fetchColumn();";
    const other = await run(pdo);
    expect(await run(pdo)).toBe(other);
    expect(other).not.toBe(first);
    // The others went with their request.
    await expect.poll(() => run("return count(db()->query('SHOW PROCESSLIST')->fetch_all());")).toBeLessThan(5);
  });

  test("errors are the server's, a wrong password too", async () => {
    expect(
      await run(
        `mysqli_report(MYSQLI_REPORT_OFF); $m = @mysqli_connect('127.0.0.1', '${user}', 'wrong', 'test', ${server.port}); return [$m, mysqli_connect_errno()];`,
      ),
    ).toEqual([false, 1045]);
    expect(
      await run(
        "try { pdo()->query('SELECT nothing FROM nowhere'); } catch (PDOException $e) { return $e->getCode(); }",
      ),
    ).toBe("42S02");
  });

  test("the name localhost means TCP, whatever socket is named: no Unix socket is reached", async () => {
    const value =
      await run(`mysqli_report(MYSQLI_REPORT_OFF); $m = mysqli_init(); $there = $m->real_connect('localhost', '${user}', '${password}', 'test', ${server.port}, '${server.socket}');
      $t = hrtime(true); $n = mysqli_init(); $closed = @$n->real_connect('localhost', '${user}', '${password}', 'test', 1, '${server.socket}');
      return [$there, $m->host_info, $closed, $n->connect_errno, @stream_socket_client('unix://${server.socket}'), (hrtime(true) - $t) / 1e6 < 1000];`);
    expect(value).toEqual([true, "127.0.0.1 via TCP/IP", false, 2002, false, true]);
  });
});
