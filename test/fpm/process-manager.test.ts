import { describe, expect, test } from "vitest";
import { poolConfig } from "../../src/fpm/index.ts";
import {
  INITIAL_MAINTENANCE,
  planDemand,
  planMaintenance,
  planReplacement,
  planStart,
} from "../../src/fpm/process-manager.ts";

const dynamic = poolConfig({ maxChildren: 10, minSpareServers: 4, maxSpareServers: 6, startServers: 5 });
const fixed = poolConfig({ pm: "static", maxChildren: 3 });
const ondemand = poolConfig({ pm: "ondemand", maxChildren: 3, processIdleTimeout: 10_000 });

describe("planStart", () => {
  test.each([
    ["static starts all", fixed, 3],
    ["dynamic starts start_servers", dynamic, 5],
    ["ondemand starts none", ondemand, 0],
  ])("%s", (_name, limits, count) => {
    expect(planStart(limits)).toBe(count);
  });
});

describe("planMaintenance of a dynamic pool", () => {
  // idle, starting, running, state before -> plan
  const calm = { spawn: 0, retire: 0, spawnRate: 1, warned: false, maxChildrenReached: false, seemsBusy: false };
  const rate = (spawnRate: number, warned = false) => ({ spawnRate, warned });
  test.each([
    ["enough idle children", [5, 0, 8], rate(4), calm],
    ["min spare servers exactly", [4, 0, 8], rate(1), calm],
    ["max spare servers exactly", [6, 0, 8], rate(1), calm],
    ["too many idle children: one a round", [9, 0, 10], rate(8), { ...calm, retire: 1 }],
    ["first shortage", [1, 0, 3], rate(1), { ...calm, spawn: 1, spawnRate: 2 }],
    ["second shortage: twice as many", [1, 0, 3], rate(2), { ...calm, spawn: 2, spawnRate: 4 }],
    ["never more than are short", [2, 0, 3], rate(4), { ...calm, spawn: 2, spawnRate: 8 }],
    ["never more than there is room for", [0, 0, 9], rate(4), { ...calm, spawn: 1, spawnRate: 8 }],
    ["starting ones are not short", [1, 3, 6], rate(4), calm],
    [
      "says that it seems busy from rate 8 on",
      [0, 0, 3],
      rate(8),
      { ...calm, spawn: 4, spawnRate: 16, seemsBusy: true },
    ],
    ["the rate stops at max_spawn_rate", [0, 0, 3], rate(32), { ...calm, spawn: 4, spawnRate: 32, seemsBusy: true }],
    ["full: counted once", [0, 0, 10], rate(8), { ...calm, warned: true, maxChildrenReached: true }],
    ["still full: not counted again", [0, 0, 10], rate(1, true), { ...calm, warned: true }],
    ["room again: to be counted anew", [0, 0, 9], rate(1, true), { ...calm, spawn: 1, spawnRate: 2 }],
    ["relief without a spawn keeps the mark, as in php-fpm", [5, 0, 10], rate(1, true), { ...calm, warned: true }],
  ] as const)("%s", (_name, [idle, starting, running], state, plan) => {
    expect(planMaintenance({ idle, starting, running }, idle > 0 ? 5 : undefined, state, dynamic)).toEqual(plan);
  });

  test("goes 1, 2, 4, 8 ... as long as the shortage lasts", () => {
    const limits = poolConfig({ maxChildren: 100, minSpareServers: 50, maxSpareServers: 60, maxSpawnRate: 8 });
    let state = INITIAL_MAINTENANCE;
    const spawned: number[] = [];
    for (let running = 0; spawned.length < 6; ) {
      const plan = planMaintenance({ idle: 0, starting: 0, running }, undefined, state, limits);
      spawned.push(plan.spawn);
      running += plan.spawn;
      state = plan;
    }
    expect(spawned).toEqual([1, 2, 4, 8, 8, 8]);
  });
});

describe("planMaintenance of the others", () => {
  test.each([
    ["none idle", undefined, 0],
    ["idle for just the timeout", 10_000, 0],
    ["idle for longer", 10_001, 1],
  ])("ondemand, %s", (_name, longestIdle, retire) => {
    const counts = { idle: 3, starting: 0, running: 3 };
    expect(planMaintenance(counts, longestIdle, INITIAL_MAINTENANCE, ondemand)).toMatchObject({ spawn: 0, retire });
  });

  test("static: nothing to do", () => {
    const plan = planMaintenance({ idle: 3, starting: 0, running: 3 }, 1e9, INITIAL_MAINTENANCE, fixed);
    expect(plan).toMatchObject({ spawn: 0, retire: 0 });
  });
});

describe("planDemand", () => {
  test.each([
    ["nobody waits", 0, [0, 0, 0], 0, false],
    ["one waits, no child", 1, [0, 0, 0], 1, false],
    ["a child is on its way", 1, [0, 1, 1], 0, false],
    ["more wait than are on their way", 2, [0, 1, 1], 1, false],
    ["more wait than there is room for", 9, [0, 0, 1], 2, false],
    ["full", 1, [0, 0, 3], 0, true],
  ] as const)("%s", (_name, waiting, [idle, starting, running], spawn, maxChildrenReached) => {
    const plan = planDemand(waiting, { idle, starting, running }, INITIAL_MAINTENANCE, ondemand);
    expect(plan).toMatchObject({ spawn, maxChildrenReached });
  });

  test("counts the same shortage once", () => {
    const full = { idle: 0, starting: 0, running: 3 };
    const first = planDemand(1, full, INITIAL_MAINTENANCE, ondemand);
    expect(planDemand(2, full, first, ondemand).maxChildrenReached).toBe(false);
  });
});

describe("planReplacement", () => {
  test.each([
    ["static is filled up", fixed, 1, 1, 2],
    ["static is full", fixed, 1, 3, 0],
    ["dynamic: one for one", dynamic, 1, 4, 1],
    ["dynamic: none lost", dynamic, 0, 4, 0],
    ["dynamic: not beyond max_children", dynamic, 2, 9, 1],
    ["ondemand: the next request will tell", ondemand, 1, 0, 0],
  ])("%s", (_name, limits, lost, running, count) => {
    expect(planReplacement(lost, { running, idle: 0, starting: 0 }, limits)).toBe(count);
  });
});
