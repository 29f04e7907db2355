// The gateway Worker in front of a real php-fpm, dialled through cloudflare:sockets.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { http } from "../http-suite/client.ts";
import { addressUrl } from "../peers/address.ts";
import { describePeers } from "../peers/peer.ts";
import { type PhpFpm, startPhpFpm } from "../peers/php-fpm.ts";
import { makeScratch } from "../peers/scratch.ts";
import { type RunningWorkers, startWorkers } from "./start.ts";

describePeers(["php-fpm8.2"], "the gateway Worker before a php-fpm over TCP", () => {
  const scratch = makeScratch("upstream");
  const root = join(scratch.path, "site");
  let fpm: PhpFpm | undefined;
  let workers: RunningWorkers | undefined;
  const ask = (path: string, body?: string) =>
    http(workers?.baseUrl ?? "", { path, ...(body === undefined ? {} : { body }) });

  beforeAll(async () => {
    mkdirSync(root);
    writeFileSync(join(root, "who.php"), "<?php echo PHP_VERSION, ' ', strlen(file_get_contents('php://input'));");
    fpm = await startPhpFpm({ listen: "tcp", children: 2 });
    const local = { variables: { UPSTREAM: addressUrl(fpm.address) } };
    // Both see the script at the same path.
    workers = await startWorkers({ root, mount: root, local });
  });
  afterAll(async () => {
    await workers?.stop();
    await fpm?.stop();
    scratch.remove();
  });

  test("runs scripts there", async () => {
    expect((await ask("/who.php")).text()).toMatch(/^8\.2\.\d+ 0$/);
    expect((await ask("/who.php", "x".repeat(300_000))).text()).toMatch(/^8\.2\.\d+ 300000$/);
  });

  test("answers 20 requests at once", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask("/who.php")));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
  });

  test("is a 502 when nobody listens any more", async () => {
    await fpm?.stop();
    expect((await ask("/who.php")).status).toBe(502);
  });
});
