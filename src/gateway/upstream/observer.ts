// What an access log and a metrics page want to know of each attempt at a server.

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

/** One attempt at one server. */
export interface Attempt {
  /** The server's name; that of the upstream for `no-live`. */
  readonly server: string;
  readonly outcome: AttemptOutcome;
  /** The script's status; without a header block 502, 503 or 504 by the kind of failure, as nginx has it. Absent when cancelled. */
  readonly status?: number;
  /** Milliseconds until a connection was there (near 0 for a kept one); absent when there was none, or none can be told. */
  readonly connectTime?: number;
  /** Milliseconds until the header block was whole. */
  readonly headerTime?: number;
  /** Milliseconds until the end. */
  readonly responseTime: number;
  /** Bytes of STDOUT. */
  readonly bytes: number;
  readonly error?: unknown;
}

/** Told of an attempt when it has ended. Must not throw. */
export type AttemptObserver = (attempt: Attempt) => void;

/** The attempts of one request as nginx's variables show them: several joined by `, `, times in seconds, `-` for none. */
export interface UpstreamVariables {
  readonly addr: string;
  readonly status: string;
  readonly connectTime: string;
  readonly headerTime: string;
  readonly responseTime: string;
  readonly bytesReceived: string;
}

/** See `UpstreamVariables`. Without attempts, all are `-`. */
export function upstreamVariables(attempts: readonly Attempt[]): UpstreamVariables {
  const join = (show: (attempt: Attempt) => string) => attempts.map(show).join(", ") || "-";
  return {
    addr: join(({ server }) => server),
    status: join(({ status }) => (status === undefined ? "-" : String(status))),
    connectTime: join(({ connectTime }) => seconds(connectTime)),
    headerTime: join(({ headerTime }) => seconds(headerTime)),
    responseTime: join(({ responseTime }) => seconds(responseTime)),
    bytesReceived: join(({ bytes }) => String(bytes)),
  };
}

function seconds(milliseconds: number | undefined): string {
  return milliseconds === undefined ? "-" : (milliseconds / 1000).toFixed(3);
}
