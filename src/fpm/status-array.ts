// The status as `fpm_get_status()` gives it to a script: the names differ from those of the page.

import type { PoolStatus, ProcessStatus } from "./status.ts";

/** What `fpm_get_status()` returns, as an object to be turned into a PHP array. */
export function statusArray(status: PoolStatus): Readonly<Record<string, unknown>> {
  return {
    pool: status.pool,
    "process-manager": status.processManager,
    "start-time": seconds(status.startTime),
    "start-since": seconds(status.startSince),
    "accepted-conn": status.acceptedConn,
    "listen-queue": status.listenQueue,
    "max-listen-queue": status.maxListenQueue,
    "listen-queue-len": status.listenQueueLen,
    "idle-processes": status.idleProcesses,
    "active-processes": status.activeProcesses,
    "total-processes": status.totalProcesses,
    "max-active-processes": status.maxActiveProcesses,
    "max-children-reached": status.maxChildrenReached,
    "slow-requests": status.slowRequests,
    "memory-peak": status.memoryPeak,
    procs: status.processes.map(processArray),
  };
}

function processArray(process: ProcessStatus): Readonly<Record<string, unknown>> {
  return {
    pid: process.pid,
    state: process.state,
    "start-time": seconds(process.startTime),
    "start-since": seconds(process.startSince),
    requests: process.requests,
    "request-duration": Math.round(process.requestDuration * 1000),
    "request-method": process.requestMethod,
    "request-uri": process.requestPath,
    "query-string": process.queryString,
    "request-length": process.contentLength,
    user: process.user,
    script: process.script,
    "last-request-cpu": process.lastRequestCpu ?? 0,
    "last-request-memory": process.lastRequestMemory ?? 0,
  };
}

function seconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}
