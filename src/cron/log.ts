// Runs as lines of the log.

import type { CronJob, CronOutcome } from "./job.ts";
import type { DueJob } from "./table.ts";

export interface CronLogLine {
  readonly level: "notice" | "warning";
  readonly message: string;
}

export function startLine({ job, due }: DueJob, now: number): CronLogLine {
  const late = now - due;
  const since = late > 60_000 ? `, due ${new Date(due).toISOString()} and made up for now` : "";
  return { level: "notice", message: `[cron ${job.name}] started ${job.script}${since}` };
}

/** @param skipped times that came while it ran */
export function endLine(job: CronJob, outcome: CronOutcome, duration: number, skipped: number): CronLogLine {
  const { result, status, output } = outcome;
  const how = result === "ok" ? "done" : result === "timeout" ? "ended by its timeout" : "failed";
  const parts = [
    `[cron ${job.name}] ${how}`,
    ...(status === undefined ? [] : [`status ${status}`]),
    `${Math.round(duration)} ms`,
    ...(skipped === 0 ? [] : [`${skipped} ${skipped === 1 ? "time" : "times"} skipped while it ran`]),
  ];
  const said = output === "" ? "" : `: ${output.replaceAll("\n", " | ")}`;
  return { level: result === "ok" ? "notice" : "warning", message: parts.join(", ") + said };
}

export function interruptedLine({ name, started }: { readonly name: string; readonly started: number }): CronLogLine {
  const message = `[cron ${name}] the run of ${new Date(started).toISOString()} was interrupted; it is not run again for that time`;
  return { level: "warning", message };
}
