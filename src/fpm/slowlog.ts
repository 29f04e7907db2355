// slowlog: one entry for a request that runs for `request_slowlog_timeout`, in php-fpm's form.

import { oneLine, textOf } from "./byte-text.ts";
import { logTime } from "./strftime.ts";

/** One call on PHP's stack. */
export interface Frame {
  /** Where the interpreter keeps the call: php-fpm prints it. */
  readonly address: number;
  /** Name of the function; `[INCLUDE_OR_EVAL]` for a file, as php-fpm has it. */
  readonly name: string;
  /** File and line that called it; "unknown" and 0 where no PHP did. */
  readonly file: string;
  readonly line: number;
}

/** What was seen of a running script, the innermost call first. */
export interface Backtrace {
  /** Absolute; undefined: as the request named it. */
  readonly script?: string | undefined;
  readonly frames: readonly Frame[];
}

/** A request that ran longer than `request_slowlog_timeout`. */
export interface SlowRequest {
  readonly pool: string;
  readonly pid: number;
  /** SCRIPT_FILENAME. */
  readonly script: string;
  /** Undefined: the interpreter did not come to a point where it could be looked at. */
  readonly backtrace: Backtrace | undefined;
}

/** Takes a whole entry, with its line ends. Must not throw. */
export type WriteSlowlog = (entry: string) => void;

/** php-fpm's line for a stack that it could not read. */
const NO_BACKTRACE = "+++ dump failed\n";

/**
 * The entry, with its line ends.
 *
 * @param time milliseconds since 1970
 * @param depth most calls shown (`request_slowlog_trace_depth`)
 */
export function slowlogEntry(slow: SlowRequest, time: number, depth: number): string {
  const { pool, pid, script, backtrace } = slow;
  const frames = backtrace?.frames.slice(0, depth).map(frameLine).join("");
  return [
    `\n[${logTime(time)}]  [pool ${pool}] pid ${pid}\n`,
    `script_filename = ${oneLine(textOf(backtrace?.script ?? script))}\n`,
    frames ?? NO_BACKTRACE,
  ].join("");
}

function frameLine({ address, name, file, line }: Frame): string {
  return `[0x${address.toString(16).padStart(16, "0")}] ${oneLine(name)}() ${oneLine(file)}:${line}\n`;
}
