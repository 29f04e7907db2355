// The pool's Durable Object and its children in real workerd: residence, isolation, order, failures.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { http, open } from "../http-suite/client.ts";
import { makeScratch } from "../peers/scratch.ts";
import { type RunningWorkers, startWorkers, type WorkersOptions } from "./start.ts";

const SCRIPTS: Readonly<Record<string, string>> = {
  // An isolate is known by a file of its own, outside of the directories that all share, an interpreter's life by what opcache has counted in it.
  "who.php": `<?php
    $id = @file_get_contents('/internal/locks/id');
    if ($id === false) file_put_contents('/internal/locks/id', $id = bin2hex(random_bytes(6)));
    if (isset($_GET['wait'])) usleep((int) $_GET['wait'] * 1000);
    $opcache = opcache_get_status(false)['opcache_statistics'];
    echo json_encode(['isolate' => $id, 'hits' => $opcache['hits'], 'begin' => $_SERVER['REQUEST_TIME_FLOAT'],
      'end' => microtime(true), 'random' => bin2hex(random_bytes(8)) . mt_rand(), 'token' => $_GET['token'] ?? null]);`,
  // Recursion through native functions exhausts the engine's stack, which PHP cannot catch.
  "trap.php": `<?php echo 'begun'; flush(); ini_set('zend.max_allowed_stack_size', '-1');
    function r() { array_map('r', [1]); } r();`,
  "memory.php": "<?php $a = []; while (true) $a[] = str_repeat('x', 100000);",
  // Megabytes in one file, or in many that stay open, each of them short enough to be held as a whole.
  "files.php": `<?php [$path, $files] = [$_GET['path'], []];
    for ($n = 0; $n < 200; $n++) {
      if ($n === 0 || isset($_GET['many'])) $files[] = $f = fopen("$path$n", 'w');
      if (@fwrite($f, str_repeat('x', 1000000)) !== 1000000) break;
    }
    array_map(fclose(...), $files); array_map(unlink(...), glob("$path*")); echo $n;`,
  "env.php":
    "<?php echo json_encode([getenv('GREETING'), $_ENV['GREETING'] ?? null, getenv('CONFIG'), getenv('POOL')]);",
  "status.php": "<?php echo json_encode(fpm_get_status());",
  "sleep.php": "<?php sleep(30); echo 'woke';",
  "write.php":
    "<?php file_put_contents(__DIR__ . '/lib/part.php', '<?php return 2;'); echo require __DIR__ . '/lib/part.php';",
  "lib/part.php": "<?php return 1;",
  "stderr.php": "<?php error_log('to the log'); file_put_contents('php://stderr', 'to stderr'); echo 'ok';",
  "loop.php": "<?php while (true);",
};

interface Who {
  readonly isolate: string;
  readonly hits: number;
  readonly begin: number;
  readonly end: number;
  readonly random: string;
  readonly token: string | null;
}

function useWorkers(options: Omit<WorkersOptions, "root">): () => RunningWorkers {
  let running: RunningWorkers | undefined;
  const site = makeScratch("edge-site");
  beforeAll(async () => {
    for (const [name, text] of Object.entries(SCRIPTS)) {
      mkdirSync(dirname(join(site.path, name)), { recursive: true });
      writeFileSync(join(site.path, name), text);
    }
    running = await startWorkers({ root: site.path, ...options });
  });
  afterAll(async () => {
    await running?.stop();
    site.remove();
  });
  return () => {
    if (running === undefined) throw new Error("the Workers are not up");
    return running;
  };
}

async function who(workers: RunningWorkers, query = ""): Promise<Who> {
  const answer = await http(workers.baseUrl, `/who.php?${query}`);
  expect(answer.status, answer.text()).toBe(200);
  return answer.json() as Who;
}

/** Unique tokens, all at once: each must come back to its own visitor. */
async function crossTalk(workers: RunningWorkers): Promise<readonly Who[]> {
  const tokens = Array.from({ length: 100 }, () => crypto.randomUUID());
  const answers = await Promise.all(tokens.map((token) => who(workers, `token=${token}&wait=1`)));
  expect(answers.map(({ token }) => token)).toEqual(tokens);
  return answers;
}

