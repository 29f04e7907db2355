// A whole configuration, as `edge-fpm.config.ts` exports it. Plain data but for regular expressions.

import type { GatewayLimits } from "../options.ts";
import type { Forwarded } from "../request/forwarded.ts";
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
  /** Paths, or whole URLs, that the first child runs; the others start from it, warm. */
  readonly warmup?: readonly string[];
  /** File that keeps the warm child for the next start; relative to the current directory. */
  readonly snapshot?: string;
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

/** Who tells the truth about visitors, and in which headers. */
export interface TrustedProxies {
  /** Addresses and CIDR ranges; `unix:` for those that come over a Unix socket. */
  readonly from: readonly string[];
  /** Which headers the proxies write. Only these are read: others may be the visitor's, passed on. Default `x-forwarded`. */
  readonly headers?: "x-forwarded" | "forwarded";
  /**
   * Which facts are taken. Default `for` and `proto`. `host` and `port` only from proxies that write or remove
   * X-Forwarded-Host and -Port: through others the visitor chooses the host.
   */
  readonly take?: readonly Forwarded[];
}

/** A script that runs by itself at certain times. */
export interface CronEntry {
  /** `minute hour day month weekday`, with seconds in front if there are six; or `@hourly`, `@daily`, `@weekly`, `@monthly`. */
  readonly schedule: string;
  /** Path below the site's root, perhaps with a query: `/wp-cron.php?doing_wp_cron`. */
  readonly script: string;
  /** For the log and `edge-fpm cron run`. Default: the script's path without its slash. */
  readonly name?: string;
  /** Of the tz database, `Europe/Berlin`. Default `UTC`. */
  readonly timezone?: string;
  /** Milliseconds after which a run is ended. Default 300,000. */
  readonly timeout?: number;
  /** The site that it belongs to, and SERVER_NAME. Default: the first one, by its `serverName` or first host. */
  readonly host?: string;
  /** What the script takes itself to be asked by. Default `http`. */
  readonly scheme?: "http" | "https";
  /** The pool or upstream that runs it. Default: the site's. */
  readonly pass?: string;
}

/** The mails of PHP's mail(). */
export interface MailConfig {
  /** Node: `smtp://user:password@host:port` or `smtps://...`. On Workers a `send_email` binding named `MAIL` takes the mails. */
  readonly smtp?: string;
  /** The envelope's sender where the script gives none by `-f`, and the From header of mails without one. */
  readonly from?: string;
  /** Bytes and recipients of one mail, mails of one request. Default 26,214,400, 100 and 100. */
  readonly limits?: { readonly size?: number; readonly recipients?: number; readonly perRequest?: number };
}

/** Who may purge: whoever comes from one of the addresses and has the token, as far as there are such. */
export interface PurgeAccess {
  /** Addresses and CIDR ranges; `all`. Default: this machine, or everybody who has the `token`. */
  readonly allow?: readonly string[];
  /** Must be sent as `Authorization: Bearer ...`. */
  readonly token?: string;
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
  /** Scripts that run on a schedule. */
  readonly cron?: readonly CronEntry[];
  readonly mail?: MailConfig;
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
  /** A path that answers with OpenMetrics to those in `allow`; default: this machine, unless for somebody behind a proxy. */
  readonly metrics?: { readonly path: string; readonly allow?: readonly string[] };
  /** Lets an operator purge caches with the method PURGE. */
  readonly purge?: PurgeAccess;
  /**
   * Traces (W3C Trace Context). `start`: what becomes of a request that belongs to none while nobody records spans; default
   * `never`. `false`: the visitor's headers are passed on, and nothing else is done.
   */
  readonly tracing?: { readonly start?: "sampled" | "unsampled" | "never" } | false;
  /** Sends Server-Timing. Default false. */
  readonly serverTiming?: boolean;
  /** Tells the cause of 502, 503 and 504 in `X-Edge-FPM-Cause`. Default false: it is in the log only. */
  readonly debug?: boolean;
}

/** Returns its argument: for its type, and for what an editor says while a configuration is written. */
export function defineConfig(config: GatewayConfig): GatewayConfig {
  return config;
}
