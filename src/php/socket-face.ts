// The face that the glue wants of a socket: a WebSocket, in the style of the web and of `ws`. What is behind it is its
// subclass's matter: a TCP connection, or an HTTP client.

export type SocketListener = (...values: unknown[]) => void;

/** States, events and listeners of a WebSocket. */
export class SocketFace {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;
  readyState = 0;
  binaryType = "arraybuffer";
  onopen: SocketListener | null = null;
  onmessage: SocketListener | null = null;
  onclose: SocketListener | null = null;
  onerror: SocketListener | null = null;
  /** By event; true: told once. */
  readonly #listeners = new Map<string, Map<SocketListener, boolean>>();

  protected emit(event: "open" | "message" | "error" | "close", ...values: unknown[]): void {
    this[`on${event}`]?.(...values);
    for (const [listener, once] of [...(this.#listeners.get(event) ?? [])]) {
      if (once) this.off(event, listener);
      listener(...values);
    }
  }

  on(event: string, listener: SocketListener): this {
    return this.#add(event, listener, false);
  }
  once(event: string, listener: SocketListener): this {
    return this.#add(event, listener, true);
  }
  off(event: string, listener: SocketListener): this {
    this.#listeners.get(event)?.delete(listener);
    return this;
  }
  removeListener(event: string, listener: SocketListener): this {
    return this.off(event, listener);
  }
  addEventListener(event: string, listener: SocketListener): void {
    this.on(event, listener);
  }
  removeEventListener(event: string, listener: SocketListener): void {
    this.off(event, listener);
  }

  #add(event: string, listener: SocketListener, once: boolean): this {
    const listeners = this.#listeners.get(event) ?? new Map<SocketListener, boolean>();
    this.#listeners.set(event, listeners.set(listener, once));
    return this;
  }
}
