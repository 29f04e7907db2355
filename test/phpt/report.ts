// What is told of a run: both counts, and the tests that pass on php-fpm and not on ours, by cause.

import { causeOf } from "./causes.ts";
import type { Outcomes } from "./run-all.ts";
import type { Outcome } from "./run-test.ts";

export interface Tally {
  readonly native: Readonly<Record<Outcome["type"], number>>;
  readonly ours: Readonly<Record<Outcome["type"], number>>;
  /** Tests that pass on php-fpm, and those of them that pass on ours. */
  readonly nativePasses: number;
  readonly bothPass: number;
  /** The others, by cause, largest group first. */
  readonly groups: readonly (readonly [cause: string, paths: readonly string[]])[];
  /** Tests that pass on ours and not on php-fpm. */
  readonly onlyOurs: readonly string[];
}

/** Compares two runs of the same tests. */
export function tally(native: Outcomes, ours: Outcomes): Tally {
  const groups = new Map<string, string[]>();
  const onlyOurs: string[] = [];
  let nativePasses = 0;
  let bothPass = 0;
  for (const [path, outcome] of ours) {
    const passesNative = native.get(path)?.type === "pass";
    if (passesNative) nativePasses++;
    if (outcome.type === "pass") {
      if (passesNative) bothPass++;
      else onlyOurs.push(path);
    } else if (passesNative) {
      const cause = causeOf(path, outcome);
      groups.set(cause, [...(groups.get(cause) ?? []), path]);
    }
  }
  return {
    native: count(native),
    ours: count(ours),
    nativePasses,
    bothPass,
    groups: [...groups].sort((a, b) => b[1].length - a[1].length),
    onlyOurs,
  };
}

function count(outcomes: Outcomes): Record<Outcome["type"], number> {
  const counts = { pass: 0, fail: 0, crash: 0, timeout: 0, skip: 0, "not-for-fastcgi": 0 };
  for (const { type } of outcomes.values()) counts[type]++;
  return counts;
}

/** The short form, for a terminal. */
export function summary(result: Tally): string {
  const line = (name: string, counts: Tally["ours"]) =>
    `${name.padEnd(14)}${String(counts.pass).padStart(6)} pass  ${String(counts.fail).padStart(5)} fail  ` +
    `${String(counts.crash).padStart(3)} crash  ${String(counts.timeout).padStart(3)} timeout  ` +
    `${String(counts.skip).padStart(5)} skip  ${String(counts["not-for-fastcgi"]).padStart(4)} not for FastCGI`;
  const share = ((100 * result.bothPass) / Math.max(1, result.nativePasses)).toFixed(2);
  return [
    line("php-fpm", result.native),
    line("edge-fpm", result.ours),
    `of ${result.nativePasses} tests that pass on php-fpm, ${result.bothPass} pass on edge-fpm: ${share} %`,
    ...result.groups.map(([cause, paths]) => `${String(paths.length).padStart(6)}  ${cause}`),
    "",
  ].join("\n");
}

/** The long form: every test of every group, with what it wanted and got. */
export function details(result: Tally, ours: Outcomes): string {
  let text = summary(result);
  for (const [cause, paths] of result.groups) {
    text += `\n\n######## ${cause}: ${paths.length}\n`;
    for (const path of paths) {
      const outcome = ours.get(path);
      text += `\n==== ${path}\n`;
      if (outcome?.type === "fail") {
        const stderr = outcome.stderr === "" ? "" : `---- stderr\n${outcome.stderr}\n`;
        text += `${firstDifference(outcome.wanted, outcome.got)}---- wanted\n${outcome.wanted}\n---- got\n${outcome.got}\n${stderr}`;
      } else {
        text += `${JSON.stringify(outcome)}\n`;
      }
    }
  }
  return `${text}\n\n######## pass on edge-fpm only: ${result.onlyOurs.length}\n${result.onlyOurs.join("\n")}\n`;
}

function firstDifference(wanted: string, got: string): string {
  const left = wanted.trim().split(/\r?\n/);
  const right = got.trim().split(/\r?\n/);
  const at = left.findIndex((line, i) => line !== right[i] && !line.includes("%"));
  return at < 0 ? "" : `---- first at line ${at + 1}\n- ${left[at] ?? ""}\n+ ${right[at] ?? ""}\n`;
}
