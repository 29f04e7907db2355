// The children of one pool: started, asked to end, killed, buried. It keeps their rows in the scoreboard and their
// timers; what to do about a child that is ready or gone is the pool's to decide (php-fpm: fpm_children.c).

import type { Cancel, Clock } from "./clock.ts";
import type { PoolConfig } from "./config.ts";
import type { PoolLease } from "./lease.ts";
import { type PoolLog, seconds } from "./log.ts";
import type { Scoreboard, Slot } from "./scoreboard.ts";
import type { Child, ChildExit, Spawn } from "./spawn.ts";

/** How long a killed child may take to be gone before it is reported, in milliseconds. A thread takes 6 to 9. */
export const KILL_WAIT = 5000;

/** A child, and what the pool knows of it. */
export interface Resident<Wire> {
  readonly child: Child<Wire>;
  readonly slot: Slot;
  /** Settles with undefined once it is ready, with the reason when it will never be. Does not reject. */
  readonly started: Promise<Error | undefined>;
  /** Settles when it is gone. Does not reject. */
  readonly gone: Promise<void>;
  /** The request it works on. */
  lease: PoolLease<Wire> | undefined;
  /** Asked to end because there are too many: it is not replaced (php-fpm: `idle_kill`). */
  surplus: boolean;
}

/** What the pool is told. */
export interface ChildrenEvents<Wire> {
  ready(resident: Resident<Wire>): void;
  /** It could not start; it is being killed, or gone already. */
  startFailed(resident: Resident<Wire>, error: Error): void;
  /** It is gone. `asked`: it was told to end, or killed by us. */
  exited(resident: Resident<Wire>, exit: ChildExit, asked: boolean): void;
}

interface Entry<Wire> extends Resident<Wire> {
  readonly settleStarted: (error: Error | undefined) => void;
  /** The start timeout while starting; the wait for its end while stopping. */
  timer: Cancel;
}

export class Children<Wire> implements Iterable<Resident<Wire>> {
  #config: PoolConfig;
  readonly #spawn: Spawn<Wire>;
  readonly #clock: Clock;
  readonly #scoreboard: Scoreboard;
  readonly #log: PoolLog;
  readonly #events: ChildrenEvents<Wire>;
  readonly #entries = new Set<Entry<Wire>>();

  constructor(
    config: PoolConfig,
    tools: { spawn: Spawn<Wire>; clock: Clock; scoreboard: Scoreboard; log: PoolLog },
    events: ChildrenEvents<Wire>,
  ) {
    this.#config = config;
    this.#spawn = tools.spawn;
    this.#clock = tools.clock;
    this.#scoreboard = tools.scoreboard;
    this.#log = tools.log;
    this.#events = events;
  }

  /** For children started from now on, and for how long those that are there may take to end. */
  configure(config: PoolConfig): void {
    this.#config = config;
  }

  get size(): number {
    return this.#entries.size;
  }

  [Symbol.iterator](): Iterator<Resident<Wire>> {
    return this.#entries.values();
  }

  /** Starts a child. It is told of through the events. */
  spawn(generation: number): Resident<Wire> {
    const child = this.#spawn({ pool: this.#config.name, slot: this.#scoreboard.freeIndex });
    const started = Promise.withResolvers<Error | undefined>();
    const entry: Entry<Wire> = {
      child,
      slot: this.#scoreboard.add(child.pid, generation, this.#clock.now()),
      started: started.promise,
      settleStarted: started.resolve,
      gone: child.exited.then((exit) => this.#bury(entry, exit)),
      lease: undefined,
      surplus: false,
      timer: this.#clock.after(this.#config.startTimeout, () => {
        const message = `not ready after ${seconds(this.#config.startTimeout)} seconds (startTimeout)`;
        this.#startFailed(entry, new Error(message));
      }),
    };
    this.#entries.add(entry);
    child.ready.then(
      () => this.#ready(entry),
      (error) => this.#startFailed(entry, error instanceof Error ? error : new Error(String(error))),
    );
    this.#log.childStarted(child.pid);
    return entry;
  }

  /** Asks a child to end; kills it when it has not within `processControlTimeout`. Safe to call twice. */
  stop(resident: Resident<Wire>): void {
    const entry = resident as Entry<Wire>;
    if (entry.slot.state === "dead" || entry.slot.state === "stopping") return;
    this.#leave(entry, "stopped before it was ready");
    entry.timer = this.#clock.after(this.#config.processControlTimeout, () => this.kill(entry));
    entry.child.stop();
  }

  /** Ends a child at once. Safe to call twice. */
  kill(resident: Resident<Wire>): void {
    const entry = resident as Entry<Wire>;
    if (entry.slot.state === "dead") return;
    this.#leave(entry, "killed before it was ready");
    entry.timer = this.#clock.after(KILL_WAIT, () => {
      this.#log.write("alert", `child ${entry.slot.pid} was killed but is not gone; its slot stays taken`, {
        pid: entry.slot.pid,
      });
    });
    entry.child.kill();
  }

  /** To `stopping`, from wherever it is. */
  #leave(entry: Entry<Wire>, reason: string): void {
    entry.timer();
    entry.settleStarted(new Error(reason));
    if (entry.slot.state !== "stopping") this.#scoreboard.stop(entry.slot, this.#clock.now());
  }

  #ready(entry: Entry<Wire>): void {
    if (entry.slot.state !== "starting") return;
    entry.timer();
    this.#scoreboard.ready(entry.slot, this.#clock.now());
    entry.settleStarted(undefined);
    this.#events.ready(entry);
  }

  #startFailed(entry: Entry<Wire>, error: Error): void {
    if (entry.slot.state !== "starting") return;
    this.#log.startFailed(entry.slot.pid, error.message);
    entry.settleStarted(error);
    this.kill(entry);
    this.#events.startFailed(entry, error);
  }

  #bury(entry: Entry<Wire>, exit: ChildExit): void {
    const reason = exit.message === undefined ? exit.reason : `${exit.reason}: ${exit.message}`;
    // Gone before it was ready, with nobody asking: a start that failed.
    this.#startFailed(entry, new Error(reason));

    const now = this.#clock.now();
    const asked = entry.slot.state === "stopping";
    entry.timer();
    this.#scoreboard.exit(entry.slot, now);
    this.#entries.delete(entry);
    // One that crashed was often asked to end first: who noticed that its wire is broken does not know why.
    const crashed = exit.reason === "crashed" || !asked;
    const level = crashed ? "warning" : entry.surplus ? "debug" : "notice";
    this.#log.childExited(level, entry.slot.pid, `(${reason})`, now - entry.slot.startedAt);
    this.#events.exited(entry, exit, asked);
  }
}
