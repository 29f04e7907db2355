// The interpreter's looks at the clock. A script asks for the time sooner or later, most often without knowing it, and that
// is when the host gets a word in while the thread is PHP's: timers that are due go off, which the event loop could do only
// between two scripts.

import type { PhpModule } from "./glue.ts";

type Import = (...values: number[]) => unknown;

/** Imports that scripts come through often: asking for the time, reading, writing, looking at files. */
const WATCHED: readonly (readonly [module: string, name: string])[] = [
  ["wasi_snapshot_preview1", "clock_time_get"],
  ["env", "emscripten_get_now"],
  ["env", "emscripten_date_now"],
  ["wasi_snapshot_preview1", "fd_write"],
  ["env", "__syscall_stat64"],
  ["env", "__syscall_openat"],
];

interface Timer {
  readonly due: number;
  readonly id: ReturnType<typeof setTimeout>;
}

/** The timers of one interpreter: `max_execution_time` is one. */
export class Clock {
  /** Called at each look, in the middle of a script. */
  onLook: (() => void) | undefined;
  /** The same for whoever has started the interpreter; it stays. */
  onEveryLook: (() => void) | undefined;
  readonly #timers = new Map<number, Timer>();

  /** Watches the imports of the module about to be instantiated. */
  watch(imports: WebAssembly.Imports, module: () => PhpModule): void {
    for (const [from, name] of WATCHED) {
      const functions = imports[from] as Record<string, unknown> | undefined;
      const original = functions?.[name];
      // Imports that can wait are objects of the engine's own, and not to be wrapped.
      if (functions === undefined || typeof original !== "function") continue;
      functions[name] = (...values: number[]) => {
        if (this.#timers.size > 0) this.#ringDue(module());
        this.onLook?.();
        this.onEveryLook?.();
        return (original as Import)(...values);
      };
    }
    const env = imports.env as Record<string, unknown> | undefined;
    if (env?._setitimer_js === undefined) return;
    env._setitimer_js = (which: number, milliseconds: number) => {
      this.#stop(which);
      if (milliseconds > 0) {
        const id = setTimeout(() => this.#ring(which, module()), milliseconds);
        this.#timers.set(which, { due: performance.now() + milliseconds, id });
      }
      return 0;
    };
  }

  /** Forgets what was set: the interpreter behind it is another one from now on. */
  reset(): void {
    this.onLook = undefined;
    for (const which of this.#timers.keys()) this.#stop(which);
  }

  #stop(which: number): void {
    clearTimeout(this.#timers.get(which)?.id);
    this.#timers.delete(which);
  }

  #ringDue(module: PhpModule): void {
    const now = performance.now();
    for (const [which, { due }] of this.#timers) if (now >= due) this.#ring(which, module);
  }

  /** To PHP it is the signal that the operating system would send. */
  #ring(which: number, module: PhpModule): void {
    this.#stop(which);
    module.wasmExports._emscripten_timeout?.(which, performance.now());
  }
}
