// The edge in local workerd: how long a child takes to start, what a request costs beside an empty round trip to a Durable
// Object, and what memory and bundle come to. One thread of workerd runs everything, so nothing here measures throughput.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Miniflare, type MiniflareOptions } from "miniflare";
import { type BuildReport, buildApplication } from "../src/image/build.ts";
import { PLATFORM } from "../src/image/limits.ts";
import { buildPhpImage } from "../src/image/php-image.ts";
import { localWorkersOptions, startLocalWorkers } from "../src/platform/node/local-workers.ts";
import type { Start } from "../src/platform/workers/interpreter.ts";
import { FILES, writeApplication } from "./application-120.ts";
import { timed } from "./page.ts";
import { median, medianRatio, type Row, type Table } from "./table.ts";

const MiB = 1024 * 1024;

/** Most milliseconds that a request may cost beside an empty round trip. */
const TARGET = 0.6;

/** Requests before the first that counts: with fewer much of what runs is not compiled yet. */
const WARM_UP = 1000;

export async function benchEdge(quick: boolean): Promise<readonly Table[]> {
  const folder = mkdtempSync(join(tmpdir(), "edge-fpm-bench-"));
  try {
    const root = join(folder, "site");
    mkdirSync(root);
    writeFileSync(join(root, "hello.php"), '<?php echo "Hello";\n');
    writeFileSync(join(root, "status.php"), "<?php echo json_encode(fpm_get_status());\n");
    const report = await buildApplication({ root, out: join(folder, "out"), pool: { maxChildren: 1 } });
    const tables = [
      await starts(report, quick ? 3 : 7),
      await coldStarts(folder, quick ? [PLAIN, WARMED] : [PLAIN, STARTED, WARMED], quick ? 3 : 7),
      await requests(report, quick ? 4 : 10, quick ? 100 : 200),
      await memory(report, quick ? 500 : 5000),
      size(report),
    ];
    return tables;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A fresh workerd each time: nothing is warm, not even the compiled module. */
async function starts({ out }: BuildReport, rounds: number): Promise<Table> {
  const figures = { total: [] as number[], boot: [] as number[], read: [] as number[], module: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    const log: string[] = [];
    const workers = await startLocalWorkers({ out, onLog: (_level, message) => log.push(message) });
    const { origin } = await workers.ready;
    // The gateway is up; the pool and its child are not.
    await timed(`${origin}/none`);
    figures.total.push(await timed(`${origin}/hello.php`));
    const line = /child \d+: (\{.*\})/.exec(log.join("\n"))?.[1];
    const start = JSON.parse(line ?? "{}") as Start;
    figures.boot.push(start.milliseconds);
    figures.read.push(start.parts?.read ?? Number.NaN);
    figures.module.push(start.parts?.module ?? Number.NaN);
    await workers.dispose();
  }
  const row = (name: string, values: readonly number[]): Row => ({ name, value: median(values), unit: "ms" });
  return {
    title: "Edge: from nothing to the first answer",
    method: `A new workerd each time, ${rounds} rounds; medians. The first request starts the Durable Object and a Dynamic Worker.`,
    rows: [
      row("first request, as the visitor sees it", figures.total),
      row("interpreter, all of it", figures.boot),
      row("  reading the snapshot", figures.read),
      row("  module, glue, the snapshot put in", figures.module),
    ],
  };
}

/** A way to start, and what a build is told for it. */
interface Way {
  readonly name: string;
  readonly warmUp: false | readonly string[];
  /** Most of the first way's time. */
  readonly target?: number;
}

const PLAIN: Way = { name: "without a snapshot", warmUp: false };
const STARTED: Way = { name: "from a snapshot of PHP's start", warmUp: [] };
const WARMED: Way = { name: "from a snapshot warmed by /", warmUp: ["/"], target: 0.6 };

/** The first request of a new isolate to an application of many files, with snapshots and without, in turn. */
async function coldStarts(folder: string, ways: readonly Way[], rounds: number): Promise<Table> {
  const root = join(folder, "application");
  writeApplication(root);
  const contenders = [];
  for (const { name, warmUp, target } of ways) {
    const began = performance.now();
    const report = await buildApplication({ root, out: join(folder, name), pool: { maxChildren: 1 }, warmUp });
    const build = performance.now() - began;
    const first: number[] = [];
    const grown: number[] = [];
    const snapshot = report.modules.find((part) => part.name === "snapshot.bin")?.size ?? 0;
    contenders.push({ name, target, out: report.out, build, first, grown, snapshot, isolate: 0, linear: 0 });
  }
  for (let round = 0; round < rounds; round++) {
    for (const contender of contenders) {
      const log: string[] = [];
      const workers = await startLocalWorkers({ out: contender.out, onLog: (_level, line) => log.push(line) });
      const { origin } = await workers.ready;
      await timed(`${origin}/none`);
      const before = residentSize();
      contender.first.push(await timed(`${origin}/index.php`));
      contender.grown.push(residentSize() - before);
      const start = JSON.parse(/child \d+: (\{.*\})/.exec(log.join("\n"))?.[1] ?? "{}") as Start;
      contender.isolate = start.isolate;
      contender.linear = start.memory;
      await workers.dispose();
    }
  }
  const [plain] = contenders;
  const base = plain?.first ?? [];
  return {
    title: `Edge: the first answer of an application of ${FILES} files`,
    method: `A new workerd each time, ${rounds} rounds in turn; medians. The gateway is up, the pool's object and its child are not. Builds were made once.`,
    rows: [
      ...contenders.map(({ name, first, target }, index): Row => {
        const row = { name, value: median(first), unit: "ms" };
        if (index === 0) return row;
        const held = { ratio: medianRatio(first, base), against: "without" };
        return { ...row, ...held, ...(target !== undefined && { target: { ratioAtMost: target } }) };
      }),
      ...contenders.map(({ name, build }): Row => ({ name: `build, ${name}`, value: build, unit: "ms" })),
      ...contenders.map(({ name, snapshot }): Row => ({ name: `module, ${name}`, value: snapshot / MiB, unit: "MiB" })),
      ...contenders.map(
        ({ name, linear }): Row => ({ name: `linear memory, ${name}`, value: linear / MiB, unit: "MiB" }),
      ),
      ...contenders.map(
        ({ name, isolate }): Row => ({ name: `isolate as estimated, ${name}`, value: isolate / MiB, unit: "MiB" }),
      ),
      ...contenders.map(
        ({ name, grown }): Row => ({ name: `process, more by it, ${name}`, value: median(grown) / MiB, unit: "MiB" }),
      ),
    ],
  };
}

async function requests({ out }: BuildReport, rounds: number, count: number): Promise<Table> {
  const workers = await startLocalWorkers({ out });
  const empty = new Miniflare(emptyOptions());
  const assets = join(out, "../static");
  mkdirSync(assets);
  writeFileSync(join(assets, "style.css"), "");
  const behind = new Miniflare(emptyOptions(assets));
  const inside = new Miniflare(await insideOptions(out));
  try {
    const url = (await workers.ready).origin;
    const bare = (await empty.ready).origin;
    const withAssets = (await behind.ready).origin;
    const contenders = [
      `${bare}/`,
      `${bare}/object`,
      `${withAssets}/object`,
      `${url}/none`,
      `${url}/hello.php`,
    ] as const;
    const figures = contenders.map(() => [] as number[]);
    const warmUp = async (contender: string) => {
      for (let i = 0; i < WARM_UP; i++) await timed(contender);
    };
    await Promise.all(contenders.map(warmUp));
    for (let round = 0; round < rounds; round++) {
      for (const [index, contender] of contenders.entries()) {
        for (let i = 0; i < count; i++) figures[index]?.push(await timed(contender));
      }
    }
    const [worker = 0, object = 0, routed = 0, missing = 0, hello = 0] = figures.map((values) => median(values));
    const runs = await (await fetch(`${(await inside.ready).origin}/?runs=500`))
      .text()
      .then(async () => fetch(`${(await inside.ready).origin}/?runs=2000`));
    const { milliseconds } = (await runs.json()) as { milliseconds: number };
    const row = (name: string, value: number): Row => ({ name, value, unit: "ms" });
    return {
      title: "Edge: one warm request",
      method: `One kept connection, ${rounds} interleaved rounds of ${count} requests; medians of single requests, after ${WARM_UP.toLocaleString("en-US")} of each. What has static files is behind a router of the platform, here a Worker of its own; the application has none.`,
      rows: [
        row("empty Worker", worker),
        row("empty Worker -> empty Durable Object", object),
        row("the same with static files", routed),
        row("gateway alone (404)", missing),
        row("hello: gateway -> pool -> child -> PHP", hello),
        { ...row("added to the empty round trip", hello - object), target: { atMost: TARGET } },
        row("hello inside the child, no wire (mean of 2,000)", milliseconds),
      ],
    };
  } finally {
    await Promise.all([workers, empty, behind, inside].map((each) => each.dispose()));
  }
}

async function memory({ out }: BuildReport, count: number): Promise<Table> {
  const log: string[] = [];
  const bare = await growthOfEmpty(count);
  const workers = await startLocalWorkers({ out, onLog: (_level, message) => log.push(message) });
  try {
    const { origin } = await workers.ready;
    await timed(`${origin}/none`);
    const before = residentSize();
    await timed(`${origin}/hello.php`);
    const start = JSON.parse(/child \d+: (\{.*\})/.exec(log.join("\n"))?.[1] ?? "{}") as Start;
    const one = residentSize();
    for (let i = 0; i < count; i++) await timed(`${origin}/hello.php`);
    const many = residentSize();
    const status = (await (await fetch(`${origin}/status.php`)).json()) as { "memory-peak": number };
    const row = (name: string, bytes: number): Row => ({ name, value: bytes / MiB, unit: "MiB" });
    return {
      title: "Edge: memory of a child",
      method: `Linear memory as the child tells it, the estimate that its guard uses, and what workerd's process grew by.`,
      rows: [
        row("linear memory after the start", start.memory),
        row(`linear memory after ${count.toLocaleString("en-US")} requests`, status["memory-peak"]),
        row("isolate after the start, as estimated", start.isolate),
        row("isolate, limit", PLATFORM.isolateBytes),
        row("process, more by the first child", one - before),
        row(`process, more by ${count.toLocaleString("en-US")} requests`, many - one),
        row("the same of an empty Worker and object", bare),
      ],
    };
  } finally {
    await workers.dispose();
  }
}

/** What workerd keeps of requests by itself, until it collects its garbage. */
async function growthOfEmpty(count: number): Promise<number> {
  const empty = new Miniflare(emptyOptions());
  try {
    const { origin } = await empty.ready;
    await timed(`${origin}/object`);
    const before = residentSize();
    for (let i = 0; i < count; i++) await timed(`${origin}/object`);
    return residentSize() - before;
  } finally {
    await empty.dispose();
  }
}

function size({ workerBytes, modules }: BuildReport): Table {
  const row = (name: string, bytes: number): Row => ({ name, value: bytes / MiB, unit: "MiB" });
  return {
    title: "Edge: size of a Worker",
    method: "The modules of a hello application, uncompressed, as the platform counts them.",
    rows: [
      row("all modules", workerBytes),
      ...modules.map(({ name, size }) => row(`  ${name}`, size)),
      row("limit", PLATFORM.workerBytes),
    ],
  };
}

/**
 * A Worker and a Durable Object that do nothing.
 *
 * @param assets folder of static files, in front of which the Worker runs. Absent: there are none
 */
function emptyOptions(assets?: string): MiniflareOptions {
  const code = `import { DurableObject } from "cloudflare:workers";
    export class Empty extends DurableObject { fetch() { return new Response("ok"); } }
    export default { fetch(request, env) {
      return request.url.endsWith("/object") ? env.EMPTY.get(env.EMPTY.idFromName("a")).fetch(request) : new Response("ok");
    } };`;
  const config = {
    name: "empty",
    compatibilityDate: "2026-11-17",
    compatibilityFlags: [],
    manifest: { mainModule: "main.js", modulesRoot: "/", modules: { "main.js": { type: "esm", contents: code } } },
    env: { EMPTY: { type: "durable-object", worker: "empty", exportName: "Empty" } },
    exports: { Empty: { type: "durable-object", storage: "sqlite" } },
    triggers: [],
    ...(assets !== undefined && { assets: { directory: assets, hasUserWorker: true, runWorkerFirst: true } }),
  };
  return {
    host: "127.0.0.1",
    port: 0,
    cf: false,
    logRequests: false,
    workers: [{ config }],
  } as unknown as MiniflareOptions;
}

/** The bench's own Worker, with the modules of the build beside it. */
async function insideOptions(out: string): Promise<MiniflareOptions> {
  const image = await buildPhpImage();
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("edge-inside.ts", import.meta.url))],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    platform: "neutral",
    external: ["cloudflare:*", "node:*", "php.wasm", "app.zip", "php.ini.txt", "ca.txt", "snapshot.bin"],
    logLevel: "error",
    plugins: [
      {
        name: "glue",
        setup(on) {
          on.onResolve({ filter: /^edge-fpm:glue$/ }, ({ path }) => ({ path, namespace: "glue" }));
          on.onLoad({ filter: /./, namespace: "glue" }, () => ({ contents: image.glue, loader: "js" }));
        },
      },
    ],
  });
  const options = localWorkersOptions({ out });
  const [worker] = options.workers as unknown as [
    { config: { manifest: { modules: Record<string, unknown> }; env: object; exports: object; assets?: object } },
  ];
  worker.config.manifest.modules["main.js"] = { type: "esm", contents: outputFiles[0]?.text ?? "" };
  worker.config.env = {};
  worker.config.exports = {};
  delete worker.config.assets;
  return options;
}

/** Bytes of the youngest workerd that this process has started. */
function residentSize(): number {
  const lines = execFileSync("ps", ["-eo", "pid=,ppid=,comm="], { encoding: "utf8" }).split("\n");
  const own = lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, parent, name]) => Number(parent) === process.pid && name === "workerd")
    .map(([pid]) => Number(pid));
  const status = readFileSync(`/proc/${Math.max(...own)}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}
