// A transport over a MessagePort: the wire to a child in a worker thread or a Web Worker.

import { byteLength } from "./bytes.ts";
import { Gate } from "./gate.ts";
import { Inbox } from "./inbox.ts";
import type { Transport, TransportHandler } from "./transport.ts";

/** What is needed of a port: `MessagePort` of Node and of the web have it, a Web Worker and its global scope too. */
export interface MessagePortLike {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  addEventListener(type: string, listener: (event: { readonly type?: string; readonly data?: unknown }) => void): void;
  /** Ports that queue until they are started have it. */
  start?(): void;
  close?(): void;
}

/** Bytes sent and not yet consumed by the peer before a write waits: about 16 full records. */
export const PORT_WINDOW: number = 1024 * 1024;

/** Most bytes in one message: large enough to hide the cost of a hop, small against the window. */
const MESSAGE_LENGTH = 256 * 1024;

// Messages: a Uint8Array is data, a number is credit in bytes, a string is one of these. Since both ends are ours, in
// one version, anything else is a foreign message and breaks the link.
const CLOSE = "close";
const RESET = "reset";

/** Options of `messagePortTransport`. */
export interface MessagePortOptions {
  /** Bytes under way before a write waits; default `PORT_WINDOW`. Both ends must use the same. */
  readonly window?: number;
}

/**
 * Makes a transport of a port. A write is copied once, into a buffer of its own that is then transferred; chunks of
 * one write travel in one message. Buffers of the caller are never transferred: they may belong to a pool.
 *
 * A port says nothing when the thread behind it is stuck, and in some browsers nothing when it is gone: the owner
 * of the thread watches that and calls `reset`.
 */
export function messagePortTransport(port: MessagePortLike, options: MessagePortOptions = {}): MessagePortTransport {
  return new MessagePortTransport(port, options.window ?? PORT_WINDOW);
}

/** See `messagePortTransport`. */
export class MessagePortTransport implements Transport {
  readonly #port: MessagePortLike;
  readonly #window: number;
  readonly #room = new Gate();
  readonly #inbox: Inbox;
  /** Chunks that wait for credit, by reference. */
  #pending: Uint8Array[] = [];
  #outstanding = 0;
  /** Consumed bytes that the peer has not been told of. */
  #owed = 0;
  #state: "open" | "closing" | "closed" = "open";

  constructor(port: MessagePortLike, window: number) {
    this.#port = port;
    this.#window = window;
    this.#inbox = new Inbox((bytes) => this.#give(bytes));
  }

  /** Bytes that came and were not yet consumed: never more than the window and one message. */
  get buffered(): number {
    return this.#inbox.buffered;
  }

  start(handler: TransportHandler): void {
    this.#inbox.start(handler);
    this.#port.addEventListener("message", (event) => this.#receive(event.data));
    this.#port.addEventListener("messageerror", () => this.#broken("a message could not be read"));
    this.#port.addEventListener("close", () => this.#broken("the port closed: its thread is gone"));
    this.#port.start?.();
  }

  write(chunks: readonly Uint8Array[]): Promise<void> | undefined {
    if (this.#state !== "open") return undefined;
    for (const chunk of chunks) if (chunk.length > 0) this.#pending.push(chunk);
    this.#send();
    return this.#outstanding < this.#window && this.#pending.length === 0 ? undefined : this.#room.wait();
  }

  close(): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    queueMicrotask(() => this.#inbox.close());
    this.#send();
    this.#room.open();
  }

  reset(): void {
    if (this.#state === "closed") return;
    this.#shut(RESET);
    queueMicrotask(() => this.#inbox.close());
  }

  #receive(message: unknown): void {
    if (this.#state === "closed") return;
    if (typeof message === "number") {
      this.#outstanding -= message;
      this.#send();
      if (this.#outstanding < this.#window && this.#pending.length === 0) this.#room.open();
    } else if (message instanceof Uint8Array) {
      this.#inbox.push(message);
    } else if (message === CLOSE) {
      this.#shut();
      this.#inbox.gone();
    } else {
      this.#broken(message === RESET ? "the peer reset the connection" : `a foreign message: ${typeof message}`);
    }
  }

  #broken(message: string): void {
    if (this.#state === "closed") return;
    this.#shut();
    this.#inbox.end(new Error(message));
  }

  /** Sends what the window allows; once all is sent, a close that waited. */
  #send(): void {
    while (this.#pending.length > 0 && this.#outstanding < this.#window) {
      const message = this.#take();
      this.#outstanding += message.length;
      this.#port.postMessage(message, [message.buffer]);
    }
    if (this.#state === "closing" && this.#pending.length === 0) this.#shut(CLOSE);
  }

  /** Cuts the next message off the pending chunks. */
  #take(): Uint8Array<ArrayBuffer> {
    const message = new Uint8Array(Math.min(byteLength(this.#pending), MESSAGE_LENGTH));
    let filled = 0;
    let used = 0;
    for (const [index, chunk] of this.#pending.entries()) {
      const room = message.length - filled;
      if (chunk.length > room) {
        message.set(chunk.subarray(0, room), filled);
        this.#pending[index] = chunk.subarray(room);
        break;
      }
      message.set(chunk, filled);
      filled += chunk.length;
      used = index + 1;
    }
    if (used === this.#pending.length) this.#pending = [];
    else this.#pending.splice(0, used);
    return message;
  }

  /** Tells the peer of consumed bytes, in few messages: every half window. */
  #give(bytes: number): void {
    this.#owed += bytes;
    if (this.#owed * 2 < this.#window || this.#state === "closed") return;
    this.#port.postMessage(this.#owed, []);
    this.#owed = 0;
  }

  #shut(message?: string): void {
    this.#state = "closed";
    this.#pending = [];
    if (message !== undefined) this.#port.postMessage(message, []);
    this.#port.close?.();
    this.#room.open();
  }
}
