// What is promised in docs/filesystem.md, with a fault at every step of the protocol.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FAULTS, type Fault, World } from "./faults.ts";

/** Turns of two children that do every job, and wait for each other's lock. */
const TURNS = Array.from({ length: 44 }, (_, at) => at);

function run(children: number, turns: readonly (readonly [child: number, fault: Fault])[]): World {
  const world = new World(children);
  for (const [child, fault] of turns) world.turn(child, fault);
  return world;
}

describe("with a fault at each message in turn", () => {
  test("and none: everything is done, once", () => {
    const world = run(
      2,
      TURNS.map((at) => [at, "none"]),
    );
    expect(world.problems()).toEqual([]);
    const fates = [...world.fates.values()];
    expect(fates.length).toBeGreaterThan(20);
    expect(new Set(fates.map(({ fate }) => fate))).toEqual(new Set(["acknowledged"]));
    expect(new Set(fates.map(({ job }) => job)).size).toBe(5);
    world.storage.close();
  });

  test.each(FAULTS.map((fault) => [String(fault), fault] as const))("%s", (_, fault) => {
    for (const at of TURNS) {
      const world = run(
        2,
        TURNS.map((turn) => [turn, turn === at ? fault : "none"]),
      );
      expect({ at, problems: world.problems() }).toEqual({ at, problems: [] });
      // One fault spoils one job at most, but for a restart, which spoils what each child has in hand.
      const spoiled = [...world.fates.values()].filter(({ fate }) => fate !== "acknowledged").length;
      expect(spoiled).toBeLessThanOrEqual(String(fault).startsWith("restart") ? 2 : 1);
      world.storage.close();
    }
  });

  test("a disk that is full at each single write of each message", () => {
    let failures = 0;
    for (const at of TURNS) {
      for (let write = 1; ; write++) {
        const world = run(
          2,
          TURNS.slice(0, at + 4).map((turn) => [turn, turn === at ? { diskFullAt: write } : "none"]),
        );
        expect({ at, write, problems: world.problems() }).toEqual({ at, write, problems: [] });
        world.storage.close();
        const reached = run(
          2,
          TURNS.slice(0, at).map((turn) => [turn, "none"]),
        );
        reached.mostWrites = 0;
        reached.turn(at, "none");
        const writes = reached.mostWrites;
        reached.storage.close();
        if (write >= writes) break;
        failures += 1;
      }
    }
    expect(failures).toBeGreaterThan(150);
  });
});

test("three children, any order, any faults", () => {
  const fault: fc.Arbitrary<Fault> = fc.oneof(
    { arbitrary: fc.constant<Fault>("none"), weight: 12 },
    fc.constantFrom(...FAULTS),
    fc.record({ diskFullAt: fc.integer({ min: 1, max: 12 }) }),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(2), fault), { minLength: 20, maxLength: 120 }), (turns) => {
      const world = run(3, turns);
      try {
        expect(world.problems()).toEqual([]);
      } finally {
        world.storage.close();
      }
    }),
    { numRuns: 200 },
  );
});
