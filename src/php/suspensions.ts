// Scripts that wait in the middle of WebAssembly, and how to make sure that one never goes on: what interrupts a script
// where its thread cannot be ended.

type Import = (...values: unknown[]) => unknown;
type Suspending = new (run: Import) => object;

interface PromiseIntegration {
  Suspending: Suspending;
}

/**
 * Watches the waits of one interpreter. PHP waits (usleep, a socket) inside an import that returns a promise; when the
 * memory below a waiting script is to be replaced, that promise must never settle.
 */
export class Suspensions {
  #generation = 0;

  /** Whether the engine can do it at all. */
  static get supported(): boolean {
    return "Suspending" in WebAssembly;
  }

  /** Runs `instantiate`, whose imports that can wait are watched from now on. */
  watch<T>(instantiate: () => T): T {
    if (!Suspensions.supported) return instantiate();
    const engine = WebAssembly as unknown as PromiseIntegration;
    const original = engine.Suspending;
    const watched = (run: Import) => new original(this.#guard(run));
    engine.Suspending = function Suspending(run: Import) {
      return watched(run);
    } as unknown as Suspending;
    try {
      return instantiate();
    } finally {
      engine.Suspending = original;
    }
  }

  /** Every script that waits now waits for ever: its stack is garbage. */
  abandon(): void {
    this.#generation += 1;
  }

  #guard(run: Import): Import {
    return (...values) => {
      const result = run(...values);
      if (!(result instanceof Promise)) return result;
      const generation = this.#generation;
      return new Promise((resolve, reject) => {
        result.then(
          (value) => {
            if (generation === this.#generation) resolve(value);
          },
          (error) => {
            if (generation === this.#generation) reject(error);
          },
        );
      });
    };
  }
}
