// The streams of an exchange, as signs of life of whoever is behind them.

import type { ExchangeSink } from "../transport/exchange.ts";
import type { ExchangeEvents } from "./run-script.ts";
import type { ScriptOutput } from "./script-output.ts";
import type { Watchdog } from "./watchdog.ts";

/** Counts the application's silence, but not while the visitor holds it up. */
export function watchedSink(
  output: ScriptOutput,
  watchdog: Watchdog,
  events: ExchangeEvents | undefined,
): ExchangeSink {
  const sink: ExchangeSink = {
    stdout(chunk) {
      watchdog.touch();
      const room = output.stdout(chunk);
      if (room === undefined) return;
      watchdog.suspend();
      return room.then(() => watchdog.resume());
    },
    stderr(chunk) {
      watchdog.touch();
      output.stderr(chunk);
    },
  };
  return events === undefined ? sink : { ...sink, connected: events.connected };
}

/** Counts no silence while the visitor's body is awaited: it has a limit of its own. */
export async function* watched(
  chunks: AsyncIterable<Uint8Array>,
  watchdog: Watchdog,
): AsyncGenerator<Uint8Array, void, undefined> {
  watchdog.suspend();
  try {
    for await (const chunk of chunks) {
      watchdog.resume();
      yield chunk;
      watchdog.suspend();
    }
  } finally {
    watchdog.resume();
  }
}
