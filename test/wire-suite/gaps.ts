// Where the two targets differ. A gap is a behaviour that a target has not, with the reason; docs/compatibility.md lists them.

/** What a target may lack. */
export type Capability =
  /** A param of PHP_VALUE counts for its request only. */
  | "values-end-with-request"
  /** STDIN shorter than CONTENT_LENGTH is answered. */
  | "short-body-answered"
  /** The script's exit status is told. */
  | "exit-status"
  /** A script that computes and does nothing else is stopped by `max_execution_time`. */
  | "interrupts-computing"
  /** A request without REQUEST_METHOD runs its script. */
  | "method-optional"
  /** A script can run programs. */
  | "processes";

export type Gaps = Readonly<Partial<Record<Capability, string>>>;

/** What real php-fpm 8.2 lacks. */
export const PHP_FPM_GAPS: Gaps = {
  "values-end-with-request": "PHP_VALUE stays in force in the child that saw it",
  "short-body-answered": "it waits for the missing bytes without end",
  "method-optional": "it ends such a request with no output at all",
  "exit-status": "the application status is always 0",
};

/** What ours lacks. */
export const EDGE_FPM_GAPS: Gaps = {
  "interrupts-computing": "a thread cannot be interrupted; request_terminate_timeout ends it",
  processes: "there are no processes",
};
