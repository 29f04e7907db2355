// Whole requests by our client to our server in the same process, over a Unix socket, as the cost of both by processor time:
// nothing of PHP is in it, nor what waiting costs.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, connect } from "../../src/client/index.ts";
import { type Server, serve } from "../../src/server/index.ts";
import { ownProcessorTime } from "../processor-time.ts";
import type { Table } from "../table.ts";
import { SCALE_TITLES, seriesTable } from "./series.ts";

async function withPair<T>(work: (client: Client) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "edge-fpm-bench-"));
  const address = `unix:${join(folder, "app.sock")}`;
  const server: Server = await serve({
    listen: address,
    backlog: 1024,
    limits: { heldOutput: 0, maxConnections: 2048, maxRequests: 2048 },
    fetch: (request) => (request.method === "POST" ? new Response(request.body) : new Response("hello")),
  });
  const client = connect(address, { maxIdle: 1000, maxConnections: 1000, connectTimeout: 60_000 });
  try {
    return await work(client);
  } finally {
    await client.close();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Requests of which `width` are always under way. */
async function crowd(client: Client, width: number, count: number): Promise<void> {
  let left = count;
  const one = async (): Promise<void> => {
    while (left-- > 0) {
      const response = await client.fetch("http://bench/hello");
      if ((await response.text()) !== "hello") throw new Error("a request was answered wrongly");
    }
  };
  await Promise.all(Array.from({ length: width }, one));
}

export function benchConcurrency(quick: boolean): Promise<Table> {
  const widths = [1, 10, 100, 1000];
  const count = quick ? 2_000 : 10_000;
  const rounds = quick ? 3 : 7;
  return withPair(async (client) => {
    const points = widths.map((size) => ({ size, costs: [] as number[] }));
    await crowd(client, 1000, 3_000);
    for (let round = 0; round < rounds; round++) {
      for (const { size, costs } of points) {
        const before = ownProcessorTime();
        await crowd(client, size, count);
        costs.push((ownProcessorTime() - before) / count);
      }
    }
    return seriesTable({
      title: SCALE_TITLES.concurrency,
      method: `Our client to our server, one process, kept Unix connections; processor time of both a request, ${count.toLocaleString("en-US")} requests at each width, ${rounds} rounds in turn, medians.`,
      unit: "µs/request",
      of: "at once",
      points,
      base: 1,
      flat: 1.3,
    });
  });
}

export function benchBodies(quick: boolean): Promise<Table> {
  const sizes = [1, 1_000, 100_000, 1_000_000, 10_000_000, ...(quick ? [] : [100_000_000])];
  const rounds = quick ? 5 : 9;
  return withPair(async (client) => {
    const points = sizes.map((size) => ({ size, costs: [] as number[] }));
    for (let round = -1; round < rounds; round++) {
      for (const { size, costs } of points) {
        const times = Math.max(1, Math.min(500, Math.floor((quick ? 1e7 : 4e7) / size)));
        // Filled, so that its memory is there before the clock runs.
        const body = new Uint8Array(size).fill(0x61);
        const before = ownProcessorTime();
        for (let i = 0; i < times; i++) await echo(client, body);
        if (round >= 0) costs.push(((ownProcessorTime() - before) * 1000) / times / size);
      }
    }
    return seriesTable({
      title: SCALE_TITLES.bodies,
      method: `The same pair: a body sent and the same sent back as it arrives; processor time of both a byte, ${rounds} rounds in turn, medians. Below 100 KB it is the fixed cost of a request that is seen.`,
      unit: "ns/B",
      of: "B",
      points,
      base: 100_000,
      flat: 1.3,
    });
  });
}

async function echo(client: Client, body: Uint8Array<ArrayBuffer>): Promise<void> {
  const response = await client.fetch("http://bench/echo", { method: "POST", body });
  let length = 0;
  for await (const chunk of response.body ?? []) length += chunk.length;
  if (length !== body.length) throw new Error(`${length} bytes came back of ${body.length}`);
}
