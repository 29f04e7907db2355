// A table of one measurement at growing sizes.

import { median, medianRatio, type Row, type Table, type Target } from "../table.ts";

export interface Series {
  readonly title: string;
  readonly method: string;
  readonly unit: string;
  /** What a size counts: "requests at once". */
  readonly of: string;
  /** Cost at each size, one for each round. */
  readonly points: readonly { readonly size: number; readonly costs: readonly number[] }[];
  /** The size that the others are held against. */
  readonly base: number;
  /** Most that the cost at a larger size may be of the cost at `base`. */
  readonly flat: number;
}

export function seriesTable({ title, method, unit, of, points, base, flat }: Series): Table {
  const baseCosts = points.find(({ size }) => size === base)?.costs ?? [];
  const rows = points.map(({ size, costs }): Row => {
    const target: Target = { ratioAtMost: flat };
    return {
      name: `${size.toLocaleString("en-US")} ${of}`,
      value: median(costs),
      unit,
      ratio: medianRatio(costs, baseCosts),
      against: base.toLocaleString("en-US"),
      ...(size > base && { target }),
    };
  });
  return { title, method, rows };
}

export const SCALE_TITLES = {
  concurrency: "Scale: requests at once",
  bodies: "Scale: bytes of a body, there and back",
  params: "Scale: params of a request",
  multiplexed: "Scale: requests that share one connection",
} as const;
