// A property: what must hold for every input. Tests look at a few hundred inputs of each, the fuzzer for as long as it may.

import fc from "fast-check";

export interface Property {
  /** A sentence. */
  readonly name: string;
  /** Inputs that a test looks at: fewer for a property that takes its time. */
  readonly runs: number;
  /** Looks at `runs` inputs, `times` as many. Throws with the smallest counterexample found, its seed and its path. */
  check(options?: { readonly seed?: number; readonly times?: number }): void;
}

export function property<T extends [unknown, ...unknown[]]>(
  name: string,
  arbitraries: { [K in keyof T]: fc.Arbitrary<T[K]> },
  holds: (...input: T) => void,
  runs = 100,
): Property {
  return {
    name,
    runs,
    check({ seed, times = 1 } = {}) {
      const parameters = { numRuns: runs * times, ...(seed === undefined ? {} : { seed }) };
      fc.assert(
        fc.property(...arbitraries, (...input) => holds(...(input as T))),
        parameters,
      );
    },
  };
}
