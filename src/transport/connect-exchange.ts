// Exchanges with an application elsewhere, such as a php-fpm: a connection a request, a few kept ones, or shared ones.

import { type Exchange, ExchangeError } from "./exchange.ts";
import { isRepeatable, watchBody } from "./repeat.ts";
import type { Connect } from "./transport.ts";
import { WebServerLink } from "./web-server-link.ts";

/** Options of `connectExchange`. Times in milliseconds; 0: none. */
export interface ConnectExchangeOptions {
  /**
   * Idle connections that are kept for later requests; default 0: a connection a request. Each kept one pins a child of
   * a php-fpm, so stay below its `pm.max_children`, all gateways together.
   */
  readonly maxIdle?: number;
  /** Asks for the connection to stay open after the answer. Default: whether `maxIdle` is more than 0. */
  readonly keepConnection?: boolean;
  /** How long a connection is kept idle. Default 60 s, as nginx's `keepalive_timeout`. */
  readonly idleTimeout?: number;
  /** Connections at the same time; further requests wait, first come first served. Default: no bound. */
  readonly maxConnections?: number;
  /** Requests that may wait under `maxConnections`; one more fails at once. Default: no bound but `connectTimeout`. */
  readonly maxWaiting?: number;
  /** Connecting, and waiting for a connection under `maxConnections`, each. Default 10 s. */
  readonly connectTimeout?: number;
  /**
   * How long the application may leave what was sent of a request unread. Default 60 s, as nginx's
   * `fastcgi_send_timeout`.
   */
  readonly sendTimeout?: number;
  /** Silence of the application while it owes an answer. Default 60 s, as nginx's `fastcgi_read_timeout`. */
  readonly readTimeout?: number;
  /** The application heeds ABORT_REQUEST, as ours does; php-fpm does not. Default false: its connection is closed. */
  readonly heedsAbort?: boolean;
  /**
   * Requests that share a connection, asked before each request; only for an application that takes several at a time
   * and heeds ABORT_REQUEST. A sink that takes nothing holds back all that share its connection; others avoid it.
   * Default 1.
   */
  readonly requestsPerConnection?: () => number;
}

/** What an exchange has open. */
export interface ConnectionCounts {
  readonly busy: number;
  readonly idle: number;
  /** Requests that wait under `maxConnections`. */
  readonly waiting: number;
}

/** An exchange with connections of its own. */
export interface ConnectedExchange {
  /** Runs one request. See `Exchange`. */
  (...call: Parameters<Exchange>): ReturnType<Exchange>;
  /** Connections: in use, and kept for later requests; and requests that wait for one. */
  counts(): ConnectionCounts;
  /** Closes idle connections and keeps none from now on; requests that run go on. Safe to call twice. */
  close(): void;
}

/**
 * Ids on a kept connection are given in turn, so that a record which comes too late for one request has not the id of
 * the next. Few, because applications may keep an array of them (FastCGI 1.0, section 3.3).
 */
const IDS = 32;

/**
 * How long a fresh connection may go unanswered, in milliseconds, before idle ones are let go: it may wait in the
 * backlog for a child that an idle one pins. Longer than most scripts take, shorter than anybody waits.
 */
const STARVING = 100;

/**
 * Most kept connections let go of in each `STARVING` milliseconds. Of a php-fpm each frees a child, which takes a fresh one at
 * once; an application that is only slow to accept must not lose them all for nothing.
 */
const LET_GO = 16;

/**
 * Runs each request on a connection of its own, fresh or kept.
 *
 * A kept connection may have been closed by the application just when it is used again. So a request that fails on one
 * before a byte of answer came is sent once more, on a fresh connection; but not when a part of a streamed body is gone,
 * nor with a method such as POST, whose first sending may have had its effect.
 *
 * A kept connection on which the application sent anything that nobody asked for is used no more. While fresh
 * connections go unanswered for long, kept ones are let go, a few at a time: in a php-fpm those may wait for the
 * children that these pin.
 *
 * Fails with EXCHANGE_CONNECT, EXCHANGE_TIMEOUT (connecting, sending or reading), EXCHANGE_OVERLOADED (no connection
 * within `maxConnections` became free in time, or `maxWaiting` wait already), EXCHANGE_BROKEN and EXCHANGE_PROTOCOL.
 */
