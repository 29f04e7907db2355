// The files of a pool in real workerd: shared by its children, kept over a restart, whole whatever happens.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { http } from "../http-suite/client.ts";
import { makeScratch } from "../peers/scratch.ts";
import { type RunningWorkers, startWorkers, type WorkersOptions } from "./start.ts";

/** Tells which child answers: a folder beside the shared ones is the child's own. */
const CHILD = `$id = @file_get_contents('/internal/locks/id');
  if ($id === false) file_put_contents('/internal/locks/id', $id = bin2hex(random_bytes(6)));`;

const SCRIPTS: Readonly<Record<string, string>> = {
  "session.php": `<?php ${CHILD} session_start();
    $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1; usleep(2000); echo json_encode([$id, $_SESSION['n']]);`,
  "write.php": `<?php ${CHILD} $path = __DIR__ . '/' . $_GET['path']; @mkdir(dirname($path), 0777, true);
    file_put_contents($path, $_GET['text'], isset($_GET['append']) ? FILE_APPEND : 0); echo $id;`,
  "read.php": `<?php ${CHILD} usleep((int) ($_GET['wait'] ?? 0) * 1000); echo json_encode([$id, @file_get_contents(__DIR__ . '/' . $_GET['path'])]);`,
  "list.php": `<?php echo json_encode(@scandir(__DIR__ . '/' . $_GET['path']));`,
  "do.php": `<?php $p = fn($n) => __DIR__ . '/' . $_GET[$n];
    echo json_encode(match ($_GET['do']) { 'rename' => rename($p('a'), $p('b')), 'unlink' => unlink($p('a')), 'rmdir' => rmdir($p('a')),
      'mkdir' => mkdir($p('a')), 'touch' => touch($p('a'), 1000000000), 'mtime' => filemtime($p('a')), 'chmod' => chmod($p('a'), 0600), 'mode' => fileperms($p('a')) & 0777,
      'symlink' => symlink($_GET['b'], $p('a')), 'stat' => file_exists($p('a')), 'truncate' => ftruncate(fopen($p('a'), 'r+'), 3), 'include' => include $p('a') });`,
  "upload.php": `<?php echo json_encode(move_uploaded_file($_FILES['f']['tmp_name'], __DIR__ . '/uploads/' . $_FILES['f']['name']));`,
  "uploads/index.html": "<p>uploads</p>",
  "torn.php": `<?php $f = fopen(__DIR__ . '/whole.txt', 'w'); fwrite($f, 'half'); sleep(30);`,
  "counter.php": `<?php $f = fopen(__DIR__ . '/count.txt', 'c+'); flock($f, LOCK_EX); $n = (int) stream_get_contents($f);
    usleep(1000); rewind($f); fwrite($f, (string) ($n + 1)); fclose($f); echo $n + 1;`,
  "lock-file.php": `<?php $lock = __DIR__ . '/the.lock'; $own = bin2hex(random_bytes(8));
    function taken($lock, $own) { $f = fopen($lock, 'c+'); if (!flock($f, LOCK_EX | LOCK_NB)) { fclose($f); return false; }
      clearstatcache(true, $lock); if (fread($f, 10) !== '') { fclose($f); return false; } fflush($f); fwrite($f, '9999999999' . $own); flock($f, LOCK_UN); fclose($f); return true; }
    while (!taken($lock, $own)) usleep(1000 * random_int(1, 20));
    $count = (int) @file_get_contents(__DIR__ . '/locked.txt'); usleep(3000); file_put_contents(__DIR__ . '/locked.txt', (string) ($count + 1), LOCK_EX);
    unlink($lock); echo $count + 1;`,
  "try.php": `<?php $f = fopen(__DIR__ . '/held.txt', 'c'); var_dump(flock($f, LOCK_EX | LOCK_NB));`,
  "hold.php": `<?php $f = fopen(__DIR__ . '/held.txt', 'c'); flock($f, LOCK_EX); echo 'held'; flush(); usleep((int) $_GET['for'] * 1000);`,
  "race.php": `<?php $d = __DIR__ . '/race/' . $_GET['round']; @mkdir($d, 0777, true); file_put_contents("$d/same.txt", str_repeat($_GET['n'], 1000));
    file_put_contents("$d/tmp" . $_GET['n'], 'x'); rename("$d/tmp" . $_GET['n'], "$d/moved.txt"); @unlink("$d/gone.txt"); file_put_contents("$d/own" . $_GET['n'], $_GET['n']); echo 'ok';`,
  "more.php": `<?php $d = __DIR__ . '/more'; if ($_GET['do'] === 'write') { mkdir($d); for ($n = 0; $n < 12000 && touch("$d/$n.txt"); $n++); echo $n; } else { usleep(100000); echo count(scandir($d)) - 2; }`,
  "many.php": `<?php $d = __DIR__ . '/many'; if ($_GET['do'] === 'write') { mkdir($d); for ($i = 0; $i < 3000; $i++) file_put_contents("$d/$i.txt", (string) $i); }
    else { $sum = 0; foreach (glob("$d/*.txt") as $f) $sum += (int) file_get_contents($f); echo $sum; }`,
  "gc.php": `<?php $s = __DIR__ . '/sessions-here'; mkdir($s); foreach ([1, 2, 3] as $n) { file_put_contents("$s/sess_old$n", 'a|i:1;'); touch("$s/sess_old$n", time() - 5000); } file_put_contents("$s/sess_young", 'a|i:1;');
    ini_set('session.save_path', $s); ini_set('session.gc_probability', '1'); ini_set('session.gc_divisor', '1'); session_start(); $_SESSION['x'] = 1; $id = session_id(); session_write_close();
    $all = array_map('basename', glob("$s/*")); echo json_encode([in_array("sess_$id", $all), array_values(array_diff($all, ["sess_$id"]))]);`,
  "finish.php": `<?php echo 'done'; fastcgi_finish_request(); usleep(200000); file_put_contents(__DIR__ . '/later.txt', 'later');`,
  "large.php": `<?php $b = ''; for ($i = 0; $i < 3000; $i++) $b .= hash('sha256', (string) $i, true) . str_repeat(chr($i & 255), 1000);
    if ($_GET['do'] === 'write') echo file_put_contents(__DIR__ . '/large.bin', $b); else echo json_encode(file_get_contents(__DIR__ . '/large.bin') === $b);`,
  "sql.php": `<?php ${CHILD} ini_set('max_execution_time', '0'); $db = new PDO('sqlite:' . __DIR__ . '/data.sqlite'); $db->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION); $db->setAttribute(PDO::ATTR_TIMEOUT, 60);
    if ($_GET['do'] === 'make') { $db->exec('CREATE TABLE t (id INTEGER PRIMARY KEY, writer INT, n INT, filler TEXT)'); echo 'ok'; }
    if ($_GET['do'] === 'insert') { $s = $db->prepare('INSERT INTO t (writer, n, filler) VALUES (?, ?, ?)');
      for ($i = 0; $i < (int) $_GET['count']; $i++) $s->execute([(int) $_GET['writer'], $i + (int) $_GET['from'], str_repeat('x', 100)]); echo $id; }
    if ($_GET['do'] === 'check') echo json_encode([$db->query('PRAGMA integrity_check')->fetchColumn(), (int) $db->query('SELECT count(*) FROM t')->fetchColumn(),
      (int) $db->query('SELECT count(DISTINCT writer * 100000 + n) FROM t')->fetchColumn()]);`,
};

