// Hello over HTTP: our server on its own pool, beside nginx + php-fpm and the obvious server on the
// stock classes. Rounds are interleaved, so that a slow moment of the machine hits all of them.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { findProgram } from "../test/peers/binaries.ts";
import { startServe } from "../test/peers/edge-fpm.ts";
import { startNginx } from "../test/peers/nginx.ts";
import { startPhpFpm } from "../test/peers/php-fpm.ts";
import { Program } from "../test/peers/program.ts";
import { median, type Row, type Table } from "./table.ts";

interface Contender {
  readonly name: string;
  /** Where it listens; absent when it is started anew for each round. */
  readonly url?: string;
  readonly start?: () => Promise<{ readonly url: string; stop(): unknown }>;
  /** Length of its rounds, where the usual one is too long for it. */
  readonly seconds?: number;
  /** Answers several requests at once with errors. */
  readonly onlyOneConnection?: boolean;
  readonly target?: Readonly<Record<number, number>>;
}

const NAIVE_SERVER = fileURLToPath(new URL("naive-server.mjs", import.meta.url));

/** Debian's packages of the programs needed. */
const PACKAGES: Readonly<Record<string, string>> = { wrk: "wrk", nginx: "nginx-light", "php-fpm8.2": "php8.2-fpm" };

const run = promisify(execFile);

/** Requests a second that wrk sees over `seconds`, on `connections` kept connections. */
async function load(url: string, connections: number, seconds: number): Promise<number> {
  const wrk = findProgram(["wrk"]) ?? "wrk";
  const { stdout } = await run(wrk, ["-t1", `-c${connections}`, `-d${seconds}s`, url]);
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`${url} failed under load:\n${stdout}`);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
}

/** One round of a contender. */
async function round(contender: Contender, connections: number, seconds: number): Promise<number> {
  if (contender.url !== undefined) return load(contender.url, connections, seconds);
  const started = await contender.start?.();
  if (started === undefined) throw new Error(`${contender.name} has neither a URL nor a way to start`);
  try {
    return await load(started.url, connections, contender.seconds ?? seconds);
  } finally {
    await started.stop();
  }
}

export async function benchHttp(quick: boolean): Promise<readonly Table[]> {
  const missing = Object.keys(PACKAGES).filter((command) => findProgram([command]) === undefined);
  if (missing.length > 0) {
    const packages = missing.map((command) => PACKAGES[command]).join(" ");
    console.log(`http: skipped, ${missing.join(", ")} not installed; to install: apt-get install -y ${packages}\n`);
    return [];
  }
  const root = mkdtempSync(join(tmpdir(), "edge-fpm-bench-"));
  writeFileSync(join(root, "hello.php"), '<?php echo "Hello";\n');
  const cleanups: (() => unknown)[] = [() => rmSync(root, { recursive: true, force: true })];
  const keep = <T extends { stop(): unknown }>(started: T): T => {
    cleanups.unshift(() => started.stop());
    return started;
  };
  try {
    const native = keep(await startPhpFpm({ listen: "unix", children: 8 }));
    const nginx = keep(await startNginx({ root, fastcgi: native.address, keepConnection: true }));
    const own = keep(await startServe(root, { php: "8.4", children: 1 }));
    const contenders: readonly Contender[] = [
      { name: "nginx + php-fpm 8.2 (kept Unix connections)", url: `${nginx.baseUrl}/hello.php` },
      { name: "edge-fpm serve, 1 child", url: `${own.baseUrl}/hello.php`, target: { 1: 0.3 } },
      {
        name: "node:http + PHPRequestHandler",
        // A fresh one for each round: its interpreter ends at 2,044 requests, and then only keeps a processor busy.
        start: async () => {
          const stock = new Program(process.execPath, [NAIVE_SERVER, root]);
          const url = (await stock.waitFor(/(http:\/\/127\.0\.0\.1:\d+)/))[1];
          return { url: `${url}/hello.php`, stop: () => stock.stop() };
        },
        seconds: 1,
        onlyOneConnection: true,
      },
    ];
    const tables: Table[] = [];
    for (const connections of [1, 8]) {
      const entered = contenders.filter((contender) => connections === 1 || contender.onlyOneConnection !== true);
      tables.push(await compare(entered, connections, quick ? 3 : 5, quick ? 1 : 3));
    }
    return tables;
  } finally {
    for (const cleanup of cleanups) await cleanup();
  }
}

async function compare(
  all: readonly Contender[],
  connections: number,
  rounds: number,
  seconds: number,
): Promise<Table> {
  for (const contender of all) await round(contender, connections, 1);
  const figures = new Map(all.map((contender) => [contender.name, [] as number[]]));
  for (let i = 0; i < rounds; i++) {
    for (const contender of all) figures.get(contender.name)?.push(await round(contender, connections, seconds));
  }
  const base = median(figures.get(all[0]?.name ?? "") ?? []);
  const rows = all.map((contender): Row => {
    const value = median(figures.get(contender.name) ?? []);
    const target = contender.target?.[connections];
    return {
      name: contender.name,
      value,
      unit: "requests/s",
      ratio: value / base,
      against: "nginx",
      ...(target === undefined ? {} : { target }),
    };
  });
  return {
    title: `Hello over HTTP, ${connections} connection${connections === 1 ? "" : "s"}`,
    method: `wrk -t1 -c${connections}, ${rounds} interleaved rounds of ${seconds} s after a warm-up; medians.`,
    rows,
  };
}
