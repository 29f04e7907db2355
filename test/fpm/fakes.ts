// A clock that stands still until told, and children that do what the test says.

import type { Cancel, Clock } from "../../src/fpm/clock.ts";
import type { LogRecord } from "../../src/fpm/log.ts";
import type { RequestInfo } from "../../src/fpm/request.ts";
import type { Child, ChildExit, Spawn } from "../../src/fpm/spawn.ts";

/** Lets every promise that can settle do so: the longest chain in src/fpm is far shorter than this. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

export class FakeClock implements Clock {
  #now = Date.UTC(2026, 10, 23);
  #order = 0;
  readonly #timers = new Map<number, { at: number; callback: () => void }>();

  now(): number {
    return this.#now;
  }

  get pending(): number {
    return this.#timers.size;
  }

  after(delay: number, callback: () => void): Cancel {
    const id = ++this.#order;
    this.#timers.set(id, { at: this.#now + delay, callback });
    return () => this.#timers.delete(id);
  }

  /** Lets time pass: timers fire in order, and promises settle between them. */
  async advance(milliseconds: number): Promise<void> {
    const until = this.#now + milliseconds;
    await settled();
    for (;;) {
      const due = [...this.#timers].filter(([, { at }]) => at <= until).sort(([a, x], [b, y]) => x.at - y.at || a - b);
      const first = due[0];
      if (first === undefined) break;
      const [id, timer] = first;
      this.#timers.delete(id);
      this.#now = Math.max(this.#now, timer.at);
      timer.callback();
      await settled();
    }
    this.#now = until;
  }
}

/** How the next children behave when nobody says otherwise. */
export interface Manners {
  /** Milliseconds until ready; undefined: only when the test says so. */
  readyAfter?: number | undefined;
  /** Milliseconds from `stop()` to the exit; undefined: it does not react. */
  stopAfter?: number | undefined;
  /** Fails to start, with this message. */
  startError?: string | undefined;
  /** Does not even react to `kill()`. */
  immortal?: boolean | undefined;
}

export class FakeChild implements Child<string> {
  readonly pid: number;
  readonly slot: number;
  readonly wire: string;
  readonly ready: Promise<void>;
  readonly exited: Promise<ChildExit>;
  readonly #settleReady: { resolve: () => void; reject: (error: Error) => void };
  readonly #exit: (exit: ChildExit) => void;
  readonly #clock: FakeClock;
  readonly #manners: Manners;
  alive = true;
  stops = 0;
  kills = 0;

  constructor(pid: number, slot: number, clock: FakeClock, manners: Manners) {
    this.pid = pid;
    this.slot = slot;
    this.wire = `wire ${pid}`;
    const ready = Promise.withResolvers<void>();
    const exited = Promise.withResolvers<ChildExit>();
    this.ready = ready.promise;
    this.exited = exited.promise;
    this.#settleReady = ready;
    this.#exit = exited.resolve;
    this.#clock = clock;
    this.#manners = manners;
    const { readyAfter, startError } = manners;
    if (readyAfter !== undefined) {
      clock.after(readyAfter, () => (startError === undefined ? this.becomeReady() : this.failToStart(startError)));
    }
  }

  becomeReady(): void {
    if (this.alive) this.#settleReady.resolve();
  }

  failToStart(message: string): void {
    this.#settleReady.reject(new Error(message));
    this.end({ reason: "crashed", message });
  }

  /** The child is gone, by itself. */
  crash(message = "unreachable"): void {
    this.#settleReady.reject(new Error(message));
    this.end({ reason: "crashed", message });
  }

  stop(): void {
    this.stops += 1;
    if (this.#manners.stopAfter !== undefined) {
      this.#clock.after(this.#manners.stopAfter, () => this.end({ reason: "stopped" }));
    }
  }

  kill(): void {
    this.kills += 1;
    if (!this.#manners.immortal) this.end({ reason: "killed" });
  }

  end(exit: ChildExit): void {
    if (!this.alive) return;
    this.alive = false;
    this.#exit(exit);
  }
}

export interface FakePlatform {
  readonly spawn: Spawn<string>;
  /** Every child ever started, in order. */
  readonly children: FakeChild[];
  readonly alive: FakeChild[];
  /** May be changed between spawns. */
  manners: Manners;
}

export function fakePlatform(clock: FakeClock, manners: Manners = { readyAfter: 0, stopAfter: 0 }): FakePlatform {
  const children: FakeChild[] = [];
  const platform: FakePlatform = {
    manners,
    children,
    get alive() {
      return children.filter((child) => child.alive);
    },
    spawn({ slot }) {
      const child = new FakeChild(children.length + 1, slot, clock, { ...platform.manners });
      child.ready.catch(() => {});
      children.push(child);
      return child;
    },
  };
  return platform;
}

export function request(changes: Partial<RequestInfo> = {}): RequestInfo {
  return {
    method: "GET",
    uri: "/index.php",
    query: "",
    script: "/srv/index.php",
    user: "",
    contentLength: 0,
    ...changes,
  };
}

/** A log that remembers. */
export function memoryLog(): { log: (record: LogRecord) => void; lines: string[]; records: LogRecord[] } {
  const records: LogRecord[] = [];
  return {
    records,
    log: (record) => records.push(record),
    get lines(): string[] {
      return records.map(({ level, message }) => `${level}: ${message}`);
    },
  };
}

/** A signal that never aborts. */
export const never: AbortSignal = new AbortController().signal;

/** What a promise has come to so far. */
export async function outcome<T>(promise: Promise<T>): Promise<"pending" | { value: T } | { error: unknown }> {
  let result: "pending" | { value: T } | { error: unknown } = "pending";
  promise.then(
    (value) => {
      result = { value };
    },
    (error: unknown) => {
      result = { error };
    },
  );
  await settled();
  return result;
}
