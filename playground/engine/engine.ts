// The page's end of the engine: orders to the server Worker, and what comes back from it.

import { bestAsyncMode } from "../../src/platform/browser/load-php.ts";
import { PendingAnswer } from "./answers.ts";
import { DEFAULT_POOL, DEFAULT_STATUS_INTERVAL, DEFAULT_WIRE_LIMITS } from "./defaults.ts";
import { phpBuilds } from "./php-builds.ts";
import type { CallName, ServerCalls, ServerSettings, ToPage, ToServer, WireBatch } from "./protocol.ts";
import { PageRawConnection } from "./raw-connection.ts";
import {
  type BatchOptions,
  type BatchResult,
  type CompareOptions,
  type CompareSample,
  type Comparison,
  type Engine,
  EngineError,
  type EngineEvents,
  type EngineOptions,
  type EngineResponse,
  type LoadOptions,
  type LoadProgressReport,
  type LoadRun,
  type PhpState,
  type PoolControl,
  type PoolSnapshot,
  type RawConnection,
  type RequestInput,
  type SiteFiles,
  STATUS_PATH,
  type StatusFormat,
  type UnpackProgress,
  type WireEvent,
} from "./types.ts";
import { WireLog } from "./wire-log.ts";

/** How long the page waits for an animation frame: in the background there is none. Milliseconds. */
const NO_FRAME = 250;

/**
 * Starts the server Worker. Nothing of PHP is loaded before a request needs it, or `loadPhp` is called.
 *
 * @throws {EngineError} `PHP_UNKNOWN_VERSION`
 */
export function createEngine(options: EngineOptions = {}): Engine {
  return new PageEngine(options);
}

type Listener = (event: never) => void;

class PageEngine implements Engine {
  readonly phpVersions: readonly string[];
  readonly files: SiteFiles;
  readonly pool: PoolControl;
  readonly wire: WireLog;
  readonly #worker: Worker;
  readonly #calls = new Map<number, { resolve: (value: never) => void; reject: (error: EngineError) => void }>();
  readonly #answers = new Map<number, PendingAnswer>();
  readonly #raw = new Map<number, PageRawConnection>();
  readonly #progress = new Map<number, (value: never) => void>();
  readonly #listeners = new Map<keyof EngineEvents, Set<Listener>>();
  #php: PhpState;
  #snapshot: PoolSnapshot | undefined;
  #lastId = 0;
  #batches: WireBatch[] = [];
  #failed: EngineError | undefined;

