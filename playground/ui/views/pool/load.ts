// The load generator's form and its run.

import { computed, signal } from "@preact/signals";
import type { LoadProgressReport, LoadRun, RequestInput } from "../../../engine/index.ts";
import { engine } from "../../state/engine.ts";
import { inputOf } from "../../state/visits.ts";
import { draft } from "../../state/workspace.ts";

/** What can be sent. */
export const TARGETS = [
  { id: "hello", title: "hello.php: some microseconds", request: { url: "/hello.php" } },
  { id: "slow", title: "slow.php: 300 ms each", request: { url: "/slow.php?pieces=1&ms=300" } },
  { id: "slower", title: "slow.php: 2 s each", request: { url: "/slow.php?pieces=4&ms=500" } },
  { id: "own", title: "the request of the workbench", request: undefined },
] as const satisfies readonly { id: string; title: string; request: RequestInput | undefined }[];

export type TargetId = (typeof TARGETS)[number]["id"];

export interface LoadForm {
  readonly target: TargetId;
  readonly total: number;
  readonly concurrency: number;
  /** Requests a second; 0: as fast as they go. */
  readonly rate: number;
}

export const form = signal<LoadForm>({ target: "hello", total: 1000, concurrency: 8, rate: 0 });

/** Loads to begin with. */
export const PRESETS: readonly { readonly title: string; readonly about: string; readonly form: LoadForm }[] = [
  {
    title: "1,000 quick ones",
    about: "A thousand requests as fast as they go, eight at a time",
    form: { target: "hello", total: 1000, concurrency: 8, rate: 0 },
  },
  {
    title: "A rush",
    about: "Slow scripts, more at a time than there may be children: a queue grows, pm.max_children is reached",
    form: { target: "slow", total: 120, concurrency: 16, rate: 0 },
  },
  {
    title: "A trickle",
    about: "Five a second: most children are idle",
    form: { target: "hello", total: 100, concurrency: 4, rate: 5 },
  },
];

export const report = signal<LoadProgressReport | undefined>(undefined);
/** Total of the run that is reported. */
export const reportTotal = signal(0);
export const loadProblem = signal<string | undefined>(undefined);

const run = signal<LoadRun | undefined>(undefined);
export const loadRuns = computed(() => run.value !== undefined);

/** Sends what the form says. Settles when all is answered, or it was stopped. */
export async function startLoad(chosen: LoadForm = form.peek()): Promise<void> {
  if (run.peek() !== undefined) return;
  form.value = chosen;
  const { target, total, concurrency, rate } = chosen;
  const request = TARGETS.find(({ id }) => id === target)?.request ?? inputOf(draft.peek());
  loadProblem.value = undefined;
  report.value = undefined;
  reportTotal.value = total;
  try {
    run.value = engine.load({
      request,
      total,
      concurrency,
      ...(rate > 0 && { rate }),
      onProgress: (progress) => {
        report.value = progress;
      },
    });
    report.value = await run.value.done;
  } catch (error) {
    loadProblem.value = error instanceof Error ? error.message : String(error);
  } finally {
    run.value = undefined;
  }
}

export function stopLoad(): void {
  run.peek()?.stop();
}
