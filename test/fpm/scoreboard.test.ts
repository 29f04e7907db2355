import { describe, expect, test } from "vitest";
import { Scoreboard } from "../../src/fpm/scoreboard.ts";
import { request } from "./fakes.ts";

describe("Scoreboard", () => {
  test("counts the children from their rows", () => {
    const board = new Scoreboard(0);
    const [a, b, c] = [board.add(11, 0, 0), board.add(12, 0, 0), board.add(13, 1, 0)];
    board.ready(a, 1);
    board.ready(b, 1);
    board.take(b, request(), 2);
    board.stop(c, 3);
    expect(board.totals()).toEqual({ starting: 0, idle: 1, active: 1, stopping: 1, total: 3 });
    expect(board.totals(0)).toEqual({ starting: 0, idle: 1, active: 1, stopping: 0, total: 2 });
  });

  test("gives a child the lowest free place", () => {
    const board = new Scoreboard(0);
    const [a] = [board.add(11, 0, 0), board.add(12, 0, 0)];
    board.exit(a, 1);
    expect(board.freeIndex).toBe(0);
    expect(board.add(13, 0, 2).index).toBe(0);
    expect(board.slots.map(({ pid }) => pid)).toEqual([13, 12]);
  });

  test("keeps what a request cost", () => {
    const board = new Scoreboard(0);
    const slot = board.add(11, 0, 0);
    board.ready(slot, 5);
    board.take(slot, request({ uri: "/a" }), 10);
    board.stage(slot, "finishing", 20);
    expect(slot).toMatchObject({ state: "busy", stage: "finishing", requests: 1, acceptedAt: 10, changedAt: 20 });
    board.release(slot, 4096, 35);
    expect(slot).toMatchObject({ state: "idle", stage: "idle", duration: 25, memory: 4096, changedAt: 35 });
    board.take(slot, request(), 40);
    board.release(slot, 1024, 41);
    expect(board.counters).toMatchObject({ accepted: 2, maxActive: 1, memoryPeak: 4096 });
  });

  test("refuses to write to the row of a child that is gone", () => {
    const board = new Scoreboard(0);
    const slot = board.add(11, 0, 0);
    board.exit(slot, 1);
    board.add(12, 0, 2);
    expect(() => board.ready(slot, 3)).toThrow("slot 0 is no longer child 11's");
    expect(() => board.exit(slot, 3)).toThrow();
  });
});
