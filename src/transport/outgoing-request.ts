// One request as the web server's link keeps it, from BEGIN_REQUEST until its exchange settles.

import type { Role } from "../codec/index.ts";
import { type ExchangeEnd, ExchangeError, type ExchangeSink } from "./exchange.ts";

interface Outcome {
  end(end: ExchangeEnd): void;
  fail(error: unknown): void;
}

export class OutgoingRequest {
  readonly id: number;
  readonly role: Role;
  readonly #sink: ExchangeSink;
  readonly #outcome: Outcome;
  /** Made when somebody waits: most requests never do. */
  #waiting: Set<() => void> | undefined;
  #open = true;
  #stdoutBytes = 0;
  /** All its input was sent, the ends included. */
  inputEnded = false;
  /** STDIN was ended; a filter's DATA may follow. */
  stdinEnded = false;
  /** The next chunk of the body is awaited: nothing is owed by the application. */
  waitsForBody = false;

  constructor(id: number, role: Role, sink: ExchangeSink, outcome: Outcome) {
    this.id = id;
    this.role = role;
    this.#sink = sink;
    this.#outcome = outcome;
  }

  get open(): boolean {
    return this.#open;
  }

  /** Hands output on. The promise settles when the sink takes more, or wants none; `failed` is told of a sink's error. */
  output(
    stream: "stdout" | "stderr",
    content: Uint8Array,
    failed: (request: OutgoingRequest, error: unknown) => void,
  ): Promise<void> | undefined {
    if (!this.#open) return undefined;
    if (stream === "stdout") this.#stdoutBytes += content.length;
    try {
      const held = stream === "stdout" ? this.#sink.stdout(content) : this.#sink.stderr(content);
      if (held === undefined) return undefined;
      return this.orOver(held).catch((error: unknown) => failed(this, error));
    } catch (error) {
      failed(this, error);
      return undefined;
    }
  }

  /** Waits, but no longer than the request is open: undefined then. */
  orOver<T>(promise: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const release = () => resolve(undefined);
      if (this.#open) {
        this.#waiting ??= new Set();
        this.#waiting.add(release);
      } else release();
      const settle = () => this.#waiting?.delete(release);
      promise.then(
        (value) => {
          settle();
          resolve(value);
        },
        (error: unknown) => {
          settle();
          reject(error);
        },
      );
    });
  }

  end(end: ExchangeEnd): void {
    if (!this.#close()) return;
    try {
      this.#sink.ended?.(end);
    } catch (error) {
      this.#outcome.fail(error);
      return;
    }
    this.#outcome.end(end);
  }

  fail(error: unknown): void {
    if (this.#close()) this.#outcome.fail(error);
  }

  /** The link is gone. */
  broken(what: string, cause?: Error): void {
    const bytes = this.#stdoutBytes;
    const so = bytes === 0 ? "before any STDOUT" : `after ${bytes} bytes of STDOUT`;
    this.fail(new ExchangeError("EXCHANGE_BROKEN", `${what}, ${so}`, { cause }));
  }

  #close(): boolean {
    if (!this.#open) return false;
    this.#open = false;
    if (this.#waiting !== undefined) for (const release of this.#waiting) release();
    return true;
  }
}
