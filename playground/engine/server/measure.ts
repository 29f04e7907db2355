// Figures of a run.

import type { Quantiles } from "../types.ts";

/** @param values milliseconds; sorted in place */
export function quantiles(values: number[]): Quantiles {
  if (values.length === 0) return { mean: 0, p50: 0, p95: 0, max: 0 };
  values.sort((a, b) => a - b);
  const at = (part: number) => values[Math.min(values.length - 1, Math.floor(part * values.length))] ?? 0;
  const sum = values.reduce((total, value) => total + value, 0);
  return { mean: sum / values.length, p50: at(0.5), p95: at(0.95), max: at(1) };
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
