// Watches local workerd from outside. One thread of it runs every Worker, so a script in an endless loop stops all of it,
// timers and all: nobody inside is left to end it.

import { setTimeout as sleep } from "node:timers/promises";

/** What a pool told of the requests in its children. */
export interface RunningScript {
  readonly pid: number;
  readonly script: string;
  /** Such as "GET /loop.php". */
  readonly request: string;
  /** `performance.now()`. */
  readonly since: number;
}

/** A log line by which a pool tells that a child begins with a request, or is through with it. */
export const TRACE = "edge-fpm-trace ";

/** Milliseconds between two looks whether scripts have ended. */
const STEP = 50;

/** The lines of one pool, made in the Worker and read here. */
export type Trace =
  | { readonly type: "begin"; readonly pid: number; readonly script: string; readonly request: string }
  | { readonly type: "end"; readonly pid: number };

export interface WatchdogOptions {
  /** Milliseconds after which a request is too long. */
  readonly timeout: number;
  /** Milliseconds in which an idle workerd would answer. */
  readonly patience: number;
  /** Asks workerd for a sign of life; rejects when there is none in time. */
  readonly heartbeat: (signal: AbortSignal) => Promise<unknown>;
  /** workerd stands still: it is to be ended and started again. `scripts`: those that ran, the longest first. */
  readonly onFrozen: (scripts: readonly RunningScript[]) => Promise<void>;
}

/** Looks once in a while whether a request has run too long and nothing moves any more. */
export class DevWatchdog {
  readonly #options: WatchdogOptions;
  readonly #running = new Map<number, RunningScript>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#arm();
  }

  /** @returns whether the line was a trace, and nothing for people */
  read(line: string): boolean {
    if (!line.startsWith(TRACE)) return false;
    const trace = JSON.parse(line.slice(TRACE.length)) as Trace;
    if (trace.type === "begin") {
      const { pid, script, request } = trace;
      this.#running.set(pid, { pid, script, request, since: performance.now() });
    } else this.#running.delete(trace.pid);
    return true;
  }

  /** Settles when no script runs any more, or after so many milliseconds. */
  async quiet(most: number): Promise<void> {
    const until = performance.now() + most;
    // At least one step: the end of an answer is told of before its last bytes have left.
    do await sleep(STEP);
    while (this.#running.size > 0 && performance.now() < until);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #arm(): void {
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#look(), Math.min(1000, this.#options.timeout / 2));
  }

  async #look(): Promise<void> {
    const { timeout, patience, heartbeat, onFrozen } = this.#options;
    const late = [...this.#running.values()].filter(({ since }) => performance.now() - since > timeout);
    // Inside, the pool ends a script that waits for something; what it cannot end keeps everything from moving.
    const alive = late.length === 0 || (await heartbeat(AbortSignal.timeout(patience)).then(yes, no));
    if (!alive && !this.#stopped) {
      const scripts = [...this.#running.values()].toSorted((a, b) => a.since - b.since);
      this.#running.clear();
      await onFrozen(scripts);
    }
    this.#arm();
  }
}

const yes = () => true;
const no = () => false;
