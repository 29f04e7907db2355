// Some of php-src's own tests against ours, when their sources are here: `npm run test:phpt` fetches them, and runs all.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunningApplication, startOurs } from "./applications.ts";
import { causeOf } from "./causes.ts";
import { formatPattern } from "./expectation.ts";
import { parsePhpt } from "./phpt-file.ts";
import { type Outcomes, runAll } from "./run-all.ts";
import { haveSources, listTests } from "./sources.ts";

/** One of so many is run. */
const ONE_OF = 33;

/** Most that may fail: some fail on php-fpm too, which says nothing about ours. */
const MOST_FAILING = 12;

describe("the runner", () => {
  test("reads sections, and line ends belong to them", () => {
    const sections = parsePhpt("--TEST--\nname\n--FILE--\n<?php\n--not a heading\n--EXPECT--\nx\n");
    expect([...sections]).toEqual([
      ["TEST", "name\n"],
      ["FILE", "<?php\n--not a heading\n"],
      ["EXPECT", "x\n"],
    ]);
  });

  test.each([
    ["int(%d)", "int(12)", true],
    ["int(%d)", "int(-12)", false],
    ["int(%i)", "int(-12)", true],
    ["%s on line %d", "Warning: x on line 3", true],
    ["%s", "two\nlines", false],
    ["%a", "two\nlines", true],
    ["a%Sb", "ab", true],
    ["%r(x|y)+%r.", "xyx.", true],
    ["100%", "100%", true],
    ["[%f]", "[-1.5E+3]", true],
    ["a.b", "axb", false],
  ])("EXPECTF %s on %j is %s", (format, text, wanted) => {
    expect(formatPattern(format).test(text)).toBe(wanted);
  });
});

describe.skipIf(!haveSources())("php-src's tests, a sample", () => {
  let application: RunningApplication;
  let outcomes: Outcomes;
  beforeAll(async () => {
    application = await startOurs(20_000);
    const tests = listTests().filter((_, i) => i % ONE_OF === 0);
    outcomes = await runAll(application, tests);
  }, 120_000);
  afterAll(() => application?.stop());

  test("nearly all of them pass", () => {
    const failing = [...outcomes]
      .filter(([, { type }]) => type === "fail" || type === "crash" || type === "timeout")
      .map(([path, outcome]) => `${path}: ${causeOf(path, outcome)}`);
    expect(outcomes.size).toBeGreaterThan(190);
    expect(failing.length, failing.join("\n")).toBeLessThanOrEqual(MOST_FAILING);
  });

  test("none breaks a child that has no reason to", () => {
    const broken = [...outcomes].filter(([path, outcome]) => causeOf(path, outcome) === "the child broke");
    expect(broken).toEqual([]);
  });
});
