// Starting one interpreter: from a glue module and a compiled WebAssembly module to a host that takes requests.

import { Clock } from "./clock.ts";
import { refuseConnect, repairConnect } from "./connect.ts";
import { addDevices } from "./devices.ts";
import { PhpError } from "./errors.ts";
import { type FiberExports, installFibers } from "./fibers.ts";
import { refuseOtherPaths } from "./files/encoding.ts";
import { respectEndings } from "./files/endings.ts";
import { installLookUps, type LookUp } from "./files/look-ups.ts";
import { MemoryLookUp } from "./files/memory.ts";
import { respectParents } from "./files/parents.ts";
import type { GlueOptions, GlueRuntimeName, PhpGlue, PhpModule } from "./glue.ts";
import type { PhpHost, PhpServices } from "./host.ts";
import { buildIni, type IniParts, PREPEND_PATH } from "./ini.ts";
import { type Identity, type Instance, Interpreter } from "./interpreter.ts";
import { SENDMAIL_NOT_CONFIGURED } from "./mail-process.ts";
import { type ResolveName, refuseNames, repairNames } from "./names.ts";
import { OPENSSL_CONFIG, OPENSSL_CONFIG_ENV, OPENSSL_CONFIG_PATH } from "./openssl-config.ts";
import { protectOwnFiles, writeOwnFile } from "./own-files.ts";
import { repairPipes } from "./pipes.ts";
import { canPreload, preloadIni, pretendCommandLine } from "./preload.ts";
import { prependFile } from "./prepend.ts";
import { refuseProcess, refuseSystem } from "./processes.ts";
import { type EnvironmentPlace, reserveEnvironment } from "./snapshot/environment.ts";
import type { InitialMemory } from "./snapshot/memory.ts";
import type { StoredSnapshot } from "./snapshot/portable.ts";
import { ClosedSocket } from "./sockets.ts";

/** SAPI name. Opcache works under the names it knows only, and applications look for it. */
const SAPI_NAME = "fpm-fcgi";

/** Where php.ini lies in the interpreter's file system. */
export const INI_PATH = "/internal/shared/php.ini";

/** Time of the files that the host puts into the interpreter, in milliseconds since 1970. */
const HOST_FILES = Date.UTC(2020, 0);

/** Characters of PHP's complaints that the error of a failed start repeats. */
const MOST_SAID = 2000;

export interface BootOptions {
  readonly glue: PhpGlue;
  readonly runtimeName: GlueRuntimeName;
  /** The compiled interpreter. Threads can share one. */
  readonly wasm: WebAssembly.Module;
  /** What its linear memory begins with, where that is not part of it. Needs a glue that calls `construct`. */
  readonly initialMemory?: InitialMemory | undefined;
  /** How PHP waits: by the engine's promise integration (default), or by the slower rewritten code. */
  readonly asyncMode?: "jspi" | "asyncify";
  readonly ini?: IniParts;
  /** Environment of the interpreter, all of it. */
  readonly env?: Readonly<Record<string, string>>;
  /** Files to put into the interpreter's file system, by absolute path. */
  readonly files?: ReadonlyMap<string, string | Uint8Array>;
  /** Given the instance with its exports as they are, before the glue wraps them. */
  readonly onInstance?: (instance: WebAssembly.Instance) => void;
  /** Replaces imports of the module that is about to be instantiated. */
  readonly imports?: (imports: WebAssembly.Imports, module: () => PhpModule) => void;
  /** Makes what answers looks at files. Default: for files in memory. */
  readonly lookUp?: (module: () => PhpModule) => LookUp;
  /** Mounts directories, before PHP starts. */
  readonly mount?: (module: PhpModule) => void;
  /** Permissions that new files do not get, unless a script calls umask(). Default: the C library's own, 022. */
  readonly umask?: number;
  /** Owner of file locks, unique among the interpreters that share files. Default 1. */
  readonly processId?: number;
  /** Class behind PHP's sockets in web builds. Default: no network. */
  readonly WebSocketClass?: unknown;
  /** Tells addresses of names. Default: there is no network, every name is unknown and every connection fails at once. */
  readonly resolve?: ResolveName;
  /** The glue's `bindUserSpace`: who keeps the file locks (Node builds). */
  readonly bindUserSpace?: (context: unknown) => unknown;
  readonly services?: PhpServices;
  /** A warmed interpreter of the same build, php.ini and files, to go on from in place of PHP's own start. */
  readonly snapshot?: StoredSnapshot;
  /** Called when the interpreter gives up for good, whatever it does at that moment. */
  readonly onAbort?: () => void;
  /** Told what the C library prints to its standard error, in pieces: PHP's complaints while it starts. */
  readonly onComplaint?: (text: string) => void;
}

/**
 * Boots an interpreter.
 *
 * @throws {PhpError} `PHP_BOOT` when the module cannot be instantiated, a mount fails or PHP refuses its php.ini
 */