const site = makeScratch("files-site");
let workers: RunningWorkers;

beforeAll(async () => {
  for (const [name, text] of Object.entries(SCRIPTS)) {
    mkdirSync(dirname(join(site.path, name)), { recursive: true });
    writeFileSync(join(site.path, name), text);
  }
});
afterAll(() => site.remove());

async function get(path: string): Promise<string> {
  const answer = await http(workers.baseUrl, path);
  expect(answer.status, answer.text()).toBe(200);
  return answer.text();
}

const json = async (path: string): Promise<unknown> => JSON.parse(await get(path));

/** Asks all children at once, so that each of them answers. */
async function everywhere(path: string): Promise<readonly unknown[]> {
  const answers = (await Promise.all([0, 1].map(() => json(`${path}&wait=400`)))) as [string, unknown][];
  expect(new Set(answers.map(([id]) => id)).size).toBe(2);
  return answers.map(([, value]) => value);
}

function start(options: Partial<WorkersOptions> = {}): Promise<RunningWorkers> {
  return startWorkers({ root: site.path, pool: { maxChildren: 2, requestTerminateTimeout: 60_000 }, ...options });
}

describe("two children of a pool", () => {
  beforeAll(async () => {
    workers = await start();
  });
  afterAll(() => workers?.stop());

  test("what one has written the other reads", async () => {
    await get("/write.php?path=a/one.txt&text=hello");
    expect(await everywhere("/read.php?path=a/one.txt")).toEqual(["hello", "hello"]);
    await get("/write.php?path=a/one.txt&text=again");
    expect(await everywhere("/read.php?path=a/one.txt")).toEqual(["again", "again"]);
  });

  test("a session counts 50 requests at once", async () => {
    const first = await http(workers.baseUrl, "/session.php");
    const cookie = String(first.header("set-cookie")).split(";")[0] ?? "";
    const again = async () => (await http(workers.baseUrl, { path: "/session.php", headers: { cookie } })).json();
    const answers = (await Promise.all(Array.from({ length: 50 }, again))) as [string, number][];
    expect(answers.map(([, n]) => n).sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i + 2));
    expect(new Set(answers.map(([id]) => id)).size).toBe(2);
  });

  test("a counter under flock() loses nothing", async () => {
    await Promise.all(Array.from({ length: 40 }, () => get("/counter.php")));
    expect(await everywhere("/read.php?path=count.txt")).toEqual(["40", "40"]);
  });

  test("a lock file that its holder removes lets in one after the other", async () => {
    for (let round = 0; round < 12; round++) {
      const counts = await Promise.all(Array.from({ length: 20 }, () => get("/lock-file.php")));
      const expected = Array.from({ length: 20 }, (_, i) => round * 20 + i + 1);
      expect(counts.map(Number).sort((x, y) => x - y)).toEqual(expected);
    }
  });

  test("a lock of one keeps the other out until it is given back", async () => {
    const holding = get("/hold.php?for=4000");
    await expect.poll(() => get("/try.php"), { timeout: 3000 }).toContain("bool(false)");
    await holding;
    expect(await get("/try.php")).toContain("bool(true)");
  });

  test("names: rename, unlink, mkdir, rmdir, readdir, symlink, touch, chmod, truncate", async () => {
    await get("/write.php?path=b/x.txt&text=12345");
    expect(await json("/do.php?do=rename&a=b/x.txt&b=b/y.txt")).toBe(true);
    expect(await everywhere("/read.php?path=b/y.txt")).toEqual(["12345", "12345"]);
    expect(await everywhere("/read.php?path=b/x.txt")).toEqual([false, false]);
    expect(await json("/do.php?do=mkdir&a=b/dir")).toBe(true);
    expect(await json("/do.php?do=symlink&a=b/link&b=y.txt")).toBe(true);
    expect(await everywhere("/read.php?path=b/link")).toEqual(["12345", "12345"]);
    expect(await json("/do.php?do=truncate&a=b/y.txt")).toBe(true);
    expect(await everywhere("/read.php?path=b/y.txt")).toEqual(["123", "123"]);
    await json("/do.php?do=touch&a=b/y.txt");
    await json("/do.php?do=chmod&a=b/y.txt");
    expect(await Promise.all([0, 1].map(() => json("/do.php?do=mtime&a=b/y.txt")))).toEqual([1000000000, 1000000000]);
    expect(await Promise.all([0, 1].map(() => json("/do.php?do=mode&a=b/y.txt")))).toEqual([0o600, 0o600]);
    expect(await json("/list.php?path=b")).toEqual([".", "..", "dir", "link", "y.txt"]);
    expect(await json("/do.php?do=rmdir&a=b/dir")).toBe(true);
    expect(await json("/do.php?do=unlink&a=b/link")).toBe(true);
    expect(await json("/list.php?path=b")).toEqual([".", "..", "y.txt"]);
  });

  test("files of the application can be changed and removed", async () => {
    await get("/write.php?path=uploads/index.html&text=mine");
    expect(await everywhere("/read.php?path=uploads/index.html")).toEqual(["mine", "mine"]);
    expect(await json("/do.php?do=unlink&a=uploads/index.html")).toBe(true);
    expect(await everywhere("/read.php?path=uploads/index.html")).toEqual([false, false]);
  });

  test("lines added by many requests at once are all there", async () => {
    await get("/write.php?path=log.txt&text=begin");
    await Promise.all(
      Array.from({ length: 30 }, (_, i) => get(`/write.php?path=log.txt&text=${`|${100 + i}`}&append=1`)),
    );
    const [[, text]] = [(await json("/read.php?path=log.txt")) as [string, string]];
    expect(text.split("|").sort()).toEqual([...Array.from({ length: 30 }, (_, i) => String(100 + i)), "begin"]);
  });

  test("a script that is written is run by the other child", async () => {
    await get(`/write.php?path=made.php&text=${encodeURIComponent("<?php return 1;")}`);
    expect(await Promise.all([0, 1, 2, 3].map(() => json("/do.php?do=include&a=made.php")))).toEqual([1, 1, 1, 1]);
    // Opcache knows a file by its time, in seconds.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await get(`/write.php?path=made.php&text=${encodeURIComponent("<?php return 'two';")}`);
    expect(await Promise.all([0, 1, 2, 3].map(() => json("/do.php?do=include&a=made.php")))).toEqual(
      Array(4).fill("two"),
    );
  });

  test("a file of 3 MB goes through", async () => {
    expect(Number(await get("/large.php?do=write"))).toBe(3000 * 1032);
    expect(await Promise.all([0, 1].map(() => json("/large.php?do=read")))).toEqual([true, true]);
  });

  test("what was uploaded is served, whole and in ranges; a database is not", async () => {
    const boundary = "b0undary";
    const content = "0123456789".repeat(20_000);
    const body = `--${boundary}\r\ncontent-disposition: form-data; name="f"; filename="up.txt"\r\ncontent-type: text/plain\r\n\r\n${content}\r\n--${boundary}--\r\n`;
    const headers = { "content-type": `multipart/form-data; boundary=${boundary}` };
    const answer = await http(workers.baseUrl, { method: "POST", path: "/upload.php", headers, body });
    expect(answer.text()).toBe("true");
    expect(await get("/uploads/up.txt")).toBe(content);
    const part = await http(workers.baseUrl, { path: "/uploads/up.txt", headers: { range: "bytes=5-14" } });
    expect([part.status, part.text()]).toEqual([206, "5678901234"]);
    expect((await http(workers.baseUrl, "/data.sqlite")).status).not.toBe(200);
    expect((await http(workers.baseUrl, "/uploads/none.txt")).status).toBe(404);
  });

  test("children that make, move and remove the same names at once agree in the end", async () => {
    for (let round = 0; round < 5; round++) {
      await Promise.all(Array.from({ length: 8 }, (_, n) => get(`/race.php?round=${round}&n=${n}`)));
      const own = Array.from({ length: 8 }, (_, n) => `own${n}`);
      expect(await json(`/list.php?path=race/${round}`)).toEqual([".", "..", "moved.txt", ...own, "same.txt"]);
      const [one, other] = (await everywhere(`/read.php?path=race/${round}/same.txt`)) as string[];
      expect(one).toMatch(/^(\d)\1{999}$/);
      expect(other).toBe(one);
    }
  });

  test("3,000 new files of one request", async () => {
    await get("/many.php?do=write");
    expect(await Promise.all([0, 1].map(() => get("/many.php?do=sum")))).toEqual(["4498500", "4498500"]);
  });

  test("12,000 are more than numbers were at hand for, and both children count them", async () => {
    expect(await get("/more.php?do=write")).toBe("12000");
    expect(await Promise.all([0, 1].map(() => get("/more.php?do=count")))).toEqual(["12000", "12000"]);
  });

  test("what a script writes after fastcgi_finish_request() is kept", async () => {
    expect(await get("/finish.php")).toBe("done");
    await expect
      .poll(async () => JSON.parse(await get("/read.php?path=later.txt"))[1], { timeout: 5000 })
      .toBe("later");
    expect(await everywhere("/read.php?path=later.txt")).toEqual(["later", "later"]);
  });

  test("sessions that are too old are removed, the others are not", async () => {
    expect(await json("/gc.php")).toEqual([true, ["sess_young"]]);
    expect(await json("/list.php?path=sessions-here")).toEqual(expect.arrayContaining(["sess_young"]));
    expect(await json("/list.php?path=sessions-here")).not.toContain("sess_old1");
  });
});

