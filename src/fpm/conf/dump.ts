// A configuration as `-tt` shows it, in php-fpm's own words and order.

import type { FpmConfig, GlobalConfig, PoolFile } from "./types.ts";

type Row = readonly [name: string, value: string | number | undefined];

/** The lines, without the log's time and level: `[global]`, `\tpid = /run/fpm.pid`, ... */
export function dumpConfig({ global, pools }: FpmConfig): string[] {
  const sections = [section("global", globalRows(global)), ...pools.map((pool) => section(pool.name, poolRows(pool)))];
  return sections.flatMap((lines) => [...lines, " "]);
}

function section(name: string, rows: readonly Row[]): string[] {
  return [`[${name}]`, ...rows.map(([key, value]) => `\t${key} = ${value ?? "undefined"}`)];
}

const seconds = (milliseconds: number) => `${milliseconds / 1000}s`;
const yes = (value: boolean) => (value ? "yes" : "no");

function globalRows(global: GlobalConfig): Row[] {
  return [
    ["pid", global.pid],
    ["error_log", global.errorLog],
    ["syslog.ident", global.syslogIdent],
    ["syslog.facility", global.syslogFacility],
    ["log_buffering", yes(global.logBuffering)],
    // php-fpm 8.2 says "unknown value" unless it runs at level debug.
    ["log_level", global.logLevel.toUpperCase()],
    ["log_limit", global.logLimit],
    ["emergency_restart_interval", seconds(global.emergencyRestartInterval)],
    ["emergency_restart_threshold", global.emergencyRestartThreshold],
    ["process_control_timeout", seconds(global.processControlTimeout ?? 0)],
    ["process.max", global.processMax],
    ["process.priority", global.processPriority],
    ["daemonize", yes(global.daemonize)],
    ["rlimit_files", global.rlimitFiles],
    ["rlimit_core", global.rlimitCore],
    // php-fpm shows the mechanism that it chose.
    ["events.mechanism", global.eventsMechanism],
    ["systemd_interval", seconds(global.systemdInterval)],
  ];
}

function poolRows(pool: PoolFile): Row[] {
  const settings = (directive: string, list: PoolFile["phpValues"]) =>
    list.map(({ name, value }): Row => [`${directive}[${name}]`, value]);
  const mode = pool.listenMode === undefined ? undefined : `0${pool.listenMode.toString(8).padStart(3, "0")}`;
  return [
    ["prefix", pool.prefix],
    ["user", pool.user],
    ["group", pool.group],
    ["listen", pool.listen],
    ["listen.backlog", pool.listenBacklog],
    ["listen.acl_users", pool.listenAclUsers],
    ["listen.acl_groups", pool.listenAclGroups],
    ["listen.owner", pool.listenOwner],
    ["listen.group", pool.listenGroup],
    ["listen.mode", mode],
    ["listen.allowed_clients", pool.listenAllowedClients?.join(",")],
    ["process.priority", pool.processPriority],
    ["process.dumpable", yes(pool.processDumpable)],
    ["pm", pool.pm],
    ["pm.max_children", pool.pmMaxChildren],
    ["pm.start_servers", pool.pmStartServers],
    ["pm.min_spare_servers", pool.pmMinSpareServers],
    ["pm.max_spare_servers", pool.pmMaxSpareServers],
    ["pm.max_spawn_rate", pool.pmMaxSpawnRate],
    ["pm.process_idle_timeout", pool.pmProcessIdleTimeout / 1000],
    ["pm.max_requests", pool.pmMaxRequests],
    ["pm.status_path", pool.pmStatusPath],
    ["pm.status_listen", pool.pmStatusListen],
    ["ping.path", pool.pingPath],
    ["ping.response", pool.pingResponse],
    ["access.log", pool.accessLog],
    ["access.format", pool.accessFormat],
    // As the other lists: the last one first.
    ...pool.accessSuppressPath.toReversed().map((path): Row => ["access.suppress_path[]", path]),
    ["slowlog", pool.slowlog],
    ["request_slowlog_timeout", seconds(pool.requestSlowlogTimeout)],
    ["request_slowlog_trace_depth", pool.requestSlowlogTraceDepth],
    ["request_terminate_timeout", seconds(pool.requestTerminateTimeout)],
    ["request_terminate_timeout_track_finished", yes(pool.requestTerminateTimeoutTrackFinished)],
    ["rlimit_files", pool.rlimitFiles],
    ["rlimit_core", pool.rlimitCore],
    ["chroot", pool.chroot],
    ["chdir", pool.chdir],
    ["catch_workers_output", yes(pool.catchWorkersOutput)],
    ["decorate_workers_output", yes(pool.decorateWorkersOutput)],
    ["clear_env", yes(pool.clearEnv)],
    ["security.limit_extensions", pool.securityLimitExtensions.join(" ")],
    ...pool.envLines.map(([name, value]): Row => [`env[${name}]`, value]),
    ...settings("php_value", pool.phpValues),
    ...settings("php_admin_value", pool.phpAdminValues),
  ];
}
