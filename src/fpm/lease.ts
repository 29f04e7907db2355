// A lease: one child lent to one request, from the moment the child is chosen until it is given back or lost.

import type { Cancel, Clock } from "./clock.ts";
import type { PoolConfig } from "./config.ts";
import { isPastAnswer, type RequestInfo, type RequestStage, type Stage } from "./request.ts";

/** Why a child was lost in the middle of a request. */
export interface LeaseEnd {
  /** `terminate-timeout`: `request_terminate_timeout`. `killed`: by the pool or from outside. `crashed`: by itself. */
  readonly reason: "terminate-timeout" | "crashed" | "killed";
  readonly message: string;
}

/** How a request went, as far as the pool cares. */
export interface Outcome {
  /** Peak memory of the request in bytes, for the scoreboard. */
  readonly memory?: number | undefined;
  /** The child must not serve another request: it is recycled. */
  readonly retire?: boolean | undefined;
}

/** A child, for one request. Give it back with `release()`, whatever happened. */
export interface Lease<Wire> {
  /** How the request reaches the child. Not to be used after `release()`. */
  readonly wire: Wire;
  readonly child: { readonly pid: number };
  /** Tells the scoreboard how far the request is. It starts as `running`. Ignored once the lease is over. */
  stage(stage: RequestStage): void;
  /**
   * Settles when the child is lost during the lease; stays pending otherwise. Never rejects. The child is replaced
   * without waiting for `release()`.
   */
  readonly ended: Promise<LeaseEnd>;
  /** Gives the child back. Safe to call twice, and after the child was lost. */
  release(outcome?: Outcome): void;
}

/** What a lease asks of its pool. */
export interface LeaseOwner<Wire> {
  stage(lease: PoolLease<Wire>, stage: RequestStage): void;
  release(lease: PoolLease<Wire>, outcome: Outcome): void;
  /** The request has run for `requestTerminateTimeout`. */
  timedOut(lease: PoolLease<Wire>): void;
  /** The request has run for `requestSlowlogTimeout`. */
  tooSlow(lease: PoolLease<Wire>): void;
}

/** The child as a lease needs it. */
interface Lent<Wire> {
  readonly child: { readonly pid: number; readonly wire: Wire };
  readonly slot: { readonly stage: Stage };
}

export class PoolLease<Wire> implements Lease<Wire> {
  readonly wire: Wire;
  readonly child: { readonly pid: number };
  readonly request: RequestInfo;
  readonly ended: Promise<LeaseEnd>;
  readonly #owner: LeaseOwner<Wire>;
  readonly #settle: (end: LeaseEnd) => void;
  readonly #timers: Cancel[] = [];
  #over = false;

  constructor(
    lent: Lent<Wire>,
    request: RequestInfo,
    owner: LeaseOwner<Wire>,
    { clock, config }: { clock: Clock; config: PoolConfig },
  ) {
    this.wire = lent.child.wire;
    this.child = { pid: lent.child.pid };
    this.request = request;
    this.#owner = owner;
    const { promise, resolve } = Promise.withResolvers<LeaseEnd>();
    this.ended = promise;
    this.#settle = resolve;

    if (config.requestSlowlogTimeout > 0) {
      const tooSlow = () => {
        if (lent.slot.stage === "running") owner.tooSlow(this);
      };
      this.#timers.push(clock.after(config.requestSlowlogTimeout, tooSlow));
    }
    if (config.requestTerminateTimeout > 0) {
      const timedOut = () => {
        if (config.requestTerminateTimeoutTrackFinished || !isPastAnswer(lent.slot.stage)) owner.timedOut(this);
      };
      this.#timers.push(clock.after(config.requestTerminateTimeout, timedOut));
    }
  }

  stage(stage: RequestStage): void {
    if (!this.#over) this.#owner.stage(this, stage);
  }

  release(outcome: Outcome = {}): void {
    if (this.#close()) this.#owner.release(this, outcome);
  }

  /** The child is lost. */
  end(end: LeaseEnd): void {
    if (this.#close()) this.#settle(end);
  }

  /** False when the lease was over already. */
  #close(): boolean {
    if (this.#over) return false;
    this.#over = true;
    for (const cancel of this.#timers) cancel();
    return true;
  }
}
