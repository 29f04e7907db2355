// The gateway's own patience with an upstream's servers: `timeouts.read` holds for each of them.

import { expect, test } from "vitest";
import { createUpstream } from "../../../src/gateway/upstream/index.ts";
import { exchangeOf, hello, type Script } from "../application.ts";
import { configured } from "../configured.ts";

const silent: Script = (visit) =>
  new Promise((_, reject) => visit.signal.addEventListener("abort", () => reject(visit.signal.reason)));

const readTimeout = { timeouts: { read: 150 } };

function upstream(servers: Readonly<Record<string, Script>>, tries = 0) {
  const attempts: string[] = [];
  const made = createUpstream({
    name: "two",
    servers: Object.entries(servers).map(([name, script]) => ({ name, exchange: exchangeOf(script), maxFails: 0 })),
    nextUpstream: { tries },
    onAttempt: ({ address, outcome }) => attempts.push(`${address} ${outcome}`),
  });
  return { exchange: made.exchange, attempts };
}

test("when a server is silent for timeouts.read, the next one is asked, and has as long", async () => {
  const { exchange, attempts } = upstream({ a: silent, b: silent, c: hello });
  const { get, entries } = await configured(readTimeout, { resources: { application: () => exchange } });
  const response = await get("/index.php");
  expect([response.status, await response.text()]).toEqual([200, "hello"]);
  expect(attempts).toEqual(["a timeout", "b timeout", "c answered"]);
  expect(entries[0]?.upstream.map(({ status }) => status)).toEqual([504, 504, 200]);
});

test("when no server is left, or no try, that is 504", async () => {
  for (const tries of [0, 1]) {
    const { exchange, attempts } = upstream({ a: silent, b: silent }, tries);
    const { get, failures } = await configured(readTimeout, { resources: { application: () => exchange } });
    expect((await get("/index.php")).status).toBe(504);
    expect(attempts).toHaveLength(tries === 1 ? 1 : 2);
    expect(failures.at(-1)?.code).toBe("GATEWAY_TIMEOUT");
  }
});

test("what may not be sent twice is not sent to another server", async () => {
  const { exchange, attempts } = upstream({ a: silent, b: hello });
  const { get } = await configured(readTimeout, { resources: { application: () => exchange } });
  expect((await get("/index.php", { method: "POST", body: "x" })).status).toBe(504);
  expect(attempts).toHaveLength(1);
});

test("an answer that has begun and then stops is broken off, not begun anew", async () => {
  const half: Script = async (visit) => {
    await visit.out("Content-Type: text/plain\n\nhalf");
    return silent(visit);
  };
  const { exchange, attempts } = upstream({ a: half, b: hello });
  const { get } = await configured(readTimeout, { resources: { application: () => exchange } });
  const response = await get("/index.php");
  await expect(response.text()).rejects.toThrow();
  expect(attempts).toHaveLength(1);
});
