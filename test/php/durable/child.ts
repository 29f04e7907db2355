// An interpreter whose files are those of a store in the same process: a child, with a wire in between that can fail.

import {
  type BaseFiles,
  FileService,
  type SendToStore,
  type StoreAnswer,
  type StoreLimits,
} from "../../../src/fs/index.ts";
import { buildPhpImage } from "../../../src/image/php-image.ts";
import { DurableFiles, type DurableFilesOptions } from "../../../src/php/durable/durable-files.ts";
import type { PhpModule } from "../../../src/php/glue.ts";
import type { PhpHost } from "../../../src/php/host.ts";
import { writeOwnFile } from "../../../src/php/own-files.ts";
import { NodeStorage, sqlHome } from "../../fs/sqlite.ts";
import { bootImage, runScript } from "../../image/image.ts";

/** Where the shared files are. */
export const ROOT_PATH = "/srv";

/** The directory is there from the beginning. */
const BASE: BaseFiles = {
  version: "1",
  entries: () => [{ path: ROOT_PATH.slice(1), type: "directory", size: 0, modified: 0 }],
  read: () => new Uint8Array(0),
};

export type Fault = "request-lost" | "answer-lost" | "restart-before" | "restart-after" | "dies-before" | "dies-after";

/** What becomes of a message. */
export interface Plan {
  /** Which message, counted from 0, something happens to. */
  readonly at: number;
  readonly fault: Fault;
}

/** A store over rows that outlive it. */
export class Store {
  readonly storage = new NodeStorage();
  readonly #limits: Partial<StoreLimits>;
  readonly #alone: boolean;
  service: FileService;

  /** @param alone see `FileServiceOptions` */
  constructor(limits: Partial<StoreLimits> = {}, alone = false) {
    this.#limits = limits;
    this.#alone = alone;
    this.service = this.#open();
  }

  /** The object is put away and starts anew. */
  restart(): void {
    this.service = this.#open();
  }

  #open(): FileService {
    return new FileService(sqlHome(this.storage), {
      time: Date.now(),
      limits: this.#limits,
      alone: this.#alone,
      base: BASE,
    });
  }
}

export class Child {
  readonly files: DurableFiles;
  readonly losses: string[] = [];
  readonly #store: Store;
  readonly #key: string;
  #host: PhpHost | undefined;
  #module: PhpModule | undefined;
  #scripts = 0;
  #life = 0;
  /** Called before the store gets a message of that type. */
  meanwhile: (type: string) => void = () => {};
  /** Messages since the last `plan`. */
  messages = 0;
  /** Their types. */
  sent: string[] = [];
  #plan: Plan | undefined;
  #dead = false;

  constructor(store: Store, key: string, options: Partial<DurableFilesOptions> = {}) {
    this.#store = store;
    this.#key = key;
    this.files = new DurableFiles({
      roots: [ROOT_PATH],
      application: "",
      onLoss: (message) => this.losses.push(message),
      pauses: [1, 1],
      ...options,
    });
  }

  async boot(): Promise<this> {
    this.#host = await bootImage(await buildPhpImage({ php: "8.4" }), {
      imports: (imports, module) => this.files.install(imports, module),
      mount: (module) => {
        this.#module = module;
        module.FS.mkdirTree("/job");
        this.files.prepare(module);
      },
    });
    await this.begin();
    return this;
  }

  get module(): PhpModule {
    if (this.#module === undefined) throw new Error("boot() comes first");
    return this.#module;
  }

  /** A new life. */
  async begin(): Promise<void> {
    this.plan(undefined);
    this.#store.service.end(this.#life);
    await this.files.attach(this.#send, this.#key);
  }

  plan(plan: Plan | undefined): void {
    this.#plan = plan;
    this.#dead = false;
    this.messages = 0;
    this.sent = [];
  }

  /** Runs PHP as one request. @throws {FileError} its changes were not kept */
  async run(code: string): Promise<string> {
    if (this.#host === undefined) throw new Error("boot() comes first");
    this.#store.service.beginOf(this.#key);
    await this.files.begin(undefined);
    const path = `/job/${++this.#scripts}.php`;
    writeOwnFile(this.module, path, `<?php $d = '${ROOT_PATH}'; ${code}`);
    const { body, log } = await runScript(this.#host, path);
    await this.files.settle();
    this.#store.service.restOf(this.#key);
    return body + log.join("");
  }

  readonly #send: SendToStore = async (envelope) => {
    const at = this.messages++;
    this.sent.push(envelope.message.type);
    const fault = at === this.#plan?.at ? this.#plan.fault : undefined;
    if (this.#dead || fault === "dies-before") {
      this.#die();
    } else if (fault === "request-lost") {
      throw new Error("lost");
    } else if (fault === "restart-before") {
      this.#store.restart();
    }
    this.meanwhile(envelope.message.type);
    const { service } = this.#store;
    const answer = await new Promise<StoreAnswer>((resolve) => {
      service.receive(envelope.life, structuredClone(envelope.message), Date.now(), resolve);
    });
    if (answer.type === "welcome") this.#life = answer.life;
    if (fault === "answer-lost") throw new Error("lost");
    if (fault === "dies-after") this.#die();
    if (fault === "restart-after") this.#store.restart();
    return structuredClone(answer);
  };

  /** For the store the child is gone: nothing more comes, and the master says so. */
  #die(): never {
    if (!this.#dead) this.#store.service.end(this.#life);
    this.#dead = true;
    throw new Error("the child is dead");
  }
}
