// A MessagePort that can also be served in the middle of a running script, when the event loop cannot: the script's
// thread then waits for room on its way out as a native process does in write(), and learns that its visitor left.

import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { type MessagePortLike, PORT_WINDOW } from "../../transport/message-port.ts";

/** How long to sleep between two looks at the port, in milliseconds. */
const LOOK_EVERY = 5;

/** How often a script that prints and never waits looks for an abort, in milliseconds. */
const ABORT_LOOK_EVERY = 20;

export class SynchronousPort implements MessagePortLike {
  readonly #port: MessagePort;
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4));
  readonly #listeners: ((event: { readonly data?: unknown }) => void)[] = [];
  /** Bytes sent that the master has not taken yet, counted as the transport counts them. */
  #outstanding = 0;
  #closed = false;
  #lookedAt = 0;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  postMessage(message: unknown, transfer: ArrayBuffer[]): void {
    if (message instanceof Uint8Array) this.#outstanding += message.length;
    this.#port.postMessage(message, transfer);
  }

  addEventListener(type: string, listener: (event: { readonly data?: unknown }) => void): void {
    if (type !== "message") {
      this.#port.on(type as "close", () => listener({}));
      return;
    }
    this.#listeners.push(listener);
    this.#port.on("message", (data) => this.#deliver(data));
  }

  start(): void {
    this.#port.start();
  }

  close(): void {
    this.#closed = true;
    this.#port.close();
  }

  /** Waits until the master has taken enough, and hands on what it has sent meanwhile. */
  catchUp(): void {
    const now = performance.now();
    if (this.#outstanding < PORT_WINDOW && now - this.#lookedAt < ABORT_LOOK_EVERY) return;
    this.#lookedAt = now;
    do {
      for (let next = receiveMessageOnPort(this.#port); next !== undefined; next = receiveMessageOnPort(this.#port)) {
        this.#deliver(next.message);
      }
      if (this.#closed || this.#outstanding < PORT_WINDOW) return;
      Atomics.wait(this.#sleeper, 0, 0, LOOK_EVERY);
    } while (!this.#closed);
  }

  #deliver(data: unknown): void {
    if (typeof data === "number") this.#outstanding -= data;
    for (const listener of this.#listeners) listener({ data });
  }
}
