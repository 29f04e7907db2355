import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Lock, type LockOutcome, LockTable, TO_END } from "../../src/fs/index.ts";

const flock = (ino: number, type: Lock["type"], handle = 1): Lock => ({ family: "flock", ino, handle, type });
const range = (type: Lock["type"], start: number, end: number, ino = 1): Lock => ({
  family: "range",
  ino,
  start,
  end,
  type,
});

/** A table, and what came of each wait. */
function table(most = 100) {
  const locks = new LockTable(most);
  const told: [number, LockOutcome][] = [];
  const wait = (life: number, lock: Lock, until = 1000) => {
    return locks.request(life, lock, { until, tell: (outcome) => told.push([life, outcome]) });
  };
  const take = () => told.splice(0);
  return { locks, wait, take };
}

describe("flock", () => {
  test("shared ones go together, an exclusive one alone", () => {
    const { locks } = table();
    expect(locks.request(1, flock(1, "shared"))).toBe("granted");
    expect(locks.request(2, flock(1, "shared"))).toBe("granted");
    expect(locks.request(3, flock(1, "exclusive"))).toBe("busy");
    expect(locks.request(3, flock(2, "exclusive"))).toBe("granted");
    expect(locks.request(1, flock(2, "shared"))).toBe("busy");
  });

  test("belongs to an open file: two of one child exclude each other", () => {
    const { locks, wait } = table();
    expect(locks.request(1, flock(1, "exclusive", 1))).toBe("granted");
    expect(locks.request(1, flock(1, "exclusive", 2))).toBe("busy");
    // Nobody else could ever free it.
    expect(wait(1, flock(1, "exclusive", 2))).toBe("deadlock");
    expect(locks.request(1, flock(1, "exclusive", 1))).toBe("granted");
    expect(locks.held).toBe(1);
  });

  test("is granted in the order of asking, readers together, and a writer is not kept out by readers", () => {
    const { locks, wait, take } = table();
    locks.request(1, flock(1, "shared"));
    expect(wait(2, flock(1, "exclusive"))).toBeUndefined();
    expect(wait(3, flock(1, "shared"))).toBeUndefined();
    expect(wait(4, flock(1, "shared"))).toBeUndefined();
    locks.release(1, flock(1, "shared"));
    expect(take()).toEqual([[2, "granted"]]);
    locks.release(2, flock(1, "shared"));
    expect(take()).toEqual([
      [3, "granted"],
      [4, "granted"],
    ]);
  });

  test("is changed by giving it back first, so that two that want more do not block each other", () => {
    const { locks, wait, take } = table();
    locks.request(1, flock(1, "shared"));
    locks.request(2, flock(1, "shared"));
    expect(wait(1, flock(1, "exclusive"))).toBeUndefined();
    // The second one's is given back, which lets the first one in.
    expect(wait(2, flock(1, "exclusive"))).toBeUndefined();
    expect(take()).toEqual([[1, "granted"]]);
    locks.end(1);
    expect(take()).toEqual([[2, "granted"]]);
  });

  test("that becomes shared lets readers in at once", () => {
    const { locks, wait, take } = table();
    locks.request(1, flock(1, "exclusive"));
    wait(2, flock(1, "shared"));
    expect(locks.request(1, flock(1, "shared"))).toBe("granted");
    expect(take()).toEqual([[2, "granted"]]);
    expect(locks.held).toBe(2);
  });
});

