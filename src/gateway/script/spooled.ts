// A spool that is read while it is written.

import type { SpooledBody } from "../spool.ts";

/** One spool, written at its end while it is read from its beginning. */
export class Spooled {
  readonly #place: SpooledBody;
  #appending: Promise<void> = Promise.resolve();
  #draining = false;
  #written = 0;
  #read = 0;
  /** Whether writes go here though nothing is waiting in it: it has just been opened. */
  #open = false;
  /** Appends under way. */
  #pending = 0;

  constructor(place: SpooledBody) {
    this.#place = place;
  }

  /** Bytes written so far, those that were read included: a file does not shrink. */
  get size(): number {
    return this.#written;
  }

  /** Whether what comes next may go past the spool: all of it was read. */
  get isEmpty(): boolean {
    return !this.#open && this.#pending === 0 && !this.#draining && this.#read === this.#written;
  }

  open(): void {
    this.#open = true;
  }

  /** Nothing more is written. */
  settle(): void {
    this.#open = false;
  }

  async append(chunk: Uint8Array): Promise<void> {
    this.#open = false;
    this.#pending++;
    const before = this.#appending;
    this.#appending = before.then(() => this.#place.append(chunk));
    try {
      await this.#appending;
      this.#written += chunk.length;
    } finally {
      this.#pending--;
    }
  }

  /** Gives chunks to `take` for as long as it returns true and there are any. Does nothing while it does so already. */
  async drain(take: (chunk: Uint8Array) => boolean): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    try {
      for (let wanted = true; wanted && this.#read < this.#written; ) {
        for await (const chunk of this.#place.read(this.#read)) {
          const known = Math.min(chunk.length, this.#written - this.#read);
          this.#read += known;
          wanted = take(chunk.slice(0, known));
          if (!wanted || this.#read === this.#written) break;
        }
      }
    } finally {
      this.#draining = false;
    }
  }

  discard(): void {
    // A file that cannot be closed is of no interest to anybody any more.
    this.#place.discard().catch(() => {});
  }
}
