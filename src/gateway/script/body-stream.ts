// The body of an answer between a script and its visitor, as a stream: a bounded part of it in memory; and when the
// visitor has held the script up for too long, the rest in a spool, so that the script can end and its child serve others.

import type { Spool } from "../spool.ts";
import { Spooled } from "./spooled.ts";

export interface BodyStreamOptions {
  /** Bytes held in memory. */
  readonly bufferBytes: number;
  /** Where the rest goes. Without it the script waits. */
  readonly spool?: Spool | undefined;
  /** Milliseconds that a script may be held up, in sum, before its output is spooled. */
  readonly spoolAfter: number;
  /** Longest spool, in bytes; beyond it the script waits. */
  readonly spoolBytes: number;
  /** The visitor wants no more. */
  readonly cancelled: (reason: unknown) => void;
  /** The spool failed, so the transfer is broken. */
  readonly failed: (error: unknown) => void;
}

/** A stream with a writing end that pushes back. */
export class BodyStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #options: BodyStreamOptions;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #room: { readonly promise: Promise<void>; readonly open: () => void } | undefined;
  /** Milliseconds that the script has waited so far. */
  #waited = 0;
  #ended = false;
  #spool: Spooled | undefined;

  constructor(options: BodyStreamOptions) {
    this.#options = options;
    this.readable = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => {
          if (this.#spool !== undefined && !this.#spool.isEmpty) return this.#pump(this.#spool);
          this.#openRoom();
        },
        cancel: (reason) => {
          this.#controller = undefined;
          this.#openRoom();
          this.#discard();
          options.cancelled(reason);
        },
      },
      { highWaterMark: options.bufferBytes, size: (chunk) => chunk.byteLength },
    );
  }

  /** Takes a chunk, which is the stream's from now on. A returned promise settles when there is room for more. */
  write(chunk: Uint8Array): void | Promise<void> {
    if (this.#controller === undefined) return;
    if (this.#spool !== undefined && !this.#spool.isEmpty) return this.#append(this.#spool, chunk);
    this.#controller.enqueue(chunk);
    if ((this.#controller.desiredSize ?? 1) > 0) return;
    return this.#wait();
  }

  /** That was all. What is in the spool still goes to the visitor. */
  close(): void {
    this.#ended = true;
    this.#spool?.settle();
    if (this.#spool === undefined || this.#spool.isEmpty) this.#close();
    this.#openRoom();
  }

  /** The rest will not come. */
  error(reason: unknown): void {
    this.#controller?.error(reason);
    this.#controller = undefined;
    this.#openRoom();
    this.#discard();
  }

  /** Until the visitor has taken something, or has had time enough. */
  #wait(): Promise<void> {
    this.#room ??= makeRoom();
    const room = this.#room.promise;
    const { spool, spoolAfter } = this.#options;
    if (spool === undefined || (this.#spool !== undefined && this.#spool.size >= this.#options.spoolBytes)) return room;
    const since = performance.now();
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => {
          this.#waited = spoolAfter;
          // From here on writes go to the spool, until the visitor has caught up.
          this.#beginSpool(spool).then(resolve, (error: unknown) => {
            this.#broken(error);
            resolve();
          });
        },
        Math.max(0, spoolAfter - this.#waited),
      );
      void room.then(() => {
        clearTimeout(timer);
        this.#waited += performance.now() - since;
        resolve();
      });
    });
  }

  async #beginSpool(spool: Spool): Promise<void> {
    this.#spool ??= new Spooled(await spool());
    // Cancelled in the meantime: nobody else would let go of it.
    if (this.#controller === undefined) this.#discard();
    else this.#spool.open();
  }

  async #append(spool: Spooled, chunk: Uint8Array): Promise<void> {
    try {
      await spool.append(chunk);
    } catch (error) {
      this.#broken(error);
      return;
    }
    if ((this.#controller?.desiredSize ?? 0) > 0) void this.#pump(spool);
    if (spool.size >= this.#options.spoolBytes && !spool.isEmpty) {
      this.#room ??= makeRoom();
      await this.#room.promise;
    }
  }

  /** From the spool to the visitor, as far as there is room. */
  async #pump(spool: Spooled): Promise<void> {
    try {
      await spool.drain((chunk) => {
        this.#controller?.enqueue(chunk);
        return (this.#controller?.desiredSize ?? 0) > 0;
      });
    } catch (error) {
      this.#broken(error);
      return;
    }
    if (!spool.isEmpty) return;
    if (this.#ended) this.#close();
    this.#openRoom();
  }

  #broken(error: unknown): void {
    if (this.#controller === undefined) return;
    this.error(error);
    this.#options.failed(error);
  }

  #close(): void {
    this.#controller?.close();
    this.#controller = undefined;
    this.#discard();
  }

  #openRoom(): void {
    this.#room?.open();
    this.#room = undefined;
  }

  #discard(): void {
    this.#spool?.discard();
  }
}

function makeRoom(): { promise: Promise<void>; open: () => void } {
  let open = () => {};
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}
