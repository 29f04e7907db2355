// One server of an upstream: whether it may be used, by what happened to it. Knows no timer; time is an argument.

import type { Exchange } from "../../transport/exchange.ts";
import type { UpstreamServer } from "./options.ts";

/**
 * - `up`: used.
 * - `down`: taken out by hand.
 * - `failing`: left out for a while, for it failed `maxFails` times.
 * - `unhealthy`: left out until its health checks succeed.
 */
export type ServerState = "up" | "down" | "failing" | "unhealthy";

/** A server for the metrics page: plain data. Counts are since the start. */
export interface ServerStatus {
  readonly name: string;
  readonly state: ServerState;
  readonly backup: boolean;
  readonly weight: number;
  /** Requests under way. */
  readonly active: number;
  /** 0: no bound. */
  readonly maxConnections: number;
  /** Requests sent to it, all attempts. */
  readonly requests: number;
  /** Attempts that failed as nginx counts it. */
  readonly fails: number;
  /** Times it was left out, for failures or health checks. */
  readonly unavailable: number;
  /** Bytes of STDOUT and STDERR. */
  readonly bytesReceived: number;
  readonly checks: { readonly passed: number; readonly failed: number };
  /** The last failure of a request or a check; `ago` in milliseconds. */
  readonly lastError?: { readonly code?: string; readonly message: string; readonly ago: number };
}

export class Server {
  readonly name: string;
  readonly exchange: Exchange;
  readonly weight: number;
  readonly backup: boolean;
  readonly maxConnections: number;
  readonly #down: boolean;
  readonly #maxFails: number;
  readonly #failTimeout: number;

  /** Requests under way. */
  active = 0;
  /** For `roundRobin`: grows by the effective weight each turn. */
  currentWeight = 0;
  /** For `roundRobin`: less than the weight after a failure, and one more each turn until it is the weight again. */
  effectiveWeight: number;

  // nginx's counters (ngx_http_upstream_rr_peer_t): failures; the last one; when it was last put to the test.
  #recentFails = 0;
  #accessed = Number.NEGATIVE_INFINITY;
  #checked = Number.NEGATIVE_INFINITY;

  /** By health checks. */
  #healthy = true;
  #passesInRow = 0;
  #failuresInRow = 0;

  #requests = 0;
  #fails = 0;
  #unavailable = 0;
  #bytes = 0;
  readonly #checks = { passed: 0, failed: 0 };
  #lastError: { readonly error: unknown; readonly at: number } | undefined;

  /** @param alone the only server there is: failures never take it out, for there is nothing better */
  constructor(options: UpstreamServer, alone: boolean) {
    this.name = options.name;
    this.exchange = options.exchange;
    this.weight = options.weight ?? 1;
    this.effectiveWeight = this.weight;
    this.backup = options.backup ?? false;
    this.maxConnections = options.maxConnections ?? 0;
    this.#down = options.down ?? false;
    this.#maxFails = alone ? 0 : (options.maxFails ?? 1);
    this.#failTimeout = options.failTimeout ?? 10_000;
  }

  /** Not taken out by hand or by health checks. */
  get inService(): boolean {
    return !this.#down && this.#healthy;
  }

  get hasRoom(): boolean {
    return this.maxConnections === 0 || this.active < this.maxConnections;
  }

  /** Left out for failures. Once `failTimeout` is over, one request puts it to the test, and the others wait for that. */
  failing(now: number): boolean {
    return this.#maxFails > 0 && this.#recentFails >= this.#maxFails && now - this.#checked <= this.#failTimeout;
  }

  /** A request goes to it. */
  begin(now: number): void {
    this.active += 1;
    this.#requests += 1;
    if (now - this.#checked > this.#failTimeout) this.#checked = now;
  }

  /** A request is over, well or not. */
  end(bytes: number): void {
    this.active -= 1;
    this.#bytes += bytes;
  }

  /** It answered: failures before the last test count no more. @returns whether it was left out until now */
  succeeded(): boolean {
    const recovered = this.#maxFails > 0 && this.#recentFails >= this.#maxFails && this.#accessed < this.#checked;
    if (this.#accessed < this.#checked) this.#recentFails = 0;
    return recovered;
  }

  /** @returns whether it is left out from now on, and was not before */
  failed(now: number, error: unknown): boolean {
    const before = this.failing(now);
    this.#fails += 1;
    this.#lastError = { error, at: now };
    this.#recentFails += 1;
    this.#accessed = now;
    this.#checked = now;
    if (this.#maxFails > 0) {
      this.effectiveWeight = Math.max(0, this.effectiveWeight - this.weight / this.#maxFails);
    }
    const left = !before && this.failing(now);
    if (left) this.#unavailable += 1;
    return left;
  }

  /** @returns whether it is in service again by this check */
  checkPassed(rises: number): boolean {
    this.#checks.passed += 1;
    this.#failuresInRow = 0;
    this.#passesInRow += 1;
    if (this.#healthy || this.#passesInRow < rises) return false;
    this.#healthy = true;
    this.#recentFails = 0;
    return true;
  }

  /** @returns whether it is out of service by this check */
  checkFailed(falls: number, now: number, error: unknown): boolean {
    this.#checks.failed += 1;
    this.#lastError = { error, at: now };
    this.#passesInRow = 0;
    this.#failuresInRow += 1;
    if (!this.#healthy || this.#failuresInRow < falls) return false;
    this.#healthy = false;
    this.#unavailable += 1;
    return true;
  }

  state(now: number): ServerState {
    if (this.#down) return "down";
    if (!this.#healthy) return "unhealthy";
    return this.failing(now) ? "failing" : "up";
  }

  status(now: number): ServerStatus {
    return {
      name: this.name,
      state: this.state(now),
      backup: this.backup,
      weight: this.weight,
      active: this.active,
      maxConnections: this.maxConnections,
      requests: this.#requests,
      fails: this.#fails,
      unavailable: this.#unavailable,
      bytesReceived: this.#bytes,
      checks: { ...this.#checks },
      ...(this.#lastError && { lastError: explain(this.#lastError.error, now - this.#lastError.at) }),
    };
  }
}

function explain(error: unknown, ago: number): NonNullable<ServerStatus["lastError"]> {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return { ...(typeof code === "string" && { code }), message: String(message ?? error), ago };
}
