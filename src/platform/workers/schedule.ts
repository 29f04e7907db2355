// The schedule at the edge, in the pool's object: one alarm, for the earliest job, set anew after each. An alarm wakes an
// object that the platform had put away; it comes at least once, so that what is done with is kept before anything runs.

import {
  type CronJob,
  type CronLogLine,
  type CronRecord,
  type CronStatus,
  CronTable,
  type DueJob,
  endLine,
  interruptedLine,
  runCronJob,
  startLine,
} from "../../cron/index.ts";
import type { Exchange } from "../../transport/exchange.ts";

/** As much of a Durable Object's storage as is used. */
export interface AlarmStorage {
  readonly sql: { exec(query: string, ...values: unknown[]): Iterable<Record<string, unknown>> };
  getAlarm(): Promise<number | null>;
  setAlarm(time: number): Promise<void>;
  deleteAlarm(): Promise<void>;
}

export interface PoolScheduleOptions {
  readonly jobs: readonly CronJob[];
  readonly exchange: Exchange;
  /** Name and version for SERVER_SOFTWARE. */
  readonly software: string;
  readonly log: (line: CronLogLine) => void;
}

/** Longest run: an alarm may take 15 minutes, and a run must end before it. In milliseconds. */
const LONGEST_RUN = 10 * 60_000;

export class PoolSchedule {
  readonly #storage: AlarmStorage;
  readonly #options: PoolScheduleOptions;
  readonly #table: CronTable;
  readonly #running = new Set<Promise<void>>();

  /** To be made in the object's constructor. */
  constructor(storage: AlarmStorage, options: PoolScheduleOptions) {
    this.#storage = storage;
    this.#options = options;
    storage.sql.exec("CREATE TABLE IF NOT EXISTS cron_job (name TEXT PRIMARY KEY, record TEXT NOT NULL)");
    const records: Record<string, CronRecord> = Object.create(null);
    for (const { name, record } of storage.sql.exec("SELECT name, record FROM cron_job")) {
      records[String(name)] = JSON.parse(String(record)) as CronRecord;
    }
    this.#table = new CronTable(options.jobs, records, Date.now());
    for (const run of this.#table.interrupted) options.log(interruptedLine(run));
    this.#keep();
  }

  status(): readonly CronStatus[] {
    return this.#table.status();
  }

  /** Sets the alarm, where none is set for an earlier time. Jobs that were missed are due at once. */
  async wake(): Promise<void> {
    const next = this.#table.next();
    if (next === undefined) return;
    const set = await this.#storage.getAlarm();
    if (set === null || set > next) await this.#storage.setAlarm(next);
  }

  /** The alarm has come. Settles when all runs are over and the next alarm is set. */
  async alarm(): Promise<void> {
    this.#startDue();
    // If the object is lost in the middle, somebody must wake it again.
    await this.wake();
    while (this.#running.size > 0) {
      // Meanwhile another alarm would wait for this one's end.
      await this.#runOrTime();
      this.#startDue();
    }
    await this.wake();
  }

  #startDue(): void {
    const due = this.#table.due(Date.now());
    if (due.length > 0) this.#keep();
    for (const one of due) {
      const ended = this.#run(one).finally(() => this.#running.delete(ended));
      this.#running.add(ended);
    }
  }

  async #run(due: DueJob): Promise<void> {
    const { exchange, software, log } = this.#options;
    const began = Date.now();
    log(startLine(due, began));
    const skippedBefore = this.#skipped(due);
    const job = { ...due.job, timeout: Math.min(due.job.timeout, LONGEST_RUN) };
    const outcome = await runCronJob(job, exchange, { software });
    this.#table.ended(job.name, Date.now(), outcome);
    this.#keep();
    log(endLine(job, outcome, Date.now() - began, this.#skipped(due) - skippedBefore));
  }

  #skipped({ job }: DueJob): number {
    return this.#table.status().find(({ name }) => name === job.name)?.skipped ?? 0;
  }

  /** Until a run has ended or a job is due. No timer is left behind: it would keep the object from being put away. */
  async #runOrTime(): Promise<void> {
    const next = this.#table.next() ?? Number.POSITIVE_INFINITY;
    const wait = Math.min(Math.max(next - Date.now(), 1), 60_000);
    const time = Promise.withResolvers<void>();
    const timer = setTimeout(time.resolve, wait);
    await Promise.race([...this.#running, time.promise]);
    clearTimeout(timer);
  }

  #keep(): void {
    const { sql } = this.#storage;
    const records = Object.entries(this.#table.records());
    sql.exec("DELETE FROM cron_job");
    for (const [name, record] of records) {
      sql.exec("INSERT INTO cron_job (name, record) VALUES (?, ?)", name, JSON.stringify(record));
    }
  }
}
