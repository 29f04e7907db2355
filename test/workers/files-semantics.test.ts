// PHP's file functions in real workerd, over two children, beside the same script on a real php-fpm and a real disk.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { http } from "../http-suite/client.ts";
import { type AppServer, startNative } from "../peers/app-server.ts";
import { describePeers } from "../peers/peer.ts";
import { makeScratch } from "../peers/scratch.ts";
import { STEPS, stepsScript } from "./files-semantics.ts";
import { startWorkers } from "./start.ts";

describePeers(["nginx", "php-fpm8.2"], "file functions", () => {
  const site = makeScratch("semantics-site");
  const other = makeScratch("semantics-native");
  let workers: AppServer;
  let native: AppServer;

  beforeAll(async () => {
    for (const folder of [site.path, other.path]) {
      writeFileSync(join(folder, "steps.php"), stepsScript());
      writeFileSync(join(folder, "wait.php"), "<?php usleep(150000); echo 'ok';");
    }
    native = await startNative(other.path);
    workers = await startWorkers({ root: site.path, php: "8.2", pool: { maxChildren: 2 } });
    await Promise.all([0, 1].map(() => http(workers.baseUrl, "/wait.php")));
  });
  afterAll(async () => {
    await workers?.stop();
    await native?.stop();
    site.remove();
    other.remove();
  });

  test("answer over two children as php-fpm does on a disk", { timeout: 60_000 }, async () => {
    const different: Record<string, readonly [native: unknown, edge: unknown]> = {};
    for (const [n, { name }] of STEPS.entries()) {
      const path = `/steps.php?n=${n}`;
      const expected = (await http(native.baseUrl, path)).text();
      // One child is busy at every second step: the other one takes it.
      const busy = n % 2 === 0 ? http(workers.baseUrl, "/wait.php") : undefined;
      const answer = (await http(workers.baseUrl, path)).text();
      await busy;
      if (answer !== expected) different[name] = [expected, answer];
    }
    expect(different).toEqual({});
  });
});
