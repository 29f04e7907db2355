// The status page for Prometheus and its kin: php-fpm's metrics as php-fpm writes them, then ours, which follow the
// OpenMetrics rules to the letter. php-fpm has no metrics of single children; ours come with `full`.

import { textOf } from "./byte-text.ts";
import type { PoolStatus, ProcessStatus } from "./status.ts";

type Kind = "gauge" | "counter";

/** The OpenMetrics status page. `full`: with the children. */
export function statusOpenmetrics(status: PoolStatus, full: boolean): string {
  return [...phpFpmMetrics(status), ...ourMetrics(status), ...(full ? childMetrics(status) : []), "# EOF\n"].join("");
}

function phpFpmMetrics(status: PoolStatus): string[] {
  const reached =
    "The number of times, the process limit has been reached, when pm tries to start more children " +
    "(works only for pm 'dynamic' and 'ondemand').";
  const one = (name: string, kind: Kind, help: string, value: number) =>
    `# HELP phpfpm_${name} ${help}\n# TYPE phpfpm_${name} ${kind}\nphpfpm_${name} ${value}\n`;
  return [
    one("up", "gauge", `Could pool ${status.pool} using a ${status.processManager} PM on PHP-FPM be reached?`, 1),
    one("start_since", "counter", "The number of seconds since FPM has started.", whole(status.startSince / 1000)),
    one("accepted_connections", "counter", "The number of requests accepted by the pool.", status.acceptedConn),
    one("listen_queue", "gauge", "The number of requests in the queue of pending connections.", status.listenQueue),
    one(
      "max_listen_queue",
      "counter",
      "The maximum number of requests in the queue of pending connections since FPM has started.",
      status.maxListenQueue,
    ),
    // php-fpm has these two lines the other way round.
    "# TYPE phpfpm_listen_queue_length gauge\n" +
      "# HELP phpfpm_listen_queue_length The size of the socket queue of pending connections.\n" +
      `phpfpm_listen_queue_length ${status.listenQueueLen}\n`,
    one("idle_processes", "gauge", "The number of idle processes.", status.idleProcesses),
    one("active_processes", "gauge", "The number of active processes.", status.activeProcesses),
    one("total_processes", "gauge", "The number of idle + active processes.", status.totalProcesses),
    one(
      "max_active_processes",
      "counter",
      "The maximum number of active processes since FPM has started.",
      status.maxActiveProcesses,
    ),
    one("max_children_reached", "counter", reached, status.maxChildrenReached),
    one(
      "slow_requests",
      "counter",
      "The number of requests that exceeded your 'request_slowlog_timeout' value.",
      status.slowRequests,
    ),
    one("memory_peak", "gauge", "The memory usage peak since FPM has started.", status.memoryPeak),
  ];
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

function ourMetrics(status: PoolStatus): string[] {
  const { open, accepted, timeouts } = status.connections;
  const pool = { pool: status.pool };
  const one = (name: string, kind: Kind, help: string, value: number) =>
    family(name, kind, help, [{ labels: pool, value }]);
  return [
    one("starting_processes", "gauge", "Children that are starting.", status.startingProcesses),
    one("stopping_processes", "gauge", "Children that were asked to end.", status.stoppingProcesses),
    one("listen_queue_served", "counter", "Requests that waited and got a child.", status.listenQueueServed),
    one("listen_queue_wait_seconds", "counter", "Time they waited, together.", status.listenQueueWait / 1000),
    one("listen_queue_wait_max_seconds", "gauge", "The longest of these waits.", status.maxListenQueueWait / 1000),
    one("listen_queue_refused", "counter", "Requests turned away: the queue was full.", status.listenQueueRefused),
    one("listen_queue_expired", "counter", "Requests turned away: no child in time.", status.listenQueueExpired),
    one("open_connections", "gauge", "Connections of web servers.", open),
    one("accepted_connections", "counter", "Connections of web servers so far.", accepted),
    family(
      "connection_timeouts",
      "counter",
      "Connections or requests ended for taking too long.",
      Object.entries(timeouts).map(([reason, value]) => ({ labels: { ...pool, reason }, value })),
    ),
  ];
}

function childMetrics(status: PoolStatus): string[] {
  const one = (name: string, kind: Kind, help: string, value: (process: ProcessStatus) => number) =>
    family(
      `process_${name}`,
      kind,
      help,
      status.processes.map((process) => ({ labels: labelsOf(status, process), value: value(process) })),
    );
  return [
    family(
      "process_state",
      "gauge",
      "The state of the child, and its present or last request.",
      status.processes.map((process) => ({
        labels: {
          ...labelsOf(status, process),
          state: process.state,
          request_method: process.requestMethod,
          request_uri: process.requestUri,
          user: process.user,
          script: process.script,
        },
        value: 1,
      })),
    ),
    one("start_time_seconds", "gauge", "When the child started.", ({ startTime }) => startTime / 1000),
    one("start_since_seconds", "gauge", "Seconds since the child started.", ({ startSince }) =>
      whole(startSince / 1000),
    ),
    one("requests", "counter", "Requests taken by the child.", ({ requests }) => requests),
    one(
      "request_duration_seconds",
      "gauge",
      "Duration of the present or last request.",
      ({ requestDuration }) => Math.round(requestDuration * 1000) / 1_000_000,
    ),
    one("content_length_bytes", "gauge", "Length of the request's body.", ({ contentLength }) => contentLength),
    one(
      "last_request_cpu_percent",
      "gauge",
      "Processor use of the last request.",
      (child) => child.lastRequestCpu ?? 0,
    ),
    one("last_request_memory_bytes", "gauge", "Memory of the last request.", (child) => child.lastRequestMemory ?? 0),
  ];
}

function labelsOf(status: PoolStatus, process: ProcessStatus): Record<string, string> {
  return { pool: status.pool, pid: String(process.pid) };
}

function family(name: string, kind: Kind, help: string, samples: readonly Sample[]): string {
  const suffix = kind === "counter" ? "_total" : "";
  const lines = samples.map(({ labels, value }) => `edgefpm_${name}${suffix}{${labelText(labels)}} ${value}\n`);
  return `# HELP edgefpm_${name} ${help}\n# TYPE edgefpm_${name} ${kind}\n${lines.join("")}`;
}

function labelText(labels: Sample["labels"]): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${textOf(value).replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`)
    .join(",");
}

function whole(value: number): number {
  return Math.floor(value);
}
