// Upstreams and kept connections in front of real php-fpms.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createGateway } from "../../../src/gateway/index.ts";
import { type Attempt, createUpstream } from "../../../src/gateway/upstream/index.ts";
import { nodeFiles } from "../../../src/platform/node/files.ts";
import type { Address } from "../../../src/transport/address.ts";
import { type ConnectExchangeOptions, connectExchange } from "../../../src/transport/connect-exchange.ts";
import { connectAddress } from "../../../src/transport/node/connect.ts";
import type { FastCgiAddress } from "../../peers/address.ts";
import { describePeers } from "../../peers/peer.ts";
import { type PhpFpm, startPhpFpm } from "../../peers/php-fpm.ts";
import { makeScratch } from "../../peers/scratch.ts";

const addressOf = (address: FastCgiAddress): Address =>
  address.kind === "unix"
    ? { type: "unix", path: address.path }
    : { type: "tcp", host: "127.0.0.1", port: address.port };

async function wait(until: () => boolean): Promise<void> {
  for (let waited = 0; !until() && waited < 10_000; waited += 10)
    await new Promise((resolve) => setTimeout(resolve, 10));
}

describePeers(["php-fpm8.2"], "in front of php-fpm", () => {
  const scratch = makeScratch("upstream");
  let first: PhpFpm;
  let second: PhpFpm;
  beforeAll(async () => {
    const script = "<?php usleep(5000); echo getmypid(), ' ', $_GET['n'] ?? '', ' ', file_get_contents('php://input');";
    writeFileSync(join(scratch.path, "index.php"), script);
    const poolLines = ["ping.path = /ping"];
    first = await startPhpFpm({ listen: "unix", children: 2, poolLines });
    second = await startPhpFpm({ listen: "tcp", children: 2, poolLines });
  });
  afterAll(async () => {
    await first.stop();
    await second.stop();
    scratch.remove();
  });

  const gatewayOf = (exchange: Parameters<typeof createGateway>[0]["exchange"]) => {
    const gateway = createGateway({ documentRoot: scratch.path, files: nodeFiles(scratch.path), exchange });
    return async (n: number, init?: RequestInit) => {
      const response = await gateway(new Request(`http://example.test/index.php?n=${n}`, init));
      return [response.status, (await response.text()).replace(/^\d+ /, "")];
    };
  };

  const bounds: readonly (readonly [string, ConnectExchangeOptions])[] = [
    ["no connection is kept", {}],
    ["one less is kept than there are children", { maxIdle: 1 }],
    ["as many connections as children, all kept", { maxIdle: 2, maxConnections: 2 }],
    ["more would be kept than there are children", { maxIdle: 50 }],
  ];

  test.each(bounds)("two children answer 50 requests at once, three times, when %s", async (_what, options) => {
    const exchange = connectExchange(connectAddress(addressOf(first.address)), options);
    const get = gatewayOf(exchange);
    const started = performance.now();
    for (let round = 0; round < 3; round++) {
      const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => get(n)));
      expect(answers).toEqual(Array.from({ length: 50 }, (_, n) => [200, `${n} `]));
    }
    // 150 requests of 5 ms each; an idle connection that pinned a child would cost a minute.
    expect(performance.now() - started).toBeLessThan(20_000);
    exchange.close();
  });

  test("a kept connection whose php-fpm was reloaded is replaced without a word, for a POST too", async () => {
    const reloaded = await startPhpFpm({ listen: "unix", children: 2 });
    const exchange = connectExchange(connectAddress(addressOf(reloaded.address)), { maxIdle: 1 });
    const get = gatewayOf(exchange);
    for (let round = 0; round < 2; round++) {
      expect(await get(1)).toEqual([200, "1 "]);
      expect(exchange.counts().idle).toBe(1);
      const ready = () => reloaded.log().split("ready to handle connections").length;
      const before = ready();
      reloaded.program.signal("SIGUSR2");
      await wait(() => ready() > before);
      expect(ready()).toBe(before + 1);
      expect(await get(2, { method: "POST", body: "sent" })).toEqual([200, "2 sent"]);
    }
    exchange.close();
    await reloaded.stop();
  });

  test("a php-fpm that stopped is replaced by the backup, and its ping takes it out", async () => {
    const third = await startPhpFpm({ listen: "tcp", children: 2, poolLines: ["ping.path = /ping"] });
    const connectThird = connectExchange(connectAddress(addressOf(third.address)), { maxIdle: 1 });
    const connectSecond = connectExchange(connectAddress(addressOf(second.address)), { maxIdle: 1 });
    const attempts: Attempt[] = [];
    const upstream = createUpstream({
      servers: [
        { name: "third", exchange: connectThird },
        { name: "second", exchange: connectSecond, backup: true },
      ],
      healthCheck: { interval: 20, timeout: 1_000, falls: 1, rises: 1 },
    });
    const get = gatewayOf((asked, sink, signal) =>
      upstream.exchange(asked, sink, signal, (attempt) => attempts.push(attempt)),
    );
    expect(await get(1)).toEqual([200, "1 "]);
    expect(await get(2, { method: "POST", body: "sent" })).toEqual([200, "2 sent"]);
    expect(attempts).toMatchObject([
      { address: "third", status: 200 },
      { address: "third", status: 200 },
    ]);
    await wait(() => (upstream.status().servers[1]?.checks.passed ?? 0) > 0);
    expect(upstream.status().servers.map(({ checks }) => checks.failed)).toEqual([0, 0]);
    await third.stop();
    const [status, body] = await get(3);
    expect([status, body]).toEqual([200, "3 "]);
    expect(attempts.at(-1)).toMatchObject({ address: "second", outcome: "answered", status: 200 });
    expect(attempts.at(-1)?.connectTime).toBeGreaterThanOrEqual(0);
    const state = () => upstream.status().servers.map((server) => server.state);
    await wait(() => state()[0] === "unhealthy");
    expect(state()).toEqual(["unhealthy", "up"]);
    expect(await get(4, { method: "POST", body: "sent" })).toEqual([200, "4 sent"]);
    upstream.close();
    connectSecond.close();
    connectThird.close();
  });

  test("both answer, by weight", async () => {
    const [a, b] = [first, second].map(({ address }) =>
      connectExchange(connectAddress(addressOf(address)), { maxIdle: 1 }),
    );
    if (a === undefined || b === undefined) throw new Error("two exchanges");
    const upstream = createUpstream({
      servers: [
        { name: "a", exchange: a, weight: 3, maxConnections: 2 },
        { name: "b", exchange: b, maxConnections: 2 },
      ],
    });
    const get = gatewayOf(upstream.exchange);
    for (let n = 0; n < 8; n++) expect(await get(n)).toEqual([200, `${n} `]);
    expect(upstream.status().servers.map(({ requests }) => requests)).toEqual([6, 2]);
    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => get(n)));
    expect(answers).toEqual(Array.from({ length: 50 }, (_, n) => [200, `${n} `]));
    expect(upstream.status().servers.map(({ active }) => active)).toEqual([0, 0]);
    upstream.close();
    a.close();
    b.close();
  });
});
