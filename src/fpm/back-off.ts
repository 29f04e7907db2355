// How fast children are started after some were of no use: could not start, or died idle. php-fpm forks again at once; an
// interpreter that cannot start would keep a processor busy for nothing. Pure: the time comes in.

/** First pause after a child died young, in milliseconds. */
const FIRST_PAUSE = 100;
/** Longest pause: long enough to leave the processor alone, short enough that a mended pool is back soon. */
const LONGEST_PAUSE = 10_000;

/** A child that lived as long as this has shown that children can live: failures are counted anew after it. Milliseconds. */
export const STEADY: number = LONGEST_PAUSE;

/**
 * How long to wait before starting another child after `failures` in a row. php-fpm forks again at once; an interpreter
 * that cannot start would keep a processor busy for nothing.
 */
export function respawnPause(failures: number): number {
  return failures === 0 ? 0 : Math.min(FIRST_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE);
}

/** The failures of one pool in a row, and what they allow. */
export class BackOff {
  #failures = 0;
  #retryAt = 0;
  #last: Error | undefined;

  /** The last failure, while there is reason to believe that the next child fails too. */
  get cause(): Error | undefined {
    return this.#failures > 0 ? this.#last : undefined;
  }

  /** @returns how long to wait before the next child, in milliseconds */
  failed(error: Error, now: number): number {
    this.#failures += 1;
    this.#last = error;
    const pause = respawnPause(this.#failures);
    this.#retryAt = now + pause;
    return pause;
  }

  /** Children are of use again. */
  reset(): void {
    this.#failures = 0;
  }

  /** How many of `wanted` children may be started now: all while all is well, else one at a time and after the pause. */
  allow(wanted: number, starting: number, now: number): number {
    if (this.#failures === 0) return wanted;
    return now < this.#retryAt || starting > 0 ? 0 : Math.min(1, wanted);
  }
}
