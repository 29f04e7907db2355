// What the pool needs of a platform: a way to start a child and to learn of its death. `Wire` is how requests reach
// the child; the pool hands it out and never looks inside.

import type { Backtrace } from "./slowlog.ts";

/** How a child ended. */
export interface ChildExit {
  /** `stopped`: asked to. `killed`: by `kill()`. `crashed`: anything else; `message` says what is known. */
  readonly reason: "stopped" | "killed" | "crashed";
  readonly message?: string;
}

/** A resident interpreter, started by `Spawn`. */
export interface Child<Wire> {
  /** Identifies the child in the scoreboard and the logs: positive, unique in the master. */
  readonly pid: number;
  readonly wire: Wire;
  /** Settles when the child can take requests; rejects when it cannot start (`exited` settles too). */
  readonly ready: Promise<void>;
  /** Settles when the child is gone. Never rejects. */
  readonly exited: Promise<ChildExit>;
  /** Asks an idle child to end. Safe to call twice. */
  stop(): void;
  /**
   * Looks at the script that runs, without stopping it, as soon as it comes to a point where that can be done.
   * Undefined when none runs. Stays pending when it does not come to one; then `signal` aborts. Absent where the platform
   * cannot look at all.
   */
  trace?(signal: AbortSignal): Promise<Backtrace | undefined>;
  /** Ends the child at once, in the middle of a script if need be. Safe to call twice. */
  kill(): void;
}

/** Starts a child for `slot` (0-based) of `pool`. Never throws: a failure to start rejects `ready`. */
export type Spawn<Wire> = (place: { readonly pool: string; readonly slot: number }) => Child<Wire>;