  constructor(options: EngineOptions) {
    const settings = settingsOf(options);
    this.phpVersions = [...new Set(settings.builds.map(({ version }) => version))];
    const build = settings.builds.find(({ version }) => version === settings.php);
    const total = (build?.packedBytes ?? 0) + (build?.glueBytes ?? 0);
    this.#php = { stage: "none", version: settings.php, asyncMode: settings.asyncMode, loaded: 0, total };
    this.wire = new WireLog(settings.wire, (on) => this.#post({ type: "wire-record", on }, []));
    this.files = this.#siteFiles();
    this.pool = this.#poolControl();
    this.#worker = new Worker(new URL("./server.worker.ts", import.meta.url), { type: "module", name: "edge-fpm" });
    this.#worker.addEventListener("message", ({ data }: MessageEvent<ToPage>) => this.#take(data));
    this.#worker.addEventListener("error", (event) => {
      this.#fail(
        new EngineError("PLAYGROUND", `the server Worker failed: ${event.message ?? "it could not be loaded"}`),
      );
    });
    this.#post({ type: "settings", settings }, []);
  }

  get php(): PhpState {
    return this.#php;
  }

  on<Name extends keyof EngineEvents>(name: Name, listener: (event: EngineEvents[Name]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener as Listener));
    return () => listeners.delete(listener as Listener);
  }

  async loadPhp(): Promise<void> {
    await this.#call("loadPhp");
  }

  async usePhp(version: string): Promise<void> {
    await this.#call("usePhp", version);
  }

  async request(input: RequestInput, { signal }: { readonly signal?: AbortSignal } = {}): Promise<EngineResponse> {
    signal?.throwIfAborted();
    if (this.#failed !== undefined) throw this.#failed;
    const id = ++this.#lastId;
    const answer = new PendingAnswer(id, (message, transfer) => this.#post(message, transfer));
    this.#answers.set(id, answer);
    const abort = () => answer.abort(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    answer.send(input);
    const response = await answer.response;
    const forget = () => signal?.removeEventListener("abort", abort);
    response.end.then(forget, forget);
    return response;
  }

  batch(inputs: readonly RequestInput[], options: BatchOptions): Promise<BatchResult> {
    return this.#call("batch", inputs, options);
  }

  async open(): Promise<RawConnection> {
    const number = await this.#call("openRaw");
    return this.#rawConnection(number);
  }

  load({ onProgress, ...options }: LoadOptions): LoadRun {
    const run = this.#newRun((value: LoadProgressReport) => onProgress?.(value));
    const done = this.#call("load", run, options).finally(() => this.#progress.delete(run));
    done.then(onProgress, () => {});
    return { done, stop: () => this.#post({ type: "stop", run }, []) };
  }

  compare({ onSample, ...options }: CompareOptions): Comparison {
    const run = this.#newRun((value: CompareSample) => onSample?.(value));
    const done = this.#call("compare", run, options).finally(() => this.#progress.delete(run));
    done.catch(() => {});
    return { done, stop: () => this.#post({ type: "stop", run }, []) };
  }

  close(): void {
    this.#worker.terminate();
    this.#fail(new EngineError("PLAYGROUND", "the engine was closed"), false);
  }

  // --- the Worker

  #post(message: ToServer, transfer: Transferable[]): void {
    this.#worker.postMessage(message, transfer);
  }

  #call<Name extends CallName>(
    name: Name,
    ...values: Parameters<ServerCalls[Name]>
  ): Promise<ReturnType<ServerCalls[Name]>> {
    return new Promise((resolve, reject) => {
      if (this.#failed !== undefined) throw this.#failed;
      const id = ++this.#lastId;
      this.#calls.set(id, { resolve, reject });
      this.#post({ type: "call", id, name, values }, []);
    });
  }

  #newRun<T>(onProgress: (value: T) => void): number {
    const run = ++this.#lastId;
    this.#progress.set(run, onProgress as (value: never) => void);
    return run;
  }

  #take(message: ToPage): void {
    switch (message.type) {
      case "result":
        this.#calls.get(message.id)?.resolve(message.value as never);
        this.#calls.delete(message.id);
        break;
      case "error":
        this.#takeError(message.id, new EngineError(message.code, message.message));
        break;
      case "head":
        this.#answers.get(message.id)?.head(message);
        break;
      case "chunk":
        this.#answers.get(message.id)?.chunk(message.bytes);
        break;
      case "end":
        this.#answers.get(message.id)?.end(message.end, message.broken);
        this.#answers.delete(message.id);
        break;
      case "event":
        if (message.name === "php") this.#php = message.event as PhpState;
        if (message.name === "pool") this.#snapshot = message.event as PoolSnapshot;
        this.#emit(message.name, message.event);
        break;
      case "wire":
        this.#takeWire(message.batch);
        break;
      case "raw-data":
        this.#rawConnection(message.connection).received(message.bytes);
        break;
      case "raw-error":
        this.#rawConnection(message.connection).complained(message.code, message.message);
        break;
      case "raw-end":
        this.#rawConnection(message.connection).over(message.error);
        this.#raw.delete(message.connection);
        break;
      case "progress":
        this.#progress.get(message.run)?.(message.value as never);
        break;
      default:
        message satisfies never;
    }
  }

  #takeError(id: number, error: EngineError): void {
    this.#calls.get(id)?.reject(error);
    this.#calls.delete(id);
    this.#answers.get(id)?.fail(error);
    this.#answers.delete(id);
  }

  #takeWire(batch: WireBatch): void {
    this.#batches.push(batch);
    if (this.#batches.length > 1) return;
    onFrame(() => {
      const events: WireEvent[] = [];
      for (const next of this.#batches.splice(0)) {
        for (const event of this.wire.add(next)) events.push(event);
        this.#post({ type: "wire-shown" }, []);
      }
      this.#emit("wire", events);
    });
  }

  /** The answer to `openRaw` comes before anything of the connection. */
  #rawConnection(number: number): PageRawConnection {
    const known = this.#raw.get(number);
    if (known !== undefined) return known;
    const made = new PageRawConnection(number, (message, transfer) => this.#post(message, transfer));
    this.#raw.set(number, made);
    return made;
  }

  #emit<Name extends keyof EngineEvents>(name: Name, event: EngineEvents[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) listener(event as never);
  }

  #fail(error: EngineError, tell = true): void {
    this.#failed ??= error;
    for (const { reject } of this.#calls.values()) reject(error);
    for (const answer of this.#answers.values()) answer.fail(error);
    for (const raw of this.#raw.values()) raw.over(error.message);
    this.#calls.clear();
    this.#answers.clear();
    this.#raw.clear();
    if (tell) this.#emit("failure", error);
  }

  // --- parts of the interface

  #siteFiles(): SiteFiles {
    return {
      change: async (changes) => {
        const bytes = Object.entries(changes).map(([path, content]) => [
          path,
          content === null ? null : toBytes(content),
        ]);
        await this.#call("changeFiles", Object.fromEntries(bytes));
      },
      list: () => this.#call("listFiles"),
      read: (path) => this.#call("readFile", path),
      storage: () => this.#call("storage"),
      reset: () => this.#call("resetFiles"),
      unpack: (zip, onProgress) => {
        const run = this.#newRun((value: UnpackProgress) => onProgress?.(value));
        return this.#call("unpack", run, zip).finally(() => this.#progress.delete(run));
      },
    };
  }

  #poolControl(): PoolControl {
    const snapshot = () => this.#snapshot;
    return {
      get snapshot() {
        return snapshot();
      },
      configure: (change) => this.#call("configure", change),
      kill: (pid) => this.#call("kill", pid),
      reload: () => this.#call("reload"),
      statusPage: async (format: StatusFormat = "text", full = false) => {
        const query = [...(format === "text" ? [] : [format]), ...(full ? ["full"] : [])].join("&");
        const response = await this.request({ url: `${STATUS_PATH}${query === "" ? "" : `?${query}`}` });
        const contentType = response.headers.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
        return { contentType, body: await response.text() };
      },
    };
  }
}

