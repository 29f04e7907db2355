// Bytes of a body whose length nobody knows beforehand.

/** Bytes put one behind the other, up to a bound; memory grows with what has come, not with what was announced. */
export class Gathered {
  readonly #limit: number;
  #buffer = new Uint8Array(0);
  length = 0;

  /** @param limit bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Copies `chunk`. False, and nothing done, when it does not fit. */
  add(chunk: Uint8Array): boolean {
    const needed = this.length + chunk.length;
    if (needed > this.#limit) return false;
    if (needed > this.#buffer.length) {
      const larger = new Uint8Array(Math.min(this.#limit, Math.max(needed, this.#buffer.length * 2, 4096)));
      larger.set(this.#buffer.subarray(0, this.length));
      this.#buffer = larger;
    }
    this.#buffer.set(chunk, this.length);
    this.length = needed;
    return true;
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.length);
  }
}
