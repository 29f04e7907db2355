// exec(), popen() and proc_open() where there are no processes: every command ends at once with the shell's status for
// a command that was not found, so that the script goes on. A spawn that throws or never answers would leave the
// request waiting for ever.

type Listener = (value?: unknown) => void;

/** Exit status of a POSIX shell for a command that does not exist. */
const COMMAND_NOT_FOUND = 127;

/** The little of an event emitter that the glue calls. */
export class EventSource {
  readonly #listeners = new Map<string, Set<Listener>>();
  on(event: string, listener: Listener): this {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    return this;
  }
  once(event: string, listener: Listener): this {
    return this.on(event, listener);
  }
  off(event: string, listener: Listener): this {
    this.#listeners.get(event)?.delete(listener);
    return this;
  }
  removeListener(event: string, listener: Listener): this {
    return this.off(event, listener);
  }
  emit(event: string, value?: unknown): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(value);
  }
}

/** The little of a child process that the glue uses. */
export interface ProcessLike extends EventSource {
  readonly pid: number;
  readonly stdout: EventSource;
  readonly stderr: EventSource;
  readonly stdin: EventSource & { write(bytes: Uint8Array): boolean; end(): void; destroy(): void };
  exitCode: number | null;
  killed: boolean;
  kill(): boolean;
}

/** A child process that says "not found" and ends. */
class MissingProcess extends EventSource implements ProcessLike {
  static #lastPid = 1000;
  readonly pid: number = ++MissingProcess.#lastPid;
  readonly stdout: EventSource = new EventSource();
  readonly stderr: EventSource = new EventSource();
  readonly stdin: ProcessLike["stdin"] = Object.assign(new EventSource(), {
    write: () => true,
    end: () => {},
    destroy: () => {},
  });
  exitCode: number | null = null;
  killed = false;

  constructor(command: string) {
    super();
    // The glue adds its listeners right after the spawn, in the same turn or in the next microtasks. All is over before
    // the script goes on: a script that waits for the pipes in stream_select() would not be told of an end that comes later.
    setTimeout(() => {
      this.emit("spawn");
      this.stderr.emit("data", new TextEncoder().encode(`sh: 1: ${command}: not found\n`));
      this.stdout.emit("end");
      this.exitCode = COMMAND_NOT_FOUND;
      this.emit("exit", COMMAND_NOT_FOUND);
      this.emit("close", COMMAND_NOT_FOUND);
    });
  }

  kill(): boolean {
    this.killed = true;
    return true;
  }
}

/** The glue's `spawnProcess` for a platform without processes. */
export function refuseProcess(command: unknown): ProcessLike {
  return new MissingProcess(String(Array.isArray(command) ? command[0] : command));
}

/**
 * Refuses system() of the C library too, among the imports of the module that is about to be instantiated. Libraries call it
 * past PHP (ImageMagick, for formats that it leaves to programs), and the glue for Node would ask the machine's own shell.
 */
export function refuseSystem(imports: WebAssembly.Imports): void {
  const env = imports.env as Record<string, unknown> | undefined;
  if (env?._emscripten_system === undefined) return;
  // Without a command the question is whether there is a shell; the status is that of wait().
  env._emscripten_system = (command: number) => (command === 0 ? 0 : COMMAND_NOT_FOUND << 8);
}
