// The application side: the listener, the master with its pool, and the interpreter that its children share.

import { ChildLink, poolExchange, serveConnection, withMasterPages } from "../../../src/dispatch/index.ts";
import { Master, type Pool, poolConfig, statusArray } from "../../../src/fpm/index.ts";
import type { Spawn } from "../../../src/fpm/spawn.ts";
import { loadPhp } from "../../../src/platform/browser/load-php.ts";
import type { PageFiles } from "../../../src/platform/browser/page-files.ts";
import { type ChildWorker, createWorkerSpawn, type WorkerImage } from "../../../src/platform/browser/spawn-worker.ts";
import type { Exchange } from "../../../src/transport/exchange.ts";
import { memoryPair } from "../../../src/transport/memory.ts";
import type { Transport } from "../../../src/transport/transport.ts";
import type { PhpBuild, ServerSettings } from "../protocol.ts";
import {
  type ChildStart,
  EngineError,
  type EngineLog,
  type PhpState,
  PING_PATH,
  type PoolConfig,
  type PoolConfigInput,
  type PoolSnapshot,
  type SentMail,
  STATUS_PATH,
  type WireOpened,
} from "../types.ts";
import { problemOf } from "./web-server.ts";
import type { WireTap } from "./wire-tap.ts";

/** Name of the pool. */
const POOL = "www";

/** How long a script may go on that nobody waits for any more, in milliseconds. */
const ABANDONED = 3000;

export interface ApplicationParts {
  readonly settings: ServerSettings;
  readonly tap: WireTap;
  /** Opens the files that all children share. */
  readonly files: () => Promise<PageFiles>;
  readonly createWorker: (name: string) => ChildWorker;
  readonly onPhp: (state: PhpState) => void;
  readonly onLog: (log: EngineLog) => void;
  readonly onChild: (start: ChildStart) => void;
  readonly onMail: (mail: SentMail) => void;
}

export class Application {
  readonly #parts: ApplicationParts;
  #input: PoolConfigInput;
  #master: Master<ChildLink>;
  #pool: Pool<ChildLink>;
  #exchange: Exchange;
  #image: WorkerImage | undefined;
  #files: PageFiles | undefined;
  #php: PhpState;
  #version: string;
  #loading: Promise<void> | undefined;

