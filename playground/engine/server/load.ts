// The load generator: the same request again and again, a bounded number at a time.

import type { LoadOptions, LoadProgressReport } from "../types.ts";
import { quantiles, sleep } from "./measure.ts";

/** Most requests of one run: a time is kept for each. */
const MOST = 100_000;

/** Milliseconds between two reports. */
const REPORT = 100;

/** Requests after which whoever else has something to do here gets a turn. */
const TURN = 50;

/**
 * @param send runs one request to its end, and gives its status
 * @param signal stops sending
 */
export async function runLoad(
  options: Omit<LoadOptions, "onProgress" | "request">,
  send: () => Promise<number>,
  signal: AbortSignal,
  report: (progress: LoadProgressReport) => void,
): Promise<LoadProgressReport> {
  const total = clamp(options.total ?? 100, MOST);
  const concurrency = clamp(options.concurrency ?? 4, 1000);
  const rate = options.rate === undefined || options.rate <= 0 ? Number.POSITIVE_INFINITY : options.rate;
  const began = performance.now();
  const statuses: Record<number, number> = {};
  const times: number[] = [];
  let sent = 0;

  const progress = (finished: boolean): LoadProgressReport => {
    const elapsed = performance.now() - began;
    return {
      sent,
      done: times.length,
      statuses: { ...statuses },
      elapsed,
      perSecond: elapsed > 0 ? (times.length * 1000) / elapsed : 0,
      latency: quantiles([...times]),
      finished,
    };
  };
  const visitor = async () => {
    while (sent < total && !signal.aborted) {
      const due = began + (sent * 1000) / rate;
      sent += 1;
      if (sent % TURN === 0) await sleep(0);
      const wait = due - performance.now();
      if (wait > 0) await sleep(wait);
      const start = performance.now();
      const status = await send();
      times.push(performance.now() - start);
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
  };
  const timer = setInterval(() => report(progress(false)), REPORT);
  try {
    await Promise.all(Array.from({ length: Math.min(concurrency, total) }, visitor));
  } finally {
    clearInterval(timer);
  }
  return progress(true);
}

function clamp(value: number, most: number): number {
  return Number.isFinite(value) ? Math.max(1, Math.min(most, Math.floor(value))) : most;
}
