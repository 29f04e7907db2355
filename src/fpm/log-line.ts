// error_log: a record as php-fpm writes it. Pure: the time comes in.

import { oneLine } from "./byte-text.ts";
import type { LogLevel, LogRecord } from "./log.ts";
import { logTime } from "./strftime.ts";

/** From the least to the most pressing. */
const LEVELS: readonly LogLevel[] = ["debug", "notice", "warning", "error", "alert"];

/** Which messages become lines, and how long ones are wrapped. */
export interface LogLineOptions {
  /** `log_level`: what is less pressing is not written. Default `notice`. */
  readonly level?: LogLevel | undefined;
  /** `log_limit`: most bytes of a line, its end included. Default 1024. */
  readonly limit?: number | undefined;
  /** Process id of the master: part of the line at the level `debug`. */
  readonly pid?: number | undefined;
}

/** php-fpm's ZLOG_DEFAULT_LIMIT. */
const DEFAULT_LIMIT = 1024;

/**
 * `[23-Nov-2026 00:40:01] NOTICE: ready to handle connections`, with its line end.
 *
 * What a child said is wrapped at the limit, each line with the prefix; every other line is cut there and ends in `...`.
 * At the level `debug` php-fpm adds microseconds, process, function and line; ours adds the first two.
 *
 * @param time milliseconds since 1970
 * @returns one line or several; undefined when the record is not pressing enough
 */
export function logLine(record: LogRecord, time: number, options: LogLineOptions = {}): string | undefined {
  const { level = "notice", limit = DEFAULT_LIMIT, pid } = options;
  if (LEVELS.indexOf(record.level) < LEVELS.indexOf(level)) return undefined;
  const message = oneLine(record.message);
  if (record.plain === true) return `${message}\n`;
  const detailed = level === "debug";
  const moment = detailed ? `${logTime(time)}.${microseconds(time)}` : logTime(time);
  const source = detailed && pid !== undefined ? ` pid ${pid},` : "";
  const prefix = `[${moment}] ${record.level.toUpperCase()}:${source} `;
  const room = limit - 1 - prefix.length;
  if (record.said === undefined) return `${prefix}${cut(message, room)}\n`;
  const before = message.slice(0, record.said);
  return pieces(message.slice(record.said, -1), room - before.length - 1)
    .map((piece) => `${prefix}${before}${piece}"\n`)
    .join("");
}

function microseconds(time: number): string {
  return String(Math.floor((time % 1000) * 1000)).padStart(6, "0");
}

function cut(text: string, room: number): string {
  return text.length <= room ? text : `${text.slice(0, Math.max(0, room - 3))}...`;
}

function pieces(text: string, room: number): string[] {
  const size = Math.max(1, room);
  if (text.length <= size) return [text];
  return Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
    text.slice(index * size, (index + 1) * size),
  );
}
