// An exchange that runs each request in a child of a pool.

import { type Exchange, ExchangeError, type ExchangeSink } from "../transport/exchange.ts";
import type { ChildLink } from "./child-link.ts";
import { describeRequest, type PoolRequest } from "./request-info.ts";
import { RequestLog, type RequestLogOptions } from "./request-log.ts";

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
  /** Ends a child at once. */
  kill(pid: number): boolean;
}

/** Bounds on what a request leaves behind in its child. */
export interface PoolExchangeLimits {
  /**
   * Linear memory above which a child is replaced after its request, in bytes: a WebAssembly memory never shrinks, so
   * one greedy script would hold it for good. Default 256 MiB, four times what a child starts with.
   */
  readonly memory: number;
  /**
   * How long a script may go on after its request was given up, in milliseconds; then its child is killed. A loop that
   * prints nothing never learns that its visitor left. 0: for ever. Default 30 s, the default of `max_execution_time`.
   */
  readonly abandoned: number;
}

export const DEFAULT_POOL_EXCHANGE_LIMITS: PoolExchangeLimits = { memory: 256 * 1024 * 1024, abandoned: 30_000 };

/** Bounds, and who else looks at the requests of a pool: without any, nobody pays for it. */
export interface PoolExchangeOptions {
  /** The access log. */
  readonly requestLog?: RequestLogOptions | undefined;
  readonly limits?: Partial<PoolExchangeLimits> | undefined;
  /**
   * Whether the exchange settles only when the script is over, and not when it has answered: a job may go on after
   * `fastcgi_finish_request`, and what gives it up then ends it. Default false.
   */
  readonly untilOver?: boolean | undefined;
  /** Told of a script that goes on behind the end of its request; `over` settles with it. */
  readonly onBehind?: ((over: Promise<void>) => void) | undefined;
  /** Told of what a child wrote to STDERR (`catch_workers_output`); the web server gets it all the same. */
  readonly onStderr?: ((pid: number, text: string) => void) | undefined;
}

/**
 * Leases a child, runs the request in it, and gives it back when it is idle: that may be long after the answer, when
 * the script goes on after `fastcgi_finish_request`, or after an abort, which a script that runs does not see.
 *
 * Besides the errors of `Exchange`: EXCHANGE_OVERLOADED and EXCHANGE_STOPPING when no child was lent; EXCHANGE_TIMEOUT
 * when `request_terminate_timeout` ended the child, EXCHANGE_BROKEN when it died otherwise.
 */
export function poolExchange(pool: ChildPool, options: PoolExchangeOptions = {}): Exchange {
  const { requestLog, onStderr, onBehind, untilOver = false } = options;
  const limits = { ...DEFAULT_POOL_EXCHANGE_LIMITS, ...options.limits };
  return async (request, sink, signal) => {
    const info = describeRequest(request.params);
    const log = requestLog && new RequestLog(requestLog, request, info, sink);
    const lease = await pool.acquire(info, signal).catch((error: unknown) => {
      const refused = refusal(error);
      log?.failed(refused, signal.aborted);
      log?.ended();
      throw refused;
    });
    const { pid } = lease.child;
    log?.taken(pid);
    // Breaks the wire of a lost child before its platform does: the exchange below then fails at once.
    let lost: ExchangeError | undefined;
    void lease.ended.then(({ reason, message }) => {
      const code = reason === "terminate-timeout" ? "EXCHANGE_TIMEOUT" : "EXCHANGE_BROKEN";
      lost = new ExchangeError(code, `child ${pid}: ${message}`);
      lease.wire.reset(message);
    });
    const output = log?.sink ?? sink;
    try {
      const end = await lease.wire.exchange(
        request,
        onStderr === undefined ? output : overheard(output, (text) => onStderr(pid, text)),
        signal,
      );
      if (untilOver) await Promise.race([lease.wire.whenIdle(), whenAborted(signal)]);
      if (lost !== undefined && untilOver) throw lost;
      return end;
    } catch (error) {
      const broken = (error as { code?: unknown } | undefined)?.code === "EXCHANGE_BROKEN";
      // The wire may break a moment before the pool learns why.
      if (broken && lost === undefined) await Promise.race([lease.ended, moment()]);
      const failure = broken && lost !== undefined ? withCause(lost, error) : error;
      log?.failed(failure, signal.aborted);
      throw failure;
    } finally {
      const over = giveBack(lease, log, limits, signal.aborted ? () => pool.kill(pid) : undefined);
      if (over !== undefined) onBehind?.(over);
    }
  };
}

/** A sink in front of another that tells of STDERR. */
function overheard(sink: ExchangeSink, onStderr: (text: string) => void): ExchangeSink {
  return {
    stdout: (chunk) => sink.stdout(chunk),
    stderr(chunk) {
      onStderr(new TextDecoder().decode(chunk));
      return sink.stderr(chunk);
    },
  };
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** How long a broken wire waits for the pool to say what became of the child, in milliseconds. */
const REASON_DELAY = 100;

function moment(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, REASON_DELAY);
  });
}

/**
 * @param kill ends the child; there when the request was given up
 * @returns settles when the script is over; undefined: it is
 */
function giveBack(
  lease: ChildLease,
  log: RequestLog | undefined,
  limits: PoolExchangeLimits,
  kill: (() => void) | undefined,
): Promise<void> | undefined {
  const release = () => {
    const { memory, usable } = lease.wire;
    log?.ended(memory);
    const retire = !usable || (memory !== undefined && memory > limits.memory);
    lease.release({ ...(memory === undefined ? {} : { memory }), ...(retire ? { retire } : {}) });
  };
  const idle = lease.wire.whenIdle();
  if (idle === undefined) {
    release();
    return undefined;
  }
  lease.stage("finishing");
  const timer = kill !== undefined && limits.abandoned > 0 ? setTimeout(kill, limits.abandoned) : undefined;
  void idle.then(() => {
    clearTimeout(timer);
    release();
  });
  return idle;
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
