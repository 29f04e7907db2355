// A whole configuration, as `edge-fpm.config.ts` exports it. Plain data but for regular expressions.

import type { GatewayLimits } from "../options.ts";
import type { NextCondition } from "../upstream/options.ts";
import type { Location, LocationSettings, Rewrite, Template } from "./location.ts";

/** Ready tables of locations for applications that many people run. */
export type PresetName = "wordpress" | "laravel" | "symfony" | "drupal";

/** What answers for some host names. */
export interface Site extends LocationSettings {
  /**
   * `example.org`, `*.example.org`, `.example.org` (both), `www.example.*`, or a regular expression; international names in
   * their `xn--` form. Absent: for every other host.
   */
  readonly hosts?: readonly (string | RegExp)[];
  /** Locations of a well-known kind; those in `locations` come first. */
  readonly preset?: PresetName;
  readonly locations?: readonly Location[];
  /** Before any location is looked for. */
  readonly rewrite?: readonly Rewrite[];
  /** SERVER_NAME. Default: the name in the Host header. */
  readonly serverName?: string;
  /** Follows symbolic links that lead out of the root. Default false. */
  readonly followSymlinks?: boolean;
}

/** One server of an upstream. */
export interface UpstreamServer {
  /** `unix:/path` or `tcp://host:port`. */
  readonly address: string;
  readonly weight?: number;
  readonly backup?: boolean;
  readonly down?: boolean;
  readonly maxFails?: number;
  /** Milliseconds. */
  readonly failTimeout?: number;
  readonly maxConnections?: number;
}

/** Several servers of one FastCGI application. Milliseconds. */
export interface UpstreamConfig {
  readonly servers: readonly (string | UpstreamServer)[];
  readonly balance?: "round-robin" | "least-connections" | "random" | { readonly hash: Template };
  /** Idle connections kept to each server; below its number of children. Default 0. */
  readonly keep?: number;
  readonly keepTimeout?: number;
  readonly connectTimeout?: number;
  readonly sendTimeout?: number;
  readonly readTimeout?: number;
  /** Requests waiting for a connection, and how long. */
  readonly queue?: { readonly size?: number; readonly timeout?: number };
  readonly nextUpstream?: {
    /** Default error, timeout, overloaded. */
    readonly on?: readonly NextCondition[];
    readonly tries?: number;
    readonly time?: number;
  };
  /** A request that tells whether a server is well: php-fpm's `ping.path`. */
  readonly healthCheck?: {
    readonly path: string;
    readonly interval?: number;
    readonly timeout?: number;
    readonly rises?: number;
    readonly falls?: number;
  };
}

/** A pool of our own. The words are php-fpm's. */
export interface PoolConfigEntry {
  /** Version of PHP, `8.2`. */
  readonly php?: string;
  readonly pm?: "static" | "dynamic" | "ondemand";
  /** Any php-fpm pool directive without its `pm.`, as `edge-fpm fpm` takes them: `maxChildren`, `startServers` ... */
  readonly maxChildren?: number;
  readonly startServers?: number;
  readonly minSpareServers?: number;
  readonly maxSpareServers?: number;
  readonly processIdleTimeout?: number;
  readonly maxRequests?: number;
  readonly requestTerminateTimeout?: number;
  readonly listenBacklog?: number;
  readonly statusPath?: string;
  readonly pingPath?: string;
  readonly ini?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** Where answers are kept. */
export interface CacheZone {
  /** `memory` (default), `disk` (Node), or `cache-api` (Workers). */
  readonly store?: "memory" | "disk" | "cache-api";
  /** Bytes. Default 64 MiB in memory, 1 GiB on disk. */
  readonly maxSize?: number;
  /** Of one answer, bytes. Default 4 MiB. */
  readonly maxEntry?: number;
  /** Folder, for `disk`; relative to the configuration file. */
  readonly path?: string;
  /** Seconds after which an entry that nobody asks for is removed. Default 600. */
  readonly inactive?: number;
}

/** Who tells the truth in X-Forwarded-* and Forwarded. */
export interface TrustedProxies {
  /** Addresses and CIDR ranges. */
  readonly from: readonly string[];
}

/**
 * Everything. A configuration of one site may say the site's settings at the top, without `sites`. With `sites`, settings at
 * the top are the sites' defaults.
 */
export interface GatewayConfig extends Site {
  readonly sites?: readonly Site[];
  readonly upstreams?: Readonly<Record<string, UpstreamConfig>>;
  readonly pools?: Readonly<Record<string, PoolConfigEntry>>;
  readonly caches?: Readonly<Record<string, CacheZone>>;
  readonly trustedProxies?: TrustedProxies;
  readonly listen?: { readonly host?: string; readonly port?: number; readonly path?: string };
  /** `false` (default), a format's name or an nginx-like template; and the file, `-` being standard output. */
  readonly log?: {
    readonly format?: "common" | "combined" | "json" | Template;
    /** Default `-`. */
    readonly file?: string;
  };
  readonly limits?: Partial<GatewayLimits>;
  /** Passes request headers with underscores in their names. Default false. */
  readonly underscoresInHeaders?: boolean;
  /** A path that answers with OpenMetrics to visitors who may see it. */
  readonly metrics?: { readonly path: string; readonly allow?: readonly string[] };
  /** Sends Server-Timing. Default false. */
  readonly serverTiming?: boolean;
  /** Tells the cause of 502, 503 and 504 in `X-Edge-FPM-Cause`. Default false: it is in the log only. */
  readonly debug?: boolean;
}

/** Returns its argument: for its type, and for what an editor says while a configuration is written. */
export function defineConfig(config: GatewayConfig): GatewayConfig {
  return config;
}
