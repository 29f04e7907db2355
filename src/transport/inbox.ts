// The receiving half that transports share: keeps what came before `start`, hands chunks over one at a time.

import type { TransportHandler } from "./transport.ts";

/** Delivers what a peer sent to a `TransportHandler`, in order and one call at a time. */
export class Inbox {
  readonly #consumed: (bytes: number) => void;
  #handler: TransportHandler | undefined;
  #queue: Uint8Array[] = [];
  #buffered = 0;
  #delivering = false;
  #discarding = false;
  #end: { readonly error?: Error } | undefined;
  #endTold = false;
  #gone: { readonly error?: Error } | undefined;
  #goneTold = false;

  /** @param consumed told how many bytes the handler is done with: credit for the sender */
  constructor(consumed: (bytes: number) => void) {
    this.#consumed = consumed;
  }

  /** Bytes received and not yet consumed, the chunk that the handler holds included. */
  get buffered(): number {
    return this.#buffered;
  }

  start(handler: TransportHandler): void {
    if (this.#handler !== undefined) throw new Error("a transport is started once");
    this.#handler = handler;
    this.#deliver();
  }

  push(chunk: Uint8Array): void {
    if (this.#end !== undefined) return;
    if (this.#discarding) {
      this.#consumed(chunk.length);
      return;
    }
    this.#queue.push(chunk);
    this.#buffered += chunk.length;
    this.#deliver();
  }

  /** The peer sends no more. An error overtakes what still waits; a clean end comes after it. */
  end(error?: Error): void {
    if (this.#end !== undefined) return;
    this.#end = error === undefined ? {} : { error };
    if (error !== undefined) this.#drop();
    this.#deliver();
  }

  /** The peer takes no more either. Told after the end. */
  gone(error?: Error): void {
    this.#gone ??= error === undefined ? {} : { error };
    this.end();
    this.#deliver();
  }

  /** This side closed: what waits and what still comes is dropped, then the end is told. */
  close(): void {
    this.#goneTold = true;
    this.#discarding = true;
    this.#drop();
    this.end();
  }

  #drop(): void {
    let bytes = 0;
    for (const chunk of this.#queue) bytes += chunk.length;
    this.#queue = [];
    this.#buffered -= bytes;
    if (bytes > 0) this.#consumed(bytes);
  }

  #deliver(): void {
    const handler = this.#handler;
    if (handler === undefined) return;
    // A break and an end of our own are told while a chunk is still held: its holder may be waiting for just that.
    if (this.#end !== undefined && !this.#endTold && (this.#discarding || this.#end.error !== undefined)) {
      this.#endTold = true;
      handler.onEnd(this.#end.error);
    }
    if (this.#delivering) return;
    this.#delivering = true;
    while (this.#queue.length > 0) {
      const chunk = this.#queue.shift() as Uint8Array;
      const held = handler.onChunk(chunk);
      if (held !== undefined) {
        const done = () => {
          this.#delivering = false;
          this.#settle(chunk.length);
          this.#deliver();
        };
        held.then(done, done);
        return;
      }
      this.#settle(chunk.length);
    }
    this.#delivering = false;
    if (this.#end !== undefined && !this.#endTold) {
      this.#endTold = true;
      handler.onEnd();
    }
    if (this.#endTold && this.#gone !== undefined && !this.#goneTold) {
      this.#goneTold = true;
      handler.onGone?.(this.#gone.error);
    }
  }

  #settle(bytes: number): void {
    this.#buffered -= bytes;
    this.#consumed(bytes);
  }
}
