// php-fpm's signals: INT and TERM stop at once, QUIT finishes, USR1 opens the logs again, USR2 reloads. HUP, which would
// end php-fpm, reloads too, as with most servers.

/** What the signals set going. */
export interface SignalVerbs {
  /** Ends everything at once. */
  terminate(): Promise<void>;
  /** Finishes the requests under way, then ends. */
  finish(): Promise<void>;
  /** New children with the configuration read anew. Its failure is its own to tell. */
  reload(): Promise<void>;
  reopenLogs(): Promise<void>;
}

const STOP_AT_ONCE = ["SIGINT", "SIGTERM"] as const;
const RELOAD = ["SIGUSR2", "SIGHUP"] as const;

/**
 * Obeys the signals that stop nothing, beside somebody else who obeys those that do.
 *
 * @returns leaves them to the system again
 */
export function obeyReloads(verbs: Pick<SignalVerbs, "reload" | "reopenLogs">): () => void {
  return listen([
    ...RELOAD.map((signal) => [signal, () => void verbs.reload().catch(() => {})] as const),
    ["SIGUSR1", () => void verbs.reopenLogs().catch(() => {})],
  ]);
}

/**
 * Obeys signals until one has stopped everything. A stop at once overrides a graceful one; nothing overrides it.
 *
 * @returns the exit code: 0, as php-fpm's
 * @throws what `terminate` or `finish` throws
 */
export async function obeySignals(verbs: SignalVerbs): Promise<number> {
  const stopped = Promise.withResolvers<void>();
  const follow = (work: Promise<void>) => void work.then(stopped.resolve, stopped.reject);
  let state: "running" | "finishing" | "terminating" = "running";

  const terminate = () => {
    if (state === "terminating") return;
    state = "terminating";
    follow(verbs.terminate());
  };
  const finish = () => {
    if (state !== "running") return;
    state = "finishing";
    // The end of a graceful stop that was overridden is the other one's to tell.
    const work = verbs.finish();
    void work.then(
      () => state === "finishing" && stopped.resolve(),
      (error: unknown) => state === "finishing" && stopped.reject(error),
    );
  };
  const leaves = [
    listen([...STOP_AT_ONCE.map((signal) => [signal, terminate] as const), ["SIGQUIT", finish]]),
    obeyReloads({
      reload: async () => {
        if (state === "running") await verbs.reload();
      },
      reopenLogs: () => verbs.reopenLogs(),
    }),
  ];
  try {
    await stopped.promise;
    return 0;
  } finally {
    for (const leave of leaves) leave();
  }
}

function listen(listeners: readonly (readonly [NodeJS.Signals, () => void])[]): () => void {
  for (const [signal, listener] of listeners) process.on(signal, listener);
  return () => {
    for (const [signal, listener] of listeners) process.off(signal, listener);
  };
}
