// Errors of the pool. What happened is the code; whose turn it is stands in the message.

/** Every way a pool can fail, by stable code. Explained in docs/errors.md. */
export type PoolErrorCode =
  /** The listen queue is full: `listen.backlog` requests are waiting already. Answer 503. */
  | "POOL_QUEUE_FULL"
  /** No child became free within `queueTimeout`. Answer 503 or 504. */
  | "POOL_QUEUE_TIMEOUT"
  /** The pool is stopping, or stopped: it takes no new requests. */
  | "POOL_STOPPING"
  /** A request came before `start()`. A bug of the caller. */
  | "POOL_NOT_STARTED"
  /** `start()` a second time. A bug of the caller. */
  | "POOL_ALREADY_STARTED"
  /** None of the start servers came up; `cause` is the first child's error. */
  | "POOL_START_FAILED"
  /** None of the new children of a reload came up; the old ones go on serving. `cause` as above. */
  | "POOL_RELOAD_FAILED";

/** A pool could not do what was asked. Test `error.code`. */
export class PoolError extends Error {
  override readonly name = "PoolError";
  readonly code: PoolErrorCode;

  constructor(code: PoolErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** One directive that cannot be used as given. */
export interface ConfigProblem {
  /** The key in `PoolConfig`. */
  readonly key: string;
  /** php-fpm's name of it; the same as `key` where the directive is ours. */
  readonly directive: string;
  readonly value: unknown;
  /** What may stand there, in words. */
  readonly allowed: string;
}

/** A pool's configuration has mistakes: all of them are listed. The user's to mend. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly code = "CONFIG_INVALID";
  readonly problems: readonly ConfigProblem[];

  constructor(pool: string, problems: readonly ConfigProblem[]) {
    const lines = problems.map(
      ({ directive, value, allowed }) => `${directive} is ${show(value)}; allowed: ${allowed}`,
    );
    super(`[pool ${pool}] ${lines.join("\n")}`);
    this.problems = problems;
  }
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
