// STDERR goes with what is answered next: of a script that complains while it waits, an answer would otherwise never travel
// whole.

import { concat } from "../codec/index.ts";
import type { Exchange, ExchangeSink } from "../transport/exchange.ts";

/** Bytes of STDERR that are held back; with more they go at once. */
const MOST_HELD = 16 * 1024;

/** An exchange that gives STDERR on in front of the next STDOUT, at the end, or when there is much of it. */
export function holdStderr(exchange: Exchange): Exchange {
  return (request, sink, signal) => {
    let held: Uint8Array[] = [];
    let bytes = 0;
    const release = (): void | Promise<void> => {
      if (bytes === 0) return;
      const chunk = concat(held);
      held = [];
      bytes = 0;
      return sink.stderr(chunk);
    };
    const output: ExchangeSink = {
      stdout(chunk) {
        const waiting = release();
        return waiting === undefined ? sink.stdout(chunk) : waiting.then(() => sink.stdout(chunk));
      },
      stderr(chunk) {
        held.push(chunk.slice());
        bytes += chunk.length;
        return bytes > MOST_HELD ? release() : undefined;
      },
    };
    // One turn later than the exchange itself: with more of them the end comes too late for an answer that travels whole.
    return exchange(request, output, signal).then(
      (end) => release()?.then(() => end) ?? end,
      (error: unknown) => {
        void release();
        throw error;
      },
    );
  };
}
