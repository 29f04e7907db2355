// One instance of PHP's WebAssembly over its whole life: the interpreters that run in it one after the other. A host serves
// one of them; when it is worn or broken, the instance is given back the memory of a snapshot, and a new host serves.

import type { Clock } from "./clock.ts";
import type { PhpModule } from "./glue.ts";
import { PhpHost, type PhpHostOptions, type PhpServices } from "./host.ts";
import { OPENSSL_CONFIG_ENV } from "./openssl-config.ts";
import type { EnvironmentPlace } from "./snapshot/environment.ts";
import { seededGenerators } from "./snapshot/forget.ts";
import { restoreInto, type Snapshot, type StoredSnapshot, takeSnapshot } from "./snapshot/portable.ts";
import { reseedOpenSsl } from "./snapshot/reseed.ts";

/** Environment variables by name. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** An instance whose files are in place. */
export interface Instance {
  readonly module: PhpModule;
  /** Where its environment lies, when it tells. */
  readonly environment: () => EnvironmentPlace | undefined;
  /** Makes linear memory at least that large, in bytes. */
  readonly resize: (bytes: number) => boolean;
  /** Whether `processId` is what the C library sees: web builds have one number for all. */
  readonly hasProcessId: boolean;
  /**
   * There when linear memory is all zero still, as nothing has run: it must be given a snapshot, or be made by this what the
   * module begins with.
   */
  readonly construct?: (() => void) | undefined;
}

/** What differs between two interpreters of one snapshot. */
export interface Identity {
  readonly env: Variables;
  readonly services: PhpServices;
  /** Owner of file locks; OpenSSL draws fresh random numbers when it sees another one. */
  readonly processId: number;
}

/** The interpreters of one instance. */
export class Interpreter {
  readonly #instance: Instance;
  readonly #options: PhpHostOptions & { readonly clock: Clock };
  #host: PhpHost;
  #identity: Identity;
  #environment: EnvironmentPlace | undefined;
  #constants: readonly number[] = [];
  #restored = false;
  #blank: boolean;

  /** @param options for every host of it */
  constructor(instance: Instance, options: PhpHostOptions & { readonly clock: Clock }, identity: Identity) {
    this.#instance = instance;
    this.#options = options;
    this.#identity = identity;
    this.#blank = instance.construct !== undefined;
    this.#host = new PhpHost(instance.module, identity.services, options);
  }

  /** Serves the present interpreter. */
  get host(): PhpHost {
    return this.#host;
  }

  /** Whether it came from a snapshot. */
  get restored(): boolean {
    return this.#restored;
  }

  /** Called before PHP is started in it: without a snapshot. */
  construct(): void {
    if (this.#blank) this.#instance.construct?.();
    this.#blank = false;
  }

  /** Called once PHP has started in it, before its first script: what is the same in every start is noted. */
  started(): void {
    this.#environment = this.#instance.environment();
    if (this.#environment === undefined) return;
    this.#constants = seededGenerators(this.#instance.module.HEAPU8, this.#environment.list);
  }

  /**
   * Takes a snapshot while no script runs.
   *
   * @throws {PhpError} `PHP_SNAPSHOT`
   */
  take(key: string, allocate?: (bytes: number) => Uint8Array): Snapshot {
    const { module } = this.#instance;
    const { processId } = this.#identity;
    const source = { module, environment: this.#environment, constants: this.#constants, processId };
    return takeSnapshot(source, key, allocate, variablesOf(this.#identity.env));
  }

  /**
   * Puts a snapshot of the same build into the instance: a new interpreter, served by a new host. Not while a script
   * runs, unless it broke. Random numbers, time and environment are its own; `identity` has a process id that no other one
   * of this process had.
   *
   * @throws {PhpError} `PHP_SNAPSHOT`, with everything as it was
   */
  async restore(snapshot: StoredSnapshot, identity: Identity): Promise<void> {
    const { module, resize, hasProcessId } = this.#instance;
    restoreInto(module, snapshot, resize, variablesOf(identity.env), this.#blank);
    this.#blank = false;
    this.#restored = true;
    this.#identity = identity;
    this.#environment = snapshot.environment;
    this.#options.clock.reset();
    this.#options.onRequestEnd?.();
    module.processId = identity.processId;
    this.#host = new PhpHost(module, identity.services, this.#options);
    if (!hasProcessId || identity.processId === snapshot.processId) await reseedOpenSsl(module, this.#host);
  }
}

/** The environment as the glue makes it. */
function variablesOf(env: Variables): Variables {
  return { USER: "web_user", PATH: undefined, HOME: "/home/web_user", ...OPENSSL_CONFIG_ENV, ...env };
}