export function connectExchange(connect: Connect, options: ConnectExchangeOptions = {}): ConnectedExchange {
  const connections = new Connections(connect, options);
  return Object.assign(connections.exchange, {
    counts: () => connections.counts(),
    close: () => connections.close(),
  });
}

interface IdleLink {
  readonly link: WebServerLink;
  /** When it has been idle for long enough, by `performance.now()`. */
  readonly until: number;
  /** `link.received` when it became idle: an application has nothing to say until the next request. */
  readonly received: number;
}

/** A connection in use, from the moment when it is wanted. */
interface Lane {
  /** Requests may join: the application takes several. */
  readonly shared: boolean;
  requests: number;
  /** Once it is open. */
  link: WebServerLink | undefined;
  /** Until then: how it is opened, and how that is given up. */
  readonly opening: { readonly link: Promise<WebServerLink>; readonly cancel: AbortController } | undefined;
}

interface Waiter {
  /** Called with a connection on which a seat was taken, or without one: there is a place for another connection. */
  readonly go: (lane: Lane | undefined) => void;
}

class Connections {
  readonly #connect: Connect;
  readonly #options: Required<ConnectExchangeOptions>;
  #idle: IdleLink[] = [];
  #busy = 0;
  /** Connections that have not had a byte of answer, and since when. */
  readonly #unanswered = new Map<WebServerLink, number>();
  #starving: ReturnType<typeof setTimeout> | undefined;
  /** Kept connections let go of for others that starve, since the time beside. */
  #letGo = 0;
  #letGoSince = Number.NEGATIVE_INFINITY;
  /** One for all idle connections: it looks which of them have been idle for long enough. */
  #idleTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #lanes = new Set<Lane>();
  readonly #shareable = new WeakSet<WebServerLink>();
  #waiters: Waiter[] = [];
  #closed = false;