function settingsOf(options: EngineOptions): ServerSettings {
  const asyncMode = options.asyncMode ?? bestAsyncMode();
  const builds = phpBuilds();
  const php = options.php ?? builds.at(-1)?.version ?? "";
  if (!builds.some(({ version }) => version === php)) {
    throw new EngineError("PHP_UNKNOWN_VERSION", `PHP ${php} was not built in`);
  }
  const base = new URL(".", document.baseURI).pathname;
  const files = Object.entries(options.files ?? {}).map(([path, content]) => [path, toBytes(content)] as const);
  return {
    builds,
    php,
    asyncMode,
    // Caches belong to an origin, which other playgrounds may share.
    cacheName: `edge-fpm php ${base}`,
    // Of an origin, too; a name of a folder has no slashes.
    filesName: options.keepFiles === false ? undefined : `edge-fpm files ${encodeURIComponent(base)}`,
    site: `${base}site`,
    pool: { ...DEFAULT_POOL, ...options.pool },
    files: Object.fromEntries(files),
    wire: { ...DEFAULT_WIRE_LIMITS, ...options.wire },
    statusInterval: options.statusInterval ?? DEFAULT_STATUS_INTERVAL,
    network: options.network ?? true,
  };
}

function toBytes(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}

function onFrame(run: () => void): void {
  let done = false;
  const once = () => {
    if (done) return;
    done = true;
    clearTimeout(timer);
    run();
  };
  const timer = setTimeout(once, NO_FRAME);
  requestAnimationFrame(once);
}
