import { describe, expect, test } from "vitest";
import { BackOff, respawnPause } from "../../src/fpm/back-off.ts";

describe("back-off", () => {
  test("the pause after failures doubles from 0.1 to 10 seconds", () => {
    expect([0, 1, 2, 3, 7, 8, 50, 5000].map(respawnPause)).toEqual([0, 100, 200, 400, 6400, 10_000, 10_000, 10_000]);
  });

  test("allows everything until something fails, then one child at a time and after the pause", () => {
    const backOff = new BackOff();
    expect([backOff.allow(5, 0, 0), backOff.cause]).toEqual([5, undefined]);
    const error = new Error("no memory");
    expect(backOff.failed(error, 1000)).toBe(100);
    expect(backOff.cause).toBe(error);
    expect([backOff.allow(5, 0, 1099), backOff.allow(5, 0, 1100), backOff.allow(5, 1, 1100)]).toEqual([0, 1, 0]);
    expect(backOff.allow(0, 0, 1100)).toBe(0);
    backOff.reset();
    expect([backOff.allow(5, 0, 0), backOff.cause]).toEqual([5, undefined]);
  });
});
