// The scoreboard: one row a child, and the counters that only grow. Totals are counted from the rows each time: totals
// kept by adding and taking away drift (php-src#14212).

import { advance, type ChildInput, type ChildState } from "./child-state.ts";
import type { RequestInfo, RequestStage, Stage } from "./request.ts";

/** One row. Times are milliseconds since 1970. */
export interface Slot {
  /** 0-based place in the table; the lowest free one is taken. */
  readonly index: number;
  readonly pid: number;
  /** How many reloads went before this child. */
  readonly generation: number;
  readonly startedAt: number;
  readonly state: ChildState;
  readonly stage: Stage;
  /** When the state or the stage last changed: for an idle child, since when it is idle. */
  readonly changedAt: number;
  /** Requests taken, the present one included. */
  readonly requests: number;
  /** The present request, or the last one; undefined before the first. */
  readonly request: RequestInfo | undefined;
  /** When that request was taken. */
  readonly acceptedAt: number;
  /** How long the last ended request took, in milliseconds. */
  readonly duration: number;
  /** Peak memory of the last ended request in bytes; undefined where the child did not tell. */
  readonly memory: number | undefined;
}

type Row = { -readonly [Key in keyof Slot]: Slot[Key] };

/** Children by state. `total` is all of them. */
export interface Totals {
  readonly starting: number;
  readonly idle: number;
  readonly active: number;
  readonly stopping: number;
  readonly total: number;
}

/** What the counters stand at. They never go down. */
export interface Counters {
  /** Requests handed to a child. */
  readonly accepted: number;
  readonly maxActive: number;
  readonly maxChildrenReached: number;
  readonly slowRequests: number;
  /** Largest peak memory of any request in bytes. */
  readonly memoryPeak: number;
}

export class Scoreboard {
  readonly startedAt: number;
  readonly #rows: (Row | undefined)[] = [];
  readonly #counters: { -readonly [Key in keyof Counters]: Counters[Key] } = {
    accepted: 0,
    maxActive: 0,
    maxChildrenReached: 0,
    slowRequests: 0,
    memoryPeak: 0,
  };

  constructor(now: number) {
    this.startedAt = now;
  }

  get counters(): Counters {
    return { ...this.#counters };
  }

  /** The rows in use, in order of their place. */
  get slots(): Slot[] {
    return this.#rows.filter((row) => row !== undefined);
  }

  /** Where the next child goes. */
  get freeIndex(): number {
    const free = this.#rows.indexOf(undefined);
    return free === -1 ? this.#rows.length : free;
  }

  /** Gives a new child its row, in state `starting`. */
  add(pid: number, generation: number, now: number): Slot {
    const index = this.freeIndex;
    const row: Row = {
      index,
      pid,
      generation,
      startedAt: now,
      state: "starting",
      stage: "idle",
      changedAt: now,
      requests: 0,
      request: undefined,
      acceptedAt: now,
      duration: 0,
      memory: undefined,
    };
    this.#rows[index] = row;
    return row;
  }

  /** Counts the children, or only those of one generation. */
  totals(generation?: number): Totals {
    let starting = 0;
    let idle = 0;
    let active = 0;
    let stopping = 0;
    for (const row of this.#rows) {
      if (row === undefined || (generation !== undefined && row.generation !== generation)) continue;
      if (row.state === "starting") starting += 1;
      else if (row.state === "idle") idle += 1;
      else if (row.state === "busy") active += 1;
      else stopping += 1;
    }
    return { starting, idle, active, stopping, total: starting + idle + active + stopping };
  }

  ready(slot: Slot, now: number): void {
    this.#move(slot, "ready", now);
  }

  /** The child is asked to end, or killed. */
  stop(slot: Slot, now: number): void {
    this.#move(slot, "stop", now);
  }

  /** The child is gone: its row is free. */
  exit(slot: Slot, now: number): void {
    this.#move(slot, "exit", now);
    this.#rows[slot.index] = undefined;
  }

  /**
   * A child takes a request. The stage is `running`: by the time a child is chosen the headers are read and the request
   * is known; in php-fpm that is the child's own work.
   */
  take(slot: Slot, request: RequestInfo, now: number): void {
    const row = this.#move(slot, "take", now);
    row.stage = "running";
    row.requests += 1;
    row.request = request;
    row.acceptedAt = now;
    this.#counters.accepted += 1;
    this.#counters.maxActive = Math.max(this.#counters.maxActive, this.totals().active);
  }

  stage(slot: Slot, stage: RequestStage, now: number): void {
    const row = this.#row(slot);
    row.stage = stage;
    row.changedAt = now;
  }

  /** A request ended. `memory`: its peak, in bytes. */
  release(slot: Slot, memory: number | undefined, now: number): void {
    const row = this.#move(slot, "release", now);
    row.stage = "idle";
    row.duration = now - row.acceptedAt;
    row.memory = memory;
    this.#counters.memoryPeak = Math.max(this.#counters.memoryPeak, memory ?? 0);
  }

  countMaxChildrenReached(): void {
    this.#counters.maxChildrenReached += 1;
  }

  countSlowRequest(): void {
    this.#counters.slowRequests += 1;
  }

  #move(slot: Slot, input: ChildInput, now: number): Row {
    const row = this.#row(slot);
    row.state = advance(row.state, input);
    row.changedAt = now;
    return row;
  }

  /** The row behind a slot: only the scoreboard writes to it. */
  #row(slot: Slot): Row {
    const row = this.#rows[slot.index];
    if (row !== slot) throw new Error(`slot ${slot.index} is no longer child ${slot.pid}'s`);
    return row;
  }
}
