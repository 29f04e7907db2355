// The timers of an interpreter, without one: which signals are given when.

import { expect, test } from "vitest";
import { Clock } from "../../src/php/clock.ts";
import type { PhpModule } from "../../src/php/glue.ts";

const ITIMER_REAL = 0;
const ITIMER_PROF = 2;

/** A clock whose interpreter counts its signals and looks at the time when told to. */
function start() {
  const rung: number[] = [];
  let onSignal = (_which: number) => {};
  const env: Record<string, (...values: number[]) => number> = { _setitimer_js: () => 0, emscripten_get_now: () => 0 };
  const signal = (which: number) => {
    rung.push(which);
    onSignal(which);
  };
  const clock = new Clock();
  clock.watch({ env }, () => ({ wasmExports: { _emscripten_timeout: signal } }) as unknown as PhpModule);
  return {
    clock,
    rung,
    set: (which: number, milliseconds: number) => env._setitimer_js?.(which, milliseconds),
    look: () => env.emscripten_get_now?.(),
    onSignal: (run: (which: number) => void) => {
      onSignal = run;
    },
  };
}

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

test("an alarm is never given to a script that waits, but at its next look", async () => {
  const { rung, set, look } = start();
  set(ITIMER_REAL, 5);
  await wait(30);
  expect(rung).toEqual([]);
  look();
  look();
  expect(rung).toEqual([ITIMER_REAL]);
});

test("an alarm ends a wait that asks for it; without one the wait is as long as it is", async () => {
  const { clock, set, look, rung } = start();
  expect(await clock.orAlarm(wait(5).then(() => "found"))).toBe("found");
  set(ITIMER_REAL, 5);
  expect(await clock.orAlarm(new Promise(() => {}))).toBe(undefined);
  look();
  expect(rung).toEqual([ITIMER_REAL]);
  set(ITIMER_REAL, 1000);
  expect(await clock.orAlarm(Promise.resolve("at once"))).toBe("at once");
});

test("a time limit is told to a script that waits; the signal that would end it waits for its next look", async () => {
  const { rung, set, look, onSignal } = start();
  onSignal(() => {
    if (rung.length === 1) set(ITIMER_PROF, 5);
  });
  set(ITIMER_PROF, 5);
  await wait(40);
  expect(rung).toEqual([ITIMER_PROF]);
  look();
  expect(rung).toEqual([ITIMER_PROF, ITIMER_PROF]);
});

test("no signal outlives its script", async () => {
  const { clock, rung, set, look } = start();
  set(ITIMER_REAL, 5);
  set(ITIMER_PROF, 5);
  clock.stop();
  await wait(30);
  look();
  expect(rung).toEqual([]);
});
