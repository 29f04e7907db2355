// Children in workerd that start from the snapshot of a build: what they bring along, and what must differ between them.

import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildApplication } from "../../src/image/build.ts";
import { type LocalWorkersOptions, startLocalWorkers } from "../../src/platform/node/local-workers.ts";
import { http } from "../http-suite/client.ts";
import { setTime, writeFolder } from "../image/application.ts";
import { makeScratch } from "../peers/scratch.ts";

const PLANTED = "planted-in-the-environment-of-the-build-machine";
const VARIABLE = "variable-of-the-wrangler-settings";

/** One expression of PHP for each source of random numbers. */
const SOURCES: Readonly<Record<string, string>> = {
  mt_rand: "mt_rand() . mt_rand()",
  rand: "rand() . rand()",
  shuffle: "(function () { $a = range(1, 50); shuffle($a); return implode(',', $a); })()",
  random_int: "random_int(0, PHP_INT_MAX)",
  random_bytes: "bin2hex(random_bytes(8))",
  "lcg_value (twice)": "@lcg_value() . @lcg_value()",
  uniqid: "uniqid('', true)",
  openssl_random_pseudo_bytes: "bin2hex(openssl_random_pseudo_bytes(8))",
  "keys of OpenSSL": `(function () {
    $settings = ['config' => __DIR__ . '/openssl.cnf', 'private_key_type' => OPENSSL_KEYTYPE_EC, 'curve_name' => 'prime256v1'];
    openssl_pkey_export(openssl_pkey_new($settings), $key, null, $settings);
    return md5($key);
  })()`,
  "session ids": "session_create_id()",
  "Random\\Randomizer": "bin2hex((new Random\\Randomizer())->getBytes(8))",
  "SQLite's random()": "(new PDO('sqlite::memory:'))->query('select hex(randomblob(8))')->fetchColumn()",
};

const DRAW = `[${Object.entries(SOURCES).map(([name, code]) => `${JSON.stringify(name)} => ${code}`)}]`;

const FILES = {
  "library.php": "<?php function answer() { return 42; }",
  "openssl.cnf": "[req]\ndistinguished_name = name\n[name]\n",
  "wrangler.toml": `[vars]\nBUILT = "${VARIABLE}"\n`,
  // Everything that a front page leaves behind.
  "warm.php": `<?php
    if ($_SERVER['REQUEST_URI'] !== '/warm.php?page=1' || $_SERVER['HTTP_HOST'] !== 'localhost') throw new Error();
    require __DIR__ . '/library.php';
    session_start();
    $_SESSION['a'] = 1;
    putenv('LEFT=1');
    $text = getenv('BUILT') . getenv('HOME');
    ini_set('precision', '5');
    mkdir(__DIR__ . '/cache');
    file_put_contents(__DIR__ . '/cache/made.php', '<?php return "of the build";');
    touch(__DIR__ . '/cache/made.php', time() - 60);
    require __DIR__ . '/cache/made.php';
    ${DRAW};
    mt_srand(7); srand(7); mt_rand();
    echo answer();`,
  "ask.php": `<?php
    $id = @file_get_contents('/internal/locks/id');
    if ($id === false) file_put_contents('/internal/locks/id', $id = bin2hex(random_bytes(6)));
    $cached = opcache_is_script_cached(__DIR__ . '/library.php');
    require __DIR__ . '/library.php';
    if (isset($_GET['wait'])) usleep(300000);
    echo json_encode(['isolate' => $id, 'cached' => $cached, 'answer' => answer(),
      'known' => opcache_is_script_cached(__DIR__ . '/cache/made.php'),
      'there' => file_exists(__DIR__ . '/cache/made.php'), 'made' => @include __DIR__ . '/cache/made.php',
      'sessions' => glob('/tmp/sessions/*'), 'left' => getenv('LEFT'), 'built' => getenv('BUILT'),
      'greeting' => [getenv('GREETING'), $_ENV['GREETING']], 'ini' => [ini_get('memory_limit'), ini_get('precision')],
      'sendmail' => ini_get('sendmail_path'),
      'time' => time(), 'began' => $_SERVER['REQUEST_TIME'], 'draw' => ${DRAW}]);`,
};

interface Answer {
  readonly isolate: string;
  readonly cached: boolean;
  readonly draw: Readonly<Record<string, string>>;
  readonly [name: string]: unknown;
}

const scratch = makeScratch("snapshot");
const out = join(scratch.path, "out");

beforeAll(async () => {
  process.env.PLANTED = PLANTED;
  const root = writeFolder(join(scratch.path, "site"), FILES);
  // What was just written is not cached yet.
  for (const name of Object.keys(FILES)) setTime(join(root, name), 1_700_000_000);
  const { warnings } = await buildApplication({
    root,
    out,
    ini: "memory_limit = 33M\n",
    pool: { maxChildren: 2, maxRequests: 2 },
    warmUp: ["/warm.php?page=1"],
  });
  delete process.env.PLANTED;
  expect(warnings).toEqual([expect.stringContaining("no index file")]);
});
afterAll(() => scratch.remove());