export async function bootPhp(options: BootOptions): Promise<PhpHost> {
  return (await startPhp(options)).host;
}

/**
 * Boots an instance that several interpreters can live in one after the other. A snapshot that does not fit is left aside,
 * with a complaint.
 *
 * @throws {PhpError} `PHP_BOOT` as `bootPhp`
 */
export async function startPhp(given: BootOptions): Promise<Interpreter> {
  return await explained(given, async (options) => {
    const prepared = await prepare(options, options.snapshot !== undefined);
    const { interpreter, identity } = prepared;
    if (options.snapshot === undefined || !(await wasRestored(interpreter, options.snapshot, identity, options))) {
      await begin(prepared);
    }
    return interpreter;
  });
}

/**
 * Boots an instance and starts nothing in it: it is to be given a snapshot.
 *
 * @throws {PhpError} `PHP_BOOT` as `bootPhp`
 */
export async function preparePhp(given: BootOptions): Promise<Interpreter> {
  return await explained(given, async (options) => (await prepare(options, true)).interpreter);
}

/** Has the error of a boot tell what PHP said. */
async function explained(
  given: BootOptions,
  boot: (options: BootOptions) => Promise<Interpreter>,
): Promise<Interpreter> {
  let said = "";
  const options = {
    ...given,
    onComplaint(text: string) {
      if (said.length < MOST_SAID) said += `${text}\n`;
      given.onComplaint?.(text);
    },
  };
  try {
    return await boot(options);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = said.trim() === "" ? reason : `${reason}: ${said.trim().replace(/\s*\n\s*/g, " ")}`;
    throw new PhpError("PHP_BOOT", `the interpreter could not be started: ${message}`, { cause: error });
  }
}

/** An instance with the files of its interpreters. */
interface Prepared {
  readonly interpreter: Interpreter;
  readonly module: PhpModule;
  readonly ini: ReturnType<typeof buildIni>;
  readonly identity: Identity;
}

async function prepare(options: BootOptions, forSnapshot: boolean): Promise<Prepared> {
  const clock = new Clock();
  const services = options.services ?? {};
  const ini = buildIni(services.mail === undefined ? withoutMail(options.ini) : (options.ini ?? {}));
  const own = { [INI_PATH]: ini.text, [PREPEND_PATH]: prependFile(ini.prependFile) };
  const loaded = await loadPhp(options, clock, own, forSnapshot);
  const { module, setErrno, forgetFibers } = loaded;
  const identity = { env: options.env ?? {}, services, processId: options.processId ?? 1 };
  const hostOptions = {
    clock,
    setErrno,
    sendmailPath: ini.sendmailPath,
    ...(options.resolve && { resolve: options.resolve }),
    ...(options.umask !== undefined && { umask: options.umask }),
    adminValues: ini.adminValues,
    userIni: ini.userIni,
    onRequestEnd() {
      clock.stop();
      forgetFibers();
    },
  };
  return { interpreter: new Interpreter(loaded, hostOptions, identity), module, ini, identity };
}

/** PHP's own start. */
async function begin({ interpreter, module, ini }: Prepared): Promise<void> {
  interpreter.construct();
  let started = () => {};
  if (ini.preload !== "" && canPreload(module)) {
    writeOwnFile(module, INI_PATH, `${ini.text}${preloadIni(ini.preload)}`);
    started = pretendCommandLine(module, INI_PATH);
  }
  // Both names are read by the start-up only.
  module.ccall("wasm_set_phpini_path", null, ["string"], [INI_PATH]);
  module.ccall("wasm_set_sapi_name", "number", ["string"], [SAPI_NAME]);
  const result = await module.ccall("php_wasm_init", "number", [], [], { async: true });
  if (result !== 0) throw new Error(`php_wasm_init gave ${String(result)}`);
  started();
  interpreter.started();
}

async function wasRestored(
  interpreter: Interpreter,
  snapshot: StoredSnapshot,
  identity: Identity,
  { onComplaint }: BootOptions,
): Promise<boolean> {
  try {
    await interpreter.restore(snapshot, identity);
    return true;
  } catch (error) {
    if (!(error instanceof PhpError) || error.code !== "PHP_SNAPSHOT") throw error;
    onComplaint?.(error.message);
    return false;
  }
}

/** PHP's own warning of a mail that cannot be sent shows the command: it says why. */
function withoutMail(ini: IniParts = {}): IniParts {
  return { ...ini, platform: { sendmail_path: SENDMAIL_NOT_CONFIGURED, ...ini.platform } };
}

/** An interpreter that has not been started. */
export interface LoadedPhp extends Instance {
  readonly setErrno: (errno: number) => void;
  readonly forgetFibers: () => void;
}

