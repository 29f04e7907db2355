// What the interpreter of an isolate goes back to between two lives: a copy of its memory as it was when PHP had started,
// or the snapshot that it came from.

import type { PhpModule } from "../../php/glue.ts";
import { PhpHost, type PhpServices } from "../../php/host.ts";
import type { Identity, Interpreter } from "../../php/interpreter.ts";
import { MemorySnapshot, type Packing } from "../../php/snapshot.ts";
import type { PackableSnapshot } from "./snapshot-module.ts";

export interface FirstState {
  /** Bytes that it holds. */
  readonly size: number;
  /** Compresses it: hundreds of milliseconds, once. */
  pack(): void;
  /** Begins another life. Gives the host of it. */
  restore(services: PhpServices): Promise<PhpHost>;
}

/** A copy that the isolate made itself. */
export class CopiedState implements FirstState {
  readonly #module: PhpModule;
  readonly #options: PhpHost["options"];
  readonly #memory: MemorySnapshot;
  readonly #packing: Packing;

  constructor(module: PhpModule, { options }: PhpHost, packing: Packing) {
    this.#packing = packing;
    this.#module = module;
    this.#options = options;
    this.#memory = new MemorySnapshot(module);
  }

  get size(): number {
    return this.#memory.size;
  }

  pack(): void {
    while (this.#memory.packSome(this.#packing));
  }

  async restore(services: PhpServices): Promise<PhpHost> {
    this.#memory.restore(this.#module);
    return new PhpHost(this.#module, services, this.#options);
  }
}

/** The snapshot of the build. */
export class StoredState implements FirstState {
  readonly #interpreter: Interpreter;
  readonly #snapshot: PackableSnapshot;
  readonly #env: Identity["env"];
  /** Lives so far: web builds have one process id for all. */
  #lives = 1;

  constructor(interpreter: Interpreter, snapshot: PackableSnapshot, env: Identity["env"]) {
    this.#interpreter = interpreter;
    this.#snapshot = snapshot;
    this.#env = env;
  }

  get size(): number {
    return this.#snapshot.bytes.size;
  }

  pack(): void {
    this.#snapshot.bytes.pack();
  }

  async restore(services: PhpServices): Promise<PhpHost> {
    this.#lives += 1;
    await this.#interpreter.restore(this.#snapshot, { env: this.#env, services, processId: this.#lives });
    return this.#interpreter.host;
  }
}