async function serve(options: Omit<LocalWorkersOptions, "onLog">) {
  const log: string[] = [];
  const miniflare = await startLocalWorkers({ ...options, onLog: (_level, line) => log.push(line) });
  const { origin } = await miniflare.ready;
  const ask = async (query = "") => {
    const answer = await http(origin, `/ask.php?${query}`);
    expect(answer.status, answer.text()).toBe(200);
    return answer.json() as Answer;
  };
  return { log, ask, stop: () => miniflare.dispose() };
}

/** A build whose snapshot is another one. */
function withSnapshot(change: (bytes: Uint8Array) => Uint8Array): string {
  const copy = join(scratch.path, crypto.randomUUID());
  cpSync(out, copy, { recursive: true });
  writeFileSync(join(copy, "worker/snapshot.bin"), change(readFileSync(join(out, "worker/snapshot.bin"))));
  return copy;
}

describe("children from one snapshot", () => {
  const answers: Answer[] = [];
  let log: readonly string[] = [];

  beforeAll(async () => {
    const server = await serve({ out, variables: { GREETING: "hello" } });
    try {
      // Two children, each of them recycled twice.
      for (let i = 0; i < 6; i++) answers.push(...(await Promise.all([server.ask("wait"), server.ask("wait")])));
      log = server.log;
    } finally {
      await server.stop();
    }
  });

  test("are two, and begin anew after their requests", () => {
    expect(new Set(answers.map(({ isolate }) => isolate)).size).toBe(2);
    expect(log.filter((line) => line.includes('"how":"from-snapshot"'))).toHaveLength(2);
    expect(log.filter((line) => line.includes('"how":"restored"')).length).toBeGreaterThanOrEqual(3);
  });

  test("have the code that the warm-up compiled", () => {
    expect(answers.map(({ cached }) => cached)).not.toContain(false);
    expect(answers[0]).toMatchObject({ answer: 42 });
  });

  test.each(Object.keys(SOURCES))("draw different random numbers, %s", (name) => {
    const values = answers.map(({ draw }) => draw[name]);
    expect(values).not.toContain(undefined);
    expect(new Set(values).size).toBe(answers.length);
  });

  test("know the time", () => {
    for (const { time, began } of answers) {
      expect(Math.abs((time as number) - Date.now() / 1000)).toBeLessThan(300);
      expect(Math.abs((time as number) - (began as number))).toBeLessThan(5);
    }
    expect(answers.at(-1)?.time).toBeGreaterThan(answers[0]?.time as number);
  });

  test("have the environment of the deployment, and php.ini as it is", () => {
    for (const answer of answers) {
      expect(answer).toMatchObject({ left: false, built: false, greeting: ["hello", "hello"], ini: ["33M", "14"] });
    }
  });

  test("find nothing that the warm-up wrote", () => {
    for (const answer of answers) {
      expect(answer).toMatchObject({ known: false, there: false, made: false, sessions: [] });
    }
  });
});

describe("the module", () => {
  test.each([PLANTED, VARIABLE])("does not hold %s", (text) => {
    const bytes = readFileSync(join(out, "worker/snapshot.bin"));
    expect(bytes.length).toBeGreaterThan(1_000_000);
    expect(bytes.includes(text)).toBe(false);
    expect(bytes.includes("answer")).toBe(true);
  });

  test.each([
    ["of another build", (bytes: Uint8Array) => otherKey(bytes), "made of another build"],
    ["cut short", (bytes: Uint8Array) => bytes.slice(0, 5_000_000), "no snapshot of this release"],
    ["empty", () => new Uint8Array(0), "no snapshot of this release"],
  ])("is left aside when it is %s, with one line in the log", async (_, change, reason) => {
    const server = await serve({ out: withSnapshot(change), variables: { GREETING: "hello" } });
    try {
      expect(await server.ask()).toMatchObject({ answer: 42, cached: false, left: false });
      expect(server.log.filter((line) => line.includes("the snapshot is not used"))).toEqual([
        expect.stringContaining(reason),
      ]);
      expect(server.log.join("\n")).toContain('"how":"booted"');
    } finally {
      await server.stop();
    }
  });

  test("serves a pool without a Worker Loader, where nobody takes mails", async () => {
    const server = await serve({ out, loader: false, mail: false, variables: { GREETING: "hello" } });
    try {
      const [first, second] = [await server.ask(), await server.ask()];
      expect(first).toMatchObject({ answer: 42, cached: true });
      expect(second.isolate).toBe(first.isolate);
      expect(first.sendmail).toContain("nobody takes mails here");
      expect(server.log.join("\n")).toContain('"how":"from-snapshot"');
    } finally {
      await server.stop();
    }
  });
});

/** The key is text in the header. */
function otherKey(bytes: Uint8Array): Uint8Array {
  const changed = Buffer.from(bytes);
  const at = changed.indexOf('"key":"') + 7;
  changed.write(changed.toString("latin1", at, at + 1) === "0" ? "1" : "0", at, "latin1");
  return changed;
}
