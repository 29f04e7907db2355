// Active health checks: each server is asked from time to time whether it is well.

import { CgiHeadParser } from "../../cgi/index.ts";
import type { Pair } from "../../codec/index.ts";
import type { Exchange, ExchangeSink } from "../../transport/exchange.ts";

/** Fulfils when the server is well; rejects, with the reason, when it is not, or with `signal.reason`. */
export type HealthCheck = (exchange: Exchange, signal: AbortSignal) => Promise<void>;

export interface HealthCheckOptions {
  /** Milliseconds between the end of one check and the next. Default 5 s, as nginx's. */
  readonly interval?: number;
  /** Milliseconds that a check may take. Default 5 s. */
  readonly timeout?: number;
  /** Successes in a row after which a server is used again. Default 2. */
  readonly rises?: number;
  /** Failures in a row after which it is left out. Default 3. */
  readonly falls?: number;
  /** Default `pingCheck()`. */
  readonly check?: HealthCheck;
}

export const DEFAULT_HEALTH_CHECK: Required<HealthCheckOptions> = {
  interval: 5_000,
  timeout: 5_000,
  rises: 2,
  falls: 3,
  check: pingCheck(),
};

export interface PingOptions {
  /** php-fpm's `ping.path`, or a script's name. Default `/ping`. */
  readonly path?: string;
  /** Statuses of a server that is well. Default 200. */
  readonly statuses?: readonly number[];
  /** More params; one of the same name takes the place of ours. A script needs SCRIPT_FILENAME. */
  readonly params?: readonly Pair[];
}

/** A check by one request, as php-fpm's ping page answers it. It waits in php-fpm's queue like any request. */
export function pingCheck(options: PingOptions = {}): HealthCheck {
  const { path = "/ping", statuses = [200], params = [] } = options;
  const own = new Set(params.map(([name]) => name));
  const defaults: Pair[] = [
    ["GATEWAY_INTERFACE", "CGI/1.1"],
    ["REQUEST_METHOD", "GET"],
    ["SCRIPT_NAME", path],
    ["SCRIPT_FILENAME", path],
    ["REQUEST_URI", path],
    ["QUERY_STRING", ""],
    ["SERVER_PROTOCOL", "HTTP/1.1"],
    ["SERVER_SOFTWARE", "edge-fpm"],
  ];
  const all = [...defaults.filter(([name]) => !own.has(name)), ...params];
  return async (exchange, signal) => {
    const parser = new CgiHeadParser();
    const sink: ExchangeSink = {
      stdout(chunk) {
        if (parser.head === undefined) parser.push(chunk);
      },
      stderr() {},
    };
    const end = await exchange({ role: "responder", params: all }, sink, signal);
    if (end.protocolStatus !== "request-complete") throw new Error(`${path} ended as ${end.protocolStatus}`);
    parser.end();
    const status = parser.head?.status ?? 0;
    if (!statuses.includes(status)) throw new Error(`${path} gave status ${status}; ${statuses.join(", ")} is well`);
  };
}

/** One that is checked. */
export interface CheckedServer {
  readonly exchange: Exchange;
  passed(rises: number): void;
  failed(falls: number, error: unknown): void;
}

/** Checks a server until stopped, the first time at once. */
export class HealthChecker {
  readonly #server: CheckedServer;
  readonly #options: Required<HealthCheckOptions>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: AbortController | undefined;
  #stopped = false;

  constructor(server: CheckedServer, options: HealthCheckOptions) {
    this.#server = server;
    this.#options = { ...DEFAULT_HEALTH_CHECK, ...options };
    this.#after(0);
  }

  /** Safe to call twice. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#running?.abort(new Error("health checks were stopped"));
  }

  #after(milliseconds: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#run(), milliseconds);
    (this.#timer as { unref?: () => void }).unref?.();
  }

  async #run(): Promise<void> {
    const { check, timeout, interval, rises, falls } = this.#options;
    const abort = new AbortController();
    this.#running = abort;
    const late = setTimeout(() => abort.abort(new Error(`the health check took longer than ${timeout} ms`)), timeout);
    (late as { unref?: () => void }).unref?.();
    try {
      await orAborted(check(this.#server.exchange, abort.signal), abort.signal);
      if (!this.#stopped) this.#server.passed(rises);
    } catch (error) {
      // Busy is not ill: the check found no place beside the requests.
      const busy = (error as { code?: unknown } | undefined)?.code === "EXCHANGE_OVERLOADED";
      if (!this.#stopped && !busy) this.#server.failed(falls, error);
    } finally {
      clearTimeout(late);
      this.#running = undefined;
      this.#after(interval);
    }
  }
}

/** A check that does not heed its signal must not end the checks. */
function orAborted(checked: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    checked.then(resolve, reject);
  });
}
