// The schedule on Node: a timer for the earliest job, runs through the pool, and the state in a file, so that a restart
// neither repeats a run nor forgets one that was missed.

import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import {
  type CronJob,
  type CronLogLine,
  type CronOutcome,
  type CronRecords,
  type CronStatus,
  CronTable,
  type DueJob,
  endLine,
  interruptedLine,
  runCronJob,
  startLine,
} from "../../cron/index.ts";
import type { Exchange } from "../../transport/exchange.ts";

export interface CronTimerOptions {
  readonly jobs: readonly CronJob[];
  /** The application that runs a job. */
  readonly exchange: (job: CronJob) => Exchange;
  /** Name and version for SERVER_SOFTWARE. */
  readonly software: string;
  /** File that keeps the state over restarts; without it every start begins anew. */
  readonly stateFile?: string;
  readonly log: (line: CronLogLine) => void;
}

/** A schedule at work. */
export interface CronTimer {
  status(): readonly CronStatus[];
  /** Starts no further run; settles when those under way have ended, `grace` milliseconds from now at the latest. */
  stop(grace?: number): Promise<void>;
}

/** A machine that slept, or whose clock was set, is noticed after so long, in milliseconds. */
const LONGEST_SLEEP = 60_000;

/** Starts the schedule. Jobs that were missed while nothing ran are run now, once each. */
export function startCron(options: CronTimerOptions): CronTimer {
  const { jobs, exchange, software, stateFile, log } = options;
  const table = new CronTable(jobs, stateFile === undefined ? {} : readRecords(stateFile, log), Date.now());
  for (const run of table.interrupted) log(interruptedLine(run));
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  let timer: NodeJS.Timeout | undefined;

  const keep = () => {
    if (stateFile !== undefined) writeRecords(stateFile, table.records(), log);
  };

  const run = async (due: DueJob) => {
    const began = performance.now();
    log(startLine(due, Date.now()));
    const { job } = due;
    const skippedBefore = skippedOf(table, job);
    const outcome: CronOutcome = await runCronJob(job, exchange(job), { software }, stopping.signal);
    table.ended(job.name, Date.now(), outcome);
    keep();
    log(endLine(job, outcome, performance.now() - began, skippedOf(table, job) - skippedBefore));
  };

  const look = () => {
    if (stopping.signal.aborted) return;
    const due = table.due(Date.now());
    if (due.length > 0) keep();
    for (const one of due) {
      const ended = run(one).finally(() => running.delete(ended));
      running.add(ended);
    }
    const next = table.next();
    if (next === undefined) return;
    timer = setTimeout(look, Math.min(Math.max(next - Date.now(), 1), LONGEST_SLEEP));
  };
  keep();
  look();

  return {
    status: () => table.status(),
    async stop(grace = 0) {
      clearTimeout(timer);
      const late = setTimeout(() => stopping.abort(new Error("the server stops")), grace);
      await Promise.all(running);
      clearTimeout(late);
      stopping.abort();
    },
  };
}

function skippedOf(table: CronTable, { name }: CronJob): number {
  return table.status().find((one) => one.name === name)?.skipped ?? 0;
}

function readRecords(file: string, log: CronTimerOptions["log"]): CronRecords {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return {};
  }
  try {
    const records: unknown = JSON.parse(text);
    if (typeof records === "object" && records !== null) {
      return Object.fromEntries(Object.entries(records).filter(([, record]) => isRecord(record))) as CronRecords;
    }
  } catch {
    // Told below.
  }
  log({ level: "warning", message: `[cron] ${file} cannot be read and is written anew: no run is made up for` });
  return {};
}

function isRecord(record: unknown): boolean {
  const { schedule, handled } = (record ?? {}) as { schedule?: unknown; handled?: unknown };
  return typeof schedule === "string" && Number.isFinite(handled);
}

/** Whole or not at all: a new file in the place of the old one. */
function writeRecords(file: string, records: CronRecords, log: CronTimerOptions["log"]): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(`${file}.new`, JSON.stringify(records), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  } catch (error) {
    log({ level: "warning", message: `[cron] ${file} cannot be written: ${(error as Error).message}` });
  }
}
