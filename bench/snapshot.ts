// Children on Node: how fast they start and begin anew, what a further one takes, and how a long life goes.

import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { Child } from "../src/fpm/spawn.ts";
import { createLockTable } from "../src/platform/node/file-locks.ts";
import { startInterpreter } from "../src/platform/node/interpreter.ts";
import { PhpCode } from "../src/platform/node/php-code.ts";
import { choosePhpVersion, phpPackageUrl } from "../src/platform/node/php-versions.ts";
import type * as SpawnThread from "../src/platform/node/spawn-thread.ts";
import { WebServerLink } from "../src/transport/web-server-link.ts";
import { FILES, writeApplication, writeScript } from "./application-120.ts";
import { median, medianRatio, percentile, type Row, type Table } from "./table.ts";

type Link = Child<WebServerLink>;

/**
 * Threads as the package has them: JavaScript, the thread's own in one file. From the sources each would load the
 * compiler that strips types, which takes 17 MB.
 */
async function loadBuilt(): Promise<typeof SpawnThread> {
  const outdir = fileURLToPath(new URL("../node_modules/.cache/edge-fpm-bench", import.meta.url));
  const entryPoints = ["src/platform/node/spawn-thread.ts", "workers/interpreter-thread.ts"].map((path) =>
    fileURLToPath(new URL(`../${path}`, import.meta.url)),
  );
  const outbase = fileURLToPath(new URL("..", import.meta.url));
  await build({ entryPoints, outdir, outbase, bundle: true, packages: "external", format: "esm", platform: "node" });
  return (await import(`${outdir}/src/platform/node/spawn-thread.js`)) as typeof SpawnThread;
}

/** A loop that only computes. */
const BUSY = "<?php $n = 0; for ($i = 0; $i < 1000000; $i++) { $n = ($n * 31 + $i) % 1000003; } echo $n;\n";

/** One for all: signals that end by themselves would be kept until then. */
const NEVER = new AbortController().signal;

async function ask(child: Link, path: string): Promise<string> {
  let out = "";
  const stdout = (chunk: Uint8Array) => {
    out += Buffer.from(chunk).toString("latin1");
  };
  const params: [string, string][] = [
    ["SCRIPT_FILENAME", path],
    ["REQUEST_METHOD", "GET"],
    ["REQUEST_URI", "/"],
  ];
  const end = await child.wire.exchange({ role: "responder", params }, { stdout, stderr() {} }, NEVER);
  if (end.protocolStatus !== "request-complete" || !out.includes("\r\n\r\n")) throw new Error(`no answer: ${out}`);
  return out.slice(out.indexOf("\r\n\r\n") + 4);
}

