// Why tests that pass on php-fpm do not pass on ours, as far as a rule can tell it. The first rule that fits counts.

import type { Outcome } from "./run-test.ts";

interface Cause {
  readonly name: string;
  /** On the test's path. */
  readonly path?: RegExp;
  /** On what the application answered. */
  readonly got?: RegExp;
  /** On what the test wanted. */
  readonly wanted?: RegExp;
}

const CAUSES: readonly Cause[] = [];

/** The name of the cause of a failure. */
export function causeOf(path: string, outcome: Outcome): string {
  if (outcome.type === "crash") return "the child broke";
  if (outcome.type === "timeout") return "no answer in time";
  if (outcome.type === "skip") return `skipped: ${outcome.reason}`;
  if (outcome.type !== "fail") return outcome.type;
  const cause = CAUSES.find(
    ({ path: onPath, got, wanted }) =>
      (onPath === undefined || onPath.test(path)) &&
      (got === undefined || got.test(outcome.got)) &&
      (wanted === undefined || wanted.test(outcome.wanted)),
  );
  return cause?.name ?? "not sorted";
}
