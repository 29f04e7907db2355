// What the engine takes when nobody chose.

import type { PoolConfigInput, WireLimits } from "./types.ts";

/**
 * Few children, since each holds 30 to 60 MB; short times, so that what ends is seen to end. Servers to start and to spare
 * follow from `maxChildren` until they are set.
 */
export const DEFAULT_POOL: PoolConfigInput = {
  pm: "dynamic",
  maxChildren: 4,
  listenBacklog: 128,
  requestTerminateTimeout: 10_000,
  processControlTimeout: 3000,
};

export const DEFAULT_WIRE_LIMITS: WireLimits = { maxEvents: 20_000, maxBytes: 16 * 1024 * 1024 };

/** Milliseconds between two looks at the pool. */
export const DEFAULT_STATUS_INTERVAL = 100;
