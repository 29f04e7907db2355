// The pool of children and its master, for whoever has requests to run: no records, no PHP, no platform.

export type { AccessFormat, AccessRecord } from "./access-format.ts";
export { AccessFormatError, compileAccessFormat, DEFAULT_ACCESS_FORMAT } from "./access-format.ts";
export type { AccessLogOptions, WriteLine } from "./access-log.ts";
export { AccessLog } from "./access-log.ts";
export type { Cancel, Clock } from "./clock.ts";
export { systemClock } from "./clock.ts";
export type { PoolConfig, PoolConfigInput, ProcessManager } from "./config.ts";
export { poolConfig } from "./config.ts";
export type { ConnectionCounts, ConnectionTimeout } from "./connections.ts";
export { ConnectionCounters } from "./connections.ts";
export type { ConfigProblem, PoolErrorCode } from "./errors.ts";
export { ConfigError, PoolError } from "./errors.ts";
export type { Lease, LeaseEnd, Outcome } from "./lease.ts";
export type { Log, LogLevel, LogRecord } from "./log.ts";
export { Master } from "./master.ts";
export type { PoolOptions, PoolState } from "./pool.ts";
export { Pool } from "./pool.ts";
export type { RequestInfo, RequestStage, Stage } from "./request.ts";
export type { Child, ChildExit, Spawn } from "./spawn.ts";
export type { PoolStatus, ProcessStatus } from "./status.ts";
export { statusArray } from "./status-array.ts";
export type { FpmPage, PageRequest } from "./status-page.ts";
export { pingPage, statusPage } from "./status-page.ts";
export { statusJson, statusText } from "./status-text.ts";
