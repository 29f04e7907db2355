// Two transports wired to each other inside one isolate: for tests, for the page, for a child in the same thread.

import { joinChunks } from "./bytes.ts";
import { Gate } from "./gate.ts";
import { Inbox } from "./inbox.ts";
import type { Transport, TransportHandler } from "./transport.ts";

/** Bytes that may wait at the receiver before a write waits: the usual size of a kernel's pipe. */
export const MEMORY_WINDOW: number = 64 * 1024;

/** One end of a memory pair. */
export interface MemoryTransport extends Transport {
  /** Bytes that came and were not yet consumed. */
  readonly buffered: number;
}

/**
 * Makes two connected ends. A write copies its chunks into one and hands it over in a later microtask, so the two
 * sides never run inside each other's calls.
 *
 * @param window bytes that may wait at the receiver before a write waits; default `MEMORY_WINDOW`
 */
export function memoryPair(window: number = MEMORY_WINDOW): [MemoryTransport, MemoryTransport] {
  const left = new End(window);
  const right = new End(window);
  left.join(right);
  right.join(left);
  return [left, right];
}

class End implements MemoryTransport {
  readonly #window: number;
  readonly #room = new Gate();
  readonly #inbox: Inbox;
  /** Bytes written and not yet consumed by the peer. */
  #outstanding = 0;
  #closed = false;
  #peer: End | undefined;

  constructor(window: number) {
    this.#window = window;
    this.#inbox = new Inbox((bytes) => this.#peer?.credit(bytes));
  }

  get buffered(): number {
    return this.#inbox.buffered;
  }

  join(peer: End): void {
    this.#peer = peer;
  }

  credit(bytes: number): void {
    this.#outstanding -= bytes;
    if (this.#outstanding < this.#window) this.#room.open();
  }

  start(handler: TransportHandler): void {
    this.#inbox.start(handler);
  }

  write(chunks: readonly Uint8Array[]): Promise<void> | undefined {
    if (this.#closed) return undefined;
    const joined = joinChunks(chunks);
    if (joined.length === 0) return undefined;
    this.#outstanding += joined.length;
    const peer = this.#peer;
    queueMicrotask(() => peer?.take(joined));
    return this.#outstanding < this.#window ? undefined : this.#room.wait();
  }

  take(chunk: Uint8Array): void {
    if (this.#closed) this.#peer?.credit(chunk.length);
    else this.#inbox.push(chunk);
  }

  close(): void {
    this.#stop();
    queueMicrotask(() => {
      this.#peer?.peerClosed();
      this.#inbox.close();
    });
  }

  reset(): void {
    this.#stop();
    queueMicrotask(() => {
      this.#peer?.peerClosed(new Error("the peer reset the connection"));
      this.#inbox.close();
    });
  }

  #stop(): void {
    this.#closed = true;
    this.#room.open();
  }

  peerClosed(error?: Error): void {
    this.#stop();
    if (error !== undefined) this.#inbox.end(error);
    else this.#inbox.gone();
  }
}
