// Between transports and web streams: a `cloudflare:sockets` Socket becomes a transport, and a transport a pair of
// streams for code that wants to pipe.

import { joinChunks } from "./bytes.ts";
import { Inbox } from "./inbox.ts";
import type { Transport, TransportHandler } from "./transport.ts";

/** A two-way byte stream as web streams. */
export interface StreamPair {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

/** Above this many bytes the chunks of one write are written one by one instead of being joined. */
const JOIN_LENGTH = 64 * 1024;

/** Makes a transport of two streams, which it locks. Chunks read are passed on as they are. */
export function fromStreams(streams: StreamPair): Transport {
  return new StreamTransport(streams);
}

class StreamTransport implements Transport {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #inbox = new Inbox(() => {});
  #handler: TransportHandler | undefined;
  #closed = false;

  constructor(streams: StreamPair) {
    this.#reader = streams.readable.getReader();
    this.#writer = streams.writable.getWriter();
    this.#writer.closed.catch((error: unknown) => {
      if (!this.#closed) this.#inbox.gone(asError(error));
    });
    this.#reader.closed.catch(ignore);
  }

  start(handler: TransportHandler): void {
    this.#handler = handler;
    // The inbox only orders the end calls; chunks go straight through, since reading itself waits.
    this.#inbox.start(handler);
    void this.#read();
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        const { value, done } = await this.#reader.read();
        if (done) break;
        if (this.#closed) continue;
        const held = this.#handler?.onChunk(value);
        if (held !== undefined) await held;
      }
      this.#inbox.end();
    } catch (error) {
      if (!this.#closed) this.#inbox.end(asError(error));
    }
  }

  write(chunks: readonly Uint8Array[]): Promise<void> | undefined {
    if (this.#closed) return undefined;
    const joined = joinChunks(chunks);
    if (joined.length === 0) return undefined;
    for (let offset = 0; offset < joined.length; offset += JOIN_LENGTH) {
      this.#writer.write(joined.subarray(offset, offset + JOIN_LENGTH)).catch(ignore);
    }
    if ((this.#writer.desiredSize ?? 0) > 0) return undefined;
    return this.#writer.ready.catch(ignore);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const told = () => this.#inbox.close();
    this.#writer
      .close()
      .catch(ignore)
      .then(() => this.#reader.cancel())
      .then(told, told);
  }

  reset(): void {
    const error = new Error("the connection was reset");
    this.#closed = true;
    const told = () => this.#inbox.close();
    this.#writer.abort(error).catch(ignore);
    this.#reader.cancel(error).then(told, told);
  }
}

/**
 * Makes web streams of a transport, which it starts. Chunks are copied, since a reader may keep them. Closing
 * `writable` closes the transport on both sides; aborting it, or cancelling `readable` with a reason, resets it.
 */
export function toStreams(transport: Transport): StreamPair {
  let pulled: (() => void) | undefined;
  let failWriter: ((error: Error) => void) | undefined;
  let over = false;
  const readable = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        transport.start({
          onChunk(chunk) {
            if (over) return;
            controller.enqueue(chunk.slice());
            if ((controller.desiredSize ?? 0) > 0) return;
            return new Promise((resolve) => {
              pulled = resolve;
            });
          },
          onEnd(error) {
            if (over) return;
            over = true;
            if (error === undefined) controller.close();
            else {
              controller.error(error);
              failWriter?.(error);
            }
          },
          onGone(error) {
            failWriter?.(error ?? new Error("the peer closed the connection"));
          },
        });
      },
      pull() {
        pulled?.();
      },
      cancel(reason) {
        over = true;
        pulled?.();
        if (reason === undefined) transport.close();
        else transport.reset();
      },
    },
    { highWaterMark: 1 },
  );
  const writable = new WritableStream<Uint8Array>({
    start(controller) {
      failWriter = (error) => controller.error(error);
    },
    write: (chunk) => transport.write([chunk]),
    close: () => transport.close(),
    abort: () => transport.reset(),
  });
  return { readable, writable };
}

function ignore(): void {}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
