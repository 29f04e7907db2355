// A deadline that is moved often and seldom reached.

/** Longest delay of a platform timer (2^31 - 1 ms, about 24 days); longer means never. */
const LONGEST = 2 ** 31 - 1;

/**
 * Calls back once when its time is over. Moving the deadline costs a clock reading, no timer: the running timer looks,
 * when it fires, whether it came too early. It does not keep a process alive.
 */
export class Countdown {
  readonly #expired: () => void;
  #deadline = Number.POSITIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #firesAt = 0;

  constructor(expired: () => void) {
    this.#expired = expired;
  }

  get running(): boolean {
    return this.#deadline !== Number.POSITIVE_INFINITY;
  }

  /** Starts anew. @param milliseconds 0 or less, or infinite: never */
  start(milliseconds: number): void {
    this.stop();
    if (!(milliseconds > 0 && milliseconds <= LONGEST)) return;
    this.#deadline = performance.now() + milliseconds;
    if (this.#timer !== undefined && this.#firesAt <= this.#deadline) return;
    this.#arm(milliseconds);
  }

  stop(): void {
    this.#deadline = Number.POSITIVE_INFINITY;
  }

  /** Stops for good and lets go of the timer. */
  dispose(): void {
    this.stop();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#firesAt = performance.now() + milliseconds;
    this.#timer = setTimeout(() => this.#fire(), milliseconds);
    (this.#timer as { unref?: () => void }).unref?.();
  }

  #fire(): void {
    this.#timer = undefined;
    if (!this.running) return;
    const left = this.#deadline - performance.now();
    if (left > 0) {
      this.#arm(Math.ceil(left));
      return;
    }
    this.stop();
    this.#expired();
  }
}
