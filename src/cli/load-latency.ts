// Latencies counted in classes, so that an hour of load takes no more memory than a second.

/** Each class is this much wider than the one before: the error of a percentile is at most half of it. */
const GROWTH = 1.005;

/** Nothing shorter is told apart, in milliseconds. */
const SMALLEST = 0.001;

/** Up to about 28 hours. */
const CLASSES = Math.ceil(Math.log(1e8 / SMALLEST) / Math.log(GROWTH));

export class Latencies {
  readonly #classes = new Uint32Array(CLASSES + 1);
  #count = 0;
  #sum = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = 0;

  /** @param milliseconds how long one request took */
  add(milliseconds: number): void {
    const index = Math.floor(Math.log(Math.max(milliseconds, SMALLEST) / SMALLEST) / Math.log(GROWTH));
    const at = Math.min(index, CLASSES);
    this.#classes[at] = (this.#classes[at] ?? 0) + 1;
    this.#count += 1;
    this.#sum += milliseconds;
    this.#min = Math.min(this.#min, milliseconds);
    this.#max = Math.max(this.#max, milliseconds);
  }

  get count(): number {
    return this.#count;
  }

  /** Milliseconds; 0 when nothing was counted. */
  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  get min(): number {
    return this.#count === 0 ? 0 : this.#min;
  }

  get max(): number {
    return this.#max;
  }

  /**
   * The latency that this share of requests did not exceed, in milliseconds, to half a per cent; 0 when nothing was
   * counted.
   *
   * @param share from 0 to 1
   */
  percentile(share: number): number {
    if (this.#count === 0) return 0;
    const rank = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    for (const [index, count] of this.#classes.entries()) {
      seen += count;
      if (seen < rank) continue;
      const middle = SMALLEST * GROWTH ** (index + 0.5);
      return Math.min(this.max, Math.max(this.min, middle));
    }
    return this.max;
  }
}
