// Children as worker threads: what they share, what they do not, and how they end.

import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Pair } from "../../src/codec/index.ts";
import type { Child } from "../../src/fpm/spawn.ts";
import { createThreadSpawn, type ThreadSpawn, type ThreadSpawnOptions } from "../../src/platform/node/spawn-thread.ts";
import { uncaught } from "../../src/platform/node/thread-child.ts";
import type { ThreadReport } from "../../src/platform/node/thread-messages.ts";
import { Thread } from "../../src/platform/node/threads.ts";
import type { ExchangeEnd } from "../../src/transport/exchange.ts";
import { WebServerLink } from "../../src/transport/web-server-link.ts";
import { Scratch } from "./fixture.ts";

interface Answer {
  readonly out: string;
  readonly err: string;
  readonly end: ExchangeEnd;
  readonly body: string;
}

interface RequestOptions {
  readonly params?: Record<string, string>;
  readonly stdin?: Uint8Array;
  readonly signal?: AbortSignal;
  readonly onStdout?: (text: string) => void | Promise<void>;
}

type Wire = { readonly link: WebServerLink; readonly announced: Pair[] };

const wrap: ThreadSpawnOptions<Wire>["wrap"] = (transport) => {
  const announced: Pair[] = [];
  const link = new WebServerLink(transport);
  link.onValues = (values) => announced.push(...values);
  return { link, announced };
};

const scratch = new Scratch();
let threads: ThreadSpawn<Wire>;
const children: Child<Wire>[] = [];

beforeAll(async () => {
  threads = await createThreadSpawn({ wrap, mounts: [scratch.root], sharedDirectory: join(scratch.root, "shared") });
});

afterAll(async () => {
  for (const child of children) child.kill();
  await Promise.all(children.map((child) => child.exited));
  scratch[Symbol.dispose]();
});

async function spawn(slot = 0, from = threads): Promise<Child<Wire>> {
  const child = from.spawn({ pool: "www", slot });
  children.push(child);
  await child.ready;
  return child;
}

let scripts = 0;

async function run(child: Child<Wire>, code: string, options: RequestOptions = {}): Promise<Answer> {
  const path = scratch.write(`script-${++scripts}.php`, `<?php ${code}`);
  return await ask(child, path, options);
}

async function ask(child: Child<Wire>, path: string, options: RequestOptions = {}): Promise<Answer> {
  let out = "";
  let err = "";
  const params: Record<string, string> = {
    SCRIPT_FILENAME: path,
    REQUEST_METHOD: options.stdin === undefined ? "GET" : "POST",
    ...(options.stdin !== undefined && { CONTENT_LENGTH: String(options.stdin.length) }),
    ...options.params,
  };
  const end = await child.wire.link.exchange(
    {
      role: "responder",
      params: Object.entries(params),
      ...(options.stdin !== undefined && { stdin: options.stdin }),
    },
    {
      stdout(chunk) {
        const text = Buffer.from(chunk).toString("latin1");
        out += text;
        return options.onStdout?.(text);
      },
      stderr(chunk) {
        err += Buffer.from(chunk).toString("latin1");
      },
    },
    options.signal ?? new AbortController().signal,
  );
  return { out, err, end, body: out.slice(out.indexOf("\r\n\r\n") + 4) };
}

