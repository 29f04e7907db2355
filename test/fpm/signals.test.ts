// Signals of this very process, caught by the command's handlers.

import { describe, expect, test } from "vitest";
import { obeySignals, type SignalVerbs } from "../../src/cli/signals.ts";

/** Verbs that say when they are called; `finish` ends when told. */
function recorded() {
  const said: string[] = [];
  const finished = Promise.withResolvers<void>();
  const verbs: SignalVerbs = {
    terminate: async () => void said.push("terminate"),
    finish: () => {
      said.push("finish");
      return finished.promise;
    },
    reload: async () => {
      said.push("reload");
      throw new Error("told by the master");
    },
    reopenLogs: async () => void said.push("reopen"),
  };
  return { said, verbs, finished };
}

const emit = (...signals: NodeJS.Signals[]) => {
  for (const signal of signals) process.emit(signal);
};

describe("signals", () => {
  test.each(["SIGINT", "SIGTERM"] as const)("%s stops at once", async (signal) => {
    const { said, verbs } = recorded();
    const over = obeySignals(verbs);
    emit(signal);
    expect(await over).toBe(0);
    expect(said).toEqual(["terminate"]);
    expect(process.listenerCount("SIGUSR2")).toBe(0);
  });

  test("SIGQUIT finishes, once, and nothing is reloaded meanwhile", async () => {
    const { said, verbs, finished } = recorded();
    const over = obeySignals(verbs);
    emit("SIGQUIT", "SIGQUIT", "SIGUSR2");
    finished.resolve();
    expect(await over).toBe(0);
    expect(said).toEqual(["finish"]);
  });

  test("a stop at once overrides a graceful one, and not the other way round", async () => {
    const { said, verbs } = recorded();
    const over = obeySignals(verbs);
    emit("SIGQUIT", "SIGTERM", "SIGQUIT", "SIGINT");
    expect(await over).toBe(0);
    expect(said).toEqual(["finish", "terminate"]);
  });

  test("SIGUSR2 and SIGHUP reload, SIGUSR1 opens the logs again; a reload that fails stops nothing", async () => {
    const { said, verbs } = recorded();
    const over = obeySignals(verbs);
    emit("SIGUSR2", "SIGHUP", "SIGUSR1");
    await Promise.resolve();
    emit("SIGTERM");
    expect(await over).toBe(0);
    expect(said).toEqual(["reload", "reload", "reopen", "terminate"]);
  });
});
