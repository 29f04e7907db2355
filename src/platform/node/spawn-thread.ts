// Starting children on Node: one worker thread each, all sharing one compiled interpreter.

import { lstatSync, mkdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join, resolve } from "node:path";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type { Backtrace } from "../../fpm/slowlog.ts";
import type { Child, ChildExit, Spawn } from "../../fpm/spawn.ts";
import type { Mail } from "../../mail/index.ts";
import { PhpError, type PhpErrorCode } from "../../php/errors.ts";
import { fixesPathInfo, type IniParts } from "../../php/ini.ts";
import type { MailService } from "../../php/mail-process.ts";
import type { ResponderOptions } from "../../php/responder-options.ts";
import { type MessagePortLike, messagePortTransport } from "../../transport/message-port.ts";
import type { Transport } from "../../transport/transport.ts";
import { type Extensions, loadExtensions } from "./extensions.ts";
import { createLockTable, FileLocks, type LockTable } from "./file-locks.ts";
import { loadPhpGlue } from "./load-glue.ts";
import { choosePhpVersion, type PhpLookup, type PhpVersion, phpPackageUrl } from "./php-versions.ts";
import type { MailProblem, ThreadOrder, ThreadReport, ThreadSettings } from "./thread-messages.ts";

/** What happens while the interpreter is prepared, for a progress line. */
export interface CompileProgress {
  readonly stage: "reading" | "compiling" | "compiled";
  readonly php: PhpVersion;
  /** Bytes of the WebAssembly file; 0 while it is being read. */
  readonly bytes: number;
}

export interface ThreadSpawnOptions<Wire> extends PhpLookup {
  /** Makes the pool's wire of the byte stream to a child. */
  readonly wrap: (transport: Transport) => Wire;
  /** Version of PHP, such as "8.2". Default: the best one installed. */
  readonly php?: string;
  /**
   * Absolute directories that PHP sees, each at its own path. Default: ["/"], the whole machine as a native php-fpm
   * sees it (the rights are those of this process). Name directories to keep PHP inside them.
   */
  readonly mounts?: readonly string[];
  /** Real directory that is "/" to PHP, in place of `mounts` (`chroot` of a pool). */
  readonly root?: string;
  /** php.ini: its text, and single settings. */
  readonly ini?: Pick<IniParts, "text" | "settings" | "adminSettings">;
  /** Environment of the scripts (`env[...]` of a pool). Nothing of this process is passed on. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether PHP reaches the network. Default true. */
  readonly network?: boolean;
  /**
   * Real directory below which each pool gets one for sessions, uploads and temporary files, shared by its children
   * and kept over restarts. Default: a private one in the system's temporary directory.
   */
  readonly sharedDirectory?: string;
  readonly responder?: Pick<ResponderOptions, "extensions" | "fixPathInfo" | "maxBodyLength">;
  /** Data of `fpm_get_status()` for a script of this child. */
  readonly poolStatus?: (place: { readonly pool: string; readonly pid: number }) => object | undefined;
  /** Takes the mails that scripts send. Without it mail() gives false and warns. */
  readonly mail?: ThreadMail;
  readonly onProgress?: (progress: CompileProgress) => void;
  /** A line that a thread wrote to its stdout or stderr: a glue's complaint, mostly. Default: dropped. */
  readonly onOutput?: (pid: number, text: string, from: ThreadOutput) => void;
}

/** Who takes the mails of scripts, and what holds for them. */
export interface ThreadMail extends Omit<MailService, "send"> {
  /** Settles when the mail is accepted; rejects when it is not. */
  send(mail: Mail, place: { readonly pool: string; readonly pid: number }): Promise<void>;
}

/** Where the output of a thread came from. */
export interface ThreadOutput {
  readonly pool: string;
  readonly stream: "stdout" | "stderr";
}

/** Starts children: see `createThreadSpawn`. */
export interface ThreadSpawn<Wire> {
  readonly spawn: Spawn<Wire>;
  readonly php: PhpVersion;
  /**
   * Starts children with settings of their own, of the same compiled interpreter: a pool among several.
   *
   * @throws {PhpError} `PHP_EXTENSION`
   */
  variant(settings: PoolSettings): Spawn<Wire>;
}

/** What pools of one master can have each for itself. */
export type PoolSettings = Pick<
  ThreadSpawnOptions<unknown>,
  "mounts" | "root" | "ini" | "env" | "network" | "sharedDirectory" | "responder" | "mail"
>;