describe("two children of one pool", () => {
  let one: Child<Wire>;
  let two: Child<Wire>;
  beforeAll(async () => {
    [one, two] = await Promise.all([spawn(0), spawn(1)]);
  });

  test("have their own process ids and memory", async () => {
    expect(one.pid).not.toBe(two.pid);
    await run(one, "echo 1;");
    expect(one.wire.announced.find(([name]) => name === "EDGE_FPM_MEMORY")?.[1]).toMatch(/^\d{8,}$/);
  });

  test("share sessions", async () => {
    const first = await run(one, "session_start(); $_SESSION['n'] = 41; echo session_id();");
    const cookie = { HTTP_COOKIE: `PHPSESSID=${first.body}` };
    const second = await run(two, "session_start(); echo ++$_SESSION['n'];", { params: cookie });
    expect(second.body).toBe("42");
    expect(existsSync(join(scratch.root, "shared/www/sessions", `sess_${first.body}`))).toBe(true);
  });

  test("a session in use in one makes the other wait, so that no increment is lost", async () => {
    const { body: id } = await run(one, "session_start(); $_SESSION['n'] = 0; echo session_id();");
    const code = "session_start(); $n = $_SESSION['n']; usleep(3000); $_SESSION['n'] = $n + 1; echo $_SESSION['n'];";
    const path = scratch.write("increment.php", `<?php ${code}`);
    const params = { HTTP_COOKIE: `PHPSESSID=${id}` };
    await Promise.all(Array.from({ length: 20 }, (_, i) => ask(i % 2 === 0 ? one : two, path, { params })));
    const { body } = await run(one, "session_start(); echo $_SESSION['n'];", { params });
    expect(body).toBe("20");
  });

  test("share a SQLite database and exclude each other in transactions", async () => {
    const file = join(scratch.root, "data.sqlite");
    await run(
      one,
      `$d = new PDO('sqlite:${file}'); $d->exec('create table t (n integer)'); $d->exec('insert into t values (0)');`,
    );
    const code = `$d = new PDO('sqlite:${file}', options: [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_TIMEOUT => 20]);
      $d->exec('begin immediate'); $n = $d->query('select n from t')->fetchColumn(); usleep(2000);
      $d->exec('update t set n = ' . ($n + 1)); $d->exec('commit'); echo 'ok';`;
    const path = scratch.write("transaction.php", `<?php ${code}`);
    const answers = await Promise.all(Array.from({ length: 16 }, (_, i) => ask(i % 2 === 0 ? one : two, path)));
    expect(answers.map(({ body, err }) => body + err)).toEqual(Array.from({ length: 16 }, () => "ok"));
    expect((await run(two, `echo (new PDO('sqlite:${file}'))->query('select n from t')->fetchColumn();`)).body).toBe(
      "16",
    );
  });

  test("lose no commit to a SQLite database in WAL mode", async () => {
    const file = join(scratch.root, "wal.sqlite");
    const open = `$d = new PDO('sqlite:${file}', options: [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_TIMEOUT => 20]);`;
    const made = await run(
      one,
      `${open} echo $d->query('pragma journal_mode = wal')->fetchColumn();
      $d->exec('create table t (n integer)'); $d->exec('insert into t values (0)');`,
    );
    expect(made.body).toBe("wal");
    // Both have looked at the database before either changes it.
    const path = scratch.write(
      "wal.php",
      `<?php ${open} $d->query('select n from t')->fetchAll(); usleep(200000); $d->exec('update t set n = n + 1'); echo 'ok';`,
    );
    const answers = await Promise.all([one, two, one, two].map((child) => ask(child, path)));
    expect(answers.map(({ body, err }) => body + err)).toEqual(["ok", "ok", "ok", "ok"]);
    const { body } = await run(two, `${open} echo $d->query('select n from t')->fetchColumn();`);
    expect(body).toBe("4");
  });

  test("who closes a SQLite database in WAL mode last brings the other's commits into it", async () => {
    const file = join(scratch.root, "wal-last.sqlite");
    const open = `$d = new PDO('sqlite:${file}', options: [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_TIMEOUT => 20]);
      $wait = function ($name) { for ($i = 0; !file_exists("${file}.$name"); $i++) { if ($i === 2000) throw new Exception("no $name"); usleep(5000); clearstatcache(); } };`;
    await run(one, `${open} $d->query('pragma journal_mode = wal'); $d->exec('create table t (who text)');`);
    const [first, second] = await Promise.all([
      run(
        one,
        `${open} $d->exec("insert into t values ('one')"); touch('${file}.one'); $wait('two'); $d = null; echo 'ok';`,
      ),
      run(
        two,
        `${open} $wait('one'); $d->exec("insert into t values ('two')"); $d = null; touch('${file}.two'); echo 'ok';`,
      ),
    ]);
    expect([first.body + first.err, second.body + second.err]).toEqual(["ok", "ok"]);
    const { body } = await run(two, `${open} echo $d->query('select group_concat(who) from t')->fetchColumn();`);
    expect(body).toBe("one,two");
  });

  test("use a SQLite database in WAL mode at the same time: each sees whole transactions, and old ones while it reads", async () => {
    const file = join(scratch.root, "wal-shared.sqlite");
    const open = `$d = new PDO('sqlite:${file}', options: [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_TIMEOUT => 20]);
      $d->exec('pragma synchronous = off; pragma wal_autocheckpoint = 15');
      $one = fn ($q) => $d->query($q)->fetchColumn();`;
    await run(
      one,
      `${open} $one('pragma journal_mode = wal');
      $d->exec('create table t (id integer primary key, who text, filler text); create table n (n integer); insert into n values (0)');`,
    );
    const path = scratch.write(
      "wal-shared.php",
      `<?php ${open} $seen = 0;
      for ($i = 0; $i < 100; $i++) {
        $d->exec('begin immediate');
        $d->exec("insert into t (who, filler) values ('x', '" . str_repeat('f', 700) . "')");
        $d->exec('update n set n = n + 1');
        $d->exec('commit');
        $d->exec('begin');
        $rows = $one('select count(*) from t'); $n = $one('select n from n');
        $d->exec('commit');
        if ($rows != $n || $n <= $seen) { echo "$rows rows, $n counted, $seen seen before"; exit; }
        $seen = $n;
      }
      echo 'ok';`,
    );
    // Reads what was there before, for as long as its transaction lasts, without holding up the writers.
    const reader = scratch.write(
      "wal-reader.php",
      `<?php ${open} $d->exec('begin'); $before = $one('select n from n'); usleep(300000);
      $rows = $one('select count(*) from t'); $n = $one('select n from n'); $d->exec('commit');
      echo $rows == $n && $n == $before && $one('select n from n') > $n ? 'ok' : "$before, then $rows rows, $n counted";`,
    );
    const answers = await Promise.all([ask(one, path), ask(two, reader), ask(two, path), ask(one, path)]);
    expect(answers.map(({ body, err }) => body + err)).toEqual(["ok", "ok", "ok", "ok"]);
    const { body } = await run(
      two,
      `${open} echo $one('select count(*) from t'), ' ', $one('pragma integrity_check');`,
    );
    expect(body).toBe("300 ok");
  });

  test("a file that both create at the same moment keeps what both appended", async () => {
    const folder = join(scratch.root, "appended");
    mkdirSync(folder);
    const path = scratch.write(
      "append.php",
      `<?php for ($i = 0; $i < 1500; $i++) file_put_contents("${folder}/$i", 'x', FILE_APPEND);`,
    );
    await Promise.all([ask(one, path), ask(two, path)]);
    const { body } = await run(one, `echo array_sum(array_map('filesize', glob('${folder}/*')));`);
    expect(body).toBe("3000");
  });

  test("a file that both create with mode x is made by one of them only", async () => {
    const folder = join(scratch.root, "exclusive");
    mkdirSync(folder);
    const path = scratch.write(
      "exclusive.php",
      `<?php $n = 0; for ($i = 0; $i < 1500; $i++) if (@fopen("${folder}/$i", 'x')) $n++; echo $n;`,
    );
    const answers = await Promise.all([ask(one, path), ask(two, path)]);
    expect(answers.reduce((sum, { body }) => sum + Number(body), 0)).toBe(1500);
  });

  test("flock() with LOCK_NB sees the other one's lock, and is free after its request", async () => {
    const file = scratch.write("lock", "");
    const until = "for ($end = time() + 10; !file_exists('%s') && time() < $end; clearstatcache()) usleep(1000);";
    const [locked, seen] = [join(scratch.root, "locked"), join(scratch.root, "seen")];
    const held = run(
      one,
      `$f = fopen('${file}', 'r+'); flock($f, LOCK_EX); touch('${locked}'); ${until.replace("%s", seen)}`,
    );
    await run(two, until.replace("%s", locked));
    const probe = `$f = fopen('${file}', 'r+'); echo flock($f, LOCK_EX | LOCK_NB, $would) ? 'got' : "busy $would";`;
    expect((await run(two, probe)).body).toBe("busy 1");
    writeFileSync(seen, "");
    await held;
    expect((await run(two, probe)).body).toBe("got");
    expect((await run(one, probe)).body).toBe("got");
  });

  test("share the temporary directory, and files uploaded to one are kept where the script moves them", async () => {
    await run(one, "file_put_contents(sys_get_temp_dir() . '/note', 'from one');");
    expect((await run(two, "echo file_get_contents(sys_get_temp_dir() . '/note');")).body).toBe("from one");
    const target = join(scratch.root, "kept.bin");
    const content = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const stdin = Buffer.concat([
      Buffer.from('--B\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\nContent-Type: x/y\r\n\r\n'),
      content,
      Buffer.from("\r\n--B--\r\n"),
    ]);
    const { body } = await run(
      one,
      `echo json_encode([$_FILES['f']['name'], $_FILES['f']['size'], move_uploaded_file($_FILES['f']['tmp_name'], '${target}')]);`,
      { stdin, params: { CONTENT_TYPE: "multipart/form-data; boundary=B" } },
    );
    expect(body).toBe('["a.bin",256,true]');
    expect(readFileSync(target).equals(content)).toBe(true);
  });

  test("a file renamed over another is never missing to the other child", async () => {
    const file = scratch.write("cache", "old");
    const writer = run(
      one,
      `for ($i = 0; $i < 300; $i++) { file_put_contents('${file}.new', "v$i"); rename('${file}.new', '${file}'); } echo 'done';`,
    );
    const reader = await run(
      two,
      `$missing = 0; for ($i = 0; $i < 600; $i++) { if (@file_get_contents('${file}') === false) $missing++; } echo $missing;`,
    );
    expect(reader.body).toBe("0");
    expect((await writer).body).toBe("done");
  });

  test("output larger than every buffer arrives whole, and the child's memory stays bounded", async () => {
    let length = 0;
    const { end } = await run(one, "for ($i = 0; $i < 2000; $i++) echo str_repeat('x', 16384);", {
      onStdout: (text) => {
        length += text.length;
      },
    });
    expect(end.protocolStatus).toBe("request-complete");
    expect(length).toBeGreaterThan(2000 * 16384);
  });

  test("a visitor who leaves ends a script that prints for ever without a pause", async () => {
    const controller = new AbortController();
    const mark = join(scratch.root, "left");
    const endless = run(
      one,
      `register_shutdown_function(fn() => file_put_contents('${mark}', connection_status())); while (true) { echo str_repeat('x', 9000); flush(); }`,
      {
        signal: controller.signal,
        onStdout: () => controller.abort(),
      },
    );
    await expect(endless).rejects.toBeDefined();
    expect((await run(one, "echo 'fine';")).body).toBe("fine");
    expect(readFileSync(mark, "utf8")).toBe("1");
  });

  test("fastcgi_finish_request() ends the answer, the script goes on and the master is told of its end", async () => {
    const mark = join(scratch.root, "later");
    one.wire.announced.length = 0;
    const started = performance.now();
    const { body } = await run(
      one,
      `echo 'answer'; var_dump(fastcgi_finish_request()); usleep(300000); file_put_contents('${mark}', 'done');`,
    );
    expect(body).toBe("answer");
    expect(existsSync(mark)).toBe(false);
    expect(performance.now() - started).toBeLessThan(290);
    expect(one.wire.announced).toContainEqual(["EDGE_FPM_RUNNING", "1"]);
    await expect.poll(() => one.wire.announced).toContainEqual(["EDGE_FPM_RUNNING", "0"]);
    expect(readFileSync(mark, "utf8")).toBe("done");
  });
});

