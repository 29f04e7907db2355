// What the master and its pools tell, in php-fpm's words, so that people and tools that read php-fpm's log read ours.

import { type RequestInfo, requestLine } from "./request.ts";

/** php-fpm's log levels, from the least to the most pressing. */
export type LogLevel = "debug" | "notice" | "warning" | "error" | "alert";

/** One message of the master or a child, before it is made a line. */
export interface LogRecord {
  readonly level: LogLevel;
  /** One line. */
  readonly message: string;
  /** The facts of the message, for machines: pool, pid, durations in milliseconds. */
  readonly fields: Readonly<Record<string, string | number | boolean>>;
  /**
   * What a child said: how many characters of the message stand before its words. They and the closing quote are
   * repeated where a long line is wrapped.
   */
  readonly said?: number;
  /** Written as it is, without time and level. */
  readonly plain?: boolean;
}

/** Takes log records. Must not throw. */
export type Log = (record: LogRecord) => void;

/** Writes the lines of one pool. */
export class PoolLog {
  readonly #log: Log;
  readonly #pool: string;

  constructor(log: Log, pool: string) {
    this.#log = log;
    this.#pool = pool;
  }

  write(level: LogLevel, message: string, fields: LogRecord["fields"] = {}): void {
    this.#log({ level, message: `[pool ${this.#pool}] ${message}`, fields: { pool: this.#pool, ...fields } });
  }

  childStarted(pid: number): void {
    this.write("notice", `child ${pid} started`, { pid });
  }

  /** `how`: "with code 0", "as asked", "on a trap: unreachable". */
  childExited(level: LogLevel, pid: number, how: string, lifetime: number): void {
    this.write(level, `child ${pid} exited ${how} after ${seconds(lifetime)} seconds from start`, { pid, lifetime });
  }

  startFailed(pid: number, reason: string): void {
    this.write("error", `child ${pid} failed to initialize: ${reason}`, { pid, reason });
  }

  maxChildrenReached(maxChildren: number): void {
    this.write("warning", `server reached pm.max_children setting (${maxChildren}), consider raising it`, {
      maxChildren,
    });
  }

  seemsBusy(spawn: number, idle: number, total: number): void {
    this.write(
      "warning",
      "seems busy (you may need to increase pm.start_servers, or pm.min/max_spare_servers), " +
        `spawning ${spawn} children, there are ${idle} idle, and ${total} total children`,
      { spawn, idle, total },
    );
  }

  timedOut(pid: number, request: RequestInfo, duration: number): void {
    this.write("warning", `${inRequest(pid, request)} execution timed out (${seconds(duration)} sec), terminating`, {
      pid,
      duration,
    });
  }

  tooSlow(pid: number, request: RequestInfo, duration: number): void {
    this.write("warning", `${inRequest(pid, request)} executing too slow (${seconds(duration)} sec), logging`, {
      pid,
      duration,
    });
  }
}

function inRequest(pid: number, request: RequestInfo): string {
  return purify(`child ${pid}, script '${request.script}' (request: "${requestLine(request)}")`);
}

/** Everything but printable ASCII becomes a dot: a request must not forge log lines. */
function purify(text: string): string {
  return text.replace(/[^ -~]/g, ".");
}

/** Milliseconds as seconds with six decimals, as php-fpm prints them. */
export function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(6);
}
