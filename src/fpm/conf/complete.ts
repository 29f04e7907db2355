// The fields of a section with php-fpm's defaults for those that were not given, and absolute paths.

import { isSocketPath } from "./listen.ts";
import { fullPath, PATH_SETTINGS, type Prefixes, statePath } from "./paths.ts";
import type { GlobalConfig, PhpSetting, Place, PoolFile } from "./types.ts";

const GLOBAL_DEFAULTS: GlobalConfig = {
  pid: undefined,
  errorLog: "log/php-fpm.log",
  syslogIdent: "php-fpm",
  syslogFacility: 24,
  logBuffering: true,
  logLevel: "notice",
  logLimit: 1024,
  emergencyRestartInterval: 0,
  emergencyRestartThreshold: 0,
  processControlTimeout: undefined,
  processMax: 0,
  processPriority: undefined,
  daemonize: true,
  rlimitFiles: 0,
  rlimitCore: 0,
  eventsMechanism: undefined,
  systemdInterval: 10_000,
};

export function completeGlobal(given: Partial<GlobalConfig>, prefixes: Prefixes): GlobalConfig {
  const global = { ...GLOBAL_DEFAULTS, ...given };
  // /proc/self/fd/2 and the like are absolute anyway; syslog is no path.
  const errorLog = global.errorLog === "syslog" ? "syslog" : statePath(global.errorLog, prefixes);
  return { ...global, errorLog, pid: global.pid === undefined ? undefined : statePath(global.pid, prefixes) };
}

/** What a pool has when nothing is said. The mandatory ones hold what cannot be meant; the checks complain. */
const POOL_DEFAULTS: Omit<PoolFile, "name" | "place"> = {
  prefix: undefined,
  user: undefined,
  group: undefined,
  listen: "",
  listenBacklog: -1,
  listenAclUsers: undefined,
  listenAclGroups: undefined,
  listenOwner: undefined,
  listenGroup: undefined,
  listenMode: undefined,
  listenAllowedClients: undefined,
  listenSetfib: undefined,
  processPriority: undefined,
  apparmorHat: undefined,
  processDumpable: false,
  pm: "static",
  pmMaxChildren: 0,
  pmStartServers: 0,
  pmMinSpareServers: 0,
  pmMaxSpareServers: 0,
  pmMaxSpawnRate: 32,
  pmProcessIdleTimeout: 10_000,
  pmMaxRequests: 0,
  pmStatusPath: undefined,
  pmStatusListen: undefined,
  pingPath: undefined,
  pingResponse: undefined,
  accessLog: undefined,
  accessFormat: undefined,
  accessSuppressPath: [],
  slowlog: undefined,
  requestSlowlogTimeout: 0,
  requestSlowlogTraceDepth: 20,
  requestTerminateTimeout: 0,
  requestTerminateTimeoutTrackFinished: false,
  rlimitFiles: 0,
  rlimitCore: 0,
  chroot: undefined,
  chdir: undefined,
  catchWorkersOutput: false,
  decorateWorkersOutput: true,
  clearEnv: true,
  securityLimitExtensions: [".php", ".phar"],
  env: {},
  envLines: [],
  phpValues: [],
  phpAdminValues: [],
};

export function completePool(name: string, place: Place, given: Partial<PoolFile>, prefixes: Prefixes): PoolFile {
  const pool: PoolFile = { ...POOL_DEFAULTS, ...given, name, place };
  const prefix = pool.prefix === undefined ? undefined : fullPath(pool.prefix, prefixes);
  const path = (value: string | undefined) => (value === undefined ? undefined : fullPath(value, prefixes, prefix));
  const address = (value: string) => (isSocketPath(value) ? fullPath(value, prefixes, prefix) : value);
  // A chroot hides the prefix: php-fpm leaves these as they are then.
  const settings = (list: readonly PhpSetting[]) =>
    pool.chroot === undefined ? list.map((setting) => withPath(setting, (value) => path(value) ?? value)) : list;
  return {
    ...pool,
    ...spareServers(pool),
    prefix,
    listen: address(pool.listen),
    pmStatusListen: pool.pmStatusListen === undefined ? undefined : address(pool.pmStatusListen),
    accessLog: path(pool.accessLog),
    accessFormat: pool.accessFormat ?? (pool.accessLog === undefined ? undefined : '%R - %u %t "%m %r" %s'),
    pingResponse: pool.pingPath === undefined ? undefined : (pool.pingResponse ?? "pong"),
    slowlog: path(pool.slowlog),
    chroot: path(pool.chroot?.replace(/^\$prefix\/*/, "")),
    chdir: pool.chroot === undefined ? path(pool.chdir) : pool.chdir,
    phpValues: settings(pool.phpValues),
    phpAdminValues: settings(pool.phpAdminValues),
  };
}

/** As php-fpm: an ondemand pool has no spare servers; a dynamic one starts halfway when nothing is said. */
function spareServers(pool: PoolFile): Partial<PoolFile> {
  switch (pool.pm) {
    case "static":
      return {};
    case "ondemand":
      return { pmStartServers: 0, pmMinSpareServers: 0, pmMaxSpareServers: 0 };
    case "dynamic": {
      const { pmMinSpareServers: min, pmMaxSpareServers: max, pmStartServers: start } = pool;
      return { pmStartServers: start > 0 ? start : Math.max(0, min + Math.floor((max - min) / 2)) };
    }
  }
}

function withPath(setting: PhpSetting, path: (value: string) => string): PhpSetting {
  const name = setting.name.toLowerCase();
  if (!PATH_SETTINGS.has(name) || (name === "error_log" && setting.value === "syslog")) return setting;
  return { ...setting, value: path(setting.value) };
}