describe("the end of a child", () => {
  test("stop() ends an idle one", async () => {
    const child = await spawn();
    child.stop();
    child.stop();
    expect(await child.exited).toEqual({ reason: "stopped" });
  });

  test("kill() ends a busy loop within moments and gives back its file locks", async () => {
    const [busy, other] = await Promise.all([spawn(), spawn()]);
    const file = scratch.write("killed-lock", "");
    const stuck = run(busy, `$f = fopen('${file}', 'r+'); flock($f, LOCK_EX); while (true);`);
    stuck.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 150));
    const waiting = run(other, `$f = fopen('${file}', 'r+'); echo flock($f, LOCK_EX) ? 'mine' : 'refused';`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const started = performance.now();
    busy.kill();
    busy.kill();
    expect(await busy.exited).toEqual({ reason: "killed" });
    expect(performance.now() - started).toBeLessThan(1000);
    await expect(stuck).rejects.toMatchObject({ code: "EXCHANGE_BROKEN" });
    expect((await waiting).body).toBe("mine");
  });

  test("an interpreter that breaks ends its thread, and what was sent is no whole answer", async () => {
    const child = await spawn();
    const broken = run(
      child,
      "echo 'partial'; flush(); ini_set('zend.max_allowed_stack_size', '-1'); function r() { array_map('r', [1]); } r();",
    );
    await expect(broken).rejects.toMatchObject({ code: "EXCHANGE_BROKEN" });
    const exit = await child.exited;
    expect(exit.reason).toBe("crashed");
    expect(exit.message).toContain("the interpreter broke while it ran");
  });

  test("an interpreter that breaks after its answer ends its thread too", async () => {
    const child = await spawn();
    const { body } = await run(
      child,
      "echo 'answer'; fastcgi_finish_request(); ini_set('zend.max_allowed_stack_size', '-1'); function r() { array_map('r', [1]); } r();",
    );
    expect(body).toBe("answer");
    expect((await child.exited).reason).toBe("crashed");
  });

  test("what nobody catches in its thread is told before the thread ends", async () => {
    const thread = new Thread();
    const { promise, resolve } = Promise.withResolvers<number>();
    const reports: ThreadReport[] = [];
    thread.enter({ onReport: (report) => reports.push(report), onError() {}, onExit: resolve, onOutput() {} });
    thread.post(null as never);
    expect(await promise).toBe(1);
    expect(reports).toEqual([
      {
        type: "failed",
        code: "PHP_TRAP",
        message: expect.stringMatching(
          /^uncaught in its thread: TypeError: .+ at .+interpreter-thread\.ts:\d+:\d+\)?$/,
        ),
      },
    ]);
    expect(uncaught({})).toMatchObject({ message: "uncaught in its thread: [object Object]" });
  });

  test("one that cannot start says why", async () => {
    const nowhere = await createThreadSpawn({ wrap, mounts: ["/nonexistent/folder"], sharedDirectory: scratch.root });
    const child = nowhere.spawn({ pool: "www", slot: 0 });
    await expect(child.ready).rejects.toMatchObject({ code: "PHP_BOOT" });
    expect((await child.exited).message).toContain("no such directory: /nonexistent/folder");
  });
});

