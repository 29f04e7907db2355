// Children on Node that start from the first one of their pool, warmed.

import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, describe, expect, test, vi } from "vitest";
import { poolConfig } from "../../src/fpm/config.ts";
import { Pool } from "../../src/fpm/pool.ts";
import type { Child } from "../../src/fpm/spawn.ts";
import type { SnapshotEvent, SnapshotOptions } from "../../src/platform/node/snapshot-options.ts";
import { createThreadSpawn, type ThreadSpawnOptions } from "../../src/platform/node/spawn-thread.ts";
import { LONGEST_WARM_UP } from "../../src/platform/node/warm-start.ts";
import { WebServerLink } from "../../src/transport/web-server-link.ts";
import { Scratch } from "../php/fixture.ts";

type Wire = WebServerLink;

const scratch = new Scratch();
const children: Child<Wire>[] = [];

afterAll(async () => {
  for (const child of children) child.kill();
  await Promise.all(children.map((child) => child.exited));
  scratch[Symbol.dispose]();
});

/** Writes a script that opcache takes for old enough to keep. */
function write(name: string, code: string): string {
  const path = scratch.write(`app/${name}`, `<?php ${code}`);
  const past = Date.now() / 1000 - 60;
  utimesSync(path, past, past);
  return path;
}

const ASK = write(
  "ask.php",
  `require_once __DIR__ . '/library.php';
  echo json_encode(['pid' => getmypid(), 'who' => getenv('WHO'), 'limit' => ini_get('memory_limit'), 'admin' => ini_get('user_agent'),
    'warm' => opcache_is_script_cached(__DIR__ . '/library.php'), 'version' => version(),
    'random' => bin2hex(openssl_random_pseudo_bytes(8)) . mt_rand(), 'time' => time()]);`,
);
write("library.php", "function version() { return 1; }");
const BREAK = write(
  "break.php",
  "ini_set('zend.max_allowed_stack_size', '-1'); function r() { array_map('r', [1]); } r();",
);

function params(path: string): [string, string][] {
  return [
    ["SCRIPT_FILENAME", path],
    ["REQUEST_METHOD", "GET"],
    ["REQUEST_URI", path],
  ];
}

async function ask(child: Child<Wire>, path: string = ASK): Promise<string> {
  let out = "";
  const stdout = (chunk: Uint8Array) => {
    out += Buffer.from(chunk).toString("latin1");
  };
  await child.wire.exchange(
    { role: "responder", params: params(path) },
    { stdout, stderr() {} },
    new AbortController().signal,
  );
  return out.slice(out.indexOf("\r\n\r\n") + 4);
}

interface Answer {
  readonly pid: number;
  readonly who: string;
  readonly limit: string;
  readonly admin: string;
  readonly warm: boolean;
  readonly version: number;
  readonly random: string;
  readonly time: number;
}

async function answerOf(child: Child<Wire>): Promise<Answer> {
  return JSON.parse(await ask(child));
}

/** A pool whose first child is warmed by `warmUp`. */
async function pool(options: Partial<ThreadSpawnOptions<Wire>> = {}, snapshot: SnapshotOptions = {}) {
  const events: SnapshotEvent[] = [];
  const threads = await createThreadSpawn<Wire>({
    wrap: (transport) => new WebServerLink(transport),
    mounts: [join(scratch.root, "app")],
    sharedDirectory: join(scratch.root, "shared"),
    ...options,
    snapshot: { warmUp: async () => [params(ASK)], onEvent: (event) => events.push(event), ...snapshot },
  });
  const place = { pool: "www", slot: 0 };
  const start = (from = threads.spawn) => {
    const child = from(place);
    children.push(child);
    return child;
  };
  const spawn = async (from = threads.spawn) => {
    const child = start(from);
    await child.ready;
    return child;
  };
  return { threads, events, start, spawn };
}

