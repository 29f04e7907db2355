// Starting children in a page: one Web Worker each, all sharing one compiled interpreter.

import type { Child, ChildExit, Spawn } from "../../fpm/spawn.ts";
import type { Mail, SendMail } from "../../mail/index.ts";
import { PhpError, type PhpErrorCode } from "../../php/errors.ts";
import { messagePortTransport } from "../../transport/message-port.ts";
import type { Transport } from "../../transport/transport.ts";
import {
  type ChildOrder,
  type ChildReport,
  type FileEnvelope,
  SharedChannel,
  type WorkerChildSettings,
  type WorkerEnd,
} from "./child-messages.ts";
import type { PageFiles } from "./page-files.ts";

/** What is needed of a Web Worker. */
export interface ChildWorker extends WorkerEnd {
  terminate(): void;
}

/** An interpreter that is ready to be instantiated. */
export type WorkerImage = Pick<WorkerChildSettings, "glueUrl" | "wasm" | "asyncMode">;

/** How long a start took, in milliseconds. */
export interface WorkerStart {
  /** From the order for a new Worker to a child that takes requests. */
  readonly total: number;
  /** The part of it in which the interpreter was instantiated and PHP started. */
  readonly boot: number;
  /** Bytes of linear memory. */
  readonly memory: number;
}

/** What children in Web Workers are made of. */
export interface WorkerSpawnOptions<Wire> {
  /** Makes the pool's wire of the byte stream to a child. */
  readonly wrap: (transport: Transport, child: { readonly pid: number; readonly pool: string }) => Wire;
  /** Starts a Worker whose script calls `serveWorkerChild`. A bundler must see the URL of that script: the caller's. */
  readonly createWorker: (name: string) => ChildWorker;
  /** The interpreter: asked for at every start, so that it may change with a reload. */
  readonly image: () => WorkerImage;
  /** The files that all children share: asked for at every start. */
  readonly files: () => PageFiles;
  /** php.ini, read after our defaults. */
  readonly ini?: { readonly text?: string; readonly settings?: WorkerChildSettings["iniSettings"] };
  readonly env?: Readonly<Record<string, string>>;
  /** Data of `fpm_get_status()`. */
  readonly poolStatus?: (pool: string) => object | undefined;
  /** Takes the mails of scripts: a page cannot send them, but show them. Without it mail() gives false and warns. */
  readonly onMail?: SendMail;
  /** Whether scripts reach HTTP and HTTPS servers by the browser's `fetch`, where CORS allows. Default true. */
  readonly network?: boolean;
  readonly onStart?: (pid: number, start: WorkerStart) => void;
}

/** Process ids of children: unique in this master. */
let lastPid = 0;

/** Gives the function that starts a child. `kill` ends its Worker at once, in the middle of a loop too. */
export function createWorkerSpawn<Wire>(options: WorkerSpawnOptions<Wire>): Spawn<Wire> {
  return (place) => startWorker(place.pool, options);
}

function startWorker<Wire>(pool: string, options: WorkerSpawnOptions<Wire>): Child<Wire> {
  const pid = ++lastPid;
  const began = performance.now();
  const ready = Promise.withResolvers<void>();
  const exited = Promise.withResolvers<ChildExit>();
  // Nobody may be waiting for a start that fails: `exited` tells it too.
  ready.promise.catch(() => {});
  let gone = false;
  let files: PageFiles | undefined;

  const finish = (exit: ChildExit, code: PhpErrorCode = "PHP_BOOT") => {
    if (gone) return;
    gone = true;
    transport.reset();
    worker?.terminate();
    // What it has not committed is lost with it, and its locks are given back.
    files?.ended(pid);
    ready.reject(new PhpError(code, exit.message ?? `the child was ${exit.reason}`));
    exited.resolve(exit);
  };
  const crashed = (message: string, code?: PhpErrorCode) => finish({ reason: "crashed", message }, code);

  let worker: ChildWorker | undefined;
  let failure: unknown;
  try {
    worker = options.createWorker(`php ${pool} ${pid}`);
  } catch (error) {
    failure = error;
  }
  const deliver = async (id: number, mail: Mail) => {
    let problem: string | undefined;
    try {
      await options.onMail?.(mail);
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    send({ order: "mail", id, ...(problem !== undefined && { problem }) });
  };
  const send = (order: ChildOrder) => worker?.postMessage(order, []);
  const answerFiles = (id: number, envelope: FileEnvelope) => {
    void files?.handle(pid, envelope).then((answer) => {
      if (!gone) send({ order: "file-answer", id, answer });
    });
  };
  const channel = new SharedChannel<ChildReport>(worker ?? NOBODY, (message) => {
    switch (message.report) {
      case "ready":
        options.onStart?.(pid, {
          total: performance.now() - began,
          boot: message.boot,
          memory: message.memory,
        });
        return ready.resolve();
      case "failed":
        return crashed(message.message, message.code as PhpErrorCode);
      case "stopped":
        return finish({ reason: "stopped" });
      case "file-message":
        return answerFiles(message.id, message.envelope);
      case "status-wanted":
        return send({ order: "status", id: message.id, value: options.poolStatus?.(pool) });
      case "mail":
        return void deliver(message.id, message.mail);
    }
  });
  const transport = messagePortTransport(channel);
  const wire = options.wrap(transport, { pid, pool });
  if (worker === undefined) {
    queueMicrotask(() => crashed(`no Worker could be started: ${describe(failure)}`));
  } else {
    // Its script could not be loaded, or an error that nobody caught: it cannot be trusted any more.
    worker.addEventListener("error", (event) => crashed(`the Worker failed: ${describe(event)}`, "PHP_TRAP"));
    try {
      files = options.files();
      send({ order: "start", settings: settingsOf(pid, files, options) });
    } catch (error) {
      queueMicrotask(() => crashed(describe(error)));
    }
  }
  return {
    pid,
    wire,
    ready: ready.promise,
    exited: exited.promise,
    stop: () => send({ order: "stop" }),
    kill: () => finish({ reason: "killed" }),
  };
}

function settingsOf<Wire>(pid: number, files: PageFiles, options: WorkerSpawnOptions<Wire>): WorkerChildSettings {
  return {
    ...options.image(),
    pid,
    iniText: options.ini?.text ?? "",
    iniSettings: options.ini?.settings ?? {},
    env: options.env ?? {},
    shared: files.directories,
    mail: options.onMail !== undefined,
    network: options.network ?? true,
  };
}

const NOBODY: WorkerEnd = { postMessage() {}, addEventListener() {} };

function describe(error: unknown): string {
  const { message } = (error ?? {}) as { message?: unknown };
  return typeof message === "string" && message !== "" ? message : "its script could not be loaded";
}
