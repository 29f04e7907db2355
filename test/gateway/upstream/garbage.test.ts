// What a request through an upstream leaves behind is found by V8's quick collections.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { createUpstream } from "../../../src/gateway/upstream/index.ts";
import type { Patience } from "../../../src/gateway/upstream/observer.ts";
import type { Exchange } from "../../../src/transport/exchange.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as (options?: { type: "minor" }) => void;

const HEAD = new TextEncoder().encode("Content-Type: text/plain\r\n\r\n");

const answers: Exchange = (_request, sink) =>
  new Promise((resolve) => {
    setImmediate(() => {
      void sink.stdout(HEAD);
      resolve({ applicationStatus: 0, protocolStatus: "request-complete" });
    });
  });

const upstream = createUpstream({
  servers: [
    { name: "a", exchange: answers },
    { name: "b", exchange: answers },
  ],
});

async function request(): Promise<void> {
  const own = new Array<number>(1000).fill(0);
  const patience: Patience = { renew: () => void own.fill(1) };
  const sink = { stdout: () => void own.fill(2), stderr() {} };
  await upstream.exchange({ role: "responder", params: [] }, sink, new AbortController().signal, () => {}, patience);
}

/** Eight requests at a time. */
async function requests(count: number): Promise<void> {
  const lane = async () => {
    for (let i = 0; i < count / 8; i++) await request();
  };
  await Promise.all(Array.from({ length: 8 }, lane));
}

test("requests that are over do not wait for a full collection", async () => {
  await requests(4_000);
  collect();
  const before = process.memoryUsage().heapUsed;
  await requests(16_000);
  for (let i = 0; i < 2; i++) collect({ type: "minor" });
  // 16,000 requests made 130 MB and more; some code was compiled meanwhile.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(5_000_000);
});
