// An exchange over several servers, seen from the gateway: who gets a request, and who gets it next when that failed.

import { DEFAULT_MAX_HEADER_BYTES } from "../../cgi/index.ts";
import type { Pair } from "../../codec/index.ts";
import { type ExchangeEnd, ExchangeError, type ExchangeRequest, type ExchangeSink } from "../../transport/exchange.ts";
import { isRepeatable, watchBody } from "../../transport/repeat.ts";
import { Attempt, type Failure, failureOf } from "./attempt.ts";
import { type Choose, createChoice } from "./balance.ts";
import { HealthChecker } from "./health-check.ts";
import type { AttemptObserver, Patience } from "./observer.ts";
import {
  DEFAULT_NEXT,
  DEFAULT_QUEUE,
  type NextCondition,
  type NextUpstreamOptions,
  type QueueOptions,
  type UpstreamOptions,
  upstreamProblems,
} from "./options.ts";
import { Server, type ServerStatus } from "./server.ts";

/** Plain data for a metrics page. */
export interface UpstreamStatus {
  readonly name: string;
  readonly servers: readonly ServerStatus[];
  /** Requests that wait now. */
  readonly waiting: number;
  /** Requests that no server could be found for, since the start. */
  readonly noLive: number;
  /** Requests refused because every server was at `maxConnections`, since the start. */
  readonly overloaded: number;
}

export interface Upstream {
  /**
   * Runs one request. An `Exchange` that may be told of its attempts: `observer` hears each when it has ended, the last
   * one before this settles. Besides what the servers' exchanges reject with: EXCHANGE_CONNECT when no server can be
   * used, EXCHANGE_OVERLOADED when all were at `maxConnections` for too long, EXCHANGE_STOPPING after `close`.
   */
  readonly exchange: (
    request: ExchangeRequest,
    sink: ExchangeSink,
    signal: AbortSignal,
    observer?: AttemptObserver,
    patience?: Patience,
  ) => Promise<ExchangeEnd>;
  status(): UpstreamStatus;
  /** Ends health checks, refuses new and waiting requests; those that run go on. Safe to call twice. */
  close(): void;
}

/**
 * Makes an upstream. Follows nginx (ngx_http_upstream_round_robin, fastcgi_next_upstream), except that servers which
 * are all left out for failures are each tried once more instead of none.
 *
 * @throws {TypeError} that names all that is wrong with the options
 */
export function createUpstream(options: UpstreamOptions): Upstream {
  const problems = upstreamProblems(options);
  if (problems.length > 0) throw new TypeError(`upstream ${options.name ?? ""}: ${problems.join("; ")}`);
  const servers = new Servers(options);
  return {
    exchange: (...asked) => servers.exchange(...asked),
    status: () => servers.status(),
    close: () => servers.close(),
  };
}

interface Waiter {
  readonly params: readonly Pair[];
  readonly take: (server: Server) => void;
  readonly fail: (error: unknown) => void;
}

/** Where a request goes after an attempt. */
interface Next {
  server: Server | undefined;
}

class Servers {
  readonly #name: string;
  readonly #options: UpstreamOptions;
  readonly #next: Required<NextUpstreamOptions>;
  readonly #conditions: ReadonlySet<NextCondition>;
  readonly #queue: Required<QueueOptions>;
  readonly #maxHeaderBytes: number;
  readonly #now: () => number;
  readonly #choose: Choose;
  readonly #servers: readonly Server[];
  /** Backups are the second group. */
  readonly #groups: readonly (readonly Server[])[];
  readonly #checkers: readonly HealthChecker[];
  #waiting: Waiter[] = [];
  #noLive = 0;
  #overloaded = 0;
  #closed = false;

  constructor(options: UpstreamOptions) {
    const { servers, healthCheck } = options;
    this.#name = options.name ?? "upstream";
    this.#options = options;
    this.#next = { ...DEFAULT_NEXT, ...options.nextUpstream };
    this.#conditions = new Set(this.#next.on);
    this.#queue = { ...DEFAULT_QUEUE, ...options.queue };
    this.#maxHeaderBytes = options.maxHeaderBytes ?? DEFAULT_MAX_HEADER_BYTES;
    this.#now = options.now ?? (() => performance.now());
    this.#choose = createChoice(options.balance ?? "round-robin", options.random ?? Math.random);
    this.#servers = servers.map((server) => new Server(server, servers.length === 1));
    this.#groups = [this.#servers.filter(({ backup }) => !backup), this.#servers.filter(({ backup }) => backup)];
    this.#checkers = healthCheck === undefined ? [] : this.#servers.map((server) => this.#checker(server, healthCheck));
  }

