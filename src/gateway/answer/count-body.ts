// How many bytes of an answer's body were taken, and when that was over.

import type { ReplyBody } from "./reply.ts";

/**
 * The same body; `done` is called once: with all bytes of a whole one at once, else at the end of the stream, when it breaks
 * (`whole` is false) or when nobody wants the rest (`whole` is false).
 */
export function countBody(body: ReplyBody, done: (bytes: number, whole: boolean) => void): ReplyBody {
  if (body === null || body instanceof Uint8Array) {
    done(body?.length ?? 0, true);
    return body;
  }
  const reader = body.getReader();
  let bytes = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done: ended, value } = await reader.read();
          if (ended) {
            controller.close();
            done(bytes, true);
            return;
          }
          bytes += value.length;
          controller.enqueue(value);
        } catch (error) {
          controller.error(error);
          done(bytes, false);
        }
      },
      cancel(reason) {
        done(bytes, false);
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