/**
 * Loads an interpreter, with its directories and files in place, and does not start it.
 *
 * @param own files of the host's own, which win over those of `options`
 * @param forSnapshot its memory may be left blank: see `Instance.construct`
 */
export async function loadPhp(
  options: Omit<BootOptions, "ini" | "services">,
  clock: Clock,
  own: Readonly<Record<string, string>>,
  forSnapshot = false,
): Promise<LoadedPhp> {
  const loaded = await loadModule(options, clock, forSnapshot);
  const { FS } = loaded.module;
  respectParents(loaded.module);
  options.mount?.(loaded.module);
  const files = [[OPENSSL_CONFIG_PATH, OPENSSL_CONFIG] as const, ...(options.files ?? []), ...Object.entries(own)];
  for (const [path, content] of files) {
    FS.mkdirTree(path.slice(0, path.lastIndexOf("/")) || "/");
    FS.writeFile(path, content);
    // Every instance has its own, and opcache knows a script by its time: what a snapshot brings along stays in use.
    FS.utime(path, HOST_FILES, HOST_FILES);
  }
  addDevices(loaded.module);
  protectOwnFiles(loaded.module);
  return loaded;
}

function loadModule(
  options: Omit<BootOptions, "ini" | "services">,
  clock: Clock,
  forSnapshot: boolean,
): Promise<LoadedPhp> {
  return new Promise((resolve, reject) => {
    let forgetFibers = () => {};
    let environment: () => EnvironmentPlace | undefined = () => undefined;
    let resize: (bytes: number) => boolean = () => false;
    let hasProcessId = false;
    let exports: WebAssembly.Exports = {};
    let construct: (() => void) | undefined;
    const setErrno = (errno: number) => {
      // As the instance exports it: the glue's wrapper would wait.
      const location = exports.__errno_location as (() => number) | undefined;
      if (location !== undefined) new DataView(module.HEAPU8.buffer).setInt32(location(), errno, true);
    };
    const WebSocketClass = options.WebSocketClass ?? ClosedSocket;
    const settings: GlueOptions = {
      // Without these the glue invents a user and a home.
      ENV: { LOGNAME: undefined, PWD: undefined, LANG: undefined, _: undefined, ...OPENSSL_CONFIG_ENV, ...options.env },
      noInitialRun: true,
      debug: false,
      processId: options.processId ?? 1,
      phpWasmAsyncMode: options.asyncMode ?? "jspi",
      locateFile: (path) => path,
      print: () => {},
      printErr: (text) => options.onComplaint?.(text),
      onAbort(reason) {
        options.onAbort?.();
        reject(reason);
      },
      onRuntimeInitialized: () =>
        resolve({ module, environment, resize, hasProcessId, construct, setErrno, forgetFibers: () => forgetFibers() }),
      construct(constructors) {
        const { initialMemory } = options;
        if (initialMemory === undefined) {
          constructors();
          return;
        }
        const begin = () => {
          new Uint8Array((exports.memory as WebAssembly.Memory).buffer).set(initialMemory.bytes, initialMemory.start);
          constructors();
        };
        // All that they write is part of the snapshot.
        if (forSnapshot) construct = begin;
        else begin();
      },
      instantiateWasm(imports, receive) {
        // The glue puts a directory of its own into it, which means nothing to scripts.
        settings.ENV.PATH = options.env?.PATH;
        environment = reserveEnvironment(imports, () => module);
        resize = imports.env?.emscripten_resize_heap as typeof resize;
        hasProcessId = imports.env?.js_getpid !== undefined;
        refuseSystem(imports);
        const { resolve: resolveName } = options;
        if (resolveName === undefined) {
          refuseConnect(imports);
          refuseNames(imports, () => module);
        } else {
          repairConnect(imports, () => module);
          repairNames(
            imports,
            () => module,
            (name) => clock.orAlarm(resolveName(name)),
          );
        }
        repairPipes(imports, () => module);
        respectEndings(imports, () => module);
        try {
          refuseOtherPaths(imports, () => module);
        } catch (error) {
          // The glue would keep it for itself.
          reject(error);
          return {};
        }
        installLookUps(imports, () => module, options.lookUp?.(() => module) ?? new MemoryLookUp(() => module));
        clock.watch(imports, () => module);
        forgetFibers = installFibers(imports, () => exports as unknown as FiberExports);
        options.imports?.(imports, () => module);
        WebAssembly.instantiate(options.wasm, imports).then((instance) => {
          exports = instance.exports;
          options.onInstance?.(instance);
          receive(instance, options.wasm);
        }, reject);
        return {};
      },
      onHeaders: () => {},
      onStdout: () => {},
      onStderr: () => {},
      onMessage: async () => "",
      spawnProcess: refuseProcess,
      websocket: { decorator: () => WebSocketClass },
      ...(options.bindUserSpace && { bindUserSpace: options.bindUserSpace }),
    };
    const module = options.glue.init(options.runtimeName, settings);
  });
}
