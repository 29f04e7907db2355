// An exchange that runs each request in a child of a pool.

import type { Pair } from "../codec/index.ts";
import { type Exchange, ExchangeError, type ExchangeSink } from "../transport/exchange.ts";
import type { ChildLink } from "./child-link.ts";

/** The request as the pool's scoreboard and logs show it. Texts are "" where unknown. */
export interface PoolRequest {
  readonly method: string;
  readonly uri: string;
  readonly query: string;
  readonly script: string;
  readonly user: string;
  readonly contentLength: number;
}

/** What is needed of a lease: `Lease<ChildLink>` of fpm is one. */
export interface ChildLease {
  readonly wire: ChildLink;
  readonly child: { readonly pid: number };
  stage(stage: "running" | "ending" | "finishing"): void;
  /** Settles when the child is lost. Never rejects. */
  readonly ended: Promise<{ readonly reason: string; readonly message: string }>;
  release(outcome?: { readonly memory?: number | undefined; readonly retire?: boolean | undefined }): void;
}

/** What is needed of a pool: `Pool<ChildLink>` of fpm is one. */
export interface ChildPool {
  acquire(request: PoolRequest, signal: AbortSignal): Promise<ChildLease>;
}

/**
 * Leases a child, runs the request in it, and gives it back when it is idle: that may be long after the answer, when
 * the script goes on after `fastcgi_finish_request`, or after an abort, which a script that runs does not see.
 *
 * Besides the errors of `Exchange`: EXCHANGE_OVERLOADED and EXCHANGE_STOPPING when no child was lent; EXCHANGE_TIMEOUT
 * when `request_terminate_timeout` ended the child, EXCHANGE_BROKEN when it died otherwise.
 */
export function poolExchange(pool: ChildPool): Exchange {
  return async (request, sink, signal) => {
    const lease = await pool.acquire(describeRequest(request.params), signal).catch((error: unknown) => {
      throw refusal(error);
    });
    // Breaks the wire of a lost child before its platform does: the exchange below then fails at once.
    let lost: ExchangeError | undefined;
    void lease.ended.then(({ reason, message }) => {
      const code = reason === "terminate-timeout" ? "EXCHANGE_TIMEOUT" : "EXCHANGE_BROKEN";
      lost = new ExchangeError(code, `child ${lease.child.pid}: ${message}`);
      lease.wire.reset(message);
    });
    try {
      return await lease.wire.exchange(request, sink as ExchangeSink, signal);
    } catch (error) {
      const broken = (error as { code?: unknown } | undefined)?.code === "EXCHANGE_BROKEN";
      // The wire may break a moment before the pool learns why.
      if (broken && lost === undefined) await Promise.race([lease.ended, moment()]);
      throw broken && lost !== undefined ? withCause(lost, error) : error;
    } finally {
      giveBack(lease);
    }
  };
}

/** How long a broken wire waits for the pool to say what became of the child, in milliseconds. */
const REASON_DELAY = 100;

function moment(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, REASON_DELAY);
  });
}

function giveBack(lease: ChildLease): void {
  const release = () => {
    const { memory, usable } = lease.wire;
    lease.release({ ...(memory === undefined ? {} : { memory }), ...(usable ? {} : { retire: true }) });
  };
  const idle = lease.wire.whenIdle();
  if (idle === undefined) {
    release();
    return;
  }
  lease.stage("finishing");
  void idle.then(release);
}

function refusal(error: unknown): unknown {
  const { code, message } = error as { code?: unknown; message?: string };
  const options = { cause: error };
  switch (code) {
    case "POOL_QUEUE_FULL":
    case "POOL_QUEUE_TIMEOUT":
      return new ExchangeError("EXCHANGE_OVERLOADED", String(message), options);
    case "POOL_STOPPING":
    case "POOL_NOT_STARTED":
      return new ExchangeError("EXCHANGE_STOPPING", String(message), options);
    default:
      return error;
  }
}

function withCause(error: ExchangeError, cause: unknown): ExchangeError {
  return new ExchangeError(error.code, `${error.message}: ${(cause as Error).message}`, { cause });
}

/** What the pool shows of a request, taken from its params; of a name sent twice the last counts, as in php-fpm. */
export function describeRequest(params: readonly Pair[]): PoolRequest {
  const values = new Map(params);
  const value = (name: string) => values.get(name) ?? "";
  const [path = ""] = value("REQUEST_URI").split("?", 1);
  const length = value("CONTENT_LENGTH");
  return {
    method: value("REQUEST_METHOD"),
    uri: path === "" ? value("SCRIPT_NAME") : path,
    query: value("QUERY_STRING"),
    script: value("SCRIPT_FILENAME"),
    user: value("REMOTE_USER"),
    contentLength: /^\d{1,15}$/.test(length) ? Number(length) : 0,
  };
}