describe("ranges", () => {
  test("exclude each other where they overlap, and do not see flock()", () => {
    const { locks } = table();
    locks.request(1, range("exclusive", 10, 20));
    expect(locks.request(2, range("shared", 19, 30))).toBe("busy");
    expect(locks.request(2, range("shared", 20, 30))).toBe("granted");
    expect(locks.request(2, flock(1, "exclusive"))).toBe("granted");
    expect(locks.conflict(3, range("shared", 0, TO_END))).toEqual({ life: 1, type: "exclusive", start: 10, end: 20 });
    expect(locks.conflict(1, range("exclusive", 10, 20))).toBeUndefined();
  });

  test("of one child replace, join and cut each other", () => {
    const { locks } = table();
    locks.request(1, range("exclusive", 0, 100));
    locks.request(1, range("shared", 40, 60));
    expect(locks.held).toBe(3);
    expect(locks.request(2, range("shared", 40, 60))).toBe("granted");
    expect(locks.request(2, range("shared", 39, 60))).toBe("busy");
    locks.release(1, { family: "range", ino: 1, start: 0, end: TO_END });
    expect(locks.request(2, range("exclusive", 0, TO_END))).toBe("granted");
    expect(locks.held).toBe(1);
  });

  test("SQLite's steps: readers, one that prepares to write, and its wait for them", () => {
    const { locks } = table();
    const [pending, reserved, shared] = [
      range("exclusive", 100, 101),
      range("exclusive", 101, 102),
      range("shared", 102, 612),
    ];
    for (const life of [1, 2]) expect(locks.request(life, shared)).toBe("granted");
    expect(locks.request(1, reserved)).toBe("granted");
    expect(locks.request(2, reserved)).toBe("busy");
    expect(locks.request(1, pending)).toBe("granted");
    expect(locks.request(1, { ...shared, type: "exclusive" })).toBe("busy");
    // A range that could not be changed stays as it was.
    expect(locks.request(3, { ...shared, type: "exclusive" })).toBe("busy");
    locks.release(2, shared);
    expect(locks.request(1, { ...shared, type: "exclusive" })).toBe("granted");
    expect(locks.request(2, shared)).toBe("busy");
  });

  test("two readers that both wait to write are a deadlock: the second is told", () => {
    const { locks, wait, take } = table();
    locks.request(1, range("shared", 0, 10));
    locks.request(2, range("shared", 0, 10));
    expect(wait(1, range("exclusive", 0, 10))).toBeUndefined();
    expect(wait(2, range("exclusive", 0, 10))).toBe("deadlock");
    locks.release(2, range("shared", 0, 10));
    expect(take()).toEqual([[1, "granted"]]);
  });

  test("who holds a lock and wants more goes before those that wait for it to go", () => {
    const { locks, wait, take } = table();
    locks.request(1, range("shared", 0, 10));
    locks.request(2, range("shared", 0, 10));
    expect(wait(3, range("exclusive", 0, 10))).toBeUndefined();
    expect(wait(1, range("exclusive", 0, 10))).toBeUndefined();
    locks.release(2, range("shared", 0, 10));
    expect(take()).toEqual([[1, "granted"]]);
  });

  test.each([
    [-1, 5],
    [5, 5],
    [6, 5],
    [0.5, 5],
    [0, Number.POSITIVE_INFINITY],
  ])("from %s to %s is none", (start, end) => {
    expect(() => table().locks.request(1, range("shared", start, end))).toThrow(
      expect.objectContaining({ errno: "EINVAL" }),
    );
  });
});

describe("waits", () => {
  test("around three files are a deadlock", () => {
    const { locks, wait } = table();
    for (const n of [1, 2, 3]) locks.request(n, flock(n, "exclusive"));
    expect(wait(1, flock(2, "exclusive"))).toBeUndefined();
    expect(wait(2, flock(3, "exclusive"))).toBeUndefined();
    expect(wait(3, flock(1, "exclusive"))).toBe("deadlock");
  });

  test("end in time, when their child dies, and when the holder dies", () => {
    const { locks, wait, take } = table();
    locks.request(1, flock(1, "exclusive"));
    wait(2, flock(1, "exclusive"), 500);
    wait(3, flock(1, "exclusive"), 900);
    wait(4, flock(1, "exclusive"), 900);
    expect(locks.nextTimeout).toBe(500);
    locks.expire(499);
    expect(take()).toEqual([]);
    locks.expire(500);
    expect(take()).toEqual([[2, "timeout"]]);
    locks.end(3);
    expect(take()).toEqual([[3, "ended"]]);
    locks.end(1);
    expect(take()).toEqual([[4, "granted"]]);
    locks.end(4);
    expect([locks.held, locks.waiting, locks.nextTimeout]).toEqual([0, 0, undefined]);
  });

  test("are one a child: asking again takes the place of the wait before", () => {
    const { locks, wait, take } = table();
    locks.request(1, flock(1, "exclusive"));
    wait(2, flock(1, "exclusive"));
    wait(2, flock(1, "exclusive"));
    expect(take()).toEqual([[2, "ended"]]);
    locks.end(1);
    expect(take()).toEqual([[2, "granted"]]);
    expect(locks.held).toBe(1);
  });
});

