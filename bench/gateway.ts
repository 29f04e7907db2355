// Our gateway beside nginx, both in front of a php-fpm of their own over kept Unix connections: small answers, a large
// body both ways, and answers out of the cache. nginx runs one worker, as ours is one process.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { addressUrl } from "../test/peers/address.ts";
import { findProgram } from "../test/peers/binaries.ts";
import { runEdgeFpm, startServe } from "../test/peers/edge-fpm.ts";
import { startNginx } from "../test/peers/nginx.ts";
import { startPhpFpm } from "../test/peers/php-fpm.ts";
import { Program } from "../test/peers/program.ts";
import { npmPeers } from "./npm-peers.ts";
import { median, medianRatio, type Table } from "./table.ts";
import { type Contender, compare, heldAgainst, medianLatency } from "./wrk.ts";

const BARE_SERVER = fileURLToPath(new URL("cache-server.ts", import.meta.url));
const CLIENT_SERVER = fileURLToPath(new URL("fastcgi-client-server.mjs", import.meta.url));

/** Debian's packages of the programs needed. */
const PACKAGES: Readonly<Record<string, string>> = {
  wrk: "wrk",
  nginx: "nginx-light",
  "php-fpm8.2": "php8.2-fpm",
  curl: "curl",
};

/** Children of each php-fpm, and connections that each front keeps to it: no request waits for a child. */
const CHILDREN = 72;
const KEPT = 64;

/** Bytes of the page in the cache. */
const PAGE = 10_000;

const run = promisify(execFile);

const HELLO = '<?php echo "Hello";\n';
const PAGE_SCRIPT = `<?php header("Cache-Control: max-age=3600"); echo str_repeat("a", ${PAGE});\n`;
const ECHO_SCRIPT = `<?php
header("Content-Type: application/octet-stream");
$in = fopen("php://input", "r");
while (!feof($in)) fread($in, 65536);
rewind($in);
while (!feof($in)) { echo fread($in, 65536); flush(); }
`;

const NGINX_LOCATIONS = [
  // nginx's own defaults, and no search among expressions.
  "location = /hello.php { %params% fastcgi_pass application; fastcgi_keep_conn on; }",
  "location = /cached.php { %params% fastcgi_pass application; fastcgi_keep_conn on; fastcgi_cache pages; fastcgi_cache_key $request_uri; }",
  "location = /echo.php { %params% fastcgi_pass application; fastcgi_keep_conn on; client_max_body_size 0; fastcgi_buffering off; fastcgi_request_buffering off; }",
];

export async function benchGateway(quick: boolean): Promise<readonly Table[]> {
  const missing = Object.keys(PACKAGES).filter((command) => findProgram([command]) === undefined);
  if (missing.length > 0) {
    const packages = missing.map((command) => PACKAGES[command]).join(" ");
    console.log(`gateway: skipped, ${missing.join(", ")} not installed; to install: apt-get install -y ${packages}\n`);
    return [];
  }
  const root = mkdtempSync(join(tmpdir(), "edge-fpm-bench-"));
  const cleanups: (() => unknown)[] = [() => rmSync(root, { recursive: true, force: true })];
  const keep = <T extends { stop(): unknown }>(started: T): T => {
    cleanups.unshift(() => started.stop());
    return started;
  };
  const php = async () => {
    const poolLines = ["php_admin_value[post_max_size] = 200M"];
    return keep(await startPhpFpm({ listen: "unix", children: CHILDREN, poolLines })).address;
  };
  const listening = async (program: Program) => {
    const [, url = ""] = await keep(program).waitFor(/(http:\/\/127\.0\.0\.1:\d+)/);
    return { url, pid: program.pid };
  };
  try {
    writeFileSync(join(root, "hello.php"), HELLO);
    writeFileSync(join(root, "cached.php"), PAGE_SCRIPT);
    writeFileSync(join(root, "echo.php"), ECHO_SCRIPT);
    const startModel = async () => {
      const httpLines = ["fastcgi_cache_path %folder%/cache keys_zone=pages:10m;"];
      const options = { keepConnection: KEPT, httpLines, serverLines: NGINX_LOCATIONS };
      return keep(await startNginx({ root, fastcgi: await php(), ...options }));
    };
    const startFront = async () => {
      return keep(await startServe(root, { upstream: await php(), args: ["--keep-connections", String(KEPT)] }));
    };
    const startConfigured = async () => {
      const config = join(root, "edge-fpm.config.mjs");
      writeFileSync(config, configOf(root, addressUrl(await php())));
      return listening(runEdgeFpm(["serve", "--config", config, "--port", "0"]));
    };
    const [nginx, front, configured, same] = await Promise.all([
      startModel(),
      startFront(),
      startConfigured(),
      listening(new Program(process.execPath, [BARE_SERVER, "bare", String(PAGE)])),
    ]);
    const fronts = (script: string): Contender[] => [
      { name: "nginx, one worker", url: nginx.baseUrl + script, pid: nginx.program.pid },
      {
        name: "edge-fpm serve --upstream",
        url: front.baseUrl + script,
        pid: front.program.pid,
        target: { 1: 0.45, 8: 0.45, 64: 0.85 },
      },
    ];
    const tables: Table[] = [];

    const hello = fronts("/hello.php");
    if (quick) console.log("gateway: with --quick at 64 connections only, without npm's fastcgi-client\n");
    const folder = quick ? undefined : npmPeers("fastcgi-client");
    if (folder !== undefined) {
      const address = await php();
      const path = address.kind === "unix" ? address.path : "";
      const client = await listening(new Program(process.execPath, [CLIENT_SERVER, folder, path, root]));
      hello.push({ name: "node:http + npm fastcgi-client", url: `${client.url}/hello.php`, pid: client.pid });
    }
    for (const connections of quick ? [64] : [1, 8, 64]) {
      const figures = await compare(hello, "nginx", { connections, rounds: quick ? 2 : 5, seconds: quick ? 1 : 2 });
      const [, ours, theirs] = figures.rows;
      const rows = [...figures.rows];
      if (ours !== undefined && theirs !== undefined) rows.push(heldAgainst(ours, theirs, "fastcgi-client", 3));
      const title = `Gateway: hello, ${connections} connection${connections === 1 ? "" : "s"}`;
      const each = `Each with its own php-fpm 8.2 of ${CHILDREN} children and up to ${KEPT} kept Unix connections.`;
      tables.push({ title, method: `${figures.method} ${each}`, rows });
    }

    tables.push(await compareLatency(fronts("/hello.php"), quick ? 2 : 5, quick ? 1 : 2));

    tables.push(await compareEcho(root, nginx.baseUrl, configured.url, quick ? 2 : 5));

    const cached: Contender[] = [
      { name: "bare node:http, the same bytes", ...same },
      {
        name: "edge-fpm serve --config, a hit in memory",
        url: `${configured.url}/cached.php`,
        pid: configured.pid,
        target: { 8: 0.9, 64: 0.9 },
      },
    ];
    if (!quick) {
      const url = `${nginx.baseUrl}/cached.php`;
      cached.push({ name: "nginx fastcgi_cache, one worker", url, pid: nginx.program.pid });
    }
    for (const connections of quick ? [64] : [8, 64]) {
      const rounds = { connections, rounds: quick ? 2 : 5, seconds: quick ? 1 : 2 };
      const figures = await compare(cached, "node:http", rounds);
      const title = `Gateway: a cached page of ${PAGE.toLocaleString("en-US")} bytes, ${connections} connections`;
      tables.push({ title, ...figures });
    }
    return tables;
  } finally {
    for (const cleanup of cleanups) await cleanup();
  }
}

