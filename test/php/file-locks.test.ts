// The lock table that children share: POSIX rules, with two owners in one thread.

import { beforeEach, describe, expect, test } from "vitest";
import {
  createLockTable,
  FCNTL,
  FileLocks,
  FLOCK,
  type LockRequest,
  type LockTable,
} from "../../src/platform/node/file-locks.ts";

let table: LockTable;
let one: FileLocks;
let two: FileLocks;
beforeEach(() => {
  table = createLockTable();
  one = new FileLocks(table, 1);
  two = new FileLocks(table, 2);
});

const SHARED = 1;
const EXCLUSIVE = 2;
const NONE = 0;

const flock = (type: 0 | 1 | 2, fd = 5): LockRequest => ({
  family: FLOCK,
  type,
  fd,
  device: 1,
  inode: 9,
  start: 0,
  end: Number.POSITIVE_INFINITY,
});
const range = (type: 0 | 1 | 2, start: number, end: number): LockRequest => ({
  ...flock(type),
  family: FCNTL,
  start,
  end,
});

describe("flock", () => {
  test("an exclusive lock keeps every other owner and descriptor out until it is given back", () => {
    expect(one.set(flock(EXCLUSIVE), false)).toBe("granted");
    expect(two.set(flock(SHARED), false)).toBe("busy");
    expect(one.set(flock(EXCLUSIVE, 6), false)).toBe("busy");
    expect(one.set(flock(NONE), false)).toBe("granted");
    expect(two.set(flock(SHARED), false)).toBe("granted");
  });

  test("shared locks go together, and one of them cannot become exclusive", () => {
    expect(one.set(flock(SHARED), false)).toBe("granted");
    expect(two.set(flock(SHARED), false)).toBe("granted");
    expect(one.set(flock(EXCLUSIVE), false)).toBe("busy");
    two.set(flock(NONE), false);
    expect(one.set(flock(EXCLUSIVE), false)).toBe("granted");
  });

  test("two who share one and both want it alone do not wait for each other: who is refused has none any more", () => {
    one.set(flock(SHARED), false);
    two.set(flock(SHARED), false);
    expect(one.set(flock(EXCLUSIVE), 1)).toBe("busy");
    expect(one.held).toBe(0);
    expect(two.set(flock(EXCLUSIVE), false)).toBe("granted");
  });

  test("closing the descriptor gives it back, closing another file's does not", () => {
    one.set(flock(EXCLUSIVE), false);
    one.closed(6, 1, 9);
    one.closed(5, 1, 10);
    expect(two.set(flock(EXCLUSIVE), false)).toBe("busy");
    one.closed(5, 1, 9);
    expect(one.held).toBe(0);
    expect(two.set(flock(EXCLUSIVE), false)).toBe("granted");
  });
});

describe("byte ranges", () => {
  test("conflict where they overlap only, and a conflict is described", () => {
    one.set(range(EXCLUSIVE, 10, 20), false);
    expect(two.set(range(EXCLUSIVE, 0, 10), false)).toBe("granted");
    expect(two.set(range(SHARED, 20, 30), false)).toBe("granted");
    expect(two.set(range(SHARED, 15, 16), false)).toBe("busy");
    expect(two.conflict(range(SHARED, 0, 100))).toEqual({ type: 2, owner: 1, start: 10, end: 20 });
    expect(one.conflict(range(SHARED, 12, 14))).toBeUndefined();
  });

  test("giving back the middle leaves both ends", () => {
    one.set(range(EXCLUSIVE, 0, 100), false);
    one.set(range(NONE, 40, 60), false);
    expect(two.set(range(EXCLUSIVE, 40, 60), false)).toBe("granted");
    expect(two.set(range(EXCLUSIVE, 39, 40), false)).toBe("busy");
    expect(two.set(range(EXCLUSIVE, 60, 61), false)).toBe("busy");
    expect(one.held).toBe(2);
  });

  test("a second lock of the same owner replaces the first where they overlap", () => {
    one.set(range(EXCLUSIVE, 0, 10), false);
    expect(one.set(range(SHARED, 0, 10), false)).toBe("granted");
    expect(two.set(range(SHARED, 0, 10), false)).toBe("granted");
    expect(one.held).toBe(1);
  });

  test("closing any descriptor of the file gives back all of the owner's, as POSIX says", () => {
    one.set(range(EXCLUSIVE, 0, 10), false);
    one.closed(77, 1, 9);
    expect(two.set(range(EXCLUSIVE, 0, 10), false)).toBe("granted");
  });

  test("can be waited for, and not for ever", () => {
    one.set(range(EXCLUSIVE, 0, 10), false);
    const began = performance.now();
    expect(two.set(range(SHARED, 0, 10), 60)).toBe("busy");
    expect(performance.now() - began).toBeGreaterThanOrEqual(55);
  });

  test("tell whether an owner only reads", () => {
    expect(one.onlyShares(range(SHARED, 0, 1))).toBe(false);
    one.set(range(SHARED, 0, 10), false);
    expect(one.onlyShares(range(EXCLUSIVE, 20, 21))).toBe(true);
    expect(one.onlyShares({ ...range(EXCLUSIVE, 20, 21), inode: 10 })).toBe(false);
    expect(two.onlyShares(range(SHARED, 0, 1))).toBe(false);
    one.set(range(EXCLUSIVE, 20, 21), false);
    expect(one.onlyShares(range(EXCLUSIVE, 0, 10))).toBe(false);
  });

  test("do not see flock() locks, and other files do not see them", () => {
    one.set(flock(EXCLUSIVE), false);
    expect(two.set(range(EXCLUSIVE, 0, 10), false)).toBe("granted");
    expect(two.set({ ...flock(EXCLUSIVE), inode: 10 }, false)).toBe("granted");
    expect(two.set({ ...flock(EXCLUSIVE), device: 2 }, false)).toBe("granted");
  });
});

describe("the table", () => {
  test("says when it is full, and has room again", () => {
    let granted = 0;
    while (one.set(range(EXCLUSIVE, granted * 2, granted * 2 + 1), false) === "granted") granted++;
    expect(granted).toBeGreaterThan(1000);
    expect(one.set(range(EXCLUSIVE, 1e9, 1e9 + 1), false)).toBe("full");
    one.releaseAll();
    expect(one.held).toBe(0);
    expect(two.set(range(EXCLUSIVE, 0, 1), false)).toBe("granted");
  });

  test("what a dead owner held is given back, its hand on the guard too", () => {
    one.set(flock(EXCLUSIVE), false);
    Atomics.store(new Int32Array(table.control), 0, 1);
    FileLocks.releaseDead(table, 1);
    expect(two.set(flock(EXCLUSIVE), false)).toBe("granted");
  });
});
