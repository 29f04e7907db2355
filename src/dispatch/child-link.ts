// The master's link to one of its own children, which speaks FastCGI over whatever wire the platform has.

import type { Pair } from "../codec/index.ts";
import type { Exchange } from "../transport/exchange.ts";
import type { Transport } from "../transport/transport.ts";
import { WebServerLink } from "../transport/web-server-link.ts";

// A child tells its state in band, as GET_VALUES_RESULT that nobody asked for: in order with its answers, without a
// second channel, and nothing that another FastCGI peer ever sees.

/** "1" before an END_REQUEST after which the script goes on (`fastcgi_finish_request`), "0" when it has finished. */
export const CHILD_RUNNING = "EDGE_FPM_RUNNING";

/** Bytes of linear memory that the child has taken, for the scoreboard. */
export const CHILD_MEMORY = "EDGE_FPM_MEMORY";

/** The web server's side of the wire to a child. */
export class ChildLink {
  readonly exchange: Exchange;
  /** Settles when the wire has ended. */
  readonly closed: Promise<void>;
  readonly #link: WebServerLink;
  #running = false;
  #memory: number | undefined;
  #waiting: Array<() => void> = [];

  /** @param onValues told of everything that the child tells in band, before it counts */
  constructor(transport: Transport, onValues?: (values: readonly Pair[]) => void) {
    const link = new WebServerLink(transport);
    link.onValues = (values) => {
      onValues?.(values);
      this.#learn(values);
    };
    this.#link = link;
    this.closed = link.closed;
    this.exchange = link.exchange;
    link.onRequestEnd = () => this.#settle();
    void link.closed.then(() => this.#settle());
  }

  /** Bytes of linear memory, as the child last told. */
  get memory(): number | undefined {
    return this.#memory;
  }

  /** Whether a request may be sent. */
  get usable(): boolean {
    return this.#link.usable;
  }

  /** Undefined when the child runs nothing; else settles when it does not any more, or the link has ended. */
  whenIdle(): Promise<void> | undefined {
    if (this.#idle) return undefined;
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Ends the wire after what was written. Safe to call twice. */
  close(): void {
    this.#link.close();
  }

  /** Breaks the wire: the child is gone. Requests that run fail at once. Safe to call twice. */
  reset(reason: string): void {
    this.#link.reset(reason);
  }

  get #idle(): boolean {
    return !this.#link.usable || (!this.#running && this.#link.active === 0);
  }

  #learn(values: readonly Pair[]): void {
    for (const [name, value] of values) {
      if (name === CHILD_RUNNING) this.#running = value === "1";
      else if (name === CHILD_MEMORY && /^\d{1,15}$/.test(value)) this.#memory = Number(value);
    }
    this.#settle();
  }

  #settle(): void {
    if (!this.#idle) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