  constructor(connect: Connect, options: ConnectExchangeOptions) {
    this.#connect = connect;
    this.#options = {
      maxIdle: 0,
      keepConnection: (options.maxIdle ?? 0) > 0,
      idleTimeout: 60_000,
      maxConnections: Number.POSITIVE_INFINITY,
      maxWaiting: Number.POSITIVE_INFINITY,
      connectTimeout: 10_000,
      sendTimeout: 60_000,
      readTimeout: 60_000,
      heedsAbort: false,
      requestsPerConnection: () => 1,
      ...options,
    };
  }

  counts(): ConnectionCounts {
    return { busy: this.#busy, idle: this.#idle.length, waiting: this.#waiters.length };
  }

  close(): void {
    this.#closed = true;
    this.#dropIdle();
  }

  #dropIdle(): void {
    clearTimeout(this.#starving);
    clearTimeout(this.#idleTimer);
    this.#starving = undefined;
    this.#idleTimer = undefined;
    for (const { link } of this.#idle.splice(0)) link.close();
  }

  readonly exchange: Exchange = async (request, sink, signal) => {
    signal.throwIfAborted();
    let joined = this.#join();
    if (joined === undefined) {
      // At once when there is a place: the next request shall find this one's connection.
      if (this.#busy < this.#options.maxConnections) this.#busy += 1;
      else joined = await this.#waitForRoom(signal);
    }
    const kept = joined === undefined ? this.#takeIdle() : undefined;
    let lane = joined ?? this.#newLane(kept);
    try {
      const link = lane.link ?? (await this.#openedBy(lane, signal));
      sink.connected?.();
      const before = link.received;
      const once = watchBody(request);
      try {
        return await link.exchange(once.request, sink, signal);
      } catch (error) {
        const reused = kept !== undefined || joined !== undefined;
        const stale = reused && (error as ExchangeError).code === "EXCHANGE_BROKEN" && link.received === before;
        if (!stale || once.touched() || !isRepeatable(request)) throw error;
      }
      // The place is kept: the next connection takes it.
      lane.requests -= 1;
      if (lane.requests === 0) this.#lanes.delete(lane);
      else this.#busy += 1;
      lane = this.#newLane();
      const fresh = await this.#openedBy(lane, signal);
      sink.connected?.();
      return await fresh.exchange(request, sink, signal);
    } finally {
      this.#leave(lane);
    }
  };

  /** @returns a connection to join, or undefined: there is a place for another connection */
  #waitForRoom(signal: AbortSignal): Promise<Lane | undefined> {
    const { maxConnections, maxWaiting, connectTimeout } = this.#options;
    if (this.#waiters.length >= maxWaiting) {
      const message = `all ${maxConnections} connections (maxConnections) are busy, and ${maxWaiting} requests (maxWaiting) wait for one`;
      throw new ExchangeError("EXCHANGE_OVERLOADED", message);
    }
    const late = () =>
      new ExchangeError(
        "EXCHANGE_OVERLOADED",
        `all ${maxConnections} connections (maxConnections) stayed busy for ${connectTimeout} ms`,
      );
    // Whoever left has handed over its place, or a seat: it is counted already.
    return within<Lane | undefined>(connectTimeout, late, signal, (done) => {
      const waiter: Waiter = { go: done };
      this.#waiters.push(waiter);
      return () => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
      };
    });
  }

  #leave(lane: Lane): void {
    lane.requests -= 1;
    if (lane.requests > 0) {
      const next = this.#hasRoom(lane) ? this.#waiters.shift() : undefined;
      if (next !== undefined) lane.requests += 1;
      next?.go(lane);
      return;
    }
    this.#lanes.delete(lane);
    if (lane.link === undefined) lane.opening?.cancel.abort();
    const next = this.#waiters.shift();
    if (next === undefined) this.#busy -= 1;
    if (lane.link !== undefined) {
      this.#unanswered.delete(lane.link);
      this.#keep(lane.link);
    }
    next?.go(undefined);
  }

  /** Takes a seat on a connection in use. */
  #join(): Lane | undefined {
    if (this.#options.requestsPerConnection() <= 1) return undefined;
    for (const lane of this.#lanes) {
      if (!this.#hasRoom(lane)) continue;
      lane.requests += 1;
      return lane;
    }
    return undefined;
  }

  #hasRoom(lane: Lane): boolean {
    if (!lane.shared || lane.requests >= this.#options.requestsPerConnection()) return false;
    return lane.link === undefined || (lane.link.usable && !lane.link.held && lane.link.strays === 0);
  }

  /** A connection for one request so far. @param kept an open one; without it, another is opened */
  #newLane(kept?: WebServerLink): Lane {
    // A connection opened before sharing was allowed ends with a request that is aborted: it is not shared.
    const shared = kept === undefined ? this.#options.requestsPerConnection() > 1 : this.#shareable.has(kept);
    if (kept !== undefined) {
      const lane: Lane = { shared, requests: 1, link: kept, opening: undefined };
      this.#lanes.add(lane);
      return lane;
    }
    const cancel = new AbortController();
    const opening = { link: this.#open(cancel.signal, shared), cancel };
    const lane: Lane = { shared, requests: 1, link: undefined, opening };
    opening.link.then(
      (link) => {
        lane.link = link;
        if (shared) this.#shareable.add(link);
        if (lane.requests === 0) link.close();
      },
      () => this.#lanes.delete(lane),
    );
    this.#lanes.add(lane);
    return lane;
  }

  #openedBy({ link, opening }: Lane, signal: AbortSignal): WebServerLink | Promise<WebServerLink> {
    return opening === undefined ? (link as WebServerLink) : orAborted(opening.link, signal);
  }

  #takeIdle(): WebServerLink | undefined {
    for (;;) {
      // The last one used is the least likely to have been closed meanwhile.
      const kept = this.#idle.pop();
      if (kept === undefined) return undefined;
      if (!kept.link.usable) continue;
      if (kept.link.received === kept.received) return kept.link;
      kept.link.close();
    }
  }

  #keep(link: WebServerLink): void {
    if (!link.usable) return;
    const sound = link.active === 0 && link.strays === 0;
    const starves = this.#starves();
    if (starves) this.#letGo += 1;
    if (this.#closed || !sound || this.#idle.length >= this.#options.maxIdle || starves) {
      link.close();
      return;
    }
    const { idleTimeout } = this.#options;
    const until = idleTimeout > 0 ? performance.now() + idleTimeout : Number.POSITIVE_INFINITY;
    this.#idle.push({ link, until, received: link.received });
    if (idleTimeout > 0 && this.#idleTimer === undefined) this.#watchIdle(idleTimeout);
    this.#watchUnanswered();
  }

  /** Lets go of those that have been idle for long enough, and looks again when the next one will have been. */
  #watchIdle(milliseconds: number): void {
    this.#idleTimer = setTimeout(() => {
      this.#idleTimer = undefined;
      const now = performance.now();
      const over = this.#idle.filter(({ until }) => until - now < 1);
      if (over.length > 0) this.#idle = this.#idle.filter((entry) => !over.includes(entry));
      for (const { link } of over) link.close();
      const next = this.#idle.reduce((least, { until }) => Math.min(least, until), Number.POSITIVE_INFINITY);
      if (next !== Number.POSITIVE_INFINITY) this.#watchIdle(Math.max(1, next - now));
    }, milliseconds);
    (this.#idleTimer as { unref?: () => void }).unref?.();
  }

  /** As many as fresh ones wait, those that have been idle for longest. */
  #letIdleGo(): void {
    const count = Math.min(this.#unanswered.size, LET_GO - this.#letGo);
    for (const { link } of this.#idle.splice(0, count)) {
      this.#letGo += 1;
      link.close();
    }
  }

  /** Whether a fresh connection has gone unanswered for too long, and another kept one may be let go of for it. */
  #starves(): boolean {
    const oldest = this.#oldestUnanswered();
    if (oldest === undefined) return false;
    const now = performance.now();
    if (now - oldest < STARVING) return false;
    if (now - this.#letGoSince >= STARVING) {
      this.#letGo = 0;
      this.#letGoSince = now;
    }
    return this.#letGo < LET_GO;
  }

  #oldestUnanswered(): number | undefined {
    for (const [link, since] of this.#unanswered) {
      if (link.received === 0) return since;
      this.#unanswered.delete(link);
    }
    return undefined;
  }

  /** While connections are idle and others unanswered: looks again when the oldest of those has waited too long. */
  #watchUnanswered(): void {
    if (this.#starving !== undefined || this.#idle.length === 0) return;
    const oldest = this.#oldestUnanswered();
    if (oldest === undefined) return;
    this.#starving = setTimeout(
      () => {
        this.#starving = undefined;
        if (this.#starves()) this.#letIdleGo();
        this.#watchUnanswered();
      },
      // Again and again while that one waits.
      Math.max(STARVING / 2, oldest + STARVING - performance.now()),
    );
    (this.#starving as { unref?: () => void }).unref?.();
  }

  async #open(signal: AbortSignal, shared: boolean): Promise<WebServerLink> {
    const { keepConnection, connectTimeout, sendTimeout, readTimeout, heedsAbort } = this.#options;
    const attempt = new AbortController();
    const late = () => {
      const message = `no connection to the application within ${connectTimeout} ms`;
      return new ExchangeError("EXCHANGE_TIMEOUT", message, { sent: false });
    };
    const transport = await within<Awaited<ReturnType<Connect>>>(connectTimeout, late, signal, (done, fail) => {
      this.#connect(attempt.signal).then((opened) => {
        if (attempt.signal.aborted) opened.close();
        else done(opened);
      }, fail);
      return () => attempt.abort();
    });
    const link = new WebServerLink(transport, {
      keepConnection: keepConnection || shared,
      abortByClosing: !(heedsAbort || shared),
      sendTimeout,
      readTimeout,
      spreadIds: IDS,
    });
    // Closed by the application while it is idle: it counts no longer. Once a connection, not each time it is kept.
    void link.closed.then(() => {
      this.#idle = this.#idle.filter((entry) => entry.link !== link);
    });
    if (this.#options.maxIdle > 0) this.#unanswered.set(link, performance.now());
    this.#watchUnanswered();
    return link;
  }
}

/** Waits for `start` to call `done`, until the time is over or `signal` aborts: `cancel` undoes the start then. */
function within<T = void>(
  milliseconds: number,
  late: () => Error,
  signal: AbortSignal,
  start: (done: (value: T) => void, fail: (error: unknown) => void) => () => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let cancel = () => {};
    const stop = (error: unknown) => {
      leave();
      cancel();
      reject(error);
    };
    const aborted = () => stop(signal.reason);
    const timer = milliseconds > 0 ? setTimeout(() => stop(late()), milliseconds) : undefined;
    const leave = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", aborted);
    };
    signal.addEventListener("abort", aborted);
    cancel = start(
      (value) => {
        leave();
        resolve(value);
      },
      (error) => {
        leave();
        reject(error);
      },
    );
  });
}

/** Waits for a promise that others wait for too, but no longer than `signal` allows. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return within<T>(
    0,
    () => new Error(),
    signal,
    (done, fail) => {
      promise.then(done, fail);
      return () => {};
    },
  );
}
