// PHP's Fibers. The interpreter switches between them with the C library's contexts (php-src Zend/zend_fibers.c:
// getcontext, makecontext, swapcontext), which WebAssembly lacks. The engine's promise integration has what it takes: each
// fiber is a call of its own that waits while another one runs. Only one ever runs, as in C.

/** Where a context's stack is told in `ucontext_t` (musl for 32-bit WebAssembly), in bytes: `uc_stack.ss_sp`, `.ss_size`. */
const STACK_POINTER_AT = 8;
const STACK_SIZE_AT = 16;

/**
 * Stands at the far end of a fiber's C stack. There are no guarded pages in WebAssembly: a stack that grew beyond its end
 * has written into somebody's memory, and nothing can be trusted any more.
 */
const GUARD = 0x5afe57ac;

/** The C stack is aligned to this many bytes. */
const STACK_ALIGNMENT = 16;

type Switch = (from: number, to: number) => Promise<number>;
type Start = () => Promise<unknown>;

/** The engine's promise integration, which TypeScript does not know yet. */
interface PromiseIntegration {
  readonly Suspending?: new (run: Switch) => object;
  readonly promising?: (run: unknown) => Start;
}

/** One context: not begun yet, or waiting to go on. */
interface Context {
  /** Index in the table of functions of what it begins with; `undefined` once it has begun. */
  start: number | undefined;
  /** The C stack's pointer, for when it goes on. */
  readonly stack: number;
  /** Where the guard of its stack stands; 0 for the stack of the script itself. */
  readonly guard: number;
  resume: (() => void) | undefined;
  fail: ((error: unknown) => void) | undefined;
}

/** What the switching needs of the instance. */
export interface FiberExports {
  readonly memory: WebAssembly.Memory;
  readonly __indirect_function_table: WebAssembly.Table;
  readonly __stack_pointer: WebAssembly.Global;
}

/**
 * Gives the module about to be instantiated its contexts. Without promise integration it is left as it is: a Fiber then
 * breaks the interpreter.
 *
 * @param exports the exports of the instance, once there is one
 * @returns what forgets the fibers of a request that has ended
 */
export function installFibers(imports: WebAssembly.Imports, exports: () => FiberExports): () => void {
  const { Suspending, promising } = WebAssembly as PromiseIntegration;
  const env = imports.env as Record<string, unknown> | undefined;
  if (env?.swapcontext === undefined || Suspending === undefined || promising === undefined) return () => {};
  const contexts = new Map<number, Context>();

  env.getcontext = () => 0;
  env.makecontext = (address: number, start: number) => {
    const view = new DataView(exports().memory.buffer, address);
    const low = view.getUint32(STACK_POINTER_AT, true);
    const top = low + view.getUint32(STACK_SIZE_AT, true);
    new DataView(exports().memory.buffer).setUint32(low, GUARD, true);
    const stack = top - (top % STACK_ALIGNMENT);
    contexts.set(address, { start, stack, guard: low, resume: undefined, fail: undefined });
  };
  env.swapcontext = new Suspending((from, to) => {
    const { memory, __stack_pointer: pointer, __indirect_function_table: table } = exports();
    const target = contexts.get(to);
    if (target === undefined) return Promise.reject(new Error("a fiber was resumed that nobody made"));
    const guard = contexts.get(from)?.guard ?? 0;
    if (guard !== 0 && new DataView(memory.buffer).getUint32(guard, true) !== GUARD) {
      const error = new Error("a fiber outgrew its stack (fiber.stack_size)");
      failAll(contexts, error);
      return Promise.reject(error);
    }
    const here: Context = { start: undefined, stack: pointer.value, guard, resume: undefined, fail: undefined };
    contexts.set(from, here);
    const back = new Promise<void>((resolve, reject) => {
      here.resume = resolve;
      here.fail = reject;
    }).then(() => {
      pointer.value = here.stack;
      return 0;
    });
    const { start, resume } = target;
    if (start === undefined) {
      resume?.();
    } else {
      target.start = undefined;
      const run = promising(table.get(start));
      // Begun once this context waits, so that stacks do not pile up in one another.
      queueMicrotask(() => {
        pointer.value = target.stack;
        // A fiber ends by switching away for good. Whatever else ends it has broken the interpreter: whoever waits for
        // it must know.
        run().catch((error: unknown) => failAll(contexts, error));
      });
    }
    return back;
  });
  return () => contexts.clear();
}

function failAll(contexts: ReadonlyMap<number, Context>, error: unknown): void {
  for (const { fail } of contexts.values()) fail?.(error);
}
