// Hello over HTTP: our server on its own pool and on a real php-fpm, beside nginx + php-fpm and the obvious server on the
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
  readonly url: string;
  readonly target?: Readonly<Record<number, number>>;
  /** Answers some requests with an error under load: not counted, and no reason to stop. */
  readonly lossy?: boolean;
}

/** Debian's packages of the programs needed. */
const PACKAGES: Readonly<Record<string, string>> = { wrk: "wrk", nginx: "nginx-light", "php-fpm8.2": "php8.2-fpm" };

const run = promisify(execFile);

/** Good answers a second that wrk sees over `seconds`, on `connections` kept connections. */
async function load(wrk: string, { url, lossy }: Contender, connections: number, seconds: number): Promise<number> {
  const { stdout } = await run(wrk, ["-t1", `-c${connections}`, `-d${seconds}s`, url]);
  if (lossy !== true && /Non-2xx|Socket errors/.test(stdout)) throw new Error(`${url} failed under load:\n${stdout}`);
  const all = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  const failed = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  return (Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]) * (all - failed)) / all;
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
    const front = keep(await startServe(root, { upstream: native.address }));
    const stock = new Program(process.execPath, [fileURLToPath(new URL("naive-server.mjs", import.meta.url)), root]);
    cleanups.unshift(() => stock.stop());
    const stockUrl = (await stock.waitFor(/(http:\/\/127\.0\.0\.1:\d+)/))[1];

    const contenders: readonly Contender[] = [
      { name: "nginx + php-fpm 8.2 (kept Unix connections)", url: `${nginx.baseUrl}/hello.php` },
      { name: "edge-fpm serve, 1 child", url: `${own.baseUrl}/hello.php`, target: { 1: 0.3 } },
      { name: "edge-fpm serve --upstream, same php-fpm", url: `${front.baseUrl}/hello.php` },
      { name: "node:http + PHPRequestHandler", url: `${stockUrl}/hello.php`, lossy: true },
    ];
    const tables: Table[] = [];
    for (const connections of [1, 8]) {
      tables.push(await compare(contenders, connections, quick ? 3 : 5, quick ? 1 : 3));
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
  const wrk = findProgram(["wrk"]) ?? "wrk";
  for (const contender of all) await load(wrk, contender, connections, 1);
  const figures = new Map(all.map((contender) => [contender.name, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const contender of all) {
      figures.get(contender.name)?.push(await load(wrk, contender, connections, seconds));
    }
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
