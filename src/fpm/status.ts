// The status of a pool, as php-fpm's status page has it: a plain snapshot, and its text and JSON renderings.

import type { PoolConfig, ProcessManager } from "./config.ts";
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
  readonly processes: readonly ProcessStatus[];
}

/** Takes the snapshot. */
export function poolStatus(
  config: PoolConfig,
  scoreboard: Scoreboard,
  queue: Pick<ListenQueue<unknown>, "length" | "maxLength" | "limit" | "waited">,
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
    contentLength: request?.contentLength ?? 0,
    user: request?.user || "-",
    script: request?.script || "-",
    lastRequestCpu: undefined,
    lastRequestMemory: slot.stage === "idle" ? slot.memory : undefined,
  };
}

/** How times are written: a Unix time in JSON, a date in text. */
type TimeFormat = (time: number) => string | number;

/** php-fpm's names and order, its units (seconds; microseconds for a request's duration), then ours. */
function poolFields(status: PoolStatus, time: TimeFormat): [string, string | number][] {
  return [
    ["pool", status.pool],
    ["process manager", status.processManager],
    ["start time", time(status.startTime)],
    ["start since", Math.floor(status.startSince / 1000)],
    ["accepted conn", status.acceptedConn],
    ["listen queue", status.listenQueue],
    ["max listen queue", status.maxListenQueue],
    ["listen queue len", status.listenQueueLen],
    ["idle processes", status.idleProcesses],
    ["active processes", status.activeProcesses],
    ["total processes", status.totalProcesses],
    ["max active processes", status.maxActiveProcesses],
    ["max children reached", status.maxChildrenReached],
    ["slow requests", status.slowRequests],
    ["memory peak", status.memoryPeak],
  ];
}

/** Unknown figures are 0 here, as php-fpm writes them: its readers expect numbers. */
function processFields(process: ProcessStatus, time: TimeFormat): [string, string | number][] {
  return [
    ["pid", process.pid],
    ["state", process.state],
    ["start time", time(process.startTime)],
    ["start since", Math.floor(process.startSince / 1000)],
    ["requests", process.requests],
    ["request duration", Math.round(process.requestDuration * 1000)],
    ["request method", process.requestMethod],
    ["request uri", process.requestUri],
    ["content length", process.contentLength],
    ["user", process.user],
    ["script", process.script],
    ["last request cpu", process.lastRequestCpu ?? 0],
    ["last request memory", process.lastRequestMemory ?? 0],
  ];
}

const unixTime: TimeFormat = (time) => Math.floor(time / 1000);

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `23/Nov/2026:00:40:01 +0000`: php-fpm's format; always UTC here. */
const logTime: TimeFormat = (time) => {
  const date = new Date(time);
  const iso = date.toISOString();
  return `${iso.slice(8, 10)}/${MONTHS[date.getUTCMonth()]}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
};

/** The JSON status page. `full`: with the children. */
export function statusJson(status: PoolStatus, full: boolean): string {
  const pool: Record<string, unknown> = Object.fromEntries(poolFields(status, unixTime));
  if (full) pool.processes = status.processes.map((process) => Object.fromEntries(processFields(process, unixTime)));
  return JSON.stringify(pool);
}

/** The text status page. `full`: with the children. */
export function statusText(status: PoolStatus, full: boolean): string {
  const parts = [textLines(poolFields(status, logTime))];
  if (full) {
    for (const process of status.processes) {
      // The text page alone writes "request URI" and two decimals.
      const fields = processFields(process, logTime).map(([name, value]): [string, string | number] => {
        if (name === "request uri") return ["request URI", value];
        return name === "last request cpu" ? [name, Number(value).toFixed(2)] : [name, value];
      });
      parts.push(`\n${"*".repeat(24)}\n${textLines(fields)}`);
    }
  }
  return parts.join("");
}

function textLines(fields: readonly (readonly [string, string | number])[]): string {
  return fields.map(([name, value]) => `${`${name}:`.padEnd(22)}${value}\n`).join("");
}