  /** @throws {ConfigError} when the pool's numbers make no sense */
  constructor(parts: ApplicationParts) {
    this.#parts = parts;
    this.#version = parts.settings.php;
    this.#input = parts.settings.pool;
    const { packedBytes, glueBytes } = this.#build(this.#version);
    this.#php = { ...this.#phpFacts("none"), loaded: 0, total: packedBytes + glueBytes };
    ({ master: this.#master, pool: this.#pool, exchange: this.#exchange } = this.#createMaster());
  }

  get pool(): Pool<ChildLink> {
    return this.#pool;
  }

  snapshot(): PoolSnapshot {
    const { state, config } = this.#pool;
    return { time: performance.timeOrigin + performance.now(), state, config, status: this.#pool.status() };
  }

  /** A connection of a web server to the listener. */
  connect(
    origin: WireOpened["origin"],
    onError?: (error: unknown) => void,
  ): { readonly transport: Transport; readonly connection: number } {
    const [outer, inner] = memoryPair();
    const { transport, connection } = this.#parts.tap.wrap(inner, { hop: "web", origin, pid: 0, side: "application" });
    serveConnection(transport, this.#application, {
      counters: this.#pool.connections,
      remote: "127.0.0.1",
      onError: (error) => {
        onError?.(error);
        const { code, message } = problemOf(error);
        this.#log("notice", `connection ${connection}: ${message} (${code})`);
      },
    });
    return { transport: outer, connection };
  }

  readonly #application: Exchange = async (request, sink, signal) => {
    const path = request.params.findLast(([name]) => name === "SCRIPT_NAME")?.[1];
    if (path !== STATUS_PATH && path !== PING_PATH) await this.ready();
    return this.#exchange(request, sink, signal);
  };

  /** Starts children for single requests. */
  single(): Spawn<ChildLink> {
    return this.#spawner("single");
  }

  /** Settles when PHP is loaded and the pool runs. */
  ready(): Promise<void> {
    this.#loading ??= this.#start().catch((error: unknown) => {
      this.#loading = undefined;
      const problem = problemOf(error);
      this.#tellPhp({ ...this.#php, stage: "failed", error: problem });
      throw new EngineError(problem.code, problem.message);
    });
    return this.#loading;
  }

  async usePhp(version: string): Promise<void> {
    this.#build(version);
    if (this.#loading === undefined) {
      this.#version = version;
      return this.ready();
    }
    await this.#loading;
    if (version === this.#version) return;
    const before = this.#version;
    const image = this.#image;
    this.#version = version;
    try {
      this.#image = await this.#load();
      await this.#pool.reload();
    } catch (error) {
      this.#version = before;
      this.#image = image;
      const problem = problemOf(error);
      this.#tellPhp({ ...this.#php, ...this.#phpFacts("ready"), error: problem });
      throw new EngineError(problem.code, problem.message);
    }
    this.#tellPhp({ ...this.#php, ...this.#phpFacts("ready") });
  }

  configure(change: PoolConfigInput): PoolConfig {
    const input = { ...this.#input, ...change };
    const config = poolConfig({ ...input, name: POOL });
    this.#input = input;
    this.#pool.configure(config);
    return this.#pool.config;
  }

  async reload(): Promise<void> {
    await this.ready();
    await this.#master.reload();
  }

  async #start(): Promise<void> {
    [this.#image, this.#files] = await Promise.all([this.#load(), this.#parts.files()]);
    this.#tellPhp({ ...this.#php, stage: "starting" });
    if (this.#pool.state !== "new") {
      // The start before this one failed, and a pool starts once.
      ({ master: this.#master, pool: this.#pool, exchange: this.#exchange } = this.#createMaster());
    }
    await this.#master.start();
    this.#tellPhp({ ...this.#php, stage: "ready" });
  }

  async #load(): Promise<WorkerImage> {
    const build = this.#build(this.#version);
    const wasm = await loadPhp(build, {
      cacheName: this.#parts.settings.cacheName,
      onProgress: ({ stage, loaded, total }) => {
        if (stage !== "ready") this.#tellPhp({ ...this.#phpFacts(stage), loaded, total });
      },
    });
    return { wasm, glueUrl: build.glueUrl, asyncMode: build.asyncMode };
  }

  #phpFacts(stage: PhpState["stage"]): Pick<PhpState, "stage" | "version" | "asyncMode"> {
    return { stage, version: this.#version, asyncMode: this.#parts.settings.asyncMode };
  }

  #tellPhp(state: PhpState): void {
    this.#php = state;
    this.#parts.onPhp(state);
  }

  #build(version: string): PhpBuild {
    const { builds, asyncMode } = this.#parts.settings;
    const build = builds.find((known) => known.version === version && known.asyncMode === asyncMode);
    if (build !== undefined) return build;
    const known = [...new Set(builds.map((other) => other.version))].join(", ");
    throw new EngineError("PHP_UNKNOWN_VERSION", `PHP ${version} was not built in; there are: ${known}`);
  }

  #createMaster(): { master: Master<ChildLink>; pool: Pool<ChildLink>; exchange: Exchange } {
    const config = poolConfig({ ...this.#input, name: POOL });
    const master = new Master([config], this.#spawner("pool"), {
      log: ({ level, message, fields }) => this.#log(level, message, fields),
    });
    const pool = master.pool(POOL) as Pool<ChildLink>;
    const exchange = withMasterPages(poolExchange(pool, { limits: { abandoned: ABANDONED } }), pool, {
      statusPath: STATUS_PATH,
      pingPath: PING_PATH,
    });
    return { master, pool, exchange };
  }

  #spawner(origin: "pool" | "single"): Spawn<ChildLink> {
    const { settings, tap, createWorker, onChild, onMail } = this.#parts;
    return createWorkerSpawn({
      wrap: (transport, { pid }) =>
        new ChildLink(tap.wrap(transport, { hop: "child", origin, pid, side: "web-server" }).transport),
      createWorker,
      image: () => {
        if (this.#image === undefined) throw new EngineError("PHP_BOOT", "PHP is not loaded");
        return this.#image;
      },
      files: () => {
        if (this.#files === undefined) throw new EngineError("PHP_BOOT", "the files are not opened");
        return this.#files;
      },
      env: { USER: "visitor", HOME: "/home/visitor" },
      poolStatus: () => statusArray(this.#pool.status()),
      network: settings.network,
      onMail: async (mail) => {
        onMail({ ...mail, time: Date.now() });
        this.#log("notice", `a mail to ${mail.to.join(", ")} is shown in the page, and not sent`);
      },
      onStart: (pid, start) => onChild({ pid, ...start, single: origin === "single" }),
    });
  }

  #log(level: EngineLog["level"], message: string, fields: EngineLog["fields"] = {}): void {
    const time = performance.timeOrigin + performance.now();
    this.#parts.onLog({ level, message, fields, time, from: "master" });
  }
}
