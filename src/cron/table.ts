// The state of all jobs: which are due, which run, when to look again. Times come in as arguments; nothing waits here.
//
//            due                    ended
//   waiting ------> running ---------------> waiting        a due time while it runs is skipped, and counted
//
// Before a job is started, the moment is noted as handled, to be kept where it outlives the process: who starts again
// with it, or is woken twice for the same moment, does not run the job twice for it. Times that nobody handled are made
// up for by one run.

import type { CronJob, CronOutcome } from "./job.ts";
import { readSchedule, type Schedule } from "./schedule.ts";

/** What must outlive the process, of one job. */
export interface CronRecord {
  /** The expression that it belongs to, with the zone: another one begins anew. */
  readonly schedule: string;
  /** Milliseconds since 1970: everything due until then is done with. */
  readonly handled: number;
  /** Begin of a run that has not ended. */
  readonly started?: number;
}

/** All records, by the job's name. */
export type CronRecords = Readonly<Record<string, CronRecord>>;

/** A job to be started now. */
export interface DueJob {
  readonly job: CronJob;
  /** The time it was due at, the first one that nobody handled. */
  readonly due: number;
}

/** Counts and the last run of a job, since the process began. */
export interface CronStatus {
  readonly name: string;
  readonly schedule: string;
  readonly timezone: string;
  readonly script: string;
  /** Milliseconds since 1970; absent: never again. */
  readonly next?: number;
  readonly running: boolean;
  readonly runs: number;
  /** Runs that failed or were ended by their timeout. */
  readonly failures: number;
  /** Times that came while the job still ran. */
  readonly skipped: number;
  readonly last?: { readonly started: number; readonly duration: number } & CronOutcome;
}

interface Row {
  readonly job: CronJob;
  readonly schedule: Schedule;
  handled: number;
  started: number | undefined;
  runs: number;
  failures: number;
  skipped: number;
  last?: CronStatus["last"];
}

export class CronTable {
  readonly #rows = new Map<string, Row>();
  /** Runs that had begun and whose end nobody saw. */
  readonly interrupted: readonly { readonly name: string; readonly started: number }[];

  /**
   * @param jobs with names unlike each other and schedules that can be read
   * @param records as `records()` gave them before; of new jobs there are none: they wait for their next time
   */
  constructor(jobs: readonly CronJob[], records: CronRecords, now: number) {
    const interrupted: { name: string; started: number }[] = [];
    for (const job of jobs) {
      const record = Object.hasOwn(records, job.name) ? records[job.name] : undefined;
      const known = record?.schedule === scheduleKey(job) ? record : undefined;
      if (known?.started !== undefined) interrupted.push({ name: job.name, started: known.started });
      this.#rows.set(job.name, {
        job,
        schedule: readSchedule(job.schedule, job.timezone),
        // A clock that was set back must not silence a job until it has caught up.
        handled: Math.min(known?.handled ?? now, now),
        started: undefined,
        runs: 0,
        failures: 0,
        skipped: 0,
      });
    }
    this.interrupted = interrupted;
  }

  /** The jobs to start now; they count as running, and the moment as handled. Keep `records()` before starting them. */
  due(now: number): DueJob[] {
    const due: DueJob[] = [];
    for (const row of this.#rows.values()) {
      if (now < row.handled) row.handled = now;
      const next = row.schedule.next(row.handled);
      if (next === undefined || next > now) continue;
      row.handled = now;
      if (row.started === undefined) {
        row.started = now;
        due.push({ job: row.job, due: next });
      } else row.skipped += 1;
    }
    return due;
  }

  /** Counts a run that begins now outside its times. @returns false when there is no such job, or it runs */
  begin(name: string, now: number): CronJob | undefined {
    const row = this.#rows.get(name);
    if (row === undefined || row.started !== undefined) return undefined;
    row.started = now;
    return row.job;
  }

  /** A run has ended. */
  ended(name: string, now: number, outcome: CronOutcome): void {
    const row = this.#rows.get(name);
    if (row?.started === undefined) return;
    row.runs += 1;
    if (outcome.result !== "ok") row.failures += 1;
    row.last = { started: row.started, duration: now - row.started, ...outcome };
    row.started = undefined;
  }

  /** When to call `due` again: the earliest time of any job; undefined when none will ever be due. */
  next(): number | undefined {
    let earliest: number | undefined;
    for (const { schedule, handled } of this.#rows.values()) {
      const next = schedule.next(handled);
      if (next !== undefined && (earliest === undefined || next < earliest)) earliest = next;
    }
    return earliest;
  }

  records(): CronRecords {
    return Object.fromEntries(
      [...this.#rows].map(([name, { job, handled, started }]) => [
        name,
        { schedule: scheduleKey(job), handled, ...(started !== undefined && { started }) },
      ]),
    );
  }

  status(): readonly CronStatus[] {
    return [...this.#rows.values()].map(({ job, schedule, handled, started, runs, failures, skipped, last }) => {
      const next = schedule.next(handled);
      return {
        name: job.name,
        schedule: job.schedule,
        timezone: job.timezone,
        script: job.script,
        ...(next !== undefined && { next }),
        running: started !== undefined,
        runs,
        failures,
        skipped,
        ...(last !== undefined && { last }),
      };
    });
  }
}

function scheduleKey({ schedule, timezone }: CronJob): string {
  return `${schedule} ${timezone}`;
}
