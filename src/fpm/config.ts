// A pool's configuration: php-fpm's directives, in camelCase and milliseconds.

import { ConfigError, type ConfigProblem } from "./errors.ts";

/** How many children there are and when (php-fpm: `pm`). */
export type ProcessManager = "static" | "dynamic" | "ondemand";

/** The directives of one pool, complete and checked. Durations are milliseconds; 0 switches a timeout off. */
export interface PoolConfig {
  /** Name of the pool. Default `www`. */
  readonly name: string;
  /** Default `dynamic`, as in the `www.conf` that php-fpm ships. */
  readonly pm: ProcessManager;
  /** Most children at a time; a reload may double it for its duration. Default 5. */
  readonly maxChildren: number;
  /** `dynamic`: children at start. Default halfway between min and max spare servers. */
  readonly startServers: number;
  /** `dynamic`: fewest idle children. Default 1. */
  readonly minSpareServers: number;
  /** `dynamic`: most idle children. Default 3, or `maxChildren` if that is less. */
  readonly maxSpareServers: number;
  /** `dynamic`: most children started in one heartbeat. Default 32. */
  readonly maxSpawnRate: number;
  /** `ondemand`: how long a child may be idle. Default 10 s. */
  readonly processIdleTimeout: number;
  /** Requests after which a child is recycled; 0 never. Default 0. */
  readonly maxRequests: number;
  /** Most requests that wait for a child. Default 511, php-fpm's on Linux. */
  readonly listenBacklog: number;
  /** Longest wait for a child (ours; php-fpm leaves it to the web server). Default 30 s, half of nginx's read timeout. */
  readonly queueTimeout: number;
  /** Longest time for one request; then its child is killed. Default 0, off. */
  readonly requestTerminateTimeout: number;
  /** Whether that time also bounds what a script does after its answer. Default false. */
  readonly requestTerminateTimeoutTrackFinished: boolean;
  /** Running time from which a request counts and is logged as slow. Default 0, off. */
  readonly requestSlowlogTimeout: number;
  /** Most calls of a backtrace in the slowlog. Default 20. */
  readonly requestSlowlogTraceDepth: number;
  /**
   * How long a child may take to end when asked, and requests may take to end in a graceful stop or reload; then they
   * are killed. Default 10 s. php-fpm's is 0, with which its graceful stop kills at once.
   */
  readonly processControlTimeout: number;
  /** Longest time for a child to become ready (ours: a native child needs none). Default 60 s. */
  readonly startTimeout: number;
}

/** What a user writes: any part of it. */
export type PoolConfigInput = { readonly [Key in keyof PoolConfig]?: PoolConfig[Key] | undefined };

type NumberKey = { [Key in keyof PoolConfig]: PoolConfig[Key] extends number ? Key : never }[keyof PoolConfig];

interface NumberRule {
  /** php-fpm's name, or ours. */
  readonly directive: string;
  readonly min: number;
  readonly max: number;
  readonly unit?: "ms";
}

/** The longest timer that platforms have, in milliseconds: nearly 25 days. */
const LONGEST = 2 ** 31 - 1;
/** Sanity bounds of ours: a listen backlog is 16 bits in Linux; nobody has as many children as this. */
const MOST = 65535;

const NUMBERS: Readonly<Record<NumberKey, NumberRule>> = {
  maxChildren: { directive: "pm.max_children", min: 1, max: MOST },
  startServers: { directive: "pm.start_servers", min: 0, max: MOST },
  minSpareServers: { directive: "pm.min_spare_servers", min: 0, max: MOST },
  maxSpareServers: { directive: "pm.max_spare_servers", min: 0, max: MOST },
  maxSpawnRate: { directive: "pm.max_spawn_rate", min: 1, max: MOST },
  processIdleTimeout: { directive: "pm.process_idle_timeout", min: 1, max: LONGEST, unit: "ms" },
  maxRequests: { directive: "pm.max_requests", min: 0, max: Number.MAX_SAFE_INTEGER },
  listenBacklog: { directive: "listen.backlog", min: 1, max: MOST },
  queueTimeout: { directive: "queueTimeout", min: 1, max: LONGEST, unit: "ms" },
  requestTerminateTimeout: { directive: "request_terminate_timeout", min: 0, max: LONGEST, unit: "ms" },
  requestSlowlogTimeout: { directive: "request_slowlog_timeout", min: 0, max: LONGEST, unit: "ms" },
  requestSlowlogTraceDepth: { directive: "request_slowlog_trace_depth", min: 1, max: MOST },
  processControlTimeout: { directive: "process_control_timeout", min: 0, max: LONGEST, unit: "ms" },
  startTimeout: { directive: "startTimeout", min: 1, max: LONGEST, unit: "ms" },
};

const NAMES: Readonly<Record<keyof PoolConfig, string>> = {
  name: "name",
  pm: "pm",
  requestTerminateTimeoutTrackFinished: "request_terminate_timeout_track_finished",
  ...(Object.fromEntries(Object.entries(NUMBERS).map(([key, rule]) => [key, rule.directive])) as Record<
    NumberKey,
    string
  >),
};

