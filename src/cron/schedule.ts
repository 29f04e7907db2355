// When a job is due: cron expressions, read and reckoned by croner. Without a timer and without a clock of its own.

import { Cron } from "croner";

/** A cron expression in a time zone. */
export interface Schedule {
  /** The first time after `time` that the expression means; undefined when there is none. Milliseconds since 1970. */
  next(time: number): number | undefined;
}

/**
 * Reads an expression: five fields (minute, hour, day of month, month, day of week), six with seconds in front, or
 * `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. Also `L`, `W`, `#` and names of months and days.
 *
 * A job at a fixed time that a change to summer time leaves out runs when the gap is over, and only once at a time that
 * comes twice; one that runs every so often follows the clock of the day.
 *
 * @param timezone of the tz database, such as `Europe/Berlin`
 * @throws {TypeError | RangeError} the message says what is wrong
 */
export function readSchedule(expression: string, timezone: string): Schedule {
  // Of the zones that are none, only the use tells.
  new Intl.DateTimeFormat("en", { timeZone: timezone });
  const cron = new Cron(expression, { timezone, mode: "5-or-6-parts", paused: true, fixedTimeRule: "no-wildcard" });
  return { next: (time) => cron.nextRun(new Date(time))?.getTime() };
}

/** Any moment does: what comes at all comes after it. */
const ALWAYS = Date.UTC(2000, 0, 1);

/** What is wrong with an expression or a zone; undefined when nothing is. */
export function scheduleProblem(expression: string, timezone: string): string | undefined {
  try {
    const first = readSchedule(expression, timezone).next(ALWAYS);
    return first === undefined ? "This one never comes" : undefined;
  } catch (error) {
    return (error as Error).message.replace(/^CronPattern: /, "");
  }
}
