// A bound on how fast an answer is sent, as with nginx's `limit_rate`. Time comes in as an argument.

import type { ReplyBody } from "./reply.ts";

/** How much may be sent at which time. */
export class Allowance {
  readonly #rate: number;
  readonly #start: number;
  #sent = 0;

  /**
   * @param rate bytes a second, above 0; one second's worth may be sent at once
   * @param start milliseconds on any clock
   */
  constructor(rate: number, start: number) {
    this.#rate = rate;
    this.#start = start;
  }

  /** Bytes that may be sent at `now`. Not above one second's worth: who paused does not make up for it. */
  available(now: number): number {
    const earned = (this.#rate * (now - this.#start + 1000)) / 1000;
    // Time that was not used is forgotten.
    this.#sent = Math.max(this.#sent, earned - this.#rate);
    return Math.floor(earned - this.#sent);
  }

  take(bytes: number): void {
    this.#sent += bytes;
  }

  /** Milliseconds from `now` until `bytes` may be sent, or a second's worth if that is less. */
  wait(now: number, bytes: number): number {
    const missing = Math.min(bytes, this.#rate) - this.available(now);
    return missing <= 0 ? 0 : Math.ceil((missing * 1000) / this.#rate);
  }
}

/** Bytes sent at a time: often enough to look even, seldom enough to be cheap. */
const PIECE = 16 * 1024;

/** The same body, no faster than `rate` bytes a second. */
export function limitRate(
  body: NonNullable<ReplyBody>,
  rate: number,
  now: () => number = () => performance.now(),
): ReadableStream<Uint8Array> {
  const allowance = new Allowance(rate, now());
  const source = body instanceof Uint8Array ? undefined : body.getReader();
  let rest = body instanceof Uint8Array ? body : new Uint8Array(0);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let wake = () => {};
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        while (rest.length === 0) {
          const next = await source?.read();
          if (next === undefined || next.done) {
            controller.close();
            return;
          }
          rest = next.value;
        }
        const wanted = Math.min(rest.length, PIECE);
        const delay = allowance.wait(now(), wanted);
        if (delay > 0) {
          await new Promise<void>((resolve) => {
            wake = resolve;
            timer = setTimeout(resolve, delay);
          });
        }
        const piece = rest.subarray(0, Math.max(1, Math.min(wanted, allowance.available(now()))));
        rest = rest.subarray(piece.length);
        allowance.take(piece.length);
        controller.enqueue(piece);
        if (rest.length === 0 && source === undefined) controller.close();
      },
      cancel(reason) {
        clearTimeout(timer);
        wake();
        return source?.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
