// Many tests against one application, as many at a time as it has children.

import type { RunningApplication } from "./applications.ts";
import { type Outcome, runTest } from "./run-test.ts";

/** Outcomes by the test's path below the source tree. */
export type Outcomes = ReadonlyMap<string, Outcome>;

/** Runs all tests; one that breaks the application does not stop the others. */
export async function runAll(
  application: RunningApplication,
  tests: readonly string[],
  onDone: (count: number) => void = () => {},
): Promise<Outcomes> {
  const outcomes = new Map<string, Outcome>();
  let next = 0;
  const lane = async () => {
    for (let path = tests[next++]; path !== undefined; path = tests[next++]) {
      outcomes.set(path, await runTest(application, path).catch(problem));
      onDone(outcomes.size);
    }
  };
  await Promise.all(Array.from({ length: application.children }, lane));
  return outcomes;
}

function problem(error: unknown): Outcome {
  return { type: "crash", message: `the test itself could not be run: ${String(error)}` };
}
