// Every directive of php-fpm.conf (php-fpm 8.2, with those of other systems): its field, how its value is read, and
// whether it has a meaning here.

import type { ProcessManager } from "../config.ts";
import type { LogLevel } from "../log.ts";
import {
  addresses,
  boolean,
  coreLimit,
  duration,
  integer,
  type Kind,
  octalMode,
  oneOf,
  optional,
  text,
  urlPath,
  words,
} from "./kinds.ts";
import type { GlobalConfig, PoolFile } from "./types.ts";

/** One directive of a section with fields `T`. */
export interface Directive<T, K extends keyof T = keyof T> {
  readonly key: K;
  readonly read: Kind<T[K]>;
  /** Why it is accepted and does nothing. */
  readonly ignored?: string;
}

/** Directives by the name in the file, in lower case. */
export type Directives<T> = Readonly<Record<string, { [K in keyof T]-?: Directive<T, K> }[keyof T]>>;

/** Bounds of the numbers of php-fpm, which keeps them in 32 bits. */
const MOST = 2 ** 31 - 1;
/** A sanity bound of ours: nobody has as many children. */
const MOST_CHILDREN = 65535;

const count = integer(0, MOST);
const children = integer(0, MOST_CHILDREN);
const nice = integer(-19, 20);
const pm = oneOf<ProcessManager>(
  { static: "static", dynamic: "dynamic", ondemand: "ondemand" },
  "static, dynamic or ondemand",
);
const logLevel = oneOf<LogLevel>(
  { debug: "debug", notice: "notice", warning: "warning", warn: "warning", error: "error", alert: "alert" },
  "debug, notice, warning, error or alert",
);

/** Numbers of syslog(3): facility times 8. */
const FACILITIES: Readonly<Record<string, number>> = {
  user: 8,
  mail: 16,
  daemon: 24,
  auth: 32,
  syslog: 40,
  lpr: 48,
  news: 56,
  uucp: 64,
  cron: 72,
  authpriv: 80,
  ftp: 88,
  local0: 128,
  local1: 136,
  local2: 144,
  local3: 152,
  local4: 160,
  local5: 168,
  local6: 176,
  local7: 184,
};
const facility: Kind<number> = (given) => {
  const number = Object.hasOwn(FACILITIES, given.toLowerCase()) ? FACILITIES[given.toLowerCase()] : undefined;
  if (number !== undefined) return { ok: true, value: number };
  return { ok: false, allowed: `one of ${Object.keys(FACILITIES).join(", ")}` };
};
const mechanism: Kind<string | undefined> = (given) => {
  if (["", "select", "poll", "epoll", "kqueue", "/dev/poll", "port"].includes(given)) return optional(given);
  return { ok: false, allowed: "select, poll, epoll, kqueue, /dev/poll or port" };
};

const THREADS = "children are threads, not processes";
const EVENTS = "the runtime has its own event loop";

export const GLOBAL: Directives<GlobalConfig> = {
  pid: { key: "pid", read: optional },
  error_log: { key: "errorLog", read: text },
  "syslog.ident": { key: "syslogIdent", read: text },
  "syslog.facility": { key: "syslogFacility", read: facility },
  log_buffering: { key: "logBuffering", read: boolean },
  log_level: { key: "logLevel", read: logLevel },
  log_limit: { key: "logLimit", read: integer(512, MOST) },
  emergency_restart_interval: { key: "emergencyRestartInterval", read: duration },
  emergency_restart_threshold: { key: "emergencyRestartThreshold", read: count },
  process_control_timeout: { key: "processControlTimeout", read: duration },
  "process.max": { key: "processMax", read: count },
  "process.priority": { key: "processPriority", read: nice, ignored: THREADS },
  daemonize: { key: "daemonize", read: boolean },
  rlimit_files: { key: "rlimitFiles", read: integer(-MOST, MOST), ignored: THREADS },
  rlimit_core: { key: "rlimitCore", read: coreLimit, ignored: THREADS },
  "events.mechanism": { key: "eventsMechanism", read: mechanism, ignored: EVENTS },
  systemd_interval: { key: "systemdInterval", read: duration, ignored: "nothing is told to systemd" },
};

/** Single directives of a pool. The arrays are read in section.ts. */
export const POOL: Directives<PoolFile> = {
  prefix: { key: "prefix", read: optional },
  user: { key: "user", read: optional },
  group: { key: "group", read: optional },
  listen: { key: "listen", read: text },
  "listen.backlog": { key: "listenBacklog", read: integer(-MOST, MOST) },
  "listen.acl_users": { key: "listenAclUsers", read: optional, ignored: "access control lists are not set" },
  "listen.acl_groups": { key: "listenAclGroups", read: optional, ignored: "access control lists are not set" },
  "listen.owner": { key: "listenOwner", read: optional },
  "listen.group": { key: "listenGroup", read: optional },
  "listen.mode": { key: "listenMode", read: octalMode },
  "listen.allowed_clients": { key: "listenAllowedClients", read: addresses },
  "listen.setfib": { key: "listenSetfib", read: integer(-1, MOST), ignored: "routing tables are FreeBSD's" },
  "process.priority": { key: "processPriority", read: nice, ignored: THREADS },
  "process.dumpable": { key: "processDumpable", read: boolean, ignored: THREADS },
  apparmor_hat: { key: "apparmorHat", read: optional, ignored: THREADS },
  pm: { key: "pm", read: pm },
  "pm.max_children": { key: "pmMaxChildren", read: integer(1, MOST_CHILDREN) },
  "pm.start_servers": { key: "pmStartServers", read: children },
  "pm.min_spare_servers": { key: "pmMinSpareServers", read: children },
  "pm.max_spare_servers": { key: "pmMaxSpareServers", read: children },
  "pm.max_spawn_rate": { key: "pmMaxSpawnRate", read: children },
  "pm.process_idle_timeout": { key: "pmProcessIdleTimeout", read: duration },
  "pm.max_requests": { key: "pmMaxRequests", read: count },
  "pm.status_path": { key: "pmStatusPath", read: urlPath },
  "pm.status_listen": { key: "pmStatusListen", read: optional },
  "ping.path": { key: "pingPath", read: urlPath },
  "ping.response": { key: "pingResponse", read: text },
  "access.log": { key: "accessLog", read: optional },
  "access.format": { key: "accessFormat", read: optional },
  slowlog: { key: "slowlog", read: optional },
  request_slowlog_timeout: { key: "requestSlowlogTimeout", read: duration },
  request_slowlog_trace_depth: { key: "requestSlowlogTraceDepth", read: count },
  request_terminate_timeout: { key: "requestTerminateTimeout", read: duration },
  request_terminate_timeout_track_finished: { key: "requestTerminateTimeoutTrackFinished", read: boolean },
  rlimit_files: { key: "rlimitFiles", read: integer(-MOST, MOST), ignored: THREADS },
  rlimit_core: { key: "rlimitCore", read: coreLimit, ignored: THREADS },
  chroot: { key: "chroot", read: optional },
  chdir: { key: "chdir", read: optional },
  catch_workers_output: { key: "catchWorkersOutput", read: boolean },
  decorate_workers_output: { key: "decorateWorkersOutput", read: boolean },
  clear_env: { key: "clearEnv", read: boolean },
  "security.limit_extensions": { key: "securityLimitExtensions", read: words },
};

/** Array directives of a pool. */
export const ARRAYS: readonly string[] = [
  "env",
  "php_value",
  "php_flag",
  "php_admin_value",
  "php_admin_flag",
  "access.suppress_path",
];