/** Process ids of children: unique in this process, whatever the pools. */
let lastPid = 0;

/**
 * Compiles PHP once, for all children, and gives the function that starts one.
 *
 * @throws {PhpError} `PHP_NOT_INSTALLED`, `PHP_UNKNOWN_VERSION`, `PHP_EXTENSION`, or `PHP_BOOT` when the package cannot
 *   be read
 */
export async function createThreadSpawn<Wire>(options: ThreadSpawnOptions<Wire>): Promise<ThreadSpawn<Wire>> {
  const php = choosePhpVersion(options.php, options);
  const glueUrl = phpPackageUrl(php, options);
  const progress = (stage: CompileProgress["stage"], bytes: number) => options.onProgress?.({ stage, php, bytes });
  progress("reading", 0);
  const { path: wasmPath, bytes } = await loadPhpGlue(glueUrl)
    .then(async ({ dependencyFilename: path }) => ({ path, bytes: await readFile(path) }))
    .catch((cause: unknown) => {
      throw new PhpError("PHP_BOOT", `PHP ${php} is installed but cannot be read: ${String(cause)}`, { cause });
    });
  progress("compiling", bytes.length);
  const wasm = await WebAssembly.compile(bytes);
  progress("compiled", bytes.length);
  const common: ThreadCommon = { glueUrl, wasm, locks: createLockTable() };
  const spawnWith = (its: ThreadSpawnOptions<Wire>): Spawn<Wire> => {
    const { ini, extensions } = loadExtensions(its.ini ?? {}, wasmPath, its);
    return (place) => startThread(place, { ...its, ini }, { ...common, extensions });
  };
  return {
    php,
    spawn: spawnWith(options),
    variant: (settings) => spawnWith({ ...options, ...settings }),
  };
}

interface ThreadCommon {
  readonly glueUrl: string;
  readonly wasm: WebAssembly.Module;
  readonly locks: LockTable;
}

/** What the threads of one pool have in common. */
interface PoolCommon extends ThreadCommon {
  readonly extensions: Extensions;
}

function startThread<Wire>(
  place: { readonly pool: string; readonly slot: number },
  options: ThreadSpawnOptions<Wire>,
  common: PoolCommon,
): Child<Wire> {
  const pid = ++lastPid;
  const { port1, port2 } = new MessageChannel();
  const transport = messagePortTransport(port1 as unknown as MessagePortLike);
  const ready = Promise.withResolvers<void>();
  const exited = Promise.withResolvers<ChildExit>();
  let wanted: "run" | "stopped" | "killed" = "run";
  let failure: { readonly code: string; readonly message: string } | undefined;
  let worker: Worker | undefined;

  const finish = (exitCode: number) => {
    // The dead give back what they held, and the wire learns of it even when the port says nothing.
    FileLocks.releaseDead(common.locks, pid);
    transport.reset();
    const message = failure?.message ?? `the thread ended with status ${exitCode}`;
    ready.reject(new PhpError((failure?.code ?? "PHP_BOOT") as PhpErrorCode, message));
    const reason = wanted === "run" || (wanted === "stopped" && exitCode !== 0) ? "crashed" : wanted;
    exited.resolve(reason === "crashed" ? { reason, message } : { reason });
  };

  const deliver = async (id: number, mail: Mail) => {
    let problem: MailProblem | undefined;
    try {
      await options.mail?.send(mail, { pool: place.pool, pid });
    } catch (error) {
      const { code } = error as { code?: unknown };
      const message = error instanceof Error ? error.message : String(error);
      problem = { message, ...(typeof code === "string" && { code }) };
    }
    worker?.postMessage({ type: "mail", id, ...(problem && { problem }) } satisfies ThreadOrder);
  };

  const traceWanted = new Int32Array(new SharedArrayBuffer(4));
  const traces = new Map<number, (backtrace: Backtrace | undefined) => void>();
  let lastTrace = 0;

  // Nobody may be waiting for a start that fails: `exited` tells it too.
  ready.promise.catch(() => {});
  try {
    worker = startWorker(pid, place.pool, options, common, port2, traceWanted);
  } catch (error) {
    failure = { code: "PHP_BOOT", message: error instanceof Error ? error.message : String(error) };
    queueMicrotask(() => finish(1));
  }
  worker?.on("message", (message: ThreadReport) => {
    if (message.type === "ready") ready.resolve();
    else if (message.type === "failed") failure = message;
    else if (message.type === "trace") traces.get(message.id)?.(message.backtrace);
    else if (message.type === "mail") void deliver(message.id, message.mail);
    else {
      const value = options.poolStatus?.({ pool: place.pool, pid });
      worker.postMessage({ type: "status", id: message.id, value } satisfies ThreadOrder);
    }
  });
  worker?.on("error", (error: Error) => {
    failure ??= { code: "PHP_TRAP", message: `${error.name}: ${error.message}` };
  });
  worker?.on("exit", finish);

  return {
    pid,
    wire: options.wrap(transport),
    ready: ready.promise,
    exited: exited.promise,
    stop() {
      if (wanted === "run") wanted = "stopped";
      worker?.postMessage({ type: "stop" } satisfies ThreadOrder);
    },
    trace(signal) {
      lastTrace += 1;
      const id = lastTrace;
      return new Promise((resolve) => {
        const settle = (backtrace: Backtrace | undefined) => {
          traces.delete(id);
          signal.removeEventListener("abort", forget);
          resolve(backtrace);
        };
        const forget = () => {
          Atomics.compareExchange(traceWanted, 0, id, 0);
          settle(undefined);
        };
        traces.set(id, settle);
        signal.addEventListener("abort", forget, { once: true });
        Atomics.store(traceWanted, 0, id);
        worker?.postMessage({ type: "trace" } satisfies ThreadOrder);
      });
    },
    kill() {
      if (wanted !== "killed") wanted = "killed";
      void worker?.terminate();
    },
  };
}