describe("a pool that goes away", () => {
  const kept = makeScratch("files-kept");
  afterAll(async () => {
    await workers?.stop();
    kept.remove();
  });

  test("a child that is killed while it writes leaves the file as it was", async () => {
    workers = await start({ pool: { maxChildren: 2, requestTerminateTimeout: 1500 }, local: { persist: kept.path } });
    await get("/write.php?path=whole.txt&text=whole");
    const torn = await http(workers.baseUrl, "/torn.php");
    expect(torn.status).toBe(504);
    expect(JSON.parse(await get("/read.php?path=whole.txt"))[1]).toBe("whole");
  });

  test("a lock ends with the child that held it", async () => {
    const killed = await http(workers.baseUrl, "/hold.php?for=20000").then(
      ({ status }) => status,
      () => "broken",
    );
    expect([200, 504, "broken"]).toContain(killed);
    expect(await get("/try.php")).toContain("bool(true)");
  });

  test("after a restart everything is there", async () => {
    await get("/sql.php?do=make");
    await get("/sql.php?do=insert&writer=1&from=0&count=5");
    await get("/do.php?do=unlink&a=uploads/index.html");
    await workers.stop();
    workers = await start({ local: { persist: kept.path } });
    expect(JSON.parse(await get("/read.php?path=whole.txt"))[1]).toBe("whole");
    expect(await json("/sql.php?do=check")).toEqual(["ok", 5, 5]);
    expect(await json("/do.php?do=stat&a=uploads/index.html")).toBe(false);
  });

  test("a pool whose children have gone for want of work can be put away, and comes back with its files", async () => {
    await workers.stop();
    workers = await start({
      pool: { pm: "ondemand", maxChildren: 2, processIdleTimeout: 200 },
      local: { persist: kept.path },
    });
    for (const text of ["one", "two"]) {
      await get(`/write.php?path=put-away.txt&text=${text}`);
      await workers.miniflare.unsafeEvictDurableObject("edge-fpm", "Pool", { name: "www" });
      expect(JSON.parse(await get("/read.php?path=put-away.txt"))[1]).toBe(text);
    }
  });
});
