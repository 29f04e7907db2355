// Starting children on Node: one worker thread each, all sharing one compiled interpreter.

import { lstatSync, mkdirSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join, resolve } from "node:path";
import { MessageChannel } from "node:worker_threads";
import type { Backtrace } from "../../fpm/slowlog.ts";
import type { Child, ChildExit, Spawn } from "../../fpm/spawn.ts";
import type { Mail } from "../../mail/index.ts";
import { PhpError, type PhpErrorCode } from "../../php/errors.ts";
import { buildIni, fixesPathInfo, type IniParts } from "../../php/ini.ts";
import type { MailService } from "../../php/mail-service.ts";
import { prependFile } from "../../php/prepend.ts";
import type { ResponderOptions } from "../../php/responder-options.ts";
import { snapshotKey } from "../../php/snapshot/key.ts";
import { type MessagePortLike, messagePortTransport } from "../../transport/message-port.ts";
import type { Transport } from "../../transport/transport.ts";
import { type Extensions, loadExtensions } from "./extensions.ts";
import { FileLocks, type LockTable, processLocks } from "./file-locks.ts";
import { PhpCode } from "./php-code.ts";
import { choosePhpVersion, type PhpLookup, type PhpVersion, phpPackageUrl } from "./php-versions.ts";
import type { SnapshotOptions } from "./snapshot-options.ts";
import type { MailProblem, ThreadOrder, ThreadSettings, WarmUpPlan } from "./thread-messages.ts";
import { Stable, type Tenant, type Thread } from "./threads.ts";
import { WarmStart } from "./warm-start.ts";

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
  /** Start further children from the first one, warmed. Default: each starts PHP by itself. */
  readonly snapshot?: SnapshotOptions;
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
  "mounts" | "root" | "ini" | "env" | "network" | "sharedDirectory" | "responder" | "mail" | "snapshot"
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
  const code = await PhpCode.read(glueUrl).catch((cause: unknown) => {
    throw new PhpError("PHP_BOOT", `PHP ${php} is installed but cannot be read: ${String(cause)}`, { cause });
  });
  progress("compiling", code.size);
  await code.slim();
  progress("compiled", code.size);
  const common = { glueUrl, code, locks: processLocks(), stable: new Stable() };
  const spawnWith = (its: ThreadSpawnOptions<Wire>): Spawn<Wire> => {
    const { ini, extensions } = loadExtensions(its.ini ?? {}, code.path, its);
    const options = { ...its, ini };
    // Side modules lie in the same memory, and are not in a snapshot.
    const warmStart =
      its.snapshot === undefined || extensions.modules.length > 0
        ? undefined
        : new WarmStart(its.snapshot, (requests) => keyOf(options, code, requests), its.root);
    return (place) => startChild(place, options, { ...common, extensions, warmStart });
  };
  return {
    php,
    spawn: spawnWith(options),
    variant: (settings) => spawnWith({ ...options, ...settings }),
  };
}

/** What the threads of one pool have in common. */
interface PoolCommon {
  readonly glueUrl: string;
  readonly code: PhpCode;
  readonly locks: LockTable;
  readonly stable: Stable;
  readonly extensions: Extensions;
  readonly warmStart: WarmStart | undefined;
}

