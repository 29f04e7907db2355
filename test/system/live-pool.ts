// A pool of real interpreters in this process, with nginx in front: what a test needs to look inside while wrk pushes.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ChildLink } from "../../src/dispatch/child-link.ts";
import { serveConnection } from "../../src/dispatch/listener.ts";
import { poolExchange } from "../../src/dispatch/pool-exchange.ts";
import { Master, type Pool, type PoolConfigInput, poolConfig } from "../../src/fpm/index.ts";
import { createThreadSpawn } from "../../src/platform/node/spawn-thread.ts";
import { listen } from "../../src/transport/node/listen.ts";
import { type Nginx, startNginx } from "../peers/nginx.ts";
import { makeScratch } from "../peers/scratch.ts";

export interface LivePool {
  readonly master: Master<ChildLink>;
  readonly pool: Pool<ChildLink>;
  readonly nginx: Nginx;
  stop(): Promise<void>;
}

/** `/work.php?ms=20` works for that long; `/hello.php` says so at once. */
export async function startLivePool(config: PoolConfigInput): Promise<LivePool> {
  const scratch = makeScratch("live-pool");
  writeFileSync(join(scratch.path, "work.php"), "<?php usleep((int) $_GET['ms'] * 1000); echo 'worked';");
  writeFileSync(join(scratch.path, "hello.php"), "<?php echo 'hello';");
  const socket = join(scratch.path, "pool.sock");
  const spawn = await createThreadSpawn({
    php: "8.2",
    wrap: (transport) => new ChildLink(transport),
    mounts: [scratch.path],
    sharedDirectory: join(scratch.path, "shared"),
  });
  const master = new Master([poolConfig(config)], spawn.spawn);
  await master.start();
  const pool = master.pool("www");
  if (pool === undefined) throw new Error("no pool");
  const exchange = poolExchange(pool);
  const listener = await listen({ type: "unix", path: socket }, (transport) => {
    serveConnection(transport, exchange, { counters: pool.connections });
  });
  const nginx = await startNginx({ root: scratch.path, fastcgi: { kind: "unix", path: socket } });
  return {
    master,
    pool,
    nginx,
    async stop() {
      await nginx.stop();
      await listener.close();
      await master.terminate();
      scratch.remove();
    },
  };
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Waits until something is so. */
export async function until(what: string, isSo: () => boolean, milliseconds = 20_000): Promise<void> {
  const end = performance.now() + milliseconds;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`${what}: not within ${milliseconds} ms`);
    await pause(20);
  }
}
