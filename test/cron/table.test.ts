import { describe, expect, test } from "vitest";
import { type CronJob, CronTable, readSchedule, scheduleProblem } from "../../src/cron/index.ts";

const at = (iso: string) => Date.parse(iso);
const iso = (time: number | undefined) => (time === undefined ? undefined : new Date(time).toISOString());

/** The first times after `from`. */
function times(expression: string, zone: string, from: string, count: number): (string | undefined)[] {
  const schedule = readSchedule(expression, zone);
  const found: (string | undefined)[] = [];
  let time = at(from);
  for (let i = 0; i < count; i++) {
    const next = schedule.next(time);
    found.push(iso(next)?.replace(".000Z", "Z"));
    if (next === undefined) break;
    time = next;
  }
  return found;
}

describe("a schedule", () => {
  test.each([
    ["*/5 * * * *", "UTC", "2026-01-31T23:58:00Z", ["2026-02-01T00:00:00Z", "2026-02-01T00:05:00Z"]],
    ["*/15 * * * * *", "UTC", "2026-01-01T00:00:01Z", ["2026-01-01T00:00:15Z", "2026-01-01T00:00:30Z"]],
    ["0 0 31 * *", "UTC", "2026-01-31T00:00:00Z", ["2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"]],
    ["0 0 L * *", "UTC", "2028-02-01T00:00:00Z", ["2028-02-29T00:00:00Z", "2028-03-31T00:00:00Z"]],
    ["0 12 29 2 *", "UTC", "2026-01-01T00:00:00Z", ["2028-02-29T12:00:00Z", "2032-02-29T12:00:00Z"]],
    ["@hourly", "UTC", "2026-12-31T23:30:00Z", ["2027-01-01T00:00:00Z"]],
    ["0 9 * * MON", "America/New_York", "2026-03-02T20:00:00Z", ["2026-03-09T13:00:00Z"]],
    ["0 0 13 * FRI", "UTC", "2026-02-01T00:00:00Z", ["2026-02-06T00:00:00Z", "2026-02-13T00:00:00Z"]],
    // Summer time begins in Berlin on 2026-03-29: 02:00 becomes 03:00. A fixed time in the gap runs behind it.
    ["30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]],
    ["*/30 * * * *", "Europe/Berlin", "2026-03-29T00:29:00Z", ["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"]],
    // It ends on 2026-10-25: 03:00 becomes 02:00. A fixed time runs once, an interval goes on.
    ["30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]],
    ["0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"]],
  ])("%s in %s after %s", (expression, zone, from, expected) => {
    expect(times(expression, zone, from, expected.length)).toEqual(expected);
  });

  test("that never comes has no next time", () => {
    expect(readSchedule("0 0 30 2 *", "UTC").next(at("2026-01-01T00:00:00Z"))).toBeUndefined();
  });

  test.each([
    ["* * *", "UTC"],
    ["61 * * * *", "UTC"],
    ["0 0 0 0 0 0 0", "UTC"],
    ["", "UTC"],
    ["0 0 31 2 *", "UTC"],
    ["* * * * *", "Europe/Nowhere"],
  ])("%j in %s is refused with a reason", (expression, zone) => {
    expect(scheduleProblem(expression, zone)).toMatch(/\w+/);
  });
});

const JOB: CronJob = {
  name: "five",
  schedule: "*/5 * * * *",
  timezone: "UTC",
  timeout: 1000,
  script: "/cron.php",
  documentRoot: "/srv",
  serverName: "example.org",
  scheme: "http",
};
const MINUTE = 60_000;
const T = at("2026-06-01T12:01:00Z");
const DONE = { result: "ok", status: 200, output: "" } as const;

describe("the table of jobs", () => {
  const names = (table: CronTable, now: number) => table.due(now).map(({ job }) => job.name);

  test("a new job waits for its next time, and runs once at it", () => {
    const table = new CronTable([JOB], {}, T);
    expect(names(table, T)).toEqual([]);
    expect(iso(table.next())).toBe("2026-06-01T12:05:00.000Z");
    expect(names(table, T + 4 * MINUTE - 1)).toEqual([]);
    expect(names(table, T + 4 * MINUTE)).toEqual(["five"]);
    expect(names(table, T + 4 * MINUTE + 1)).toEqual([]);
    table.ended("five", T + 4 * MINUTE + 500, DONE);
    expect(names(table, T + 4 * MINUTE + 600)).toEqual([]);
    expect(iso(table.next())).toBe("2026-06-01T12:10:00.000Z");
    expect(table.status()).toMatchObject([
      { runs: 1, failures: 0, skipped: 0, running: false, last: { duration: 500 } },
    ]);
  });

  test("a job never overlaps itself: the times that come while it runs are skipped and counted", () => {
    const table = new CronTable([JOB], {}, T);
    expect(names(table, T + 4 * MINUTE)).toEqual(["five"]);
    expect(names(table, T + 9 * MINUTE)).toEqual([]);
    expect(names(table, T + 14 * MINUTE)).toEqual([]);
    table.ended("five", T + 15 * MINUTE, { ...DONE, result: "failed" });
    expect(names(table, T + 15 * MINUTE)).toEqual([]);
    expect(names(table, T + 19 * MINUTE)).toEqual(["five"]);
    expect(table.status()).toMatchObject([{ runs: 1, failures: 1, skipped: 2, running: true }]);
  });

  test("two jobs run beside each other", () => {
    const table = new CronTable([JOB, { ...JOB, name: "hour", schedule: "@hourly" }], {}, T);
    expect(names(table, at("2026-06-01T13:00:00Z"))).toEqual(["five", "hour"]);
  });

  test("what was missed is made up for once, and tells when it was due", () => {
    const before = new CronTable([JOB], {}, T);
    const table = new CronTable([JOB], before.records(), T + 3 * 24 * 60 * MINUTE);
    const due = table.due(T + 3 * 24 * 60 * MINUTE);
    expect(due.map((one) => iso(one.due))).toEqual(["2026-06-01T12:05:00.000Z"]);
    table.ended("five", T + 3 * 24 * 60 * MINUTE, DONE);
    expect(names(table, T + 3 * 24 * 60 * MINUTE + 1)).toEqual([]);
  });

  test("who is woken twice for one moment runs the job once, also with another table", () => {
    const now = T + 4 * MINUTE;
    const first = new CronTable([JOB], {}, T);
    expect(names(first, now)).toEqual(["five"]);
    const kept = JSON.parse(JSON.stringify(first.records()));
    const second = new CronTable([JOB], kept, now + 10);
    expect(names(second, now + 10)).toEqual([]);
    expect(second.interrupted).toEqual([{ name: "five", started: now }]);
    // Whoever died in the middle of a run does not keep the job from running again.
    expect(names(second, now + 5 * MINUTE)).toEqual(["five"]);
  });

  test("a job with another schedule begins anew", () => {
    const before = new CronTable([JOB], {}, T);
    const table = new CronTable([{ ...JOB, schedule: "*/2 * * * *" }], before.records(), T + 60 * MINUTE);
    expect(names(table, T + 60 * MINUTE)).toEqual([]);
  });

  test("a clock that is set back does not silence a job", () => {
    const table = new CronTable([JOB], {}, T);
    expect(names(table, T - 24 * 60 * MINUTE)).toEqual([]);
    expect(names(table, T - 24 * 60 * MINUTE + 4 * MINUTE)).toEqual(["five"]);
  });

  test("names of jobs are names, and nothing else", () => {
    const table = new CronTable([{ ...JOB, name: "constructor" }], {}, T);
    expect(names(table, T + 4 * MINUTE)).toEqual(["constructor"]);
  });
});
