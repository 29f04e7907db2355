// php-src's own tests against real php-fpm 8.2 and ours: `npm run test:phpt -- [--filter <text>] [--fresh] [--list <file>]`.
// The outcomes of php-fpm are kept below .cache and asked for again with --fresh only; the whole report goes there too.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type RunningApplication, startNative, startOurs } from "./applications.ts";
import { details, summary, tally } from "./report.ts";
import { type Outcomes, runAll } from "./run-all.ts";
import type { Outcome } from "./run-test.ts";
import { CACHE, fetchSources, listTests, sourceVersion } from "./sources.ts";

/** Longest time for one test, in milliseconds. */
const TIMEOUT = 20_000;

/** Of all tests that pass on php-fpm, the share that must pass on ours, in percent. */
const AIM = 98;

const NATIVE_OUTCOMES = join(CACHE, "native.json");
const REPORT = join(CACHE, "report.txt");

const { values: options } = parseArgs({
  options: {
    /** Only tests whose path contains this text. */
    filter: { type: "string" },
    /** Only the tests that a file lists, a path a line. */
    list: { type: "string" },
    /** Ask php-fpm again. */
    fresh: { type: "boolean", default: false },
  },
});

const say = (line: string) => process.stdout.write(`${line}\n`);

fetchSources(say);
const listed = options.list === undefined ? undefined : new Set(readFileSync(options.list, "utf8").split("\n"));
const tests = listTests().filter(
  (path) => path.includes(options.filter ?? "") && (listed === undefined || listed.has(path)),
);
say(`${tests.length} tests of PHP ${sourceVersion()}`);

const native = await nativeOutcomes();
const ours = await run("edge-fpm", startOurs, tests);
const result = tally(native, ours);
writeFileSync(REPORT, details(result, ours), "latin1");
say(summary(result));
say(`Report: ${REPORT}`);
if (result.bothPass < (result.nativePasses * AIM) / 100) {
  say(`Fewer than ${AIM} % pass.`);
  process.exitCode = 1;
}

async function nativeOutcomes(): Promise<Outcomes> {
  const known: Outcomes =
    existsSync(NATIVE_OUTCOMES) && !options.fresh
      ? new Map(Object.entries(JSON.parse(readFileSync(NATIVE_OUTCOMES, "utf8")) as Record<string, Outcome>))
      : new Map();
  const missing = tests.filter((path) => !known.has(path));
  if (missing.length === 0) return known;
  const all = new Map([...known, ...(await run("php-fpm", startNative, missing))]);
  writeFileSync(NATIVE_OUTCOMES, JSON.stringify(Object.fromEntries(all)));
  return all;
}

async function run(
  name: string,
  start: (timeout: number) => Promise<RunningApplication>,
  paths: readonly string[],
): Promise<Outcomes> {
  const application = await start(TIMEOUT);
  const began = performance.now();
  let told = began;
  try {
    const outcomes = await runAll(application, paths, (count) => {
      if (performance.now() - told < 10_000) return;
      told = performance.now();
      say(`${name}: ${count} of ${paths.length}`);
    });
    say(`${name}: ${paths.length} tests in ${((performance.now() - began) / 1000).toFixed(0)} s`);
    return outcomes;
  } finally {
    await application.stop();
  }
}
