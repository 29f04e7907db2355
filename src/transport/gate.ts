// The waiting half of a write: one promise, shared by all who wait for the link to take more.

/** Opened and closed by a transport; waited at by its writers. */
export class Gate {
  #promise: Promise<void> | undefined;
  #open: (() => void) | undefined;

  /** A promise that settles at the next `open`. */
  wait(): Promise<void> {
    this.#promise ??= new Promise((resolve) => {
      this.#open = resolve;
    });
    return this.#promise;
  }

  /** Lets all who wait go on. Nothing happens when nobody does. */
  open(): void {
    const open = this.#open;
    this.#promise = undefined;
    this.#open = undefined;
    open?.();
  }
}
