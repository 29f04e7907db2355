// Ctrl-C, SIGTERM, and SIGQUIT as php-fpm has it: the first drains and stops, the second stops at once.

import { note } from "./terminal.ts";

/**
 * Waits for a stop signal, then for `drain`. A second signal while draining calls `abandon` instead of waiting on.
 *
 * @returns the exit code: 0 when drained, 130 when abandoned
 */
export async function untilStopped(drain: () => Promise<void>, abandon: () => Promise<void>): Promise<number> {
  const signals = ["SIGINT", "SIGTERM", "SIGQUIT"] as const;
  let onSignal: () => void = () => {};
  const listener = () => onSignal();
  for (const signal of signals) process.on(signal, listener);
  try {
    await new Promise<void>((resolve) => {
      onSignal = resolve;
      // Said only now: before, the signal would have ended the process undrained.
      note("Ctrl-C stops it.");
    });
    note("Stopping: finishing the requests under way (again to stop at once) ...");
    const abandoned = new Promise<"abandoned">((resolve) => {
      onSignal = () => resolve("abandoned");
    });
    const drained = drain().then(() => "drained" as const);
    if ((await Promise.race([drained, abandoned])) === "drained") {
      note("Stopped.");
      return 0;
    }
    await abandon();
    note("Stopped at once.");
    return 130;
  } finally {
    for (const signal of signals) process.off(signal, listener);
  }
}
