// A pool: children that share one configuration, and the requests that wait for them. This is the rim of src/fpm: the
// one place where the pure parts (process manager, listen queue, scoreboard, child state) meet timers and children.

import { BackOff, STEADY } from "./back-off.ts";
import { Children, KILL_WAIT, type Resident } from "./children.ts";
import { longestIdle, pickIdle } from "./choice.ts";
import { type Cancel, type Clock, systemClock } from "./clock.ts";
import type { PoolConfig } from "./config.ts";
import { ConnectionCounters } from "./connections.ts";
import { PoolError } from "./errors.ts";
import { type Lease, type LeaseEnd, type LeaseOwner, type Outcome, PoolLease } from "./lease.ts";
import { ListenQueue, type Place } from "./listen-queue.ts";
import { type Log, PoolLog, seconds } from "./log.ts";
import {
  type Counts,
  HEARTBEAT,
  INITIAL_MAINTENANCE,
  type MaintenanceState,
  type Plan,
  planDemand,
  planMaintenance,
  planReplacement,
  planStart,
} from "./process-manager.ts";
import type { RequestInfo, RequestStage } from "./request.ts";
import { Scoreboard } from "./scoreboard.ts";
import { type Backtrace, slowlogEntry, type WriteSlowlog } from "./slowlog.ts";
import type { Child, ChildExit, Spawn } from "./spawn.ts";
import { type PoolStatus, poolStatus } from "./status.ts";

/**
 * Where a pool is in its life. `finishing` can be overridden by `terminating`, nothing else goes back, as in php-fpm:
 *
 *   new -> starting -> running -> finishing -> stopped
 *              \          \           \          ^
 *               +----------+-----------+-> terminating
 */
export type PoolState = "new" | "starting" | "running" | "finishing" | "terminating" | "stopped";

/** What a pool can be told beside its configuration. */
export interface PoolOptions {
  /** Default: the platform's. */
  readonly clock?: Clock | undefined;
  /** Default: silent. */
  readonly log?: Log | undefined;
  /** Takes the entries of the slowlog. Default: none are made. */
  readonly slowlog?: WriteSlowlog | undefined;
  /** A child crashed. */
  readonly onCrash?: (() => void) | undefined;
  /** Children that may yet be started, those of other pools counted (php-fpm: `process.max`). Default: any number. */
  readonly room?: (() => number) | undefined;
}

/** How long a slow script may take to come to a point where it can be looked at, in milliseconds. */
const TRACE_WAIT = 1000;

/** A request in the listen queue. */
interface Waiter<Wire> {
  readonly request: RequestInfo;
  readonly resolve: (lease: Lease<Wire>) => void;
  readonly reject: (reason: unknown) => void;
  /** Stops listening for the request's abort. */
  readonly forget: () => void;
}

/**
 * Children, and who gets them.
 *
 * - At most `maxChildren` at a time, those that are ending included. A reload starts as many again beside the old ones:
 *   at most twice `maxChildren` until it is done.
 * - An idle child is chosen by last use, the most recent first: its caches are warm, and in a quiet pool the others stay
 *   idle long enough to be retired. Between equals, the lowest slot.
 * - Who waits is served in order of arrival.
 */
export class Pool<Wire> {
  /** Connections of web servers, told by whoever listens; for the status. */
  readonly connections: ConnectionCounters = new ConnectionCounters();
  #config: PoolConfig;
  readonly #clock: Clock;
  readonly #log: PoolLog;
  readonly #options: PoolOptions;
  readonly #room: () => number;
  readonly #scoreboard: Scoreboard;
  readonly #children: Children<Wire>;
  readonly #queue: ListenQueue<Waiter<Wire>>;
  readonly #leaseOwner: LeaseOwner<Wire>;
  readonly #stopped = Promise.withResolvers<void>();

  #state: PoolState = "new";
  #maintenance: MaintenanceState = INITIAL_MAINTENANCE;
  /** Counts reloads. New children belong to it. */
  #generation = 0;
  /** Children of an earlier generation than this take no further request. */
  #serving = 0;
  #reloading: Promise<void> | undefined;
  #reloadAgain: Promise<void> | undefined;
  #nextConfig: PoolConfig | undefined;

  readonly #backOff = new BackOff();

