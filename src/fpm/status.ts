// The status of a pool, as php-fpm's status page has it: a plain snapshot. The pages are made of it in status-page.ts.

import type { PoolConfig, ProcessManager } from "./config.ts";
import type { ConnectionCounts } from "./connections.ts";
import type { ListenQueue } from "./listen-queue.ts";
import type { Scoreboard, Slot } from "./scoreboard.ts";

/** One child. Times are milliseconds since 1970, durations milliseconds. */
export interface ProcessStatus {
  readonly pid: number;
  /** `Idle`, `Running` and the other stages in php-fpm's words; `Starting` and `Stopping` are ours. */
  readonly state: string;
  readonly startTime: number;
  readonly startSince: number;
  readonly requests: number;
  /** Of the present request so far, or of the last one. */
  readonly requestDuration: number;
  /** "-" before the first request, as php-fpm shows it; the same for the texts below. */
  readonly requestMethod: string;
  /** With the query. */
  readonly requestUri: string;
  /** Without the query. */
  readonly requestPath: string;
  readonly queryString: string;
  readonly contentLength: number;
  readonly user: string;
  readonly script: string;
  /** Per cent of a processor used by the last request; undefined: not known of an interpreter in a thread. */
  readonly lastRequestCpu: number | undefined;
  /** Bytes; undefined during a request and where the child did not tell. */
  readonly lastRequestMemory: number | undefined;
}

/** The pool. Times are milliseconds since 1970, durations milliseconds. */
export interface PoolStatus {
  readonly pool: string;
  readonly processManager: ProcessManager;
  readonly startTime: number;
  readonly startSince: number;
  /** Requests handed to a child. */
  readonly acceptedConn: number;
  readonly listenQueue: number;
  readonly maxListenQueue: number;
  /** Its bound. */
  readonly listenQueueLen: number;
  readonly idleProcesses: number;
  readonly activeProcesses: number;
  /** Idle, active, starting and stopping ones. */
  readonly totalProcesses: number;
  readonly maxActiveProcesses: number;
  readonly maxChildrenReached: number;
  readonly slowRequests: number;
  /** Largest peak memory of any request in bytes; 0 when no child told. */
  readonly memoryPeak: number;
  // From here on ours.
  readonly startingProcesses: number;
  readonly stoppingProcesses: number;
  /** Requests that waited and got a child; how long they waited together, and the longest, in milliseconds. */
  readonly listenQueueServed: number;
  readonly listenQueueWait: number;
  readonly maxListenQueueWait: number;
  /** Requests turned away: the queue was full; they had waited too long. */
  readonly listenQueueRefused: number;
  readonly listenQueueExpired: number;
  /** Connections of web servers; none where requests come another way. */
  readonly connections: ConnectionCounts;
  readonly processes: readonly ProcessStatus[];
}

/** Takes the snapshot. */
export function poolStatus(
  config: PoolConfig,
  scoreboard: Scoreboard,
  queue: Pick<ListenQueue<unknown>, "length" | "maxLength" | "limit" | "waited">,
  connections: ConnectionCounts,
  now: number,
): PoolStatus {
  const totals = scoreboard.totals();
  const { accepted, maxActive, maxChildrenReached, slowRequests, memoryPeak } = scoreboard.counters;
  return {
    pool: config.name,
    processManager: config.pm,
    startTime: scoreboard.startedAt,
    startSince: now - scoreboard.startedAt,
    acceptedConn: accepted,
    listenQueue: queue.length,
    maxListenQueue: queue.maxLength,
    listenQueueLen: queue.limit,
    idleProcesses: totals.idle,
    activeProcesses: totals.active,
    totalProcesses: totals.total,
    maxActiveProcesses: maxActive,
    maxChildrenReached,
    slowRequests,
    memoryPeak,
    startingProcesses: totals.starting,
    stoppingProcesses: totals.stopping,
    listenQueueServed: queue.waited.served,
    listenQueueWait: queue.waited.total,
    maxListenQueueWait: queue.waited.longest,
    listenQueueRefused: queue.waited.refused,
    listenQueueExpired: queue.waited.expired,
    connections,
    processes: scoreboard.slots.map((slot) => processStatus(slot, now)),
  };
}

/** php-fpm's spelling, the plural of "information" included: monitors match it. */
const STAGE_NAMES: Readonly<Record<Slot["stage"], string>> = {
  idle: "Idle",
  "reading headers": "Reading headers",
  "getting request information": "Getting request informations",
  running: "Running",
  ending: "Ending",
  finishing: "Finishing",
};

function processStatus(slot: Slot, now: number): ProcessStatus {
  const { request, state } = slot;
  const named = state === "starting" ? "Starting" : state === "stopping" ? "Stopping" : STAGE_NAMES[slot.stage];
  const uri = request?.uri || "-";
  return {
    pid: slot.pid,
    state: named,
    startTime: slot.startedAt,
    startSince: now - slot.startedAt,
    requests: slot.requests,
    requestDuration: slot.stage === "idle" ? slot.duration : now - slot.acceptedAt,
    requestMethod: request?.method || "-",
    requestUri: request?.query ? `${uri}?${request.query}` : uri,
    requestPath: uri,
    queryString: request?.query ?? "",
    contentLength: request?.contentLength ?? 0,
    user: request?.user || "-",
    script: request?.script || "-",
    lastRequestCpu: undefined,
    lastRequestMemory: slot.stage === "idle" ? slot.memory : undefined,
  };
}
