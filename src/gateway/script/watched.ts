// The streams of an exchange, as signs of life of whoever is behind them.

import type { ExchangeEnd, ExchangeSink } from "../../transport/exchange.ts";
import type { ExchangeEvents } from "./run-script.ts";
import type { ScriptOutput } from "./script-output.ts";
import type { Watchdog } from "./watchdog.ts";

/** Counts the application's silence, but not while the visitor holds it up. */
export class WatchedSink implements ExchangeSink {
  readonly #output: ScriptOutput;
  readonly #watchdog: Watchdog;
  readonly #events: ExchangeEvents | undefined;
  #over = false;

  constructor(output: ScriptOutput, watchdog: Watchdog, events: ExchangeEvents | undefined) {
    this.#output = output;
    this.#watchdog = watchdog;
    this.#events = events;
  }

  connected(): void {
    this.#events?.connected();
  }

  stdout(chunk: Uint8Array): void | Promise<void> {
    this.#watchdog.touch();
    const room = this.#output.stdout(chunk);
    if (room === undefined) return;
    this.#watchdog.suspend();
    return room.then(() => this.#watchdog.resume());
  }

  stderr(chunk: Uint8Array): void {
    this.#watchdog.touch();
    this.#output.stderr(chunk);
  }

  /** Some exchanges tell before their promise settles: then the whole answer is known before anything waits for more. */
  ended(end: ExchangeEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#output.finish(end);
    this.#events?.ended(this.#output.length, this.#output.failure);
  }
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