  #heartbeat: Cancel | undefined;
  #queueTimer: Cancel | undefined;
  #retryTimer: Cancel | undefined;
  #stopTimer: Cancel | undefined;

  constructor(config: PoolConfig, spawn: Spawn<Wire>, options: PoolOptions = {}) {
    this.#config = config;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#log = new PoolLog(options.log ?? (() => {}), config.name);
    this.#room = options.room ?? (() => Number.POSITIVE_INFINITY);
    this.#scoreboard = new Scoreboard(this.#clock.now());
    this.#queue = new ListenQueue({ limit: config.listenBacklog, timeout: config.queueTimeout });
    this.#children = new Children(
      config,
      { spawn, clock: this.#clock, scoreboard: this.#scoreboard, log: this.#log },
      {
        ready: (resident) => this.#onReady(resident),
        startFailed: (_resident, error) => this.#onFailure(error),
        exited: (resident, exit, asked) => this.#onExit(resident, exit, asked),
      },
    );
    this.#leaseOwner = {
      stage: (lease, stage) => this.#onStage(lease, stage),
      release: (lease, outcome) => this.#onRelease(lease, outcome),
      timedOut: (lease) => this.#onTimedOut(lease),
      tooSlow: (lease) => this.#onTooSlow(lease),
    };
  }

  /** The configuration in force: a reload may bring another. */
  get config(): PoolConfig {
    return this.#config;
  }

  get state(): PoolState {
    return this.#state;
  }

  /** Children there are, starting and stopping ones included. */
  get size(): number {
    return this.#children.size;
  }

  /**
   * Starts the first children and waits until each is ready or has failed. Requests may be sent from now on: they wait.
   *
   * @throws {PoolError} `POOL_START_FAILED` when not one came up (the pool is stopped then); `POOL_STOPPING` when it
   *   was stopped meanwhile; `POOL_ALREADY_STARTED`
   */
  async start(): Promise<void> {
    if (this.#state !== "new") throw this.#error("POOL_ALREADY_STARTED", `start() while ${this.#state}`);
    this.#state = "starting";
    const planned = planStart(this.config);
    const count = planned > 0 ? Math.min(planned, this.#room()) : 0;
    const first = Array.from({ length: count }, () => this.#children.spawn(this.#generation));
    const errors = (await Promise.all(first.map((resident) => resident.started))).filter((e) => e !== undefined);
    if (this.#state !== "starting") throw this.#error("POOL_STOPPING", "stopped before it had started");

    const [error] = errors;
    if (error !== undefined && errors.length === first.length) {
      await this.terminate();
      const message = `none of ${first.length} children could be started: ${error.message}`;
      throw this.#error("POOL_START_FAILED", message, error);
    }
    this.#state = "running";
    this.#settle(errors.length);
  }

  /**
   * Lends a child to a request; waits in the listen queue when none is idle. A lease that was granted must be released,
   * also when `signal` aborted in the meantime.
   *
   * @throws {PoolError} `POOL_QUEUE_FULL`, `POOL_QUEUE_TIMEOUT`, `POOL_STOPPING`, `POOL_NOT_STARTED`
   * @throws `signal.reason` when it aborts while waiting
   */
  acquire(request: RequestInfo, signal: AbortSignal): Promise<Lease<Wire>> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      if (this.#state === "new") throw this.#error("POOL_NOT_STARTED", "a request came before start()");
      if (this.#state !== "starting" && this.#state !== "running") throw this.#stoppingError();

      const idle = this.#queue.length === 0 ? pickIdle(this.#children) : undefined;
      if (idle !== undefined) {
        resolve(this.#take(idle, request));
        return;
      }
      const abort = () => {
        this.#queue.cancel(place);
        reject(signal.reason);
        this.#settle();
      };
      const forget = () => signal.removeEventListener("abort", abort);
      const place = this.#enter({ request, resolve, reject, forget });
      signal.addEventListener("abort", abort, { once: true });
      this.#settle();
    });
  }

  /** What the status page shows: the counters of the pool, and a row for each child. */
  status(): PoolStatus {
    return poolStatus(this.config, this.#scoreboard, this.#queue, this.connections.counts, this.#clock.now());
  }

  /**
   * Graceful stop: takes no new requests, serves those that wait, lets those that run end, then stops the children.
   * After `processControlTimeout` it is as `terminate()`. Safe to call twice.
   */
  finish(): Promise<void> {
    if (this.#state === "new") this.#setStopped();
    if (this.#state === "starting" || this.#state === "running") {
      this.#state = "finishing";
      this.#stopTimer = this.#clock.after(this.config.processControlTimeout, () => void this.terminate());
      this.#settle();
    }
    return this.#stopped.promise;
  }

  /** Stops at once: refuses those that wait, kills the children. Safe to call twice, and during `finish()`. */
  terminate(): Promise<void> {
    if (this.#state === "new") this.#setStopped();
    if (this.#state !== "terminating" && this.#state !== "stopped") {
      this.#state = "terminating";
      this.#stopTimer?.();
      for (const waiter of this.#queue.clear()) this.#turnAway(waiter, this.#stoppingError());
      for (const resident of this.#children) this.#kill(resident, "killed", "the pool was terminated");
      // Every wait ends: a child that cannot be killed is reported by Children, and not waited for.
      this.#stopTimer = this.#clock.after(KILL_WAIT, () => this.#setStopped());
      this.#settle();
    }
    return this.#stopped.promise;
  }

  /**
   * New children take over, old ones finish what they do; no request is lost unless it runs on for more than
   * `processControlTimeout` after the new ones are ready. Settles when the old ones are gone. A reload during a reload
   * is done after it, once.
   *
   * @param config for the new children and from now on; the name stays. Default: as before
   * @throws {PoolError} `POOL_RELOAD_FAILED` when no new child came up: the old ones go on, with the old
   *   configuration; `POOL_STOPPING`
   */
  reload(config?: PoolConfig): Promise<void> {
    if (config !== undefined) this.#nextConfig = config;
    if (this.#reloading === undefined) {
      this.#reloading = this.#reload().finally(() => {
        this.#reloading = undefined;
      });
      return this.#reloading;
    }
    this.#reloadAgain ??= this.#reloading
      .catch(() => {})
      .then(() => {
        this.#reloadAgain = undefined;
        return this.reload();
      });
    return this.#reloadAgain;
  }

  /**
   * Another configuration for the children that there are, at once: too many are let go (busy ones after their request),
   * missing ones of a static pool are started; limits count from the next request on. php-fpm cannot do this: it reloads.
   *
   * @param config the name stays
   */
  configure(config: PoolConfig): void {
    this.#configure({ ...config, name: this.#config.name });
    if (this.#state !== "running") return;
    this.#maintenance = INITIAL_MAINTENANCE;
    for (let surplus = this.#surplus(); surplus > 0; surplus--) {
      const idle = longestIdle(this.#children);
      if (idle === undefined) break;
      idle.surplus = true;
      this.#children.stop(idle);
    }
    const { pm, maxChildren } = this.config;
    if (pm === "static" && this.#generation === this.#serving) this.#spawn(maxChildren - this.#counts().running);
    this.#settle();
  }

  /** Children above `maxChildren` that were not told to end yet. */
  #surplus(): number {
    let staying = 0;
    for (const { slot } of this.#children) {
      if (slot.generation === this.#generation && slot.state !== "stopping") staying += 1;
    }
    return staying - this.#config.maxChildren;
  }

  /** Kills a child, in the middle of a request if need be; it is replaced. False when there is no such child. */
  kill(pid: number): boolean {
    for (const resident of this.#children) {
      if (resident.child.pid !== pid) continue;
      this.#kill(resident, "killed", `child ${pid} was killed`);
      return true;
    }
    return false;
  }

  // ---- children come and go

  #onReady(resident: Resident<Wire>): void {
    // A reload hands over child by child: one new one is ready, so one old one may go.
    if (resident.slot.generation > this.#serving) {
      const old = longestIdle(this.#children, (other) => other.slot.generation <= this.#serving);
      if (old !== undefined) this.#children.stop(old);
    }
    if (this.#state === "running" && this.#surplus() > 0) {
      resident.surplus = true;
      this.#children.stop(resident);
    }
    this.#settle();
  }

  /** A child was of no use: it could not start, or died idle. The next one waits a little longer each time. */
  #onFailure(error: Error): void {
    const pause = this.#backOff.failed(error, this.#clock.now());
    this.#retryTimer?.();
    this.#retryTimer = undefined;
    if (this.#state === "terminating" || this.#state === "stopped") return;
    this.#retryTimer = this.#clock.after(pause, () => {
      this.#retryTimer = undefined;
      this.#settle(1);
    });
  }

  #onExit(resident: Resident<Wire>, exit: ChildExit, asked: boolean): void {
    const { pid } = resident.slot;
    const lease = resident.lease;
    resident.lease = undefined;
    // A crash at work is replaced at once: it comes from a request, and pausing would let one bad page stop a pool.
    if (exit.reason === "crashed" && !asked) this.#options.onCrash?.();
    const why = exit.message === undefined ? exit.reason : `${exit.reason}: ${exit.message}`;
    const reason = exit.reason === "killed" ? "killed" : "crashed";
    lease?.end({ reason, message: `child ${pid} died during the request (${why})` });
    if (lease === undefined && !asked) {
      if (this.#clock.now() - resident.slot.startedAt > STEADY) this.#backOff.reset();
      this.#onFailure(new Error(`child ${pid} died while idle (${why})`));
    }
    // Old ones that leave after a reload have their successors already.
    this.#settle(resident.surplus || resident.slot.generation !== this.#generation ? 0 : 1);
  }

  #kill(resident: Resident<Wire>, reason: LeaseEnd["reason"], message: string): void {
    const lease = resident.lease;
    resident.lease = undefined;
    // The lease first: who holds it learns why before the wire breaks.
    lease?.end({ reason, message });
    this.#children.kill(resident);
  }

  // ---- leases

  #take(resident: Resident<Wire>, request: RequestInfo): Lease<Wire> {
    this.#scoreboard.take(resident.slot, request, this.#clock.now());
    const lease = new PoolLease<Wire>(resident, request, this.#leaseOwner, { clock: this.#clock, config: this.config });
    resident.lease = lease;
    return lease;
  }

  #holder(lease: PoolLease<Wire>): Resident<Wire> | undefined {
    for (const resident of this.#children) if (resident.lease === lease) return resident;
    return undefined;
  }

  #onStage(lease: PoolLease<Wire>, stage: RequestStage): void {
    const resident = this.#holder(lease);
    if (resident !== undefined) this.#scoreboard.stage(resident.slot, stage, this.#clock.now());
  }

  #onRelease(lease: PoolLease<Wire>, outcome: Outcome): void {
    const resident = this.#holder(lease);
    if (resident === undefined) return;
    resident.lease = undefined;
    this.#backOff.reset();
    const { slot } = resident;
    this.#scoreboard.release(slot, outcome.memory, this.#clock.now());
    const worn = this.config.maxRequests > 0 && slot.requests >= this.config.maxRequests;
    const surplus = slot.generation === this.#generation && this.#surplus() > 0;
    if (surplus) resident.surplus = true;
    if (worn || surplus || outcome.retire === true || slot.generation < this.#serving) this.#children.stop(resident);
    this.#settle();
  }

  #onTimedOut(lease: PoolLease<Wire>): void {
    const resident = this.#holder(lease);
    if (resident === undefined) return;
    const duration = this.#clock.now() - resident.slot.acceptedAt;
    this.#log.timedOut(resident.slot.pid, lease.request, duration);
    this.#kill(
      resident,
      "terminate-timeout",
      `the request ran for ${seconds(duration)} seconds; request_terminate_timeout is ${seconds(this.config.requestTerminateTimeout)}`,
    );
  }

  #onTooSlow(lease: PoolLease<Wire>): void {
    const resident = this.#holder(lease);
    if (resident === undefined) return;
    this.#scoreboard.countSlowRequest();
    this.#log.tooSlow(resident.slot.pid, lease.request, this.#clock.now() - resident.slot.acceptedAt);
    if (this.#options.slowlog !== undefined) void this.#writeSlow(resident.child, lease, this.#options.slowlog);
  }

  async #writeSlow(child: Child<Wire>, lease: PoolLease<Wire>, write: WriteSlowlog): Promise<void> {
    const { pid } = child;
    const stop = new AbortController();
    let backtrace: Backtrace | undefined;
    if (child.trace !== undefined) {
      const traced = child.trace(stop.signal).then(
        (seen) => {
          backtrace = seen;
        },
        () => {},
      );
      await this.#within(TRACE_WAIT, Promise.race([traced, lease.ended]));
      stop.abort();
    }
    const slow = { pool: this.config.name, pid, script: lease.request.script, backtrace };
    write(slowlogEntry(slow, this.#clock.now(), this.config.requestSlowlogTraceDepth));
  }

  // ---- the listen queue

  #enter(waiter: Waiter<Wire>): Place<Waiter<Wire>> {
    const place = this.#queue.push(waiter, this.#clock.now());
    if (place !== undefined) return place;
    throw this.#error("POOL_QUEUE_FULL", `${this.#queue.length} requests wait already; listen.backlog allows no more`);
  }

  #turnAway(waiter: Waiter<Wire>, error: PoolError): void {
    waiter.forget();
    waiter.reject(error);
  }

  /** Serves those that wait, first come first served. */
  #dispatch(): void {
    while (this.#queue.length > 0) {
      const idle = pickIdle(this.#children);
      const waiter = idle && this.#queue.shift(this.#clock.now());
      if (waiter === undefined) return;
      waiter.forget();
      waiter.resolve(this.#take(idle as Resident<Wire>, waiter.request));
    }
  }

  #expireQueue(): void {
    this.#queueTimer = undefined;
    for (const waiter of this.#queue.expire(this.#clock.now())) {
      const wait = `no child became free in ${seconds(this.config.queueTimeout)} seconds`;
      const { active, idle, total } = this.#scoreboard.totals();
      const why =
        this.#backOff.cause !== undefined && active + idle === 0
          ? `children cannot be started: ${this.#backOff.cause.message}`
          : `${active} of ${total} children are busy, pm.max_children is ${this.config.maxChildren}`;
      this.#turnAway(waiter, this.#error("POOL_QUEUE_TIMEOUT", `${wait} (${why})`, this.#backOff.cause));
    }
    this.#settle();
  }

  #armQueueTimer(): void {
    const deadline = this.#queue.nextDeadline;
    if (deadline === undefined) {
      this.#queueTimer?.();
      this.#queueTimer = undefined;
    } else if (this.#queueTimer === undefined) {
      // It may fire early for a queue whose head has changed; it is then set anew.
      const delay = Math.max(1, deadline - this.#clock.now());
      this.#queueTimer = this.#clock.after(delay, () => this.#expireQueue());
    }
  }

  // ---- the process manager's plans, carried out

  /** After anything has changed. `lost`: children to be replaced one for one. */
  #settle(lost = 0): void {
    this.#dispatch();
    if (this.#state === "running") {
      this.#replenish(lost);
      this.#armHeartbeat();
    } else if (this.#state === "finishing") {
      this.#windDown();
    }
    if ((this.#state === "finishing" || this.#state === "terminating") && this.#children.size === 0) {
      if (this.#queue.length === 0) this.#setStopped();
    }
    this.#armQueueTimer();
  }

  #replenish(lost: number): void {
    if (this.config.pm === "ondemand") this.#carryOut(this.#planDemand());
    // In the first half of a reload the new children are being started anyway; their failures are the reload's.
    else if (this.#generation === this.#serving) this.#spawn(planReplacement(lost, this.#counts(), this.config));
  }

  /** Finishing: children for the queue and not one more; without a queue, none. */
  #windDown(): void {
    if (this.#queue.length > 0) {
      this.#carryOut(this.#planDemand());
      return;
    }
    for (const resident of this.#children) {
      if (resident.slot.state === "idle" || resident.slot.state === "starting") this.#children.stop(resident);
    }
  }

  #planDemand(): Plan {
    return planDemand(this.#queue.length, this.#counts(), this.#maintenance, this.config);
  }

  #maintain(): void {
    this.#heartbeat = undefined;
    if (this.#state === "running" && this.#generation === this.#serving) {
      const idle = longestIdle(this.#children);
      const idleFor = idle === undefined ? undefined : this.#clock.now() - idle.slot.changedAt;
      this.#carryOut(planMaintenance(this.#counts(), idleFor, this.#maintenance, this.config));
    }
    this.#settle();
  }

  #armHeartbeat(): void {
    // An ondemand pool without children is left in peace: nothing ticks where nothing lives.
    const needed = this.config.pm === "dynamic" || (this.config.pm === "ondemand" && this.#children.size > 0);
    if (needed) this.#heartbeat ??= this.#clock.after(HEARTBEAT, () => this.#maintain());
  }

  #carryOut(plan: Plan): void {
    const { running, idle } = this.#counts();
    this.#maintenance = { spawnRate: plan.spawnRate, warned: plan.warned };
    if (plan.maxChildrenReached) {
      this.#scoreboard.countMaxChildrenReached();
      this.#log.maxChildrenReached(this.config.maxChildren);
    }
    if (plan.seemsBusy) this.#log.seemsBusy(plan.spawn, idle, running);
    for (let count = 0; count < plan.retire; count++) {
      const resident = longestIdle(this.#children);
      if (resident === undefined) break;
      resident.surplus = true;
      this.#children.stop(resident);
    }
    this.#spawn(plan.spawn);
  }

  #spawn(wanted: number): void {
    const room = wanted > 0 ? this.#room() : 0;
    const count = this.#backOff.allow(Math.min(wanted, room), this.#counts().starting, this.#clock.now());
    for (let started = 0; started < count; started++) this.#children.spawn(this.#generation);
  }

  /** The children that count for the plans: those of the present generation. */
  #counts(): Counts {
    const { total, starting, idle } = this.#scoreboard.totals(this.#generation);
    return { running: total, starting, idle };
  }

  // ---- reload and stop

  async #reload(): Promise<void> {
    if (this.#state !== "running") throw this.#stoppingError();
    const old = [...this.#children];
    const before = this.#generation;
    const configBefore = this.#config;
    this.#configure({ ...(this.#nextConfig ?? this.#config), name: this.#config.name });
    this.#nextConfig = undefined;
    const count = this.config.pm === "dynamic" ? this.#reloadCount(old.length) : planStart(this.config);
    this.#generation += 1;
    const fresh = Array.from({ length: count }, () => this.#children.spawn(this.#generation));
    const errors = (await Promise.all(fresh.map((resident) => resident.started))).filter((e) => e !== undefined);
    if (this.#state !== "running") throw this.#stoppingError();

    const [error] = errors;
    if (error !== undefined && errors.length === fresh.length) {
      this.#generation = before;
      this.#configure(configBefore);
      this.#settle(1);
      const message = `none of ${fresh.length} new children could be started, the old ones go on: ${error.message}`;
      throw this.#error("POOL_RELOAD_FAILED", message, error);
    }
    this.#serving = this.#generation;
    for (const resident of old) if (resident.slot.state !== "busy") this.#children.stop(resident);
    this.#settle(errors.length);

    const gone = Promise.all(old.map((resident) => resident.gone));
    if (await this.#within(this.config.processControlTimeout, gone)) return;
    for (const resident of old)
      this.#kill(resident, "killed", "the request outlasted a reload (process_control_timeout)");
    await this.#within(KILL_WAIT, gone);
  }

  #configure(config: PoolConfig): void {
    this.#config = config;
    this.#children.configure(config);
    this.#queue.configure({ limit: config.listenBacklog, timeout: config.queueTimeout });
  }

  /** As many new children as there are, between start_servers and max_children: the pool keeps its strength. */
  #reloadCount(present: number): number {
    return Math.min(Math.max(present, this.config.startServers), this.config.maxChildren);
  }

  /** Whether `promise` settled within `delay` milliseconds. */
  #within(delay: number, promise: Promise<unknown>): Promise<boolean> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(delay, () => resolve(false));
      void promise.then(() => {
        cancel();
        resolve(true);
      });
    });
  }

  #setStopped(): void {
    this.#state = "stopped";
    for (const cancel of [this.#heartbeat, this.#queueTimer, this.#retryTimer, this.#stopTimer]) cancel?.();
    this.#stopped.resolve();
  }

  #stoppingError(): PoolError {
    return this.#error("POOL_STOPPING", `takes no requests: it is ${this.#state}`, this.#backOff.cause);
  }

  #error(code: PoolError["code"], message: string, cause?: Error): PoolError {
    const options = cause === undefined ? undefined : { cause };
    return new PoolError(code, `[pool ${this.config.name}] ${message}`, options);
  }
}