describe("children of a warmed pool", () => {
  test("have compiled scripts at once, and their own process id, random numbers, time, environment and settings", async () => {
    const { threads, events, spawn } = await pool({ env: { WHO: "first" }, ini: { text: "memory_limit = 50M" } });
    const [one, two] = await Promise.all([spawn(), spawn()]);
    const variant = threads.variant({
      env: { WHO: "other" },
      ini: { text: "memory_limit = 60M", adminSettings: { user_agent: "admin" } },
    });
    const other = await spawn(variant);
    expect(events.map(({ type }) => type)).toEqual(["taken", "taken"]);

    const answers = [await answerOf(one), await answerOf(two), await answerOf(other)];
    for (const answer of answers) {
      expect(answer.warm).toBe(true);
      expect(Math.abs(answer.time - Date.now() / 1000)).toBeLessThan(60);
    }
    expect(answers.map(({ pid }) => pid)).toEqual([one.pid, two.pid, other.pid]);
    expect(new Set(answers.map(({ random }) => random)).size).toBe(3);
    expect(answers.map(({ who }) => who)).toEqual(["first", "first", "other"]);
    expect(answers.map(({ limit }) => limit)).toEqual(["50M", "50M", "60M"]);
    expect(answers.map(({ admin }) => admin)).toEqual(["", "", "admin"]);
  }, 60_000);

  test("are recycled with a new process id, new random numbers and nothing of the life before", async () => {
    const { spawn } = await pool();
    const leave = write(
      "leave.php",
      "$GLOBALS['x'] = 1; putenv('WHO=left'); apcu(); function apcu() { echo ini_set('user_agent', 'left'); }",
    );
    const first = await spawn();
    const seen: Answer[] = [await answerOf(first)];
    await ask(first, leave);
    let child = first;
    for (let life = 0; life < 3; life++) {
      child.stop();
      expect(await child.exited).toEqual({ reason: "stopped" });
      child = await spawn();
      seen.push(await answerOf(child));
    }
    expect(new Set(seen.map(({ pid }) => pid)).size).toBe(4);
    expect(new Set(seen.map(({ random }) => random)).size).toBe(4);
    for (const answer of seen) expect(answer).toMatchObject({ warm: true, who: false, admin: "" });
  }, 60_000);

  test("find an instance prepared, and have nothing of another pool by it", async () => {
    const { threads } = await pool({ env: { WHO: "me" } });
    const spawnIn = async (name: string) => {
      const child = threads.spawn({ pool: name, slot: 0 });
      children.push(child);
      await child.ready;
      // The next thread is told what to prepare.
      await setTimeout(50);
      return child;
    };
    const mark = write("mark.php", "echo json_encode(glob('/internal/pool/tmp/*')); touch('/internal/pool/tmp/mark');");
    const mine = [await spawnIn("mine"), await spawnIn("mine")];
    const answers = await Promise.all(mine.map(answerOf));
    for (const answer of answers) expect(answer).toMatchObject({ warm: true, who: "me" });
    expect(answers.map(({ pid }) => pid)).toEqual(mine.map(({ pid }) => pid));
    expect(new Set(answers.map(({ random }) => random)).size).toBe(2);
    expect(await ask(mine[0] as Child<Wire>, mark)).toBe("[]");
    expect(await ask(mine[1] as Child<Wire>, mark)).toBe('["\\/internal\\/pool\\/tmp\\/mark"]');
    // What is prepared now is for the pool of before.
    expect(await ask(await spawnIn("other"), mark)).toBe("[]");
  }, 60_000);

  test("break and are replaced, in the same thread as well", async () => {
    const { spawn } = await pool();
    let child = await spawn();
    const randoms = new Set<string>();
    for (let round = 0; round < 3; round++) {
      const broken = ask(child, BREAK);
      await expect(broken).rejects.toMatchObject({ code: "EXCHANGE_BROKEN" });
      const exit = await child.exited;
      expect(exit.reason).toBe("crashed");
      expect(exit.message).toContain("the interpreter broke while it ran");
      child = await spawn();
      const answer = await answerOf(child);
      expect(answer).toMatchObject({ pid: child.pid, warm: true });
      randoms.add(answer.random);
    }
    expect(randoms.size).toBe(3);
  }, 60_000);

  test("are given back their memory when a script took much, up to all that there is", async () => {
    const { start, spawn } = await pool();
    const grow = write(
      "grow.php",
      "ini_set('memory_limit', '-1'); for ($i = 0; $i < (int) $_SERVER['REQUEST_URI']; $i++) $a[] = str_repeat('x', 2000000);",
    );
    const resident = () => process.memoryUsage.rss() / 1_000_000;
    let child = await spawn();
    const before = resident();
    for (const pieces of ["200", "2000"]) {
      const request = { role: "responder" as const, params: [...params(grow), ["REQUEST_URI", pieces] as const] };
      await child.wire
        .exchange(request, { stdout() {}, stderr() {} }, new AbortController().signal)
        // All that there is may be more than it survives.
        .catch(() => {});
      child.stop();
      await child.exited;
      child = start();
      await child.ready;
      expect(await answerOf(child)).toMatchObject({ pid: child.pid, warm: true });
      await vi.waitFor(() => expect(resident() - before).toBeLessThan(250), { timeout: 10_000 });
    }
  }, 60_000);

  test("see a script that has changed since the warm-up", async () => {
    const { spawn } = await pool();
    await spawn();
    const path = join(scratch.root, "app/library.php");
    const before = readFileSync(path);
    try {
      writeFileSync(path, "<?php function version() { return 2; }");
      expect(await answerOf(await spawn())).toMatchObject({ version: 2 });
    } finally {
      writeFileSync(path, before);
      const past = Date.now() / 1000 - 60;
      utimesSync(path, past, past);
    }
  }, 60_000);

  test("start without a snapshot when the warm-up left a database open, and the log can say why", async () => {
    const open = write(
      "open.php",
      `new PDO('sqlite:${scratch.root}/app/left.sqlite', null, null, [PDO::ATTR_PERSISTENT => true]); echo 'ok';`,
    );
    const { events, spawn } = await pool({}, { warmUp: async () => [params(open)] });
    const one = await spawn();
    const two = await spawn();
    expect(events).toEqual([{ type: "none", problems: [expect.stringContaining("left.sqlite")] }]);
    expect((await answerOf(one)).version + (await answerOf(two)).version).toBe(2);
  }, 60_000);

  test("start though the warm-up breaks the first one, which starts anew", async () => {
    const { events, start, spawn } = await pool({}, { warmUp: async () => [params(BREAK)] });
    const first = start();
    await first.ready;
    const second = await spawn();
    expect(events.map(({ type }) => type)).toEqual(["none"]);
    for (const child of [first, second]) expect(await answerOf(child)).toMatchObject({ version: 1, pid: child.pid });
  }, 60_000);

  test("have time to start after a warm-up that took as long as it may", () => {
    const { startTimeout } = poolConfig({ name: "www", maxChildren: 1 });
    expect(LONGEST_WARM_UP).toBeLessThanOrEqual(startTimeout / 2);
  });

  test("start though the first one's warm-up never ends", async () => {
    const endless = write("endless.php", "for (;;) { $n = ($n ?? 0) + 1; }");
    const { events, start, spawn } = await pool({}, { warmUp: async () => [params(endless)], longest: 1500 });
    const first = start();
    const second = await spawn();
    const message = `the warm-up of ${endless} took longer than 1.5 seconds`;
    expect(await first.exited).toEqual({ reason: "crashed", message });
    expect(events).toEqual([{ type: "none", problems: [message] }]);
    expect(await answerOf(second)).toMatchObject({ version: 1 });
  }, 60_000);

  test("end the start with the reason where the first one is the only one and its warm-up never ends", async () => {
    const endless = write("alone.php", "for (;;) { $n = ($n ?? 0) + 1; }");
    const { threads } = await pool({}, { warmUp: async () => [params(ASK), params(endless)], longest: 1000 });
    const alone = new Pool(poolConfig({ name: "www", maxChildren: 1 }), threads.spawn);
    await expect(alone.start()).rejects.toMatchObject({
      code: "POOL_START_FAILED",
      message: expect.stringContaining(`the warm-up of ${ASK}, ${endless} took longer than 1 seconds`),
    });
    expect(alone.size).toBe(0);
  }, 60_000);

  test("can be stopped and killed while they wait for the first one", async () => {
    const { start, spawn } = await pool();
    const first = start();
    const stopped = start();
    const killed = start();
    stopped.stop();
    killed.kill();
    expect(await killed.exited).toEqual({ reason: "killed" });
    expect(await stopped.exited).toEqual({ reason: "stopped" });
    await first.ready;
    expect(await answerOf(await spawn())).toMatchObject({ warm: true });
  }, 60_000);
});

