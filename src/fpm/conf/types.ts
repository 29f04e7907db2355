// What php-fpm.conf and its pool files say, read and checked: every directive of php-fpm 8.2 as a typed field.
// Strings that were not given are undefined; paths are absolute (prefix applied); durations are milliseconds.

import type { ProcessManager } from "../config.ts";
import type { LogLevel } from "../log.ts";

/** A whole configuration: the `[global]` section and one entry for each pool section, in the order of the file. */
export interface FpmConfig {
  readonly global: GlobalConfig;
  readonly pools: readonly PoolFile[];
}

/** The `[global]` section. */
export interface GlobalConfig {
  /** `pid`: file that holds the master's process id. */
  readonly pid: string | undefined;
  /** `error_log`: a path, or `syslog`. Default `log/php-fpm.log` below `/var` or the prefix. */
  readonly errorLog: string;
  /** `syslog.ident`. Default `php-fpm`. */
  readonly syslogIdent: string;
  /** `syslog.facility`: a number, as syslog(3) has it. Default 24 (daemon). */
  readonly syslogFacility: number;
  /** `log_buffering`. Default true. */
  readonly logBuffering: boolean;
  /** `log_level`. Default `notice`. */
  readonly logLevel: LogLevel;
  /** `log_limit`: characters of one log line, from 512. Default 1024. */
  readonly logLimit: number;
  /** `emergency_restart_interval`. Default 0. */
  readonly emergencyRestartInterval: number;
  /** `emergency_restart_threshold`: crashed children. Default 0, off. */
  readonly emergencyRestartThreshold: number;
  /** `process_control_timeout`. Undefined: not given; php-fpm takes 0 then, the pool 10 s. */
  readonly processControlTimeout: number | undefined;
  /** `process.max`: children of all pools together; 0 without limit. Default 0. */
  readonly processMax: number;
  /** `process.priority`. Without meaning here. */
  readonly processPriority: number | undefined;
  /** `daemonize`. Default true. */
  readonly daemonize: boolean;
  /** `rlimit_files`. Without meaning here. Default 0. */
  readonly rlimitFiles: number;
  /** `rlimit_core`; -1 is `unlimited`. Without meaning here. Default 0. */
  readonly rlimitCore: number;
  /** `events.mechanism`. Without meaning here. */
  readonly eventsMechanism: string | undefined;
  /** `systemd_interval`. Without meaning here. Default 10 s. */
  readonly systemdInterval: number;
}

/** One setting of `php_value[]`, `php_flag[]`, `php_admin_value[]` or `php_admin_flag[]`. */
export interface PhpSetting {
  readonly name: string;
  /** A flag is "1" or "0". */
  readonly value: string;
  /** Written as a flag. */
  readonly flag: boolean;
}

/** One pool section. */
export interface PoolFile {
  readonly name: string;
  /** Where the section begins. */
  readonly place: Place;
  /** `prefix`: what relative paths of this pool stand below. */
  readonly prefix: string | undefined;
  /** `user`: a name or a number. Children are threads: they all have the user of the process. */
  readonly user: string | undefined;
  readonly group: string | undefined;
  /** `listen`: `host:port`, `[v6]:port`, `port` or the absolute path of a Unix socket. */
  readonly listen: string;
  /** `listen.backlog`; -1 is the system's own. Default -1. */
  readonly listenBacklog: number;
  /** Without meaning here. */
  readonly listenAclUsers: string | undefined;
  /** Without meaning here. */
  readonly listenAclGroups: string | undefined;
  readonly listenOwner: string | undefined;
  readonly listenGroup: string | undefined;
  /** `listen.mode`, as a number. Undefined: 0o660. */
  readonly listenMode: number | undefined;
  /** `listen.allowed_clients`: IP addresses. Undefined: anybody. */
  readonly listenAllowedClients: readonly string[] | undefined;
  /** Without meaning here: FreeBSD's. */
  readonly listenSetfib: number | undefined;
  /** Without meaning here. */
  readonly processPriority: number | undefined;
  /** Without meaning here. */
  readonly apparmorHat: string | undefined;
  /** Without meaning here. Default false. */
  readonly processDumpable: boolean;
  readonly pm: ProcessManager;
  readonly pmMaxChildren: number;
  /** Default: halfway between the two that follow. */
  readonly pmStartServers: number;
  readonly pmMinSpareServers: number;
  readonly pmMaxSpareServers: number;
  /** Default 32. */
  readonly pmMaxSpawnRate: number;
  /** Default 10 s. */
  readonly pmProcessIdleTimeout: number;
  /** Default 0, never. */
  readonly pmMaxRequests: number;
  readonly pmStatusPath: string | undefined;
  /** An address of its own for the status page, in the forms of `listen`. */
  readonly pmStatusListen: string | undefined;
  readonly pingPath: string | undefined;
  /** Default `pong` when there is a `ping.path`. */
  readonly pingResponse: string | undefined;
  readonly accessLog: string | undefined;
  /** Default `%R - %u %t "%m %r" %s` when there is an `access.log`. */
  readonly accessFormat: string | undefined;
  /** `access.suppress_path[]`. */
  readonly accessSuppressPath: readonly string[];
  readonly slowlog: string | undefined;
  /** Default 0, off. */
  readonly requestSlowlogTimeout: number;
  /** Default 20. */
  readonly requestSlowlogTraceDepth: number;
  /** Default 0, off. */
  readonly requestTerminateTimeout: number;
  /** Default false. */
  readonly requestTerminateTimeoutTrackFinished: boolean;
  /** Without meaning here. Default 0. */
  readonly rlimitFiles: number;
  /** -1 is `unlimited`. Without meaning here. Default 0. */
  readonly rlimitCore: number;
  readonly chroot: string | undefined;
  readonly chdir: string | undefined;
  /** Default false. */
  readonly catchWorkersOutput: boolean;
  /** Default true. */
  readonly decorateWorkersOutput: boolean;
  /** Default true. */
  readonly clearEnv: boolean;
  /** `security.limit_extensions`. Default `.php` and `.phar`; an empty list allows all. */
  readonly securityLimitExtensions: readonly string[];
  /**
   * `env[NAME]`: a value that begins with `$` is the name of a variable of the environment, taken from there already
   * ("" when there is none). Of a name given twice the first counts, as in php-fpm.
   */
  readonly env: Readonly<Record<string, string>>;
  /** The same as written, in the order in which php-fpm shows them: the last one first. */
  readonly envLines: readonly (readonly [name: string, value: string])[];
  /**
   * `php_value[]` and `php_flag[]` in php-fpm's order of application, which is the file's from below: of one name the
   * last here, the first in the file, counts.
   */
  readonly phpValues: readonly PhpSetting[];
  /** `php_admin_value[]` and `php_admin_flag[]`, likewise; they win over the others and cannot be changed by scripts. */
  readonly phpAdminValues: readonly PhpSetting[];
}

/** A line of a file. */
export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}
