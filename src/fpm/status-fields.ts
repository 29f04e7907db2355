// The fields of the status page, in php-fpm's names, order and units, and what we add to them. One list for every format.

import type { PoolStatus, ProcessStatus } from "./status.ts";

/** A value as it is: text, a number, a time in milliseconds since 1970, or a share in per cent with two decimals. */
export type FieldValue =
  | { readonly text: string }
  | { readonly number: number }
  | { readonly time: number }
  | { readonly percent: number };

export type Field = readonly [name: string, value: FieldValue];

const text = (value: string): FieldValue => ({ text: value });
const number = (value: number): FieldValue => ({ number: value });
const seconds = (milliseconds: number): FieldValue => ({ number: Math.floor(milliseconds / 1000) });
const microseconds = (milliseconds: number): FieldValue => ({ number: Math.round(milliseconds * 1000) });

/** php-fpm's fields of a pool. `memory peak` came with php-fpm 8.4; the others are 8.2's. */
export function poolFields(status: PoolStatus): readonly Field[] {
  return [
    ["pool", text(status.pool)],
    ["process manager", text(status.processManager)],
    ["start time", { time: status.startTime }],
    ["start since", seconds(status.startSince)],
    ["accepted conn", number(status.acceptedConn)],
    ["listen queue", number(status.listenQueue)],
    ["max listen queue", number(status.maxListenQueue)],
    ["listen queue len", number(status.listenQueueLen)],
    ["idle processes", number(status.idleProcesses)],
    ["active processes", number(status.activeProcesses)],
    ["total processes", number(status.totalProcesses)],
    ["max active processes", number(status.maxActiveProcesses)],
    ["max children reached", number(status.maxChildrenReached)],
    ["slow requests", number(status.slowRequests)],
    ["memory peak", number(status.memoryPeak)],
  ];
}

/** The prefix, or the group, under which our own fields stand. */
export const OURS = "edge-fpm";

/** What php-fpm does not have. Waits are microseconds, as php-fpm's request duration. */
export function ourFields(status: PoolStatus): readonly Field[] {
  const { open, accepted, timeouts } = status.connections;
  return [
    ["starting processes", number(status.startingProcesses)],
    ["stopping processes", number(status.stoppingProcesses)],
    ["listen queue served", number(status.listenQueueServed)],
    ["listen queue wait", microseconds(status.listenQueueWait)],
    ["max listen queue wait", microseconds(status.maxListenQueueWait)],
    ["listen queue refused", number(status.listenQueueRefused)],
    ["listen queue expired", number(status.listenQueueExpired)],
    ["open connections", number(open)],
    ["accepted connections", number(accepted)],
    ["idle connections closed", number(timeouts.idle)],
    ["half-sent headers", number(timeouts.params)],
    ["half-sent bodies", number(timeouts.input)],
    ["stalled requests", number(timeouts.stall)],
    ["slow readers", number(timeouts.send)],
  ];
}

/** php-fpm's fields of a child. Unknown figures are 0, as php-fpm writes them: its readers expect numbers. */
export function processFields(process: ProcessStatus): readonly Field[] {
  return [
    ["pid", number(process.pid)],
    ["state", text(process.state)],
    ["start time", { time: process.startTime }],
    ["start since", seconds(process.startSince)],
    ["requests", number(process.requests)],
    ["request duration", microseconds(process.requestDuration)],
    ["request method", text(process.requestMethod)],
    ["request uri", text(process.requestUri)],
    ["content length", number(process.contentLength)],
    ["user", text(process.user)],
    ["script", text(process.script)],
    ["last request cpu", { percent: process.lastRequestCpu ?? 0 }],
    ["last request memory", number(process.lastRequestMemory ?? 0)],
  ];
}

/** How one format writes values. */
export interface ValueFormat {
  text(value: string): string;
  time(milliseconds: number): string;
}

export function formatValue(value: FieldValue, format: ValueFormat): string {
  if ("text" in value) return format.text(value.text);
  if ("number" in value) return String(value.number);
  return "time" in value ? format.time(value.time) : value.percent.toFixed(2);
}

/** Seconds since 1970, as JSON and XML have times. */
export function unixTime(milliseconds: number): string {
  return String(Math.floor(milliseconds / 1000));
}