async function end(child: Link): Promise<void> {
  child.kill();
  await child.exited;
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function time(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

interface Pool {
  readonly root: string;
  /** A child that is ready. */
  start(): Promise<Link>;
}

async function openPool(
  createThreadSpawn: typeof SpawnThread.createThreadSpawn,
  root: string,
  warm: boolean,
): Promise<Pool> {
  const front = join(root, "index.php");
  const warmUp = async () => [
    [["SCRIPT_FILENAME", front] as const, ["REQUEST_METHOD", "GET"] as const, ["REQUEST_URI", "/"] as const],
  ];
  const { spawn } = await createThreadSpawn({
    wrap: (transport) => new WebServerLink(transport),
    mounts: [root],
    sharedDirectory: join(root, ".shared"),
    ...(warm && { snapshot: { warmUp } }),
  });
  return {
    root,
    async start() {
      const child = spawn({ pool: "bench", slot: 0 });
      await child.ready;
      return child;
    },
  };
}

export async function benchSnapshot(quick: boolean): Promise<readonly Table[]> {
  const root = mkdtempSync(join(tmpdir(), "edge-fpm-bench-"));
  try {
    writeApplication(root);
    writeScript(join(root, "hello.php"), "<?php echo 'Hello';\n");
    writeScript(join(root, "busy.php"), BUSY);
    const { createThreadSpawn } = await loadBuilt();
    const cold = await openPool(createThreadSpawn, root, false);
    const warm = await openPool(createThreadSpawn, root, true);
    return [
      await starts(cold, warm, quick ? 4 : 15),
      await resets(root, quick ? 10 : 40),
      await further(warm, quick ? 9 : 25),
      await lifetime(
        warm,
        quick ? { requests: 2_000, rounds: 9, each: 400 } : { requests: 100_000, rounds: 15, each: 1_000 },
      ),
    ];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

async function starts(cold: Pool, warm: Pool, rounds: number): Promise<Table> {
  const front = join(warm.root, "index.php");
  const first = await warm.start();
  const times = {
    cold: [] as number[],
    coldPage: [] as number[],
    warm: [] as number[],
    page: [] as number[],
    second: [] as number[],
    again: [] as number[],
  };
  for (let round = 0; round < rounds; round++) {
    let child: Link | undefined;
    times.cold.push(await time(async () => (child = await cold.start())));
    times.coldPage.push(await time(() => ask(child as Link, front)));
    await end(child as Link);
    // The thread that is kept ready is started after the child before, with an instance; it is there when the next one is needed.
    await pause(400);
    times.warm.push(await time(async () => (child = await warm.start())));
    times.page.push(await time(() => ask(child as Link, front)));
    await pause(400);
    const next = await warm.start();
    // The thread that was kept ready is in use, and the next one has only begun.
    let second: Link | undefined;
    times.second.push(await time(async () => (second = await warm.start())));
    await end(next);
    await end(second as Link);
    const old = child as Link;
    times.again.push(
      await time(async () => {
        old.stop();
        await old.exited;
        child = await warm.start();
      }),
    );
    await end(child as Link);
  }
  await end(first);
  const row = (name: string, values: number[], base: number[], more: Partial<Row> = {}): Row => ({
    name: `${name} (best ${Math.min(...values).toFixed(1)})`,
    value: median(values),
    unit: "ms",
    ratio: medianRatio(values, base),
    against: "a start of its own",
    ...more,
  });
  return {
    title: "A child on Node until it is ready, and its first page",
    method: `An application of ${FILES} files, warm in the snapshot; ${rounds} interleaved rounds, medians.`,
    rows: [
      { name: "ready, PHP started anew", value: median(times.cold), unit: "ms" },
      row("ready, from the snapshot", times.warm, times.cold, { target: { atMost: 40 } }),
      row("ready, from the snapshot, right after another one", times.second, times.cold),
      row("ready, after another child in the same thread, with that one's end", times.again, times.cold),
      { name: "first page, PHP started anew", value: median(times.coldPage), unit: "ms" },
      row("first page, from the snapshot", times.page, times.coldPage),
    ],
  };
}

async function resets(root: string, rounds: number): Promise<Table> {
  const glueUrl = phpPackageUrl(choosePhpVersion());
  const compiled = await (await PhpCode.read(glueUrl)).slim();
  const sharedDirectory = join(root, ".shared/inside");
  for (const part of ["sessions", "uploads", "tmp"]) mkdirSync(join(sharedDirectory, part), { recursive: true });
  const locks = createLockTable();
  const settings = { glueUrl, ...compiled, ini: {}, env: {}, network: false, locks, mounts: [root], sharedDirectory };
  const instance = await startInterpreter({ ...settings, processId: 1 });
  const front = join(root, "index.php");
  const run = async () => {
    const output = { headers() {}, stdout() {}, stderr() {}, log() {}, finishRequest() {} };
    const params: [string, string][] = [["REQUEST_METHOD", "GET"]];
    await instance.host.run({ scriptFilename: front, params, body: new Uint8Array(0) }, output);
  };
  await run();
  const snapshot = instance.interpreter.take("bench");
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await run();
    times.push(await time(() => instance.restore(snapshot, { ...settings, processId: round + 2 }, {})));
  }
  const megabytes = snapshot.bytes.length / 1024 / 1024;
  return {
    title: "An interpreter brought back in its instance",
    method: `After each front page all of linear memory, ${(snapshot.memory / 1024 / 1024).toFixed(0)} MiB of which ${megabytes.toFixed(1)} are not zero; ${rounds} rounds.`,
    rows: [
      {
        name: `reset (best ${Math.min(...times).toFixed(2)})`,
        value: median(times),
        unit: "ms",
        target: { atMost: 15 },
      },
    ],
  };
}

async function further(pool: Pool, rounds: number): Promise<Table> {
  const busy = join(pool.root, "busy.php");
  const front = join(pool.root, "index.php");
  const children = [await pool.start()];
  const use = async (child: Link) => {
    for (let i = 0; i < 20; i++) await ask(child, front);
  };
  await use(children[0] as Link);
  await pause(400);
  const before = process.memoryUsage.rss();
  for (let i = 0; i < 4; i++) {
    const child = await pool.start();
    children.push(child);
    await use(child);
  }
  await pause(400);
  const each = (process.memoryUsage.rss() - before) / 4 / 1_000_000;
  const [one, two] = children as [Link, Link];
  for (const child of [one, two]) await ask(child, busy);
  const alone: number[] = [];
  const both: number[] = [];
  for (let round = 0; round < rounds; round++) {
    alone.push(2000 / (await time(() => ask(one, busy).then(() => ask(one, busy)))));
    both.push(2000 / (await time(() => Promise.all([ask(one, busy), ask(two, busy)]))));
  }
  for (const child of children) await end(child);
  return {
    title: "A further child on Node",
    method: `Resident memory with five children against one, each after 20 front pages; a loop that only computes, the best of ${rounds} rounds in turn: a neighbour on the second processor is no fault of the children.`,
    rows: [
      { name: "memory of a further child", value: each, unit: "MB", target: { atMost: 45 } },
      { name: "computing, one child", value: Math.max(...alone), unit: "requests/s" },
      {
        name: "computing, two children",
        value: Math.max(...both),
        unit: "requests/s",
        ratio: Math.max(...both) / Math.max(...alone),
        against: "one child",
        target: { ratioAtLeast: 1.6 },
      },
    ],
  };
}

interface Life {
  readonly requests: number;
  /** Afterwards, beside a young child. */
  readonly rounds: number;
  /** Requests of the two together in a round. */
  readonly each: number;
}

/** Requests before the first that counts. */
const YOUTH = 1_000;

async function lifetime(pool: Pool, { requests, rounds, each }: Life): Promise<Table> {
  const hello = join(pool.root, "hello.php");
  const look = () => ({
    memory: process.memoryUsage.rss() / 1_000_000,
    descriptors: readdirSync("/proc/self/fd").length,
  });
  const old = await pool.start();
  for (let i = 0; i < requests / 2; i++) await ask(old, hello);
  // The engine's own heap has found its size by then.
  const half = look();
  for (let i = 0; i < requests / 2; i++) await ask(old, hello);
  const late = look();
  const young = await pool.start();
  for (let i = 0; i < YOUTH; i++) await ask(young, hello);
  const times = { young: [] as number[], old: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    const passed = { young: [] as number[], old: [] as number[] };
    for (let i = 0; i < each; i++) {
      // Ten at a time: what disturbs one of them disturbs the other too.
      const [child, values] = Math.floor(i / 10) % 2 === 0 ? [young, passed.young] : [old, passed.old];
      values.push(await time(() => ask(child, hello)));
    }
    times.young.push(percentile(passed.young, 0.99));
    times.old.push(percentile(passed.old, 0.99));
  }
  for (const child of [old, young]) await end(child);
  const count = requests.toLocaleString("en-US");
  return {
    title: "A long life",
    method: `${count} requests for a hello to one child, one after the other; then it and a young child of ${YOUTH.toLocaleString("en-US")} in turn, ten requests each, medians of ${rounds} rounds of ${each}.`,
    rows: [
      { name: "99th percentile, a young child", value: median(times.young), unit: "ms" },
      {
        name: `99th percentile, after ${count} requests`,
        value: median(times.old),
        unit: "ms",
        ratio: medianRatio(times.old, times.young),
        against: "young",
        target: { ratioAtMost: 1.2 },
      },
      {
        name: "resident memory gained in the second half",
        value: late.memory - half.memory,
        unit: "MB",
        target: { atMost: 10 },
      },
      {
        name: "descriptors gained in the second half",
        value: late.descriptors - half.descriptors,
        unit: "descriptors",
        target: { atMost: 0 },
      },
    ],
  };
}
