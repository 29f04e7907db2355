// The server Worker: web server, master and what watches them, away from the page's thread. The page orders by messages.

import type { FileSource } from "../../../src/gateway/index.ts";
import type { ChildWorker } from "../../../src/platform/browser/spawn-worker.ts";
import { connectExchange } from "../../../src/transport/connect-exchange.ts";
import type { Exchange } from "../../../src/transport/exchange.ts";
import type { Transport } from "../../../src/transport/transport.ts";
import { WebServerLink } from "../../../src/transport/web-server-link.ts";
import {
  type EventName,
  RESPONSE_WINDOW,
  type ServerCalls,
  type ServerSettings,
  type ToPage,
  type ToServer,
} from "../protocol.ts";
import {
  type BatchAnswer,
  type BatchOptions,
  type BatchResult,
  type CompareOptions,
  type CompareResult,
  type Connections,
  DOCUMENT_ROOT,
  type EngineEvents,
  type LoadOptions,
  type LoadProgressReport,
  type RequestEnd,
  type RequestInput,
  type StorageState,
  type Timings,
  type UnpackProgress,
} from "../types.ts";
import { Application } from "./application.ts";
import { runCompare } from "./compare.ts";
import type { OpenedFiles } from "./files.ts";
import { runLoad } from "./load.ts";
import { PoolWatch } from "./pool-watch.ts";
import type { FrontController } from "./unpacked.ts";
import { answer, chunksOf, problemOf, type Reply, readBody, wantsPhp } from "./web-server.ts";
import { WireTap } from "./wire-tap.ts";

/** Lines of STDERR kept of one request, and bytes of a body in a batch. */
const MOST_LINES = 1000;
const BATCH_BODY = 64 * 1024;

/** Connections kept idle for requests that ask for a kept one. */
const KEPT = 8;

/** The site's files, and what is made of them. */
interface Opened extends OpenedFiles {
  readonly source: FileSource;
  readonly frontController: () => FrontController | undefined;
}

interface Outgoing {
  readonly abort: AbortController;
  /** Bytes on their way to the page. */
  unread: number;
  room: (() => void) | undefined;
}

export class Server implements Pick<Calls, keyof ServerCalls> {
  readonly #post: (message: ToPage, transfer: Transferable[]) => void;
  readonly #settings: ServerSettings;
  #opened: Promise<Opened> | undefined;
  readonly #tap: WireTap;
  readonly #application: Application;
  readonly #requests = new Map<number, Outgoing>();
  readonly #raw = new Map<number, Transport>();
  readonly #runs = new Map<number, AbortController>();
  readonly #own: Exchange;
  readonly #kept: Exchange;
  #shared: WebServerLink | undefined;
  /** Number of the last request, whoever sent it. */
  #lastNumber = 0;

