// Request bodies. CGI wants the length before the first byte (RFC 3875, section 4.1.2): php-fpm waits for exactly
// CONTENT_LENGTH bytes, and without one its script sees none.

import type { Body } from "../transport/exchange.ts";
import { ClientError } from "./errors.ts";

/** A body as its caller gave it. */
export interface BodySource {
  readonly stream: ReadableStream<Uint8Array> | Uint8Array;
  /** In bytes, when it is known. */
  readonly length?: number;
  /** The Content-Type that it implies. */
  readonly type?: string | undefined;
}

/** A body that can be sent. */
export interface Measured {
  readonly stdin: Body;
  readonly length: number;
}

export interface LengthLimits {
  /** Bytes gathered of a body whose length nobody knows. */
  readonly maxGathered: number;
}

/** A body of `fetch`, with its length where the value tells it. */
export function measured(body: NonNullable<RequestInit["body"]>): BodySource {
  if (body instanceof ReadableStream) return { stream: body };
  if (body instanceof ArrayBuffer) return whole(new Uint8Array(body));
  if (ArrayBuffer.isView(body)) return whole(new Uint8Array(body.buffer, body.byteOffset, body.byteLength));
  // The platform knows the rest: text, Blob, URLSearchParams, FormData, and the types that they imply.
  const carrier = new Response(body);
  const type = carrier.headers.get("content-type") ?? undefined;
  if (typeof body === "string" || body instanceof URLSearchParams) {
    return { ...whole(new TextEncoder().encode(String(body))), type };
  }
  const stream = carrier.body ?? new Uint8Array(0);
  return body instanceof Blob ? { stream, length: body.size, type } : { stream, type };
}

function whole(bytes: Uint8Array): BodySource {
  return { stream: bytes, length: bytes.length };
}

/**
 * A body of known length: streamed when its length is known, gathered when it is not.
 *
 * @param declared the Content-Length header; bytes that are there already know better
 * @throws {ClientError} `CLIENT_BODY_LENGTH`
 */
export async function streamed(
  source: BodySource | undefined,
  declared: string | null,
  limits: LengthLimits,
  signal: AbortSignal,
): Promise<Measured | undefined> {
  if (source === undefined) return undefined;
  const { stream } = source;
  if (stream instanceof Uint8Array) return { stdin: stream, length: stream.length };
  const length = source.length ?? (declared !== null && /^\d{1,15}$/.test(declared) ? Number(declared) : undefined);
  if (length !== undefined) return { stdin: counted(stream, length), length };
  const bytes = await gather(stream, limits.maxGathered, signal);
  return { stdin: bytes, length: bytes.length };
}

async function gather(stream: ReadableStream<Uint8Array>, limit: number, signal: AbortSignal): Promise<Uint8Array> {
  const reader = stream.getReader();
  const aborted = (): void => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", aborted);
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { value, done } = await reader.read();
      signal.throwIfAborted();
      if (done) break;
      length += value.length;
      if (length > limit) {
        const error = new ClientError(
          "CLIENT_BODY_LENGTH",
          `the request body has no Content-Length and is longer than the ${limit} bytes that are gathered (maxGathered): ` +
            "CGI needs the length first, so send a Content-Length header",
        );
        void reader.cancel(error).catch(() => {});
        throw error;
      }
      chunks.push(value);
    }
  } finally {
    signal.removeEventListener("abort", aborted);
  }
  return new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
}

/**
 * The stream, which must have the length that the application was told. No generator: one that waits for a chunk could
 * not be told that nobody wants it any more.
 */
function counted(stream: ReadableStream<Uint8Array>, length: number): AsyncIterable<Uint8Array> {
  const reader = stream.getReader();
  let seen = 0;
  const cancel = (reason?: unknown): void => void reader.cancel(reason).catch(() => {});
  const iterator: AsyncIterator<Uint8Array> = {
    async next() {
      const { value, done } = await reader.read();
      if (!done) seen += value.length;
      if (done ? seen === length : seen <= length) return done ? { done, value: undefined } : { done, value };
      const how = done ? `ended after ${seen} bytes, not` : "is longer than";
      const error = new ClientError(
        "CLIENT_BODY_LENGTH",
        `the request body ${how} the ${length} bytes of its Content-Length`,
      );
      cancel(error);
      throw error;
    },
    async return() {
      cancel();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}
