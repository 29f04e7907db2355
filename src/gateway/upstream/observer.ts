// What an access log and a metrics page want to know of each attempt at a server.

import type { UpstreamAttempt } from "../observe/entry.ts";

/** How an attempt ended. */
export type AttemptOutcome =
  /** The answer was passed on, and ended. */
  | "answered"
  /** The answer was passed on, and broke off. */
  | "broken"
  /** The visitor left, or the gateway gave up. */
  | "cancelled"
  /** No server could be tried. */
  | "no-live"
  /** Failed; the next server was tried if there was one. */
  | "error"
  | "timeout"
  | "invalid-header"
  | "overloaded"
  /** Its status was not wanted: the next server was tried. */
  | "refused-status";

/**
 * One attempt at one server, as the access log takes it. `address` is the server's name, or the upstream's when no server
 * could be tried; `status` without a header block is 502, 503 or 504 by the kind of failure, as in nginx, and absent when
 * cancelled. `bytesReceived` counts STDOUT and STDERR without their records.
 */
export interface Attempt extends UpstreamAttempt {
  readonly outcome: AttemptOutcome;
  readonly responseTime: number;
  /** What went wrong: `error` is its code. */
  readonly cause?: unknown;
}

/** Told of an attempt when it has ended. Must not throw. */
export type AttemptObserver = (attempt: Attempt) => void;

/** Lets whoever waits for an exchange say that it has waited long enough for the server that is being asked. */
export interface Patience {
  /** Another server is asked: it has as long as the one before. */
  renew(): void;
  /**
   * Set by an exchange that has more than one server.
   *
   * @param error why the server is given up
   * @returns whether another server is tried; if not, it is for the caller to abort the exchange
   */
  giveUp?: ((error: unknown) => boolean) | undefined;
}
