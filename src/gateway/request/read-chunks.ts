// A request body as it comes, with a bound on the visitor's silence.

import { GatewayError } from "../errors.ts";
import { Watchdog } from "../script/watchdog.ts";

/**
 * The chunks of a stream. Left early, the stream is not cancelled: on Node that would close the connection before the
 * visitor has the answer. What to do with the rest is the HTTP server's business.
 */
export async function* readChunks(
  body: ReadableStream<Uint8Array>,
  timeout: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = body.getReader();
  // Rejects the read under way. No race with one promise for all reads: that would hold every chunk until its end.
  let fail = (_error: GatewayError) => {};
  const watchdog = new Watchdog(timeout, () => {
    fail(new GatewayError("GATEWAY_BODY_TIMEOUT", 408, `no byte of the request body for ${timeout} ms`));
  });
  const next = () =>
    new Promise<ReadableStreamReadResult<Uint8Array>>((resolve, reject) => {
      fail = reject;
      reader.read().then(resolve, (cause: unknown) => reject(brokenOff(cause)));
    });
  try {
    for (;;) {
      watchdog.resume();
      const { done, value } = await next();
      if (done) return;
      watchdog.suspend();
      if (value.length > 0) yield value;
    }
  } finally {
    watchdog.stop();
    reader.releaseLock();
  }
}

function brokenOff(cause: unknown): GatewayError {
  return new GatewayError("GATEWAY_BODY_LENGTH", 400, "the visitor broke off inside the request body", { cause });
}
