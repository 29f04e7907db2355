// How much room the store has left, as far as this interpreter can know: so that a write that will not fit fails at once,
// and not when the request is over.

import type { Changes } from "../../fs/index.ts";
import type { ChangeLog } from "./change-log.ts";

export class Room {
  readonly #log: ChangeLog;
  /** As the store told last. */
  #told: Changes["room"];
  /** Bytes that can be written without counting again. */
  #slack = Number.POSITIVE_INFINITY;

  constructor(log: ChangeLog) {
    this.#log = log;
  }

  /** The store's answer. */
  learn(room: Changes["room"]): void {
    if (room === undefined) return;
    this.#told = room;
    this.#slack = 0;
  }

  /** Whether so many bytes more fit. If they do they are counted. */
  fits(bytes: number): boolean {
    if (bytes > this.#slack) {
      this.#slack = this.#told === undefined ? Number.POSITIVE_INFINITY : this.#told.bytes - this.#log.growth().bytes;
    }
    if (bytes > this.#slack) return false;
    this.#slack -= Math.max(0, bytes);
    return true;
  }

  /** Bytes that are left; undefined: not known yet. */
  get bytes(): number | undefined {
    return this.#told && Math.max(0, this.#told.bytes - this.#log.growth().bytes);
  }

  /** Whether one file or directory more fits. */
  get fitsNode(): boolean {
    const { nodes } = this.#told ?? {};
    // Counted only when it may matter: what a request makes is rarely more.
    return nodes === undefined || nodes > this.#log.size || nodes > this.#log.growth().nodes;
  }
}