/** The text of a configuration file: a cache in front of one location, a large body through another one. */
function configOf(root: string, upstream: string): string {
  return `export default ${JSON.stringify({
    root,
    upstreams: { php: { servers: [upstream], keep: KEPT } },
    fastcgi: { pass: "php" },
    caches: { pages: {} },
    locations: [
      { exact: "/echo.php", maxBody: 200_000_000, fastcgi: { buffering: false, requestBuffering: false } },
      { exact: "/cached.php", cache: { zone: "pages" } },
    ],
  })};\n`;
}

/** Microseconds that a request may take longer than through nginx. */
const MOST_ADDED = 80;

/** @param fronts nginx and ours */
async function compareLatency(fronts: readonly Contender[], rounds: number, seconds: number): Promise<Table> {
  const [theirs = "", own = ""] = fronts.map(({ url }) => (typeof url === "string" ? url : ""));
  const nginx: number[] = [];
  const ours: number[] = [];
  for (let round = 0; round < rounds; round++) {
    nginx.push(await medianLatency(theirs, seconds));
    ours.push(await medianLatency(own, seconds));
  }
  const added = ours.map((time, round) => time - (nginx[round] as number));
  return {
    title: "Gateway: how long a hello takes, 1 connection",
    method: `wrk -t1 -c1 --latency, medians of ${rounds} interleaved rounds of ${seconds} s; of each round, what half of its requests took at most.`,
    rows: [
      { name: "nginx, one worker", value: median(nginx), unit: "µs" },
      { name: "edge-fpm serve --upstream", value: median(ours), unit: "µs" },
      { name: "more than through nginx", value: median(added), unit: "µs", target: { atMost: MOST_ADDED } },
    ],
  };
}

const ECHO_BYTES = 100_000_000;

/**
 * A body that a script takes whole and then sends back, nothing collected on the way. (With a script that answers while
 * it reads, curl through nginx stood still after half a megabyte; why was not found out.)
 */
async function compareEcho(folder: string, nginx: string, ours: string, rounds: number): Promise<Table> {
  const body = join(folder, "body");
  writeFileSync(body, "");
  truncateSync(body, ECHO_BYTES);
  const rates: [number[], number[]] = [[], []];
  for (let round = -1; round < rounds; round++) {
    for (const [at, url] of [nginx, ours].entries()) {
      const rate = await echo(`${url}/echo.php`, body);
      if (round >= 0) rates[at]?.push(rate);
    }
  }
  const [theirs, own] = rates;
  return {
    title: "Gateway: 100 MB to a script and back, unbuffered",
    method: `curl -T, ${rounds} interleaved rounds after one that does not count; medians, ratios taken within a round. The script's own part, a temporary file, is the same for both.`,
    rows: [
      { name: "nginx, one worker", value: median(theirs), unit: "MB/s", ratio: 1, against: "nginx" },
      {
        name: "edge-fpm serve --config",
        value: median(own),
        unit: "MB/s",
        ratio: medianRatio(own, theirs),
        against: "nginx",
        target: { ratioAtLeast: 0.75 },
      },
    ],
  };
}

/** MB a second. @throws when not all came back */
async function echo(url: string, file: string): Promise<number> {
  const headers = ["-H", "Content-Type: application/octet-stream", "-H", "Expect:"];
  const what = ["-s", "-m", "60", "-o", "/dev/null", "-w", "%{http_code} %{size_download} %{time_total}"];
  const { stdout } = await run("curl", ["-X", "POST", "-T", file, ...headers, ...what, url]);
  const [status, length, seconds] = stdout.split(" ").map(Number);
  if (status !== 200 || length !== ECHO_BYTES) throw new Error(`${url}: status ${status}, ${length} bytes came back`);
  return ECHO_BYTES / 1e6 / Number(seconds);
}
