// What became of the connections of web servers: php-fpm waits for them without a bound, this pool does not, and counts.

/** Why a connection, or a request on it, was ended for taking too long. */
export type ConnectionTimeout =
  /** No request came: an idle kept connection, or one that never sent a byte. */
  | "idle"
  /** BEGIN_REQUEST and PARAMS did not become complete: a half-sent header. */
  | "params"
  /** A request's body did not come on. */
  | "input"
  /** A request held the connection up by not taking its input. */
  | "stall"
  /** The web server took no output: a slow reader. */
  | "send";

/** What the counters stand at. All but `open` only grow. */
export interface ConnectionCounts {
  readonly open: number;
  readonly accepted: number;
  readonly timeouts: Readonly<Record<ConnectionTimeout, number>>;
}

/** The connections of one pool, counted. */
export class ConnectionCounters {
  #open = 0;
  #accepted = 0;
  readonly #timeouts: Record<ConnectionTimeout, number> = { idle: 0, params: 0, input: 0, stall: 0, send: 0 };

  get counts(): ConnectionCounts {
    return { open: this.#open, accepted: this.#accepted, timeouts: { ...this.#timeouts } };
  }

  /** A connection was accepted. */
  opened(): void {
    this.#open += 1;
    this.#accepted += 1;
  }

  /** A connection has ended. */
  closed(): void {
    this.#open -= 1;
  }

  /** A connection was ended because its peer was too slow. */
  timedOut(why: ConnectionTimeout): void {
    this.#timeouts[why] += 1;
  }
}
