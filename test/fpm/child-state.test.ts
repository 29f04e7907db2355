import { describe, expect, test } from "vitest";
import { advance, type ChildInput, type ChildState, TRANSITIONS } from "../../src/fpm/child-state.ts";

describe("child state", () => {
  const inputs: ChildInput[] = ["ready", "take", "release", "stop", "exit"];
  for (const state of Object.keys(TRANSITIONS) as ChildState[]) {
    for (const input of inputs) {
      const next = TRANSITIONS[state][input];
      test(`${state} + ${input} -> ${next ?? "error"}`, () => {
        if (next) expect(advance(state, input)).toBe(next);
        else expect(() => advance(state, input)).toThrow(`a child cannot ${input} while ${state}`);
      });
    }
  }

  test("every living child can die, and a dead one does nothing more", () => {
    for (const state of ["starting", "idle", "busy", "stopping"] as const) expect(advance(state, "exit")).toBe("dead");
    expect(TRANSITIONS.dead).toEqual({});
  });
});