function startWorker<Wire>(
  pid: number,
  pool: string,
  options: ThreadSpawnOptions<Wire>,
  common: PoolCommon,
  port: MessagePort,
  traceWanted: Int32Array,
): Worker {
  const settings: ThreadSettings = {
    interpreter: {
      ...common,
      ini: options.ini ?? {},
      env: { ...defaultEnvironment(), ...options.env },
      mounts: options.mounts ?? ["/"],
      ...(options.root === undefined ? {} : { root: options.root }),
      network: options.network ?? true,
      processId: pid,
      sharedDirectory: sharedDirectory(options.sharedDirectory, pool),
    },
    responder: { fixPathInfo: fixesPathInfo(options.ini ?? {}), ...options.responder },
    port,
    traceWanted,
    ...(options.mail && { mail: mailRules(options.mail) }),
  };
  // Sources run as they are (.ts); a build replaces both files by .js.
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const worker = new Worker(new URL(`../../../workers/interpreter-thread.${extension}`, import.meta.url), {
    name: `php ${pool} ${pid}`,
    workerData: settings,
    transferList: [port],
    env: {},
    stdout: true,
    stderr: true,
  });
  for (const stream of [worker.stdout, worker.stderr]) {
    const from = { pool, stream: stream === worker.stdout ? "stdout" : "stderr" } as const;
    stream.on("data", (chunk) => options.onOutput?.(pid, String(chunk).trimEnd(), from));
  }
  return worker;
}

/** What a thread must know: functions cannot be sent. */
function mailRules({ from, limits }: ThreadMail): Omit<MailService, "send"> {
  return { ...(from === undefined ? {} : { from }), ...(limits === undefined ? {} : { limits }) };
}

/** php-fpm gives its children the user's name and home, and nothing else. */
function defaultEnvironment(): Record<string, string> {
  const { username, homedir } = userInfo();
  return { USER: username, HOME: homedir };
}

/**
 * The real directory that a pool's children share, with its parts, made when missing.
 *
 * @throws {Error} when the default place belongs to somebody else, who could then read and plant sessions
 */
function sharedDirectory(base: string | undefined, pool: string): string {
  const parent = sharedParent(base);
  const directory = join(parent, pool.replace(/[^\w.-]/g, "_"));
  for (const part of ["sessions", "uploads", "tmp"]) {
    mkdirSync(join(directory, part), { recursive: true, mode: 0o700 });
  }
  return directory;
}

/**
 * The real directory below which pools have theirs, made when missing.
 *
 * @throws {Error} as above
 */
export function sharedParent(base: string | undefined): string {
  const uid = process.getuid?.() ?? 0;
  const parent = base === undefined ? join(tmpdir(), `edge-fpm-${uid}`) : resolve(base);
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  if (base === undefined && process.getuid !== undefined) {
    // Anybody can put something of this name into the system's temporary directory before us.
    const found = lstatSync(parent);
    if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o022) !== 0) {
      throw new Error(`${parent} is not ours alone: name a directory of your own for sessions and uploads`);
    }
  }
  return parent;
}
