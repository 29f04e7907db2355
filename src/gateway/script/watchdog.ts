// A wait that ends: calls back when nothing has happened for too long.

/** Counts the milliseconds since the last sign of life. One timer a request, not one a sign of life. */
export class Watchdog {
  readonly #limit: number;
  readonly #expired: () => unknown;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last = performance.now();
  #suspended = false;

  /**
   * @param limit milliseconds; 0 for no limit
   * @param expired `true` when the wait goes on, for something else
   */
  constructor(limit: number, expired: () => unknown) {
    this.#limit = limit;
    this.#expired = expired;
    if (limit > 0) this.#arm(limit);
  }

  /** A sign of life. */
  touch(): void {
    this.#last = performance.now();
  }

  /** The silence that follows is our own doing: do not count it until `resume`. */
  suspend(): void {
    this.#suspended = true;
  }

  resume(): void {
    this.#suspended = false;
    this.touch();
  }

  /** Safe to call twice. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(after: number): void {
    this.#timer = setTimeout(() => {
      const left = this.#suspended ? this.#limit : this.#last + this.#limit - performance.now();
      // A timer may fire a little early.
      if (left > 1) this.#arm(left);
      else {
        this.#timer = undefined;
        if (this.#expired() !== true) return;
        this.touch();
        this.#arm(this.#limit);
      }
    }, after);
  }
}
