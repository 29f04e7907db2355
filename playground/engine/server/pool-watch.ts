// Looks at the pool now and then, and tells what has changed.

import type { PoolSnapshot } from "../types.ts";

export class PoolWatch {
  readonly #take: () => PoolSnapshot;
  readonly #interval: number;
  readonly #tell: (snapshot: PoolSnapshot) => void;
  #last = "";

  /** @param interval milliseconds */
  constructor(take: () => PoolSnapshot, interval: number, tell: (snapshot: PoolSnapshot) => void) {
    this.#take = take;
    this.#interval = interval;
    this.#tell = tell;
    setInterval(() => this.#check(), this.#interval);
    this.#check();
  }

  #check(): void {
    const snapshot = this.#take();
    const key = keyOf(snapshot);
    // While a request runs, its duration changes all the time.
    if (key === this.#last && snapshot.status.activeProcesses + snapshot.status.listenQueue === 0) return;
    this.#last = key;
    this.#tell(snapshot);
  }
}

/** What must differ for a snapshot to be told: not the times that pass. */
function keyOf({ state, config, status }: PoolSnapshot): string {
  const { startSince: _, processes, ...counters } = status;
  const rows = processes.map((row) => [row.pid, row.state, row.requests, row.lastRequestMemory]);
  return JSON.stringify([state, config, counters, rows]);
}
