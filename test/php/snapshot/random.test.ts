// Copies of one warm interpreter must not draw the same random numbers, whatever the warm-up had drawn before.

import { beforeAll, describe, expect, test } from "vitest";
import type { Interpreter } from "../../../src/php/interpreter.ts";
import { type Build, run, start } from "./fixture.ts";

/** One expression of PHP for each source. */
const SOURCES: Readonly<Record<string, string>> = {
  mt_rand: "mt_rand() . mt_rand()",
  rand: "rand() . rand()",
  random_int: "random_int(0, PHP_INT_MAX)",
  random_bytes: "bin2hex(random_bytes(8))",
  "lcg_value (twice)": "@lcg_value() . @lcg_value()",
  shuffle: "(function () { $a = range(1, 50); shuffle($a); return implode(',', $a); })()",
  str_shuffle: "str_shuffle('abcdefghijklmnopqrstuvwxyz')",
  array_rand: "implode(',', array_rand(range(1, 500), 40))",
  "uniqid with more entropy": "uniqid('', true)",
  openssl_random_pseudo_bytes: "bin2hex(openssl_random_pseudo_bytes(8))",
  "keys of OpenSSL": `(function () {
    $settings = ['config' => '/www/openssl.cnf', 'private_key_bits' => 2048,
      'private_key_type' => OPENSSL_KEYTYPE_EC, 'curve_name' => 'prime256v1'];
    openssl_pkey_export(openssl_pkey_new($settings), $key, null, $settings);
    return md5($key);
  })()`,
  "session ids": "session_create_id()",
  "salts of password_hash": "substr(password_hash('x', PASSWORD_BCRYPT, ['cost' => 4]), 7, 22)",
  "Random\\Engine\\Mt19937": "bin2hex((new Random\\Engine\\Mt19937())->generate())",
  "Random\\Engine\\Xoshiro256StarStar": "bin2hex((new Random\\Engine\\Xoshiro256StarStar())->generate())",
  "Random\\Randomizer": "bin2hex((new Random\\Randomizer())->getBytes(8))",
  "SQLite's random()": "(new PDO('sqlite::memory:'))->query('select hex(randomblob(8))')->fetchColumn()",
};

/** Sources that wait for the clock to go on. */
const TIMED = new Set(["uniqid with more entropy"]);

function script(names: readonly string[]): string {
  const values = names.map((name) => `${JSON.stringify(name).replaceAll("\\\\", "\\\\")} => ${SOURCES[name]}`);
  return `<?php echo json_encode([${values.join(",\n")}]);`;
}

async function draw(interpreter: Interpreter): Promise<Record<string, string>> {
  return JSON.parse(await run(interpreter, "draw.php"));
}

const BUILDS = [
  ["node", "8.4"],
  ["web", "8.4"],
  ["node", "8.2"],
  ["web", "8.2"],
] as const satisfies [Build, string][];

describe.each(BUILDS)("copies of a warm interpreter, %s build of PHP %s", (build, php) => {
  /**
   * What seven interpreters drew of each source: the warm one, two fresh copies, two that have the warm one's process id, as
   * after a restart of the master, and two of one instance.
   */
  const drawn: Record<string, string>[] = [];

  beforeAll(async () => {
    for (const stopped of [true, false]) {
      const names = Object.keys(SOURCES).filter((name) => TIMED.has(name) !== stopped);
      const files = {
        "draw.php": script(names),
        "seed.php": "<?php mt_srand(7); srand(7); mt_rand(); echo 'seeded';",
        "openssl.cnf": "[req]\ndistinguished_name = name\n[name]\n",
      };
      const warm = await start(build, { php, files, stopped, processId: 1 });
      await draw(warm);
      expect(await run(warm, "seed.php")).toBe("seeded");
      const snapshot = warm.take("key");
      const one = await start(build, { php, files, stopped, snapshot, processId: 2 });
      const two = await start(build, { php, files, stopped, snapshot, processId: 3 });
      const answers = [await draw(warm), await draw(one), await draw(two)];
      for (let master = 0; master < 2; master++) {
        answers.push(await draw(await start(build, { php, files, stopped, snapshot, processId: 1 })));
      }
      for (const processId of [4, 5]) {
        await one.restore(snapshot, { env: {}, services: {}, processId });
        answers.push(await draw(one));
      }
      for (const [index, answer] of answers.entries()) drawn[index] = { ...drawn[index], ...answer };
    }
  }, 60_000);

  test.each(Object.keys(SOURCES))("%s: no two are alike", (name) => {
    const values = drawn.map((answer) => answer[name]);
    expect(values).toHaveLength(7);
    expect(values).not.toContain(undefined);
    expect(new Set(values).size).toBe(7);
  });
});