test("the table is bounded", () => {
  const { locks } = table(5);
  const outcomes = [1, 2, 3, 4, 5, 6].map((ino) => locks.request(1, flock(ino, "exclusive")));
  expect(outcomes.slice(0, 4)).toEqual(Array(4).fill("granted"));
  expect(outcomes[5]).toBe("full");
  locks.end(1);
  expect(locks.request(1, flock(9, "exclusive"))).toBe("granted");
});

test("whatever is asked, no two that exclude each other hold a lock, nobody waits without a reason, and all can end", () => {
  const types = fc.constantFrom<Lock["type"]>("shared", "exclusive");
  const life = fc.integer({ min: 1, max: 4 });
  const place = fc.oneof(
    fc.record({
      family: fc.constant("flock" as const),
      ino: fc.integer({ min: 1, max: 2 }),
      handle: fc.integer({ min: 1, max: 2 }),
    }),
    fc
      .record({ ino: fc.integer({ min: 1, max: 2 }), start: fc.nat(5), length: fc.integer({ min: 1, max: 4 }) })
      .map(({ ino, start, length }) => ({ family: "range" as const, ino, start, end: start + length })),
  );
  const step = fc.oneof(
    fc.record({ do: fc.constantFrom("try" as const, "wait" as const), life, place, type: types }),
    fc.record({ do: fc.constantFrom("release" as const), life, place }),
    fc.record({ do: fc.constantFrom("end" as const, "cancel" as const), life }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const locks = new LockTable(1000);
      // Bytes of a file by family and owner: an owner of flock() is a handle.
      const held = new Map<string, Lock["type"]>();
      const bytesOf = (lock: Lock) =>
        lock.family === "flock" ? [0] : [...Array(lock.end - lock.start).keys()].map((n) => n + lock.start);
      const key = (life: number, lock: Lock, byte: number) => {
        return `${lock.family} ${lock.ino} ${byte} ${life} ${lock.family === "flock" ? lock.handle : 0}`;
      };
      const drop = (life: number, lock: Lock) => {
        for (const byte of bytesOf(lock)) held.delete(key(life, lock, byte));
      };
      const grant = (life: number, lock: Lock) => {
        for (const byte of bytesOf(lock)) held.set(key(life, lock, byte), lock.type);
      };
      const waiting = new Map<number, Lock>();
      for (const one of steps) {
        if (one.do === "try" || one.do === "wait") {
          const lock = { ...one.place, type: one.type } as Lock;
          const { life } = one;
          waiting.delete(life);
          if (lock.family === "flock" && held.get(key(life, lock, 0)) !== lock.type) drop(life, lock);
          const tell = (outcome: LockOutcome) => {
            if (waiting.get(life) === lock) waiting.delete(life);
            if (outcome === "granted") grant(life, lock);
          };
          const outcome = locks.request(life, lock, one.do === "wait" ? { until: 1, tell } : undefined);
          if (outcome === "granted") grant(life, lock);
          if (outcome === undefined) waiting.set(life, lock);
        } else if (one.do === "release") {
          drop(one.life, { ...one.place, type: "shared" } as Lock);
          locks.release(one.life, one.place);
        } else {
          if (one.do === "end")
            for (const known of [...held.keys()]) if (known.split(" ")[3] === String(one.life)) held.delete(known);
          waiting.delete(one.life);
          locks[one.do](one.life);
        }
        for (const [a, type] of held) {
          for (const [b, other] of held) {
            const together = a.split(" ").slice(0, 3).join() === b.split(" ").slice(0, 3).join();
            if (a !== b && together) expect([type, other]).toEqual(["shared", "shared"]);
          }
        }
        expect(locks.waiting).toBe(waiting.size);
        // The first in line of each file waits for somebody that holds something there.
        if (waiting.size > 0) expect(held.size).toBeGreaterThan(0);
      }
      for (const life of [1, 2, 3, 4]) locks.end(life);
      expect([locks.held, locks.waiting]).toEqual([0, 0]);
    }),
    { numRuns: 2000 },
  );
});
