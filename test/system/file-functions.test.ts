// PHP's file functions on this machine's files, over the children of `edge-fpm serve`, beside the same script on a real php-fpm.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { http } from "../http-suite/client.ts";
import { type AppServer, startEdge, startNative } from "../peers/app-server.ts";
import { describePeers } from "../peers/peer.ts";
import { makeScratch } from "../peers/scratch.ts";
import { STEPS, stepsScript } from "../workers/files-semantics.ts";

describePeers(["nginx", "php-fpm8.2"], "file functions", () => {
  const site = makeScratch("file-functions-site");
  const other = makeScratch("file-functions-native");
  let edge: AppServer;
  let native: AppServer;

  beforeAll(async () => {
    for (const folder of [site.path, other.path]) writeFileSync(join(folder, "steps.php"), stepsScript());
    native = await startNative(other.path);
    edge = await startEdge("8.2")(site.path);
  });
  afterAll(async () => {
    await edge?.stop();
    await native?.stop();
    site.remove();
    other.remove();
  });

  test("answer as php-fpm does", { timeout: 60_000 }, async () => {
    const different: Record<string, readonly [native: unknown, edge: unknown]> = {};
    for (const [n, { name }] of STEPS.entries()) {
      const path = `/steps.php?n=${n}`;
      const expected = (await http(native.baseUrl, path)).text();
      const answer = (await http(edge.baseUrl, path)).text();
      expect(() => JSON.parse(expected), expected).not.toThrow();
      if (answer !== expected) different[name] = [expected, answer];
    }
    expect(different).toEqual({});
  });
});
