// fpm_get_status() in a script, beside the one of a real php-fpm.

import { afterAll, beforeAll, expect, test } from "vitest";
import { describePeers } from "../peers/peer.ts";
import { startPhpFpm } from "../peers/php-fpm.ts";
import { type System, startSystem } from "./site.ts";
import { ask, openLink } from "./wire.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem({ children: 2 });
});
afterAll(() => system?.stop());

async function statusOf(address: System["fpm"]["address"]): Promise<Record<string, unknown>> {
  const link = await openLink(address);
  const status = JSON.parse((await ask(link, system.path("status"), "a=1&b=?")).body);
  link.close();
  return status;
}

test("tells of the pool and of the request that asks", async () => {
  const status = await statusOf(system.fpm.address);
  expect(status).toMatchObject({
    pool: "www",
    "process-manager": "static",
    "active-processes": 1,
    "total-processes": 2,
  });
  expect(status.procs).toContainEqual(
    expect.objectContaining({
      state: "Running",
      "request-uri": "/status.php",
      "query-string": "a=1&b=?",
      script: system.path("status"),
    }),
  );
});

describePeers(["php-fpm8.2"], "beside php-fpm", () => {
  test("has all the keys that php-fpm has, with values of the same type", async () => {
    const real = await startPhpFpm({ listen: "unix" });
    try {
      const shape = (value: unknown): unknown => {
        if (typeof value !== "object" || value === null) return typeof value;
        return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shape(inner)]));
      };
      expect(shape(await statusOf(system.fpm.address))).toMatchObject(shape(await statusOf(real.address)) as object);
    } finally {
      await real.stop();
    }
  });
});
