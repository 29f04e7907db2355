// A pool section as the configuration of a pool: the part of its directives that src/fpm itself carries out.

import type { PoolConfigInput } from "../config.ts";
import type { GlobalConfig, PoolFile } from "./types.ts";

/** Most that `poolConfig()` takes for a count. */
const MOST = 65535;

/** What `poolConfig()` takes. What is about listening, logs and PHP is for those who start the pool. */
export function poolConfigInput(pool: PoolFile, global: GlobalConfig): PoolConfigInput {
  return {
    name: pool.name,
    pm: pool.pm,
    maxChildren: pool.pmMaxChildren,
    ...(pool.pm === "dynamic" && {
      startServers: pool.pmStartServers,
      minSpareServers: pool.pmMinSpareServers,
      maxSpareServers: pool.pmMaxSpareServers,
      maxSpawnRate: pool.pmMaxSpawnRate,
    }),
    ...(pool.pm === "ondemand" && { processIdleTimeout: pool.pmProcessIdleTimeout }),
    maxRequests: pool.pmMaxRequests,
    listenBacklog: queueLength(pool.listenBacklog),
    requestTerminateTimeout: pool.requestTerminateTimeout,
    requestTerminateTimeoutTrackFinished: pool.requestTerminateTimeoutTrackFinished,
    requestSlowlogTimeout: pool.requestSlowlogTimeout,
    // php-fpm takes 0 for any depth.
    requestSlowlogTraceDepth: Math.min(pool.requestSlowlogTraceDepth || MOST, MOST),
    processControlTimeout: global.processControlTimeout,
  };
}

/** The system's own (-1) is 511 for us too; php-fpm's 0 leaves room for one; Linux keeps 16 bits. */
function queueLength(backlog: number): number | undefined {
  return backlog < 0 ? undefined : Math.min(Math.max(1, backlog), MOST);
}
