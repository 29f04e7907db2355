// What an upstream can be told: servers, how one is chosen, when the next one is tried.

import type { Pair } from "../../codec/index.ts";
import type { Exchange } from "../../transport/exchange.ts";
import type { HealthCheckOptions } from "./health-check.ts";
import type { AttemptObserver } from "./observer.ts";

/** One server. nginx's `server` within `upstream`. */
export interface UpstreamServer {
  /** As it stands in logs and status, such as its address. Unique within the upstream. */
  readonly name: string;
  /** Its own: `connectExchange` with its own connections, a pool. It stays its owner's: nobody closes it here. */
  readonly exchange: Exchange;
  /** Share of the requests against those of the other servers; a whole number of at least 1. Default 1. */
  readonly weight?: number;
  /** Serves only while none of the others can. Default false. */
  readonly backup?: boolean;
  /** Taken out by hand. Default false. */
  readonly down?: boolean;
  /** Failures within `failTimeout` after which it is left out for as long; 0: never. Default 1. */
  readonly maxFails?: number;
  /** Milliseconds. Default 10 s. */
  readonly failTimeout?: number;
  /** Requests at the same time; 0: no bound. Default 0. */
  readonly maxConnections?: number;
}

/**
 * How a server is chosen among those that can be used.
 *
 * - `round-robin`: in turn by weight, evenly mixed (nginx's smooth weighted round robin).
 * - `least-connections`: the fewest requests under way for its weight; in turn among equals.
 * - `random`: of two drawn by weight, the one with fewer requests for its weight: good when several gateways share
 *   the servers.
 * - `hash`: the same key, the same server; when one leaves or comes, only the keys of that one move (rendezvous hashing).
 */
export type Balance = "round-robin" | "least-connections" | "random" | { readonly type: "hash"; readonly key: HashKey };

/** Names of params whose values are the key (`REQUEST_URI`; `REMOTE_ADDR` is nginx's `ip_hash`), or a function of all. */
export type HashKey = string | readonly string[] | ((params: readonly Pair[]) => string);

/** All there are. See `NextCondition`. */
export const NEXT_CONDITIONS = [
  "error",
  "timeout",
  "invalid-header",
  "http_403",
  "http_404",
  "http_429",
  "http_500",
  "http_502",
  "http_503",
  "http_504",
  "overloaded",
  "non-idempotent",
  "off",
] as const;

/**
 * What makes the next server be tried (nginx's `fastcgi_next_upstream`), always before anything was passed to the visitor:
 *
 * - `error`: no connection, or one that broke before the header block was whole
 * - `timeout`: of connecting, sending, or waiting for the header block
 * - `invalid-header`: no FastCGI, no CGI header block, or one that is malformed or too long
 * - `http_...`: a header block with this status
 * - `overloaded`: the application said OVERLOADED or CANT_MPX_CONN, or its queue here is full. Ours, not nginx's
 * - `non-idempotent`: also repeats what must not be sent twice, such as POST
 * - `off`: none of all this
 */
export type NextCondition = (typeof NEXT_CONDITIONS)[number];

export interface NextUpstreamOptions {
  /** Default error, timeout, overloaded. */
  readonly on?: readonly NextCondition[];
  /** Servers tried for one request, the first included; 0: all. Default 0. */
  readonly tries?: number;
  /** Milliseconds after which no other server is tried; 0: no bound. Default 0. */
  readonly time?: number;
}

/** Requests that wait while every server is at `maxConnections`. nginx's `queue`. */
export interface QueueOptions {
  /** More fail at once. 0: none waits. Default 100. */
  readonly size?: number;
  /** Milliseconds. Default 10 s. */
  readonly timeout?: number;
}

export interface UpstreamOptions {
  /** For logs and messages. Default `upstream`. */
  readonly name?: string;
  /** At least one. */
  readonly servers: readonly UpstreamServer[];
  /** Default `round-robin`. */
  readonly balance?: Balance;
  readonly nextUpstream?: NextUpstreamOptions;
  readonly queue?: QueueOptions;
  /** Asks every server from time to time whether it is well. Default: none is asked, and failures alone tell. */
  readonly healthCheck?: HealthCheckOptions;
  /** Longest header block looked at, in bytes. Default as of the gateway's `maxResponseHeaders`. */
  readonly maxHeaderBytes?: number;
  /** Told of every attempt, whoever asked for it. Must not throw. */
  readonly onAttempt?: AttemptObserver;
  /** Told when a server becomes usable or unusable, and why. Must not throw. */
  readonly onStateChange?: (server: string, usable: boolean, why: string) => void;
  /** Milliseconds of a clock that never goes back. Default the platform's. */
  readonly now?: () => number;
  /** A number from 0 to below 1. Default the platform's. */
  readonly random?: () => number;
}

export const DEFAULT_NEXT: Required<NextUpstreamOptions> = {
  on: ["error", "timeout", "overloaded"],
  tries: 0,
  time: 0,
};

export const DEFAULT_QUEUE: Required<QueueOptions> = { size: 100, timeout: 10_000 };

/** What is wrong with options, each in a sentence. Empty: nothing. */
export function upstreamProblems(options: UpstreamOptions): readonly string[] {
  const problems: string[] = [];
  const whole = (value: number | undefined, least: number, what: string) => {
    if (value !== undefined && !(Number.isInteger(value) && value >= least)) {
      problems.push(`${what} is ${value}; a whole number of at least ${least} is allowed`);
    }
  };
  const { servers, nextUpstream: next = {}, queue = {}, healthCheck } = options;
  if (servers.length === 0) problems.push("servers is empty; at least one is needed");
  if (servers.length > 0 && servers.every(({ backup }) => backup === true)) {
    problems.push("every server is a backup; at least one must not be");
  }
  const names = new Set<string>();
  for (const server of servers) {
    const of = `of server ${JSON.stringify(server.name)}`;
    if (names.has(server.name)) problems.push(`two servers have the name ${JSON.stringify(server.name)}`);
    names.add(server.name);
    whole(server.weight, 1, `weight ${of}`);
    whole(server.maxFails, 0, `maxFails ${of}`);
    whole(server.failTimeout, 0, `failTimeout ${of}`);
    whole(server.maxConnections, 0, `maxConnections ${of}`);
  }
  whole(next.tries, 0, "nextUpstream.tries");
  whole(next.time, 0, "nextUpstream.time");
  for (const condition of next.on ?? []) {
    if (NEXT_CONDITIONS.includes(condition)) continue;
    problems.push(`nextUpstream.on has ${JSON.stringify(condition)}; ${NEXT_CONDITIONS.join(", ")} are allowed`);
  }
  if (next.on?.includes("off") && next.on.length > 1) {
    problems.push("nextUpstream.on has off and others; off stands alone");
  }
  whole(queue.size, 0, "queue.size");
  whole(queue.timeout, 1, "queue.timeout");
  whole(healthCheck?.interval, 1, "healthCheck.interval");
  whole(healthCheck?.timeout, 1, "healthCheck.timeout");
  whole(healthCheck?.rises, 1, "healthCheck.rises");
  whole(healthCheck?.falls, 1, "healthCheck.falls");
  whole(options.maxHeaderBytes, 1, "maxHeaderBytes");
  return problems;
}
