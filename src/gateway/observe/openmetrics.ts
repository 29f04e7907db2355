// Metrics as OpenMetrics text (https://github.com/prometheus/OpenMetrics, version 1.0.0), and the counters they are made of.

import { textOf } from "./escape.ts";

/** Content-Type of the text. */
export const OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

export type Labels = Readonly<Record<string, string>>;

/** What one family of metrics is called and means. `unit` must be the end of the name. */
export interface FamilyHead {
  readonly name: string;
  readonly help: string;
  readonly unit?: "seconds" | "bytes";
}

/** The label value of everything beyond the series allowed. */
const REST = "other";

/** Series by the values of their labels, one map a label: joining the values would cost more than all else here. */
interface Branch<T> {
  readonly branches: Map<string, Branch<T>>;
  leaf: T | undefined;
}

function branch<T>(): Branch<T> {
  return { branches: new Map(), leaf: undefined };
}

/** Series of one family by their labels; never more than `max`. */
class Series<T> {
  readonly #names: readonly string[];
  readonly #max: number;
  readonly #make: () => T;
  readonly #root = branch<T>();
  readonly #all: { readonly labels: string; readonly value: T }[] = [];

  constructor(names: readonly string[], max: number, make: () => T) {
    this.#names = names;
    this.#max = max;
    this.#make = make;
  }

  /** @param values of the labels, in the order of their names */
  of(values: readonly string[]): T {
    let at: Branch<T> | undefined = this.#root;
    for (const value of values) at = at?.branches.get(value);
    if (at?.leaf !== undefined) return at.leaf;
    // One place is kept for what is beyond.
    if (this.#all.length >= this.#max - 1 && values.some((value) => value !== REST)) {
      return this.of(values.map(() => REST));
    }
    const labels = labelText(this.#names.map((name, index) => [name, values[index] ?? ""]));
    const value = this.#make();
    this.#all.push({ labels, value });
    this.#grow(values).leaf = value;
    return value;
  }

  #grow(values: readonly string[]): Branch<T> {
    let at = this.#root;
    for (const value of values) {
      const next = at.branches.get(value) ?? branch<T>();
      at.branches.set(value, next);
      at = next;
    }
    return at;
  }

  all(): Iterable<{ readonly labels: string; readonly value: T }> {
    return this.#all;
  }
}

/** Counts up, for each set of labels. */
export class Counter {
  readonly #head: FamilyHead;
  readonly #series: Series<{ count: number }>;

  constructor(head: FamilyHead, labels: readonly string[], maxSeries: number) {
    this.#head = head;
    this.#series = new Series(labels, maxSeries, () => ({ count: 0 }));
  }

  add(amount: number, ...values: readonly string[]): void {
    // A counter never falls, and one wrong figure would spoil it for ever.
    if (amount >= 0 && Number.isFinite(amount)) this.#series.of(values).count += amount;
  }

  text(): string {
    let text = headText(this.#head, "counter");
    for (const { labels, value } of this.#series.all()) {
      text += `${this.#head.name}_total${braced(labels)} ${value.count}\n`;
    }
    return text;
  }
}

/** Sorts values into buckets, for each set of labels. */
export class Histogram {
  readonly #head: FamilyHead;
  readonly #bounds: readonly number[];
  readonly #series: Series<{ readonly buckets: number[]; sum: number; count: number }>;

  /** @param bounds upper ends of the buckets, rising; the last one, infinity, is added */
  constructor(head: FamilyHead, labels: readonly string[], maxSeries: number, bounds: readonly number[]) {
    this.#head = head;
    this.#bounds = bounds;
    this.#series = new Series(labels, maxSeries, () => ({
      buckets: new Array<number>(bounds.length).fill(0),
      sum: 0,
      count: 0,
    }));
  }

  observe(value: number, ...values: readonly string[]): void {
    if (!(value >= 0) || !Number.isFinite(value)) return;
    const series = this.#series.of(values);
    series.sum += value;
    series.count++;
    const index = this.#bounds.findIndex((bound) => value <= bound);
    if (index !== -1) (series.buckets[index] as number)++;
  }

  text(): string {
    const { name } = this.#head;
    let text = headText(this.#head, "histogram");
    for (const { labels, value } of this.#series.all()) {
      const before = labels === "" ? "" : `${labels},`;
      let below = 0;
      for (const [index, bound] of this.#bounds.entries()) {
        below += value.buckets[index] as number;
        text += `${name}_bucket{${before}le="${canonical(bound)}"} ${below}\n`;
      }
      text += `${name}_bucket{${before}le="+Inf"} ${value.count}\n`;
      text += `${name}_sum${braced(labels)} ${value.sum}\n${name}_count${braced(labels)} ${value.count}\n`;
    }
    return text;
  }
}

/** What is so at this moment. */
export function gaugeText(
  head: FamilyHead,
  samples: readonly { readonly labels?: Labels; readonly value: number }[],
): string {
  return (
    headText(head, "gauge") +
    samples
      .map(({ labels = {}, value }) => `${head.name}${braced(labelText(Object.entries(labels)))} ${value}\n`)
      .join("")
  );
}

/** What others have counted. */
export function counterText(
  head: FamilyHead,
  samples: readonly { readonly labels?: Labels; readonly value: number }[],
): string {
  return (
    headText(head, "counter") +
    samples
      .map(({ labels = {}, value }) => `${head.name}_total${braced(labelText(Object.entries(labels)))} ${value}\n`)
      .join("")
  );
}

/** In which of several states something is: one sample a state, 1 for the present one. */
export function stateText(
  head: FamilyHead,
  states: readonly string[],
  samples: readonly { readonly labels: Labels; readonly state: string }[],
): string {
  let text = headText(head, "stateset");
  for (const { labels, state } of samples) {
    for (const one of states) {
      const all = labelText([...Object.entries(labels), [head.name, one]]);
      text += `${head.name}{${all}} ${one === state ? 1 : 0}\n`;
    }
  }
  return text;
}

function headText({ name, help, unit }: FamilyHead, type: string): string {
  const about = `# TYPE ${name} ${type}\n# HELP ${name} ${escaped(help)}\n`;
  return unit === undefined ? about : `${about}# UNIT ${name} ${unit}\n`;
}

function labelText(labels: readonly (readonly [string, string])[]): string {
  return labels.map(([name, value]) => `${name}="${escaped(textOf(value))}"`).join(",");
}

function braced(labels: string): string {
  return labels === "" ? "" : `{${labels}}`;
}

function escaped(text: string): string {
  return text.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n");
}

/** A bound as every writer must spell it: with a fraction. */
function canonical(bound: number): string {
  return Number.isInteger(bound) ? `${bound}.0` : String(bound);
}