/** Letters, digits and what a pool's name is likely to hold; it stands in log lines and paths. */
const NAME = /^[A-Za-z0-9_.-]{1,64}$/;

/**
 * Fills in the defaults and checks everything.
 *
 * @throws {ConfigError} `CONFIG_INVALID` with every problem there is, not only the first
 */
export function poolConfig(input: PoolConfigInput = {}): PoolConfig {
  const problems: ConfigProblem[] = [];
  const refuse = (key: string, value: unknown, allowed: string) => {
    problems.push({ key, directive: NAMES[key as keyof PoolConfig] ?? key, value, allowed });
  };

  for (const [key, value] of Object.entries(input)) {
    if (!(key in NAMES)) refuse(key, value, `a directive: one of ${Object.keys(NAMES).join(", ")}`);
  }

  const config = withDefaults(input);
  if (typeof config.name !== "string" || !NAME.test(config.name) || config.name === "global") {
    refuse("name", config.name, "1 to 64 of A-Z a-z 0-9 _ . -, but not global");
  }
  if (!["static", "dynamic", "ondemand"].includes(config.pm)) refuse("pm", config.pm, "static, dynamic or ondemand");
  if (typeof config.requestTerminateTimeoutTrackFinished !== "boolean") {
    const key = "requestTerminateTimeoutTrackFinished";
    refuse(key, config[key], "true or false");
  }
  for (const [key, rule] of Object.entries(NUMBERS) as [NumberKey, NumberRule][]) {
    // A default derived from a wrong value is not the user's mistake.
    if (input[key] === undefined) continue;
    const value = config[key];
    if (Number.isInteger(value) && value >= rule.min && value <= rule.max) continue;
    refuse(key, value, `a whole number from ${rule.min} to ${rule.max}${rule.unit === "ms" ? " (milliseconds)" : ""}`);
  }
  // What one directive means for another can only be said when each is well-formed.
  if (problems.length === 0) {
    checkTogether(config, (key, value, allowed) => {
      if (input[key] !== undefined) refuse(key, value, allowed);
    });
  }

  if (problems.length > 0) throw new ConfigError(String(config.name), problems);
  return config;
}

type Refuse = (key: keyof PoolConfig, value: unknown, allowed: string) => void;

function checkTogether(config: PoolConfig, refuse: Refuse): void {
  const { maxChildren, startServers, minSpareServers, maxSpareServers } = config;
  if (config.pm === "dynamic") {
    if (minSpareServers < 1 || minSpareServers > maxChildren) {
      refuse("minSpareServers", minSpareServers, `from 1 to pm.max_children (${maxChildren})`);
    }
    if (maxSpareServers < Math.max(1, minSpareServers) || maxSpareServers > maxChildren) {
      const range = `from pm.min_spare_servers (${minSpareServers}) to pm.max_children (${maxChildren})`;
      refuse("maxSpareServers", maxSpareServers, range);
    }
    if (startServers < minSpareServers || startServers > maxSpareServers) {
      const range = `from pm.min_spare_servers (${minSpareServers}) to pm.max_spare_servers (${maxSpareServers})`;
      refuse("startServers", startServers, range);
    }
  }
  const { requestSlowlogTimeout: slow, requestTerminateTimeout: terminate } = config;
  if (terminate > 0 && slow > terminate) {
    refuse("requestSlowlogTimeout", slow, `at most request_terminate_timeout (${terminate})`);
  }
}

function withDefaults(input: PoolConfigInput): PoolConfig {
  const pm = input.pm ?? "dynamic";
  const maxChildren = input.maxChildren ?? 5;
  // As php-fpm: an ondemand pool has no spare servers, whatever is written.
  const ondemand = pm === "ondemand";
  const minSpareServers = ondemand ? 0 : (input.minSpareServers ?? 1);
  const maxSpareServers = ondemand ? 0 : (input.maxSpareServers ?? Math.max(minSpareServers, Math.min(3, maxChildren)));
  const halfway = minSpareServers + Math.floor((maxSpareServers - minSpareServers) / 2);
  return {
    name: input.name ?? "www",
    pm,
    maxChildren,
    // php-fpm reads 0 as "not set" too.
    startServers: ondemand ? 0 : input.startServers || Math.max(0, halfway),
    minSpareServers,
    maxSpareServers,
    maxSpawnRate: input.maxSpawnRate ?? 32,
    processIdleTimeout: input.processIdleTimeout ?? 10_000,
    maxRequests: input.maxRequests ?? 0,
    listenBacklog: input.listenBacklog ?? 511,
    queueTimeout: input.queueTimeout ?? 30_000,
    requestTerminateTimeout: input.requestTerminateTimeout ?? 0,
    requestTerminateTimeoutTrackFinished: input.requestTerminateTimeoutTrackFinished ?? false,
    requestSlowlogTimeout: input.requestSlowlogTimeout ?? 0,
    requestSlowlogTraceDepth: input.requestSlowlogTraceDepth ?? 20,
    processControlTimeout: input.processControlTimeout ?? 10_000,
    startTimeout: input.startTimeout ?? 60_000,
  };
}
