// A hit in the cache: what our HTTP server makes of it beside a bare node:http server that sends the same bytes, and what
// the cache alone costs.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createCache, memoryStore } from "../src/gateway/cache/index.ts";
import { createNodeResponse } from "../src/platform/node/http-server.ts";
import { findProgram, installLine } from "../test/peers/binaries.ts";
import { Program } from "../test/peers/program.ts";
import { median, type Row, type Table } from "./table.ts";

const SERVER = fileURLToPath(new URL("cache-server.ts", import.meta.url));

const run = promisify(execFile);

/** Bytes of the page. */
const PAGE = 10_000;

/** Least part of the bare server's requests a second. */
const TARGET = 0.9;

export async function benchCache(quick: boolean): Promise<readonly Table[]> {
  const alone = await benchHandle(quick);
  const wrk = findProgram(["wrk"]);
  if (wrk === undefined) {
    console.log(`cache: without the servers, as wrk is not installed; to install: ${installLine(["wrk"])}\n`);
    return [alone];
  }
  const servers = ["bare", "direct", "cache"].map(
    (mode) => new Program(process.execPath, [SERVER, mode, String(PAGE)]),
  );
  try {
    const urls = await Promise.all(servers.map(async (server) => (await server.waitFor(/(http:\S+)/))[1] ?? ""));
    const tables: Table[] = [];
    for (const connections of quick ? [8] : [8, 64])
      tables.push(await compare(wrk, urls, connections, quick ? 3 : 5, quick ? 1 : 3));
    return [alone, ...tables];
  } finally {
    for (const server of servers) await server.stop();
  }
}

async function compare(
  wrk: string,
  urls: readonly string[],
  connections: number,
  rounds: number,
  seconds: number,
): Promise<Table> {
  const load = async (url: string): Promise<number> => {
    const { stdout } = await run(wrk, ["-t1", `-c${connections}`, `-d${seconds}s`, url]);
    if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`${url} failed under load:\n${stdout}`);
    return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
  };
  const figures = urls.map((): number[] => []);
  for (const url of urls) await load(url);
  for (let i = 0; i < rounds; i++) {
    for (const [at, url] of urls.entries()) figures[at]?.push(await load(url));
  }
  const [bare = Number.NaN, direct = Number.NaN, cached = Number.NaN] = figures.map(median);
  return {
    title: `A cached page of ${PAGE.toLocaleString("en-US")} bytes, ${connections} connections`,
    method: `wrk -t1 -c${connections}, ${rounds} interleaved rounds of ${seconds} s after a warm-up; medians.`,
    rows: [
      { name: "bare node:http, the same bytes", value: bare, unit: "requests/s" },
      {
        name: "node:http that sends a hit in memory",
        value: direct,
        unit: "requests/s",
        ratio: direct / bare,
        against: "node:http",
        target: { ratioAtLeast: TARGET },
      },
      {
        name: "our HTTP server, a hit in memory",
        value: cached,
        unit: "requests/s",
        ratio: cached / bare,
        against: "node:http",
        target: { ratioAtLeast: TARGET },
      },
    ],
  };
}

/** The cache alone: requests to responses, nothing sent. */
async function benchHandle(quick: boolean): Promise<Table> {
  const cache = createCache({ store: memoryStore(), createResponse: createNodeResponse });
  const body = new Uint8Array(PAGE);
  const produce = async () => {
    return createNodeResponse(body, { status: 200, headers: [["Cache-Control", "max-age=3600"]] });
  };
  const request = new Request("http://127.0.0.1/page");
  const rows: Row[] = [];
  const count = quick ? 100_000 : 500_000;
  const figures: number[] = [];
  for (let round = 0; round < 4; round++) {
    const before = performance.now();
    for (let i = 0; i < count; i++) await cache.handle(request, produce);
    figures.push(((performance.now() - before) * 1000) / count);
  }
  rows.push({ name: "a hit in memory", value: median(figures.slice(1)), unit: "µs" });
  return {
    title: "The cache alone",
    method: `${count.toLocaleString("en-US")} requests one after the other in one process; median of 3 rounds.`,
    rows,
  };
}