  constructor(
    settings: ServerSettings,
    createWorker: (name: string) => ChildWorker,
    post: (message: ToPage, transfer: Transferable[]) => void,
  ) {
    this.#post = post;
    this.#settings = settings;
    this.#tap = new WireTap(settings.wire, (batch) => {
      post({ type: "wire", batch }, [batch.rows.buffer as ArrayBuffer, batch.bytes.buffer as ArrayBuffer]);
    });
    this.#application = new Application({
      settings,
      tap: this.#tap,
      files: async () => (await this.#files()).files,
      createWorker,
      onPhp: (state) => this.#event("php", state),
      onLog: (log) => this.#event("log", log),
      onChild: (start) => this.#event("child", start),
      onMail: (mail) => this.#event("mail", mail),
    });
    this.#own = connectExchange(async () => this.#application.connect("web-server").transport, { heedsAbort: true });
    this.#kept = connectExchange(async () => this.#application.connect("web-server").transport, {
      heedsAbort: true,
      maxIdle: KEPT,
    });
    new PoolWatch(
      () => this.#application.snapshot(),
      settings.statusInterval,
      (snapshot) => this.#event("pool", snapshot),
    );
  }

  /** Takes one message of the page. */
  take(message: ToServer): void {
    switch (message.type) {
      case "call":
        void this.#call(message.id, message.name, message.values);
        break;
      case "request":
        void this.#request(message.id, message.input);
        break;
      case "abort":
        this.#requests.get(message.id)?.abort.abort(new DOMException("the visitor left", "AbortError"));
        this.#takenAll(message.id);
        break;
      case "taken":
        this.#taken(message.id, message.bytes);
        break;
      case "raw-send":
        void this.#raw.get(message.connection)?.write([message.bytes]);
        break;
      case "raw-close":
        if (message.reset) this.#raw.get(message.connection)?.reset();
        else this.#raw.get(message.connection)?.close();
        break;
      case "stop":
        this.#runs.get(message.run)?.abort();
        break;
      case "wire-shown":
        this.#tap.shown();
        break;
      case "wire-record":
        this.#tap.record(message.on);
        break;
      default:
        message.type satisfies "settings";
    }
  }

  // --- calls

  async #call(id: number, name: keyof ServerCalls, values: readonly unknown[]): Promise<void> {
    try {
      const call = this[name] as (...values: unknown[]) => unknown;
      this.#post({ type: "result", id, value: await call.apply(this, [...values]) }, []);
    } catch (error) {
      this.#post({ type: "error", id, ...problemOf(error) }, []);
    }
  }

  loadPhp(): Promise<void> {
    return this.#application.ready();
  }

  usePhp(version: string): Promise<void> {
    return this.#application.usePhp(version);
  }

  async changeFiles(changes: Readonly<Record<string, Uint8Array | null>>): Promise<void> {
    const { files } = await this.#files();
    const modified = Date.now();
    files.change(
      Object.entries(changes).map(([path, bytes]) => [filePath(path), bytes === null ? null : { bytes, modified }]),
    );
  }

  async listFiles(): Promise<{ path: string; size: number; modified: number }[]> {
    const { files } = await this.#files();
    return files.list().map(({ path, size, modified }) => ({ path: urlPath(path), size, modified }));
  }

  async readFile(path: string): Promise<Uint8Array | undefined> {
    return (await this.#files()).files.get(filePath(path));
  }

  async storage(): Promise<StorageState> {
    const { storage, frontController } = await this.#files();
    const application = frontController()?.folder;
    return { ...storage, ...(application !== undefined && { application }) };
  }

  async resetFiles(): Promise<void> {
    await (await this.#files()).forget();
  }

  async unpack(run: number, zip: Blob): Promise<UnpackProgress> {
    const { files, storage } = await this.#files();
    const { unpack } = await import("./unpack.ts");
    return await unpack(zip, files, DOCUMENT_ROOT + storage.site.slice(0, -1), (value) =>
      this.#post({ type: "progress", run, value }, []),
    );
  }

  /** Opened when they are first needed, so that a page that is only looked at loads nothing for it. */
  #files(): Promise<Opened> {
    this.#opened ??= this.#open().catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  async #open(): Promise<Opened> {
    const { filesName: name, site, files: initial } = this.#settings;
    const { openFiles, frontControllerOf } = await import("./files.ts");
    const opened = await openFiles({
      name,
      site,
      initial: Object.fromEntries(Object.entries(initial).map(([path, bytes]) => [filePath(path), bytes])),
      onChange: (paths, pid) => this.#event("files", { paths: paths.map(urlPath), pid }),
    });
    const { files, storage } = opened;
    return {
      ...opened,
      source: files.source(DOCUMENT_ROOT),
      frontController: () => frontControllerOf(files, DOCUMENT_ROOT, storage.site),
    };
  }

  configure(change: Parameters<ServerCalls["configure"]>[0]): ReturnType<ServerCalls["configure"]> {
    return this.#application.configure(change);
  }

  kill(pid: number): boolean {
    return this.#application.pool.kill(pid);
  }

  reload(): Promise<void> {
    return this.#application.reload();
  }

  openRaw(): number {
    const { transport, connection } = this.#application.connect("raw", (error) =>
      this.#post({ type: "raw-error", connection, ...problemOf(error) }, []),
    );
    this.#raw.set(connection, transport);
    transport.start({
      onChunk: (chunk) => {
        const bytes = chunk.slice();
        this.#post({ type: "raw-data", connection, bytes }, [bytes.buffer]);
      },
      onEnd: (error) => {
        this.#raw.delete(connection);
        const why = error === undefined ? {} : { error: error.message };
        this.#post({ type: "raw-end", connection, ...why }, []);
      },
    });
    return connection;
  }

  async batch(inputs: readonly RequestInput[], { connections }: BatchOptions): Promise<BatchResult> {
    await this.#application.ready();
    const began = performance.now();
    const link = connections === "own" ? undefined : new WebServerLink(this.#application.connect("batch").transport);
    const exchange =
      link?.exchange ?? connectExchange(async () => this.#application.connect("batch").transport, { heedsAbort: true });
    const order: number[] = [];
    const answers = await Promise.all(
      inputs.map(async (input, index) => {
        const result = await this.#whole(input, exchange);
        order.push(index);
        return result;
      }),
    );
    link?.close();
    return { answers, order, total: performance.now() - began };
  }

  async load(run: number, options: LoadOptions): Promise<LoadProgressReport> {
    return this.#run(run, async (signal) => {
      if (wantsPhp(options.request)) await this.#application.ready();
      const exchange = this.#exchange(options.request.connections);
      return await runLoad(
        options,
        async () => (await this.#whole(options.request, exchange)).status,
        signal,
        (value) => this.#post({ type: "progress", run, value }, []),
      );
    });
  }

  async compare(run: number, options: CompareOptions): Promise<CompareResult> {
    return this.#run(run, async (signal) => {
      await this.#application.ready();
      return await runCompare(
        options,
        {
          spawn: this.#application.single(),
          resident: this.#exchange(options.request.connections),
          send: async (exchange) => (await this.#whole(options.request, exchange)).status,
        },
        signal,
        (value) => this.#post({ type: "progress", run, value }, []),
      );
    });
  }

  async #run<T>(run: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const stop = new AbortController();
    this.#runs.set(run, stop);
    try {
      return await work(stop.signal);
    } finally {
      this.#runs.delete(run);
    }
  }

  // --- requests

  async #request(id: number, input: RequestInput): Promise<void> {
    const outgoing: Outgoing = { abort: new AbortController(), unread: 0, room: undefined };
    this.#requests.set(id, outgoing);
    const { signal } = outgoing.abort;
    const stderr: string[] = [];
    let error: RequestEnd["error"];
    try {
      if (wantsPhp(input)) await this.#application.ready();
      const { source, frontController } = await this.#files();
      const clock = stopwatch();
      const request = ++this.#lastNumber;
      const reply = await answer(input, source, {
        frontController: frontController(),
        number: request,
        signal,
        exchange: this.#exchange(input.connections),
        onStderr: (line) => {
          if (stderr.length < MOST_LINES) stderr.push(line);
        },
        onError: (reason) => {
          error = problemOf(reason);
        },
      });
      clock.head();
      const { status, statusText = "", headers } = reply;
      this.#post({ type: "head", id, request, status, statusText, headers }, []);
      const broken = await this.#sendBody(id, outgoing, reply).then(
        () => false,
        (reason: unknown) => {
          error ??= problemOf(reason);
          return true;
        },
      );
      const end = { stderr, timings: clock.end(), ...(error === undefined ? {} : { error }) };
      this.#post({ type: "end", id, end, broken }, []);
    } catch (reason) {
      this.#post({ type: "error", id, ...problemOf(reason) }, []);
    } finally {
      this.#requests.delete(id);
    }
  }

  async #sendBody(id: number, outgoing: Outgoing, { body }: Reply): Promise<void> {
    if (body === null) return;
    const chunks = body instanceof ReadableStream ? chunksOf(body) : [body];
    for await (const chunk of chunks) {
      const bytes = chunk.slice();
      this.#post({ type: "chunk", id, bytes }, [bytes.buffer]);
      outgoing.unread += chunk.length;
      while (outgoing.unread >= RESPONSE_WINDOW && !outgoing.abort.signal.aborted) {
        await new Promise<void>((resolve) => {
          outgoing.room = resolve;
        });
      }
      outgoing.abort.signal.throwIfAborted();
    }
  }

  #taken(id: number, bytes: number): void {
    const outgoing = this.#requests.get(id);
    if (outgoing === undefined) return;
    outgoing.unread -= bytes;
    if (outgoing.unread < RESPONSE_WINDOW) outgoing.room?.();
  }

  #takenAll(id: number): void {
    this.#taken(id, this.#requests.get(id)?.unread ?? 0);
  }

  /** A request to its end, its body in one piece. */
  async #whole(input: RequestInput, exchange: Exchange): Promise<BatchAnswer> {
    const { source, frontController: found } = await this.#files();
    const frontController = found();
    const request = ++this.#lastNumber;
    const clock = stopwatch();
    let error: RequestEnd["error"];
    const onError = (reason: unknown) => {
      error = problemOf(reason);
    };
    const signal = new AbortController().signal;
    const reply = await answer(input, source, { number: request, signal, exchange, onError, frontController });
    clock.head();
    const body = await readBody(reply, BATCH_BODY).catch((reason: unknown) => {
      error ??= problemOf(reason);
      return new Uint8Array(0);
    });
    return { request, status: reply.status, body, timings: clock.end(), ...(error === undefined ? {} : { error }) };
  }

  #exchange(connections: Connections = "own"): Exchange {
    if (connections === "own") return this.#own;
    if (connections === "kept") return this.#kept;
    return (request, sink, signal) => {
      if (this.#shared?.usable !== true) {
        this.#shared = new WebServerLink(this.#application.connect("web-server").transport);
      }
      return this.#shared.exchange(request, sink, signal);
    };
  }

  // --- events

  #event<Name extends EventName>(name: Name, event: EngineEvents[Name]): void {
    this.#post({ type: "event", name, event }, []);
  }
}

/** The calls as the Worker has them: with a promise or without. */
type Calls = {
  readonly [Name in keyof ServerCalls]: (
    ...values: Parameters<ServerCalls[Name]>
  ) => ReturnType<ServerCalls[Name]> | Promise<ReturnType<ServerCalls[Name]>>;
};

/** "/a.php" of a URL is "/www/a.php" to PHP; "file:/tmp/x" is "/tmp/x". */
function filePath(path: string): string {
  return path.startsWith("file:") ? path.slice("file:".length) : DOCUMENT_ROOT + path;
}

function urlPath(path: string): string {
  return path.startsWith(`${DOCUMENT_ROOT}/`) ? path.slice(DOCUMENT_ROOT.length) : `file:${path}`;
}

function stopwatch(): { head(): void; end(): Timings } {
  const began = performance.now();
  let head = 0;
  return {
    head() {
      head = performance.now() - began;
    },
    end: () => ({ started: performance.timeOrigin + began, head, total: performance.now() - began }),
  };
}
