// Schedules: which scripts are due, and one run of one. Pure: who waits, and where the state is kept, are platforms' matters.

export type { CronJob, CronOutcome } from "./job.ts";
export { type CronLogLine, endLine, interruptedLine, startLine } from "./log.ts";
export { type CronRunner, runCronJob } from "./run.ts";
export { readSchedule, type Schedule, scheduleProblem } from "./schedule.ts";
export { type CronRecord, type CronRecords, type CronStatus, CronTable, type DueJob } from "./table.ts";
