// Time, as an argument: the pool reads no clock and sets no timer but through this.

/** Takes a timer back. Safe to call twice, and after the timer fired. */
export type Cancel = () => void;

/** The one source of time of a pool. Tests bring their own. */
export interface Clock {
  /** Milliseconds since 1970, never going backwards. */
  now(): number;
  /** Calls `callback` once, `delay` milliseconds from now. */
  after(delay: number, callback: () => void): Cancel;
}

/** Longest delay setTimeout takes (2^31 - 1 ms, 24.8 days); it fires at once beyond. */
const LONGEST_DELAY = 2 ** 31 - 1;

/** The platform's clock: monotonic where the platform has a monotonic clock. */
export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  after(delay, callback) {
    const timer = setTimeout(callback, Math.min(delay, LONGEST_DELAY));
    return () => clearTimeout(timer);
  },
};
