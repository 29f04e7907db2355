// A response's body on its way to the visitor, and kept on the side as long as it is short enough.

import type { ReplyBody } from "../answer/reply.ts";

/** What became of a body. */
export type Collected =
  | { readonly type: "whole"; readonly body: Uint8Array }
  /** Longer than allowed; it went to the visitor all the same. */
  | { readonly type: "too-long" }
  /** The script broke off. */
  | { readonly type: "broken"; readonly error: unknown };

export interface Collection {
  /** For the visitor. Cancelling it does not stop what is collected; only what is too long is of no use then. */
  readonly body: ReplyBody;
  /** Settles when it is clear what became of the body; for `too-long` that is before its end. Never rejects. */
  readonly collected: Promise<Collected>;
  /** Settles when nothing more is read. Never rejects. */
  readonly finished: Promise<void>;
}

/**
 * Reads `body` at the script's pace until `limit` bytes are held: a slow visitor does not keep others waiting. Beyond
 * that the visitor sets the pace, and nothing is kept.
 */
export function collect(body: ReplyBody, limit: number): Collection {
  if (!(body instanceof ReadableStream)) return whole(body, limit);
  let visitor: ReadableStreamDefaultController<Uint8Array> | undefined;
  let gone = false;
  let wake = () => {};
  let settle: (collected: Collected) => void = () => {};
  const collected = new Promise<Collected>((resolve) => {
    settle = resolve;
  });
  const stream = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        visitor = controller;
      },
      pull: () => wake(),
      cancel() {
        gone = true;
        visitor = undefined;
        wake();
      },
    },
    { highWaterMark: 1, size: () => 1 },
  );

  const pump = async (): Promise<void> => {
    const reader = body.getReader();
    let chunks: Uint8Array[] | undefined = [];
    let length = 0;
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        if (value.length === 0) continue;
        length += value.length;
        visitor?.enqueue(value);
        if (length <= limit) {
          chunks?.push(value);
          continue;
        }
        if (chunks !== undefined) {
          chunks = undefined;
          settle({ type: "too-long" });
        }
        while (!gone && visitor !== undefined && (visitor.desiredSize ?? 1) <= 0) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        if (gone) {
          await reader.cancel();
          return;
        }
      }
      if (chunks !== undefined) settle({ type: "whole", body: concat(chunks, length) });
      visitor?.close();
    } catch (error) {
      settle({ type: "broken", error });
      visitor?.error(error);
    }
  };
  const finished = pump().catch((error: unknown) => settle({ type: "broken", error }));
  return { body: stream, collected, finished };
}

/** There already. Kept as a copy: it may be a small part of a large buffer. */
function whole(body: Uint8Array | null, limit: number): Collection {
  const bytes = body ?? new Uint8Array(0);
  const result: Collected = bytes.length > limit ? { type: "too-long" } : { type: "whole", body: bytes.slice() };
  return { body, collected: Promise.resolve(result), finished: Promise.resolve() };
}

/** A copy: the visitor has the chunks too. One who handed their memory on meanwhile leaves nothing to copy. */
function concat(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  if (at !== length)
    throw new Error(`${length - at} bytes of a response's body were taken away before they were stored`);
  return whole;
}