  #checker(server: Server, options: NonNullable<UpstreamOptions["healthCheck"]>): HealthChecker {
    return new HealthChecker(
      {
        exchange: server.exchange,
        passed: (rises) => {
          if (!server.checkPassed(rises)) return;
          this.#tellState(server, true, "its health checks succeed again");
          this.#wake();
        },
        failed: (falls, error) => {
          if (!server.checkFailed(falls, this.#now(), error)) return;
          this.#tellState(server, false, `its health checks fail: ${messageOf(error)}`);
          this.#wake();
        },
      },
      options,
    );
  }

  status(): UpstreamStatus {
    const now = this.#now();
    return {
      name: this.#name,
      servers: this.#servers.map((server) => server.status(now)),
      waiting: this.#waiting.length,
      noLive: this.#noLive,
      overloaded: this.#overloaded,
    };
  }

  close(): void {
    this.#closed = true;
    for (const checker of this.#checkers) checker.stop();
    for (const waiter of this.#waiting.splice(0)) waiter.fail(this.#stopping());
  }

  async exchange(
    request: ExchangeRequest,
    sink: ExchangeSink,
    signal: AbortSignal,
    observer?: AttemptObserver,
    patience?: Patience,
  ): Promise<ExchangeEnd> {
    signal.throwIfAborted();
    if (this.#closed) throw this.#stopping();
    const started = this.#now();
    const body = watchBody(request);
    const tried = new Set<Server>();
    const tell: AttemptObserver | undefined =
      observer === undefined
        ? this.#options.onAttempt
        : (attempt) => {
            this.#options.onAttempt?.(attempt);
            observer(attempt);
          };
    const mayRepeat = (failure: Failure): boolean => {
      const { tries, time } = this.#next;
      if (!this.#conditions.has(failure.condition) || this.#closed || signal.aborted || body.touched()) return false;
      if ((tries > 0 && tried.size >= tries) || (time > 0 && this.#now() - started >= time)) return false;
      return !failure.sent || isRepeatable(request) || this.#conditions.has("non-idempotent");
    };

    let server = await this.#first(request.params, signal, started, tell);
    for (;;) {
      tried.add(server);
      const next: Next = { server: undefined };
      const attempt = new Attempt({
        sink,
        maxHeaderBytes: this.#maxHeaderBytes,
        inspect: this.#servers.length > 1 || tell !== undefined,
        conditions: this.#conditions,
        now: this.#now,
        judge: this.#judgeOf(server, request.params, tried, mayRepeat, next),
      });
      if (patience !== undefined) patience.giveUp = givingUp(attempt);
      try {
        const end = await attempt.run(server.exchange, body.request, signal);
        if (end !== undefined) return end;
      } catch (error) {
        // The gateway has waited too long: nobody judged that yet.
        if (signal.aborted && !attempt.passed) {
          const failure = failureOf(error);
          if (failure?.condition === "timeout") this.#judged(server, failure);
        }
        throw error;
      } finally {
        if (attempt.passed) this.#succeeded(server);
        server.end(attempt.bytesReceived);
        tell?.(attempt.record(server.name));
        this.#wake();
      }
      if (next.server === undefined) throw new Error("an attempt ended without an end, and without a next server");
      server = next.server;
      patience?.renew();
    }
  }

  // A function of its own, and `givingUp` too: a closure made inside the loop above would keep all that belongs to a
  // request alive until V8's next full collection (seen with Node 24), and each request would cost three times as much.
  #judgeOf(
    server: Server,
    params: readonly Pair[],
    tried: ReadonlySet<Server>,
    mayRepeat: (failure: Failure) => boolean,
    next: Next,
  ): (failure: Failure) => boolean {
    return (failure) => {
      this.#judged(server, failure);
      if (mayRepeat(failure)) next.server = this.#take(params, tried);
      return next.server !== undefined;
    };
  }

  /** The first server, perhaps after a wait. It counts the request already. */
  async #first(
    params: readonly Pair[],
    signal: AbortSignal,
    started: number,
    tell: AttemptObserver | undefined,
  ): Promise<Server> {
    const found = this.#pick(params, NONE);
    if (typeof found === "object") return this.#begin(found);
    try {
      if (found === "none") throw this.#noServer();
      return await this.#wait(params, signal);
    } catch (error) {
      const { code } = error as { code?: unknown };
      const told = {
        address: this.#name,
        responseTime: this.#now() - started,
        cause: error,
        ...(typeof code === "string" && { error: code }),
      };
      if (code === "EXCHANGE_CONNECT") {
        this.#noLive += 1;
        tell?.({ ...told, outcome: "no-live", status: 502 });
      } else if (code === "EXCHANGE_OVERLOADED") {
        this.#overloaded += 1;
        tell?.({ ...told, outcome: "overloaded", status: 503 });
      } else tell?.({ ...told, outcome: "cancelled" });
      throw error;
    }
  }

  #begin(server: Server): Server {
    server.begin(this.#now());
    return server;
  }

  /** A server for another attempt, if there is one at once. It counts the request already. */
  #take(params: readonly Pair[], tried: ReadonlySet<Server>): Server | undefined {
    const found = this.#pick(params, tried);
    return typeof found === "object" ? this.#begin(found) : undefined;
  }

  /** @returns a server; `busy`: only ones without room; `none`: no server can be used */
  #pick(params: readonly Pair[], tried: ReadonlySet<Server>): Server | "busy" | "none" {
    const now = this.#now();
    const live = (server: Server) => !tried.has(server) && server.inService && !server.failing(now);
    const last = (server: Server) => !tried.has(server) && server.inService;
    for (const usable of [live, last]) {
      let busy = false;
      for (const group of this.#groups) {
        const candidates: Server[] = [];
        for (const server of group) {
          if (!usable(server)) continue;
          if (server.hasRoom) candidates.push(server);
          else busy = true;
        }
        if (candidates.length === 1) return candidates[0] as Server;
        if (candidates.length > 1) return this.#choose(candidates, params);
      }
      if (busy) return "busy";
    }
    return "none";
  }

  #wait(params: readonly Pair[], signal: AbortSignal): Promise<Server> {
    const { size, timeout } = this.#queue;
    if (this.#waiting.length >= size) {
      const message = `every server of ${this.#name} is at its maxConnections, and ${size} requests (queue.size) wait`;
      throw new ExchangeError("EXCHANGE_OVERLOADED", message);
    }
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", aborted);
        this.#waiting = this.#waiting.filter((other) => other !== waiter);
      };
      const fail = (error: unknown) => {
        leave();
        reject(error);
      };
      const aborted = () => fail(signal.reason);
      const waiter: Waiter = {
        params,
        fail,
        take(server) {
          leave();
          resolve(server);
        },
      };
      const timer = setTimeout(() => {
        const message = `every server of ${this.#name} stayed at its maxConnections for ${timeout} ms (queue.timeout)`;
        fail(new ExchangeError("EXCHANGE_OVERLOADED", message));
      }, timeout);
      signal.addEventListener("abort", aborted);
      this.#waiting.push(waiter);
    });
  }

  /** Serves those who wait, first come first served. */
  #wake(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const found = this.#pick(first.params, NONE);
      if (found === "busy") return;
      if (found === "none") first.fail(this.#noServer());
      else first.take(this.#begin(found));
    }
  }

  /** What a failure means for the server, as nginx counts it: a 403 or 404 is none, nor is a server that is only busy. */
  #judged(server: Server, { condition, error, status }: Failure): void {
    if (condition === "overloaded" || condition === "http_403" || condition === "http_404") return;
    const reason = error ?? new Error(`status ${status}`);
    if (server.failed(this.#now(), reason)) this.#tellState(server, false, messageOf(reason));
  }

  #succeeded(server: Server): void {
    if (server.succeeded()) this.#tellState(server, true, "it answers again");
  }

  #tellState(server: Server, usable: boolean, why: string): void {
    this.#options.onStateChange?.(server.name, usable, why);
  }

  #noServer(): ExchangeError {
    const now = this.#now();
    const states = this.#servers.map((server) => `${server.name} is ${server.state(now)}`).join(", ");
    return new ExchangeError("EXCHANGE_CONNECT", `no server of ${this.#name} can be used: ${states}`);
  }

  #stopping(): ExchangeError {
    return new ExchangeError("EXCHANGE_STOPPING", `the upstream ${this.#name} was closed`);
  }
}

const NONE: ReadonlySet<Server> = new Set();

function givingUp(attempt: Attempt): (error: unknown) => boolean {
  return (error) => attempt.giveUp(error);
}

function messageOf(error: unknown): string {
  return String((error as { message?: unknown } | undefined)?.message ?? error);
}
