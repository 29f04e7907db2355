// The bounded buffer of one input stream (STDIN or DATA) of one request, between the link that fills it and the
// handler that reads it.

/** Smallest buffer after the first content, in bytes: what a socket usually brings at once is 64 KiB. */
const GROWTH = 16 * 1024;

/** Most bytes reserved on the strength of a declared length alone. */
const RESERVED = 1024 * 1024;

/** What a whole body was refused for. `code` is "BODY_TOO_LARGE". */
export class BodyTooLargeError extends Error {
  override readonly name = "BodyTooLargeError";
  readonly code = "BODY_TOO_LARGE";
}

/**
 * Filled by `push`, read by one of: the async iterator, `readAll`, `readBuffered`. Content is copied once, when it
 * comes. Chunks that a reader got are its own.
 */
export class InputBuffer implements AsyncIterable<Uint8Array> {
  readonly #limit: number;
  readonly #changed: (full: boolean) => void;
  #bytes = new Uint8Array(0);
  #length = 0;
  /** Length that the peer declared, or undefined. */
  #expected: number | undefined;
  #state: "open" | "ended" | "failed" | "discarding" = "open";
  #reason: unknown;
  #full = false;
  /** Set by `readAll`: its own limit replaces the one of the buffer. */
  #collectLimit: number | undefined;
  #overflow: BodyTooLargeError | undefined;
  #wake: (() => void) | undefined;

  /**
   * @param limit bytes that may wait before the buffer is full (a push may pass it once)
   * @param changed told when the buffer becomes full, and when it no longer is
   */
  constructor(limit: number, changed: (full: boolean) => void) {
    this.#limit = limit;
    this.#changed = changed;
  }

  get full(): boolean {
    return this.#full;
  }

  get ended(): boolean {
    return this.#state === "ended";
  }

  /** Bytes that wait. */
  get length(): number {
    return this.#length;
  }

  /** Tells the length that the peer declared: only a hint for reserving memory. */
  expect(length: number): void {
    this.#expected = length;
  }

  /** Adds a copy of `content`. */
  push(content: Uint8Array): void {
    if (this.#state !== "open" || this.#overflow !== undefined) return;
    const needed = this.#length + content.length;
    if (this.#collectLimit !== undefined && needed > this.#collectLimit) {
      this.#tooLarge(this.#collectLimit);
      return;
    }
    this.#reserve(needed);
    this.#bytes.set(content, this.#length);
    this.#length = needed;
    if (this.#collectLimit !== undefined) return;
    this.#update();
    this.#notify();
  }

  /** The peer ended the stream. */
  end(): void {
    if (this.#state !== "open") return;
    this.#state = "ended";
    this.#notify();
  }

  /** The stream will not be completed: what waits is dropped and readers get `reason`. */
  fail(reason: unknown): void {
    if (this.#state === "discarding" || this.#state === "failed") return;
    this.#state = "failed";
    this.#reason = reason;
    this.#drop();
    this.#notify();
  }

  /** Nobody will read: what waits and what comes is dropped. */
  discard(): void {
    if (this.#state !== "ended" && this.#state !== "failed") this.#state = "discarding";
    this.#drop();
    this.#notify();
  }

  /**
   * The whole stream in one piece.
   *
   * Rejects with `BodyTooLargeError` as soon as it is longer than `limit` bytes, or with the reason of a failure.
   */
  async readAll(limit: number): Promise<Uint8Array> {
    this.#collectLimit = limit;
    if (this.#length > limit) this.#tooLarge(limit);
    else if (this.#state === "open" && this.#expected !== undefined) {
      if (this.#expected > limit) this.#tooLarge(limit);
      else this.#reserve(Math.min(this.#expected, RESERVED));
    }
    this.#update();
    while (this.#state === "open" && this.#overflow === undefined) await this.#changedSoon();
    if (this.#overflow !== undefined) throw this.#overflow;
    return this.#take() ?? new Uint8Array(0);
  }

  /** The whole stream once it is complete, or undefined once the buffer is full: then the iterator has it. */
  async readBuffered(): Promise<Uint8Array | undefined> {
    while (this.#state === "open" && !this.#full) await this.#changedSoon();
    if (this.#state === "open") return undefined;
    return this.#take() ?? new Uint8Array(0);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        const chunk = this.#take();
        if (chunk !== undefined) yield chunk;
        else if (this.#state !== "open") return;
        else await this.#changedSoon();
      }
    } finally {
      this.discard();
    }
  }

  /** All that waits, as the reader's own, or undefined when nothing does. */
  #take(): Uint8Array | undefined {
    if (this.#state === "failed") throw this.#reason;
    if (this.#length === 0) return undefined;
    const taken = this.#bytes.subarray(0, this.#length);
    this.#drop();
    return taken;
  }

  #drop(): void {
    this.#bytes = new Uint8Array(0);
    this.#length = 0;
    this.#update();
  }

  #tooLarge(limit: number): void {
    this.#overflow = new BodyTooLargeError(`the request body is longer than ${limit} bytes`);
    this.#drop();
    this.#notify();
  }

  #reserve(needed: number): void {
    const capacity = this.#bytes.length;
    if (needed <= capacity) return;
    let next = capacity === 0 ? needed : Math.max(needed, capacity * 2, GROWTH);
    // The last growth of a body of known length fits it.
    if (this.#expected !== undefined && this.#expected >= needed) next = Math.min(next, this.#expected);
    const grown = new Uint8Array(next);
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  #update(): void {
    const full = this.#collectLimit === undefined && this.#state !== "failed" && this.#length >= this.#limit;
    if (full === this.#full) return;
    this.#full = full;
    this.#changed(full);
  }

  #changedSoon(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
