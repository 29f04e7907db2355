// Looks at one property after the other, each time with inputs from a new seed, until the time is over or one fails.

import type { Property } from "./property.ts";

export interface FuzzOptions {
  readonly properties: readonly Property[];
  /** Asked before each look: whether there is time for it. */
  readonly goOn: () => boolean;
  /** Rounds at most. Default: no bound. */
  readonly rounds?: number | undefined;
  /** Seed of the first round; the rounds after it count up. */
  readonly seed: number;
  /** How many times the inputs of a test one look has. */
  readonly times: number;
  readonly print: (line: string) => void;
}

export interface FuzzResult {
  readonly rounds: number;
  readonly inputs: number;
  /** The property that does not hold, when one was found. */
  readonly failed?: string;
}

/** A round looks at each property once. */
export function fuzz(options: FuzzOptions): FuzzResult {
  const { properties, goOn, seed, times, print, rounds: most = Number.POSITIVE_INFINITY } = options;
  let rounds = 0;
  let inputs = 0;
  for (let current = seed; rounds < most && goOn(); current = (current + 1) | 0) {
    for (const { name, runs, check } of properties) {
      if (!goOn()) return { rounds, inputs };
      try {
        check({ seed: current, times });
      } catch (error) {
        print(`seed ${current}: does not hold: ${name}`);
        print(error instanceof Error ? [error.message, String(error.cause ?? "")].join("\n").trim() : String(error));
        print(`again: npm run fuzz -- --seed ${current} --rounds 1 --times ${times} --only ${JSON.stringify(name)}`);
        return { rounds, inputs, failed: name };
      }
      inputs += runs * times;
    }
    rounds += 1;
    print(`seed ${current}: all hold, ${inputs} inputs so far`);
  }
  return { rounds, inputs };
}
