// Starting one interpreter: from a glue module and a compiled WebAssembly module to a host that takes requests.

import { Clock } from "./clock.ts";
import { repairConnect } from "./connect.ts";
import { PhpError } from "./errors.ts";
import { type FiberExports, installFibers } from "./fibers.ts";
import type { GlueOptions, GlueRuntimeName, PhpGlue, PhpModule } from "./glue.ts";
import { PhpHost, type PhpServices } from "./host.ts";
import { buildIni, type Ini, type IniParts, PREPEND_PATH } from "./ini.ts";
import { prependFile } from "./prepend.ts";
import { refuseProcess } from "./processes.ts";
import { ClosedSocket } from "./sockets.ts";

/** SAPI name. Opcache works under the names it knows only, and applications look for it. */
const SAPI_NAME = "fpm-fcgi";

/** Where php.ini lies in the interpreter's file system. */
const INI_PATH = "/internal/shared/php.ini";

export interface BootOptions {
  readonly glue: PhpGlue;
  readonly runtimeName: GlueRuntimeName;
  /** The compiled interpreter. Threads can share one. */
  readonly wasm: WebAssembly.Module;
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
  /** Mounts directories, before PHP starts. */
  readonly mount?: (module: PhpModule) => void;
  /** Owner of file locks, unique among the interpreters that share files. Default 1. */
  readonly processId?: number;
  /** Class behind PHP's sockets in web builds. Default: no network. */
  readonly WebSocketClass?: unknown;
  /** The glue's `bindUserSpace`: who keeps the file locks (Node builds). */
  readonly bindUserSpace?: (context: unknown) => unknown;
  readonly services?: PhpServices;
  /** Told what the C library prints to its standard error, in pieces: PHP's complaints while it starts. */
  readonly onComplaint?: (text: string) => void;
}

/**
 * Boots an interpreter.
 *
 * @throws {PhpError} `PHP_BOOT` when the module cannot be instantiated, a mount fails or PHP refuses its php.ini
 */
export async function bootPhp(options: BootOptions): Promise<PhpHost> {
  try {
    const clock = new Clock();
    const { module, forgetFibers } = await loadModule(options, clock);
    const ini = buildIni(options.ini ?? {});
    prepareFiles(module, options, ini);
    // Both names are read by the start-up only.
    module.ccall("wasm_set_phpini_path", null, ["string"], [INI_PATH]);
    module.ccall("wasm_set_sapi_name", "number", ["string"], [SAPI_NAME]);
    const result = await module.ccall("php_wasm_init", "number", [], [], { async: true });
    if (result !== 0) throw new Error(`php_wasm_init gave ${String(result)}`);
    return new PhpHost(module, options.services ?? {}, {
      clock,
      adminValues: ini.adminValues,
      userIni: ini.userIni,
      onRequestEnd: forgetFibers,
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new PhpError("PHP_BOOT", `the interpreter could not be started: ${reason}`, { cause: error });
  }
}

interface LoadedModule {
  readonly module: PhpModule;
  readonly forgetFibers: () => void;
}

function loadModule(options: BootOptions, clock: Clock): Promise<LoadedModule> {
  return new Promise((resolve, reject) => {
    let forgetFibers = () => {};
    const WebSocketClass = options.WebSocketClass ?? ClosedSocket;
    const settings: GlueOptions = {
      // Without these the glue invents a user and a home.
      ENV: { LOGNAME: undefined, PWD: undefined, LANG: undefined, _: undefined, ...options.env },
      noInitialRun: true,
      debug: false,
      processId: options.processId ?? 1,
      phpWasmAsyncMode: options.asyncMode ?? "jspi",
      locateFile: (path) => path,
      print: () => {},
      printErr: (text) => options.onComplaint?.(text),
      onAbort: reject,
      onRuntimeInitialized: () => resolve({ module, forgetFibers: () => forgetFibers() }),
      instantiateWasm(imports, receive) {
        // The glue puts a directory of its own into it, which means nothing to scripts.
        settings.ENV.PATH = options.env?.PATH;
        repairConnect(imports, () => module);
        let exports: WebAssembly.Exports = {};
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

function prepareFiles(module: PhpModule, options: BootOptions, ini: Ini): void {
  const { FS } = module;
  options.mount?.(module);
  const files = new Map(options.files);
  files.set(INI_PATH, ini.text);
  files.set(PREPEND_PATH, prependFile(ini.prependFile));
  for (const [path, content] of files) {
    FS.mkdirTree(path.slice(0, path.lastIndexOf("/")) || "/");
    FS.writeFile(path, content);
  }
}