describe("what a child sees", () => {
  test("an application whose links lead out of its folder works when the other folders are mounted", async () => {
    const app = join(scratch.root, "share/app");
    mkdirSync(app, { recursive: true });
    scratch.write(
      "share/app/index.php",
      "<?php require 'conf/settings.php'; file_put_contents(__DIR__ . '/data/page', $title); echo $title, __FILE__;",
    );
    scratch.write("etc/app/settings.php", "<?php $title = 'configured';");
    mkdirSync(join(scratch.root, "lib/app"), { recursive: true });
    symlinkSync(join(scratch.root, "etc/app"), join(app, "conf"));
    symlinkSync("../../lib/app", join(app, "data"));
    symlinkSync(app, join(scratch.root, "linked"));
    const parts = ["share/app", "etc/app", "lib/app", "linked"].map((part) => join(scratch.root, part));
    const narrow = await createThreadSpawn({ wrap, mounts: parts, sharedDirectory: join(scratch.root, "shared") });
    const child = await spawn(0, narrow);
    expect((await ask(child, join(app, "index.php"))).body).toBe(`configured${join(app, "index.php")}`);
    expect(readFileSync(join(scratch.root, "lib/app/page"), "utf8")).toBe("configured");
    expect((await ask(child, join(scratch.root, "linked/index.php"))).body).toContain("configured");
    // What is not mounted is not there.
    scratch.write("share/app/peek.php", `<?php var_dump(file_exists('${scratch.root}/cache'), is_dir('/usr'));`);
    expect((await ask(child, join(app, "peek.php"))).body).toBe("bool(false)\nbool(false)\n");
  });

  test("with / mounted, which is the default, the whole machine as php-fpm sees it", async () => {
    const whole = await createThreadSpawn({ wrap, sharedDirectory: join(scratch.root, "shared") });
    const child = await spawn(0, whole);
    const { body } = await run(
      child,
      "echo is_dir('/usr/lib') ? 'usr ' : '', is_dir('/etc') ? 'etc ' : '', __DIR__, ' ', getcwd();",
    );
    expect(body).toBe(`usr etc ${scratch.root} ${scratch.root}`);
  });

  test("fpm_get_status() gives what the master knows", async () => {
    const known = await createThreadSpawn({
      wrap,
      mounts: [scratch.root],
      sharedDirectory: join(scratch.root, "shared"),
      poolStatus: ({ pool, pid }) => ({ pool, "process-manager": "static", procs: [{ pid }] }),
    });
    const child = await spawn(0, known);
    const { body } = await run(child, "$s = fpm_get_status(); echo $s['pool'], ' ', $s['procs'][0]['pid'];");
    expect(body).toBe(`www ${child.pid}`);
  });

  test("an extension of php.ini is in every child, in those of another pool only if its php.ini has it", async () => {
    const shared = { wrap, mounts: [scratch.root], sharedDirectory: join(scratch.root, "shared") };
    const pools = await createThreadSpawn({ ...shared, ini: { settings: { extension: "redis" } } });
    const other = { ...pools, spawn: pools.variant({ ini: { text: "extension=memcached\n" } }) };
    const children = await Promise.all([spawn(0, pools), spawn(1, pools), spawn(2, other)]);
    const code = "echo json_encode([extension_loaded('redis'), extension_loaded('memcached')]);";
    const answers = await Promise.all(children.map((child) => run(child, code)));
    expect(answers.map(({ body }) => body)).toEqual(["[true,false]", "[true,false]", "[false,true]"]);
    await expect(createThreadSpawn({ ...shared, ini: { text: "extension=nosuch" } })).rejects.toMatchObject({
      code: "PHP_EXTENSION",
    });
    expect(() => pools.variant({ ini: { text: "extension=nosuch" } })).toThrow(/nosuch/);
  });
});
