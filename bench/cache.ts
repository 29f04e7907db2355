// A hit in the cache: what our HTTP server makes of it beside a bare node:http server that sends the same bytes, and what
// the cache alone costs.

import { fileURLToPath } from "node:url";
import { createCache, memoryStore } from "../src/gateway/cache/index.ts";
import { createNodeResponse } from "../src/platform/node/http-server.ts";
import { findProgram, installLine } from "../test/peers/binaries.ts";
import { Program } from "../test/peers/program.ts";
import { median, type Row, type Table } from "./table.ts";
import { type Contender, compare } from "./wrk.ts";

const SERVER = fileURLToPath(new URL("cache-server.ts", import.meta.url));

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
    const target = { 8: TARGET, 64: TARGET };
    const contenders: Contender[] = [
      { name: "bare node:http, the same bytes", url: urls[0] ?? "" },
      { name: "node:http that sends a hit in memory", url: urls[1] ?? "", target },
      { name: "our HTTP server, a hit in memory", url: urls[2] ?? "", target },
    ];
    for (const connections of quick ? [8] : [8, 64]) {
      const rounds = { connections, rounds: quick ? 2 : 5, seconds: quick ? 1 : 3 };
      const title = `A cached page of ${PAGE.toLocaleString("en-US")} bytes, ${connections} connections`;
      tables.push({ title, ...(await compare(contenders, "node:http", rounds)) });
    }
    return [alone, ...tables];
  } finally {
    for (const server of servers) await server.stop();
  }
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