describe("a pool of three Dynamic Workers", () => {
  const workers = useWorkers({
    pool: { maxChildren: 3, requestTerminateTimeout: 2000 },
    local: { variables: { GREETING: "hello from the Worker", CONFIG: { a: 1 } } },
  });

  test("an interpreter stays for the next request", async () => {
    const first = await who(workers());
    const second = await who(workers());
    expect(second.isolate).toBe(first.isolate);
    expect(second.hits).toBeGreaterThan(first.hits);
  });

  test("slow requests overlap, each in an isolate of its own", async () => {
    // The first time children are started meanwhile.
    await Promise.all([0, 1, 2].map(() => who(workers(), "wait=1500")));
    const answers = await Promise.all([0, 1, 2].map(() => who(workers(), "wait=400")));
    expect(new Set(answers.map(({ isolate }) => isolate)).size).toBe(3);
    expect(Math.max(...answers.map(({ begin }) => begin))).toBeLessThan(Math.min(...answers.map(({ end }) => end)));
  });

  test("100 requests at once do not mix", async () => {
    const answers = await crossTalk(workers());
    expect(new Set(answers.map(({ isolate }) => isolate)).size).toBe(3);
    expect(new Set(answers.map(({ random }) => random)).size).toBe(100);
  });

  test("variables of the Worker are the scripts' environment, bindings are not", async () => {
    const answer = await http(workers().baseUrl, "/env.php");
    const greeting = "hello from the Worker";
    expect(answer.json()).toEqual([greeting, greeting, '{"a":1}', false]);
  });

  test("fpm_get_status() tells of the pool", async () => {
    const status = (await http(workers().baseUrl, "/status.php")).json() as Record<string, unknown>;
    expect(status).toMatchObject({ pool: "www", "process-manager": "ondemand" });
  });

  test("what a script writes below the document root is seen in its isolate", async () => {
    expect((await http(workers().baseUrl, "/write.php")).text()).toBe("2");
  });

  test("PHP's log and STDERR are in the Worker's log, with pool, child and the request's id", async () => {
    await http(workers().baseUrl, { path: "/stderr.php", headers: { "x-request-id": "id-of-this-one" } });
    const line = (text: string) => workers().lines.find((found) => found.includes(text));
    await expect
      .poll(() => line("to the log"))
      .toMatch(/pool www, child \d\] request id-of-this-one GET \/stderr\.php/);
    await expect.poll(() => line("to stderr")).toMatch(/pool www, child \d\] request id-of-this-one/);
  });

  test("a request that waits too long is ended, and its child serves the next one in a new life", async () => {
    const answer = await http(workers().baseUrl, "/sleep.php");
    expect(answer.status).toBe(504);
    const later = await Promise.all([0, 1, 2].map(() => who(workers(), "wait=1000")));
    expect(new Set(later.map(({ isolate }) => isolate)).size).toBe(3);
    expect(workers().log()).toMatch(/"how":"restored"/);
  });
});

describe("a pool of one Dynamic Worker", () => {
  const workers = useWorkers({ pool: { maxChildren: 1, maxRequests: 150 } });

  test("a request inside another one's usleep() waits for its turn", async () => {
    const [slow, quick] = await Promise.all([who(workers(), "wait=300&token=a"), who(workers(), "token=b")]);
    const [first, second] = slow.begin < quick.begin ? [slow, quick] : [quick, slow];
    expect(second.begin).toBeGreaterThanOrEqual(first.end);
  });

  test("100 requests at once do not mix", async () => {
    const answers = await crossTalk(workers());
    expect(new Set(answers.map(({ isolate }) => isolate)).size).toBe(1);
  });

  test("a script that breaks the interpreter fails, and the next one finds it as new in the same isolate", async () => {
    const before = await who(workers());
    // A page with 502, or a broken answer when some of it was on its way.
    const outcome = await http(workers().baseUrl, "/trap.php").then(
      (answer) => answer.status,
      () => "broken",
    );
    expect([502, "broken"]).toContain(outcome);
    const after = await who(workers());
    expect(after.isolate).toBe(before.isolate);
    expect(after.hits).toBeLessThan(before.hits);
    expect(workers().log()).toMatch(/GET \/trap\.php: the interpreter broke/);
  });

  test("random numbers differ after each restore", async () => {
    const seen = new Set<string>();
    for (let round = 0; round < 3; round++) {
      seen.add((await who(workers())).random);
      await http(workers().baseUrl, "/trap.php").catch(() => {});
    }
    expect(seen.size).toBe(3);
  });

  test("a script that takes all memory gets a 500, and the next one is served", async () => {
    const answer = await http(workers().baseUrl, "/memory.php");
    expect(answer.status).toBe(500);
    expect(workers().log()).toMatch(/memory\.php: PHP message: PHP Fatal error: .*(Out of memory|Allowed memory size)/);
    expect((await who(workers())).isolate).toMatch(/^\w+$/);
  });

  test.each([
    ["a file outside of the directories that all share", "/files.php?path=/internal/locks/large"],
    ["open files that all share", "/files.php?path=/tmp/many&many"],
  ])("%s: what is in memory ends where the isolate would", async (_, path) => {
    const megabytes = Number((await http(workers().baseUrl, path)).text());
    expect(megabytes).toBeGreaterThan(5);
    expect(megabytes).toBeLessThan(90);
    expect((await who(workers())).isolate).toMatch(/^\w+$/);
  });

  test("a long file that all share is held in pieces: as long as it gets", async () => {
    expect((await http(workers().baseUrl, "/files.php?path=/tmp/large")).text()).toBe("200");
    expect((await who(workers())).isolate).toMatch(/^\w+$/);
  });

  test("a child is recycled after max_requests, in the same isolate", async () => {
    const isolates = new Set<string>();
    const hits: number[] = [];
    for (let i = 0; i < 160; i++) {
      const answer = await who(workers());
      isolates.add(answer.isolate);
      hits.push(answer.hits);
    }
    expect(isolates.size).toBe(1);
    expect(hits.some((count, i) => i > 0 && count < (hits[i - 1] ?? 0))).toBe(true);
  });

  test("a visitor who leaves does not hold the child", async () => {
    const opened = await open(workers().baseUrl, { path: "/who.php?wait=300" }).catch(() => undefined);
    opened?.abandon();
    expect((await who(workers())).isolate).toMatch(/^\w+$/);
  });
});

describe("a pool without a Worker Loader", () => {
  const workers = useWorkers({ pool: { maxChildren: 4 }, local: { loader: false } });

  test("has one child in its own isolate, and serves all", async () => {
    const answers = await crossTalk(workers());
    expect(new Set(answers.map(({ isolate }) => isolate)).size).toBe(1);
  });
});
