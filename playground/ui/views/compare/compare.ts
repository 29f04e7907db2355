// The comparison as it runs: its samples, its figures.

import { computed, signal } from "@preact/signals";
import type { CompareSample, Comparison, RequestInput } from "../../../engine/index.ts";
import { engine } from "../../state/engine.ts";

export const TARGETS = [
  { id: "hello", title: "hello.php", request: { url: "/hello.php?name=Ada" } },
  { id: "form", title: "form.php", request: { url: "/form.php" } },
  { id: "phpinfo", title: "phpinfo.php: much output", request: { url: "/phpinfo.php" } },
  { id: "slow", title: "slow.php: 100 ms of waiting", request: { url: "/slow.php?pieces=1&ms=100" } },
] as const satisfies readonly { id: string; title: string; request: RequestInput }[];

export type TargetId = (typeof TARGETS)[number]["id"];
export type Kind = CompareSample["kind"];

export const target = signal<TargetId>("hello");
/** Requests of each kind. */
export const count = signal(20);

export const samples = signal<readonly CompareSample[]>([]);
/** How many of each kind the run of these samples was to make. */
export const planned = signal(0);
export const problem = signal<string | undefined>(undefined);

const run = signal<Comparison | undefined>(undefined);
const preparing = signal(false);
export const compares = computed(() => run.value !== undefined || preparing.value);

/** Medians in milliseconds, of all samples of a kind so far. */
export interface Figures {
  readonly start: number;
  readonly run: number;
  readonly total: number;
  readonly count: number;
}

export function figuresOf(all: readonly CompareSample[], kind: Kind): Figures | undefined {
  const own = all.filter((sample) => sample.kind === kind);
  if (own.length === 0) return undefined;
  return {
    start: median(own.map(({ start }) => start)),
    run: median(own.map((sample) => sample.run)),
    total: median(own.map(({ total }) => total)),
    count: own.length,
  };
}

export const cgi = computed(() => figuresOf(samples.value, "cgi"));
export const fastcgi = computed(() => figuresOf(samples.value, "fastcgi"));
/** How many times as long a request takes with a fresh interpreter. */
export const ratio = computed(() =>
  cgi.value === undefined || fastcgi.value === undefined || fastcgi.value.total === 0
    ? undefined
    : cgi.value.total / fastcgi.value.total,
);

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/** Measures. Settles when all requests are over, or it was stopped. PHP is loaded first: its bytes are no part of it. */
export async function startComparison(): Promise<void> {
  if (compares.peek()) return;
  const request = TARGETS.find(({ id }) => id === target.peek())?.request ?? TARGETS[0].request;
  preparing.value = true;
  problem.value = undefined;
  samples.value = [];
  planned.value = count.peek();
  try {
    await engine.loadPhp();
    run.value = engine.compare({
      request,
      count: planned.peek(),
      onSample: (sample) => {
        samples.value = [...samples.value, sample];
      },
    });
    preparing.value = false;
    samples.value = (await run.value.done).samples;
  } catch (error) {
    problem.value = error instanceof Error ? error.message : String(error);
  } finally {
    preparing.value = false;
    run.value = undefined;
  }
}

export function stopComparison(): void {
  run.peek()?.stop();
}
