// The sockets of a PHP without a network. The glue speaks through a WebSocket class that the host may choose; where
// there is no real network this one is closed from its first moment, so that curl and fsockopen fail within
// milliseconds instead of waiting for a connection that never opens.

type Listener = (...values: unknown[]) => void;

/** A WebSocket that never opens. It has the members that the glue calls, in the style of `ws` and of the web. */
export class ClosedSocket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;
  readonly readyState = 3;
  binaryType = "arraybuffer";
  onopen: Listener | null = null;
  onmessage: Listener | null = null;
  onclose: Listener | null = null;

  set onerror(listener: Listener | null) {
    if (listener !== null) this.on("error", listener);
  }

  on(event: string, listener: Listener): this {
    // Asked to tell of an end that lies behind, it tells it soon: whoever waits for it goes on.
    if (event === "error" || event === "close") queueMicrotask(() => listener(new Error("no network")));
    return this;
  }
  once(event: string, listener: Listener): this {
    return this.on(event, listener);
  }
  off(): this {
    return this;
  }
  removeListener(): this {
    return this;
  }
  addEventListener(event: string, listener: Listener): void {
    this.on(event, listener);
  }
  removeEventListener(): void {}
  send(): void {}
  close(): void {}
}
