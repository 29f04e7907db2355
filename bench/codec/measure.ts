// Contestants that work in turn in one thread: a slow moment of the machine hits all of them.

import { median, medianRatio, type Row, type Target } from "../table.ts";

/** Does some work and returns how much, in the unit of its table. */
export type Work = () => number;

/** Milliseconds that one contestant runs in one round. Short: the machine's mood must be the same for all. */
const SLICE = { full: 60, quick: 20 };
const ROUNDS = { full: 15, quick: 5 };
/** Rounds before those that count. */
const WARM_UP = 6;

/** Keeps the results of the loops alive, or the engine may leave the loops out. */
let sink = 0;

export function consume(value: number): void {
  sink += value;
}

/** Rates of each contestant, in units a second, one for each round. */
export type Rates = ReadonlyMap<string, readonly number[]>;

export function measure(contestants: Readonly<Record<string, Work>>, quick: boolean): Rates {
  const slice = quick ? SLICE.quick : SLICE.full;
  const rates = new Map<string, number[]>(Object.keys(contestants).map((name) => [name, []]));
  const rounds = quick ? ROUNDS.quick : ROUNDS.full;
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const [name, work] of Object.entries(contestants)) {
      const rate = rateOf(work, slice);
      // The first rounds are for the compiler.
      if (round >= 0) rates.get(name)?.push(rate);
    }
  }
  if (Number.isNaN(sink)) throw new Error("a contestant counted wrongly");
  return rates;
}

/** Units a second over about `slice` milliseconds. */
export function rateOf(work: Work, slice: number = SLICE.full): number {
  const start = performance.now();
  let amount = 0;
  let elapsed = 0;
  do {
    amount += work();
    elapsed = performance.now() - start;
  } while (elapsed < slice);
  return (amount / elapsed) * 1000;
}

export interface RowSource {
  readonly rates: Rates;
  /** What rates are divided by for the table, and the unit then. */
  readonly scale: number;
  readonly unit: string;
}

/** A row of the table: the median rate, and the median of the ratios to `against` in the same round. */
export function rateRow(
  { rates, scale, unit }: RowSource,
  name: string,
  label: string,
  more: { readonly against?: string; readonly called?: string; readonly target?: Target } = {},
): Row {
  const own = rates.get(name) ?? [];
  const base = more.against === undefined ? undefined : (rates.get(more.against) ?? []);
  const against = more.called ?? more.against;
  return {
    name: label,
    value: median(own) / scale,
    unit,
    ...(base !== undefined && against !== undefined && { ratio: medianRatio(own, base), against }),
    ...(more.target !== undefined && { target: more.target }),
  };
}

export function methodOf(quick: boolean): string {
  const [rounds, slice] = quick ? [ROUNDS.quick, SLICE.quick] : [ROUNDS.full, SLICE.full];
  return `Medians of ${rounds} rounds in which each runs for ${slice} ms in turn; ratios are taken within a round.`;
}
