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

/** The timer of alarm(), which raises SIGALRM: curl's for the look-up of a name. */
const ITIMER_REAL = 0;

interface Timer {
  readonly due: number;
  /** Rings while the script waits. */
  readonly id: ReturnType<typeof setTimeout> | undefined;
}

/**
 * The timers of one interpreter: `max_execution_time` is one.
 *
 * A handler of a signal may jump out of what it interrupts (curl's does), or end the program (PHP's, at the second signal
 * in a row). Both can be done on the script's own stack only, and a script that waits has put its stack aside: such a
 * signal is kept until the script looks at the clock again, which it does before it takes the alarm back.
 */
export class Clock {
  /** Called at each look, in the middle of a script. */
  onLook: (() => void) | undefined;
  /** The same for whoever has started the interpreter; it stays. */
  onEveryLook: (() => void) | undefined;
  readonly #timers = new Map<number, Timer>();
  #ringing = false;

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
        const kept = which === ITIMER_REAL || this.#ringing;
        const id = kept ? undefined : setTimeout(() => this.#ring(which, module()), milliseconds);
        this.#timers.set(which, { due: performance.now() + milliseconds, id });
      }
      return 0;
    };
  }

  /** What the script waits for, or undefined when its alarm() comes first: the signal interrupts the wait. */
  async orAlarm<T>(wait: Promise<T>): Promise<T | undefined> {
    const alarm = this.#timers.get(ITIMER_REAL);
    if (alarm === undefined) return await wait;
    let id: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<undefined>((resolve) => {
      // Timers of the platform can be early.
      id = setTimeout(() => resolve(undefined), Math.ceil(alarm.due - performance.now()) + 1);
    });
    try {
      return await Promise.race([wait, late]);
    } finally {
      clearTimeout(id);
    }
  }

  /** Forgets what was set: the interpreter behind it is another one from now on. */
  reset(): void {
    this.onLook = undefined;
    this.stop();
  }

  /** The script has ended: no signal of it reaches the next one. */
  stop(): void {
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
    this.#ringing = true;
    try {
      module.wasmExports._emscripten_timeout?.(which, performance.now());
    } finally {
      this.#ringing = false;
    }
  }
}