describe("a snapshot in a file", () => {
  const file = join(scratch.root, "kept/snapshot");

  test("is written for its owner only, and used by the next master", async () => {
    mkdirSync(join(scratch.root, "kept"));
    const first = await pool({ env: { WHO: "with-a-secret-inside" } }, { file });
    await first.spawn();
    expect(first.events.map(({ type }) => type)).toEqual(["taken"]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file).includes("with-a-secret-inside")).toBe(false);

    const second = await pool({ env: { WHO: "second" } }, { file });
    expect(await answerOf(await second.spawn())).toMatchObject({ warm: true, who: "second", version: 1 });
    expect(second.events.map(({ type }) => type)).toEqual(["loaded"]);
  }, 60_000);

  test.each<[string, Partial<ThreadSpawnOptions<Wire>>]>([
    ["php.ini", { ini: { text: "memory_limit = 51M" } }],
    ["PHP", { php: "8.2" }],
  ])(
    "is ignored and made anew with another %s",
    async (_, options) => {
      const { events, spawn } = await pool(options, { file });
      expect(await answerOf(await spawn())).toMatchObject({ warm: true });
      expect(events.map(({ type }) => type)).toEqual(["ignored", "taken"]);
    },
    60_000,
  );

  test("is ignored with another environment when php.ini takes values from there", async () => {
    const ini = { text: 'user_agent = "$' + '{WHO}"' };
    const first = await pool({ ini, env: { WHO: "first" } }, { file });
    expect(await answerOf(await first.spawn())).toMatchObject({ admin: "first" });
    const again = await pool({ ini, env: { WHO: "first" } }, { file });
    expect(await answerOf(await again.spawn())).toMatchObject({ admin: "first" });
    expect(again.events.map(({ type }) => type)).toEqual(["loaded"]);
    const second = await pool({ ini, env: { WHO: "second" } }, { file });
    expect(await answerOf(await second.spawn())).toMatchObject({ admin: "second" });
    expect(second.events.map(({ type }) => type)).toEqual(["ignored", "taken"]);
  }, 60_000);

  test("is ignored with another warm-up", async () => {
    const more = write("more.php", "echo 'more';");
    await (await pool({}, { file })).spawn();
    const warmUp = async () => [params(ASK), params(more)];
    const { events, spawn } = await pool({}, { file, warmUp });
    await spawn();
    expect(events.map(({ type }) => type)).toEqual(["ignored", "taken"]);
  }, 60_000);

  test.each([
    ["php.ini as it is", ""],
    ["open_basedir", `open_basedir = "${scratch.root}"\nrealpath_cache_size = 4M`],
  ])(
    "is ignored when a link on the way to a script leads elsewhere now, %s",
    async (_, text) => {
      const current = join(scratch.root, "app/current");
      for (const release of [1, 2]) {
        write(`release-${release}/library.php`, `function release() { return ${release}; }`);
        write(`release-${release}/index.php`, "require __DIR__ . '/library.php'; echo release();");
      }
      const index = join(current, "index.php");
      const start = async (release: number) => {
        rmSync(current, { force: true });
        symlinkSync(`release-${release}`, current);
        const { events, spawn } = await pool({ ini: { text } }, { file, warmUp: async () => [params(index)] });
        return { said: await ask(await spawn(), index), events };
      };
      expect((await start(1)).said).toBe("1");
      const unchanged = await start(1);
      expect(unchanged).toMatchObject({ said: "1", events: [{ type: "loaded" }] });
      const { said, events } = await start(2);
      expect(said).toBe("2");
      expect(events).toMatchObject([
        { type: "ignored", reason: expect.stringContaining("current/index.php") },
        { type: "taken" },
      ]);
    },
    60_000,
  );

  test("is left aside by each child whose environment it has no room for, recycled ones too", async () => {
    await (await pool({}, { file })).spawn();
    const { events, spawn } = await pool({ env: { WHO: "x".repeat(100_000) } }, { file });
    await spawn();
    await setTimeout(50);
    let child = await spawn();
    expect((await answerOf(child)).who).toHaveLength(100_000);
    child.stop();
    expect(await child.exited).toEqual({ reason: "stopped" });
    child = await spawn();
    expect(await answerOf(child)).toMatchObject({ pid: child.pid, limit: "128M" });
    expect(events.map(({ type }) => type)).toEqual(["loaded"]);
  }, 60_000);

  test("is ignored when the application has changed", async () => {
    const before = await pool({}, { file });
    await before.spawn();
    utimesSync(join(scratch.root, "app/library.php"), 1_700_000_000, 1_700_000_000);
    const { events, spawn } = await pool({}, { file });
    await spawn();
    expect(events[0]).toMatchObject({ type: "ignored", reason: expect.stringContaining("library.php") });
    expect(events[1]).toMatchObject({ type: "taken" });
  }, 60_000);

  test("is ignored when it was damaged", async () => {
    const before = await pool({}, { file });
    await before.spawn();
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    const { events, spawn } = await pool({}, { file });
    expect(await answerOf(await spawn())).toMatchObject({ warm: true });
    expect(events.map(({ type }) => type)).toEqual(["ignored", "taken"]);
    expect(events[0]).toMatchObject({ reason: expect.stringContaining("checksum") });
  }, 60_000);

  test("leaves nothing behind where it cannot be written", async () => {
    const folder = join(scratch.root, "taken");
    mkdirSync(join(folder, "snapshot"), { recursive: true });
    const { events, spawn } = await pool({}, { file: join(folder, "snapshot") });
    expect(await answerOf(await spawn())).toMatchObject({ warm: true });
    expect(events.map(({ type }) => type)).toEqual(["ignored", "taken", "ignored"]);
    expect(readdirSync(folder)).toEqual(["snapshot"]);
  }, 60_000);

  test("is ignored when it is none", async () => {
    writeFileSync(file, "something else");
    const { events, spawn } = await pool({}, { file });
    expect(await answerOf(await spawn())).toMatchObject({ warm: true });
    expect(events.map(({ type }) => type)).toEqual(["ignored", "taken"]);
  }, 60_000);
});
