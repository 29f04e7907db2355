// The process manager: how many children to start or retire, and when. It decides and does nothing, so it is tested
// without a clock or a child. The arithmetic is php-fpm's (sapi/fpm/fpm/fpm_process_ctl.c); where it differs, it says so.

import type { PoolConfig } from "./config.ts";

/** Between two rounds of idle server maintenance, in milliseconds (php-fpm: FPM_IDLE_SERVER_MAINTENANCE_HEARTBEAT). */
export const HEARTBEAT = 1000;

/** The part of the configuration that decides. */
export type Limits = Pick<
  PoolConfig,
  "pm" | "maxChildren" | "startServers" | "minSpareServers" | "maxSpareServers" | "maxSpawnRate" | "processIdleTimeout"
>;

/** Children of the pool, counted from the scoreboard. `running` is every one that is not dead. */
export interface Counts {
  readonly running: number;
  readonly starting: number;
  readonly idle: number;
}

/** What one round leaves for the next. */
export interface MaintenanceState {
  /** Children to add in the next shortage; doubles while the shortage lasts. */
  readonly spawnRate: number;
  /** Whether the present shortage at `maxChildren` is counted and logged already. */
  readonly warned: boolean;
}

export const INITIAL_MAINTENANCE: MaintenanceState = { spawnRate: 1, warned: false };

export interface Plan extends MaintenanceState {
  readonly spawn: number;
  /** Idle children to retire, the longest idle first. */
  readonly retire: number;
  /** Count it and log it: `maxChildren` keeps a child from being started, for the first time in this shortage. */
  readonly maxChildrenReached: boolean;
  /** Log it: the pool has been short of idle children for several rounds. */
  readonly seemsBusy: boolean;
}

/** Children to start with. */
export function planStart(limits: Limits): number {
  switch (limits.pm) {
    case "static":
      return limits.maxChildren;
    case "dynamic":
      return limits.startServers;
    case "ondemand":
      return 0;
  }
}

/**
 * One heartbeat. A static pool has nothing to do here: its children are replaced as they end.
 *
 * Two differences from php-fpm. A child that is starting counts as one that will soon be idle: a native child is ready
 * at once, an interpreter may need longer than a heartbeat, and counting it as active would start one more each round.
 * And the child to retire is the longest idle, not the first started: we hand requests to the most recently used child,
 * so the longest idle is the coldest.
 *
 * @param longestIdle how long the longest idle child has been idle, in milliseconds; undefined when none is
 */
export function planMaintenance(
  counts: Counts,
  longestIdle: number | undefined,
  state: MaintenanceState,
  limits: Limits,
): Plan {
  const rest: Plan = { ...state, spawn: 0, retire: 0, maxChildrenReached: false, seemsBusy: false };
  switch (limits.pm) {
    case "static":
      return rest;
    case "ondemand":
      return { ...rest, retire: longestIdle !== undefined && longestIdle > limits.processIdleTimeout ? 1 : 0 };
    case "dynamic":
      return planDynamic(counts, rest, limits);
  }
}

function planDynamic(counts: Counts, rest: Plan, limits: Limits): Plan {
  if (counts.idle > limits.maxSpareServers) return { ...rest, retire: 1, spawnRate: 1 };

  const shortage = limits.minSpareServers - (counts.idle + counts.starting);
  if (shortage <= 0) return { ...rest, spawnRate: 1 };

  const room = limits.maxChildren - counts.running;
  if (room <= 0) return { ...rest, spawnRate: 1, warned: true, maxChildrenReached: !rest.warned };

  return {
    ...rest,
    spawn: Math.min(rest.spawnRate, shortage, room),
    // Doubled while below the limit, as php-fpm does: it may end up to twice the limit, so hold it there.
    spawnRate: Math.min(rest.spawnRate * 2, limits.maxSpawnRate),
    warned: false,
    seemsBusy: rest.spawnRate >= 8,
  };
}

/**
 * A request waits and no child is idle. Used by `ondemand`, and by a pool of any kind that is finishing: children that
 * are still needed for the queue, and not one more.
 */
export function planDemand(
  waiting: number,
  counts: Counts,
  state: MaintenanceState,
  limits: Pick<Limits, "maxChildren">,
): Plan {
  const rest: Plan = { ...state, spawn: 0, retire: 0, maxChildrenReached: false, seemsBusy: false };
  const wanted = waiting - counts.starting - counts.idle;
  if (wanted <= 0) return rest;

  const room = limits.maxChildren - counts.running;
  if (room <= 0) return { ...rest, warned: true, maxChildrenReached: !rest.warned };
  return { ...rest, spawn: Math.min(wanted, room), warned: false };
}

/**
 * Children ended that were not retired by the process manager (recycled, crashed, killed): how many to start for them.
 * php-fpm starts one for one; a static pool is filled up, so that a start that failed is made good later.
 *
 * @param lost children that ended
 */
export function planReplacement(lost: number, counts: Counts, limits: Limits): number {
  const room = Math.max(0, limits.maxChildren - counts.running);
  switch (limits.pm) {
    case "static":
      return room;
    case "dynamic":
      return Math.min(lost, room);
    case "ondemand":
      return 0;
  }
}