function startChild<Wire>(
  place: { readonly pool: string; readonly slot: number },
  options: ThreadSpawnOptions<Wire>,
  common: PoolCommon,
): Child<Wire> {
  const { locks, stable, warmStart } = common;
  const pid = ++lastPid;
  const { port1, port2 } = new MessageChannel();
  const transport = messagePortTransport(port1 as unknown as MessagePortLike);
  const ready = Promise.withResolvers<void>();
  const exited = Promise.withResolvers<ChildExit>();
  let wanted: "run" | "stopped" | "killed" = "run";
  let failure: { readonly code: string; readonly message: string } | undefined;
  let thread: Thread | undefined;
  let gone = false;
  let started = false;
  /** It makes the snapshot for the others. */
  let isFirst = false;

  const finish = (status: number) => {
    if (gone) return;
    gone = true;
    // The dead give back what they held, and the wire learns of it even when the port says nothing.
    FileLocks.releaseDead(locks, pid);
    if (thread !== undefined) stable.childEnded();
    transport.reset();
    const message = failure?.message ?? `the thread ended with status ${status}`;
    if (isFirst) warmStart?.failed(message);
    ready.reject(new PhpError((failure?.code ?? "PHP_BOOT") as PhpErrorCode, message));
    const reason = wanted === "run" || (wanted === "stopped" && status !== 0) ? "crashed" : wanted;
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
    if (!gone) thread?.post({ type: "mail", id, ...(problem && { problem }) });
  };

  const traceWanted = new Int32Array(new SharedArrayBuffer(4));
  const traces = new Map<number, (backtrace: Backtrace | undefined) => void>();
  let lastTrace = 0;

  const tenant: Tenant = {
    onReport(report) {
      switch (report.type) {
        case "ready":
          ready.resolve();
          if (warmStart !== undefined) stable.prepare(preparation);
          return;
        case "failed":
          failure = report;
          return;
        case "over":
          // Its pid is dead; the thread is not.
          finish(failure === undefined ? 0 : 1);
          if (thread !== undefined) {
            if (wanted !== "killed") stable.giveBack(thread, vacancy());
          }
          return;
        case "snapshot":
          if (report.made.glue !== undefined) common.code.keepCompiled(report.made.glue);
          warmStart?.made(report.made);
          return;
        case "trace":
          traces.get(report.id)?.(report.backtrace);
          return;
        case "mail":
          void deliver(report.id, report.mail);
          return;
        case "status-wanted": {
          const value = options.poolStatus?.({ pool: place.pool, pid });
          thread?.post({ type: "status", id: report.id, value });
        }
      }
    },
    onError(error) {
      failure ??= { code: "PHP_TRAP", message: `${error.name}: ${error.message}` };
    },
    onExit: finish,
    onOutput: (stream, text) => options.onOutput?.(pid, text, { pool: place.pool, stream }),
  };

  /** Whose children can go on in one instance: those of one pool. */
  const vacancy = () => (warmStart?.key === undefined ? undefined : `${warmStart.key} ${place.pool}`);

  const interpreter = async (processId: number) => {
    const { code, extensions, glueUrl } = common;
    const compiled = extensions.modules.length > 0 ? await code.whole() : await code.slim();
    return { ...interpreterSettings(processId, place.pool, options), ...compiled, glueUrl, locks, extensions };
  };

  /** Mails: functions cannot be sent. */
  const rules = options.mail && { mail: mailRules(options.mail) };

  /** So that the next child of the pool finds a thread with an instance in it. */
  const preparation = async (): Promise<ThreadOrder | undefined> => {
    const key = warmStart?.key;
    if (key === undefined) return undefined;
    return { type: "prepare", preparation: { interpreter: await interpreter(0), key, ...rules } };
  };

  const start = async (home: Thread) => {
    const part = (await warmStart?.next((message) => fail(new Error(message)))) ?? {};
    isFirst = part.warmUp !== undefined;
    const settings: ThreadSettings = {
      interpreter: await interpreter(pid),
      responder: { fixPathInfo: fixesPathInfo(options.ini ?? {}), ...options.responder },
      port: port2,
      traceWanted,
      ...rules,
      ...part,
    };
    if (gone) return;
    started = true;
    home.post({ type: "start", settings }, [port2]);
    if (wanted === "stopped") home.post({ type: "stop" });
  };

  // Nobody may be waiting for a start that fails: `exited` tells it too.
  ready.promise.catch(() => {});
  const fail = (error: unknown) => {
    failure ??= { code: "PHP_BOOT", message: error instanceof Error ? error.message : String(error) };
    finish(1);
    thread?.terminate();
  };
  try {
    thread = stable.take(vacancy());
    thread.enter(tenant);
    start(thread).catch(fail);
  } catch (error) {
    queueMicrotask(() => fail(error));
  }

  return {
    pid,
    wire: options.wrap(transport),
    ready: ready.promise,
    exited: exited.promise,
    stop() {
      if (wanted === "run") wanted = "stopped";
      if (started && !gone) thread?.post({ type: "stop" });
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
        if (!gone) thread?.post({ type: "trace" });
      });
    },
    kill() {
      // What its thread runs now may be another child's.
      if (gone) return;
      if (wanted !== "killed") wanted = "killed";
      thread?.terminate();
    },
  };
}

function interpreterSettings<Wire>(pid: number, pool: string, options: ThreadSpawnOptions<Wire>) {
  return {
    ini: options.ini ?? {},
    env: { ...defaultEnvironment(), ...options.env },
    mounts: options.mounts ?? ["/"],
    ...(options.root === undefined ? {} : { root: options.root }),
    network: options.network ?? true,
    processId: pid,
    sharedDirectory: sharedDirectory(options.sharedDirectory, pool),
  };
}

/**
 * Key of the snapshot of a pool. Only one that is kept in a file can meet another PHP, another php.ini, another warm-up or
 * another release of ours.
 */
async function keyOf<Wire>(
  options: ThreadSpawnOptions<Wire>,
  code: PhpCode,
  requests: WarmUpPlan["requests"],
): Promise<string> {
  const { ini = {}, mounts, root, snapshot, mail, network } = options;
  const { text } = buildIni(ini);
  // PHP puts such values in when it starts.
  const environment = text.includes("${") ? { ...defaultEnvironment(), ...options.env } : undefined;
  return await snapshotKey({
    build: snapshot?.file === undefined ? code.path : await code.fingerprint(),
    ini: JSON.stringify([text, ini, environment]),
    // Looked at file by file: see `changedSource`.
    application: "",
    others: [requests, prependFile(""), mounts, root, network, options.sharedDirectory, mail !== undefined],
  });
}

/** What a thread must know. */
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
