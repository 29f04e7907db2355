// The part of the Emscripten glue of @php-wasm that the host uses, written down as types. The glue itself comes in as
// an argument: it is GPL-2.0-or-later and never part of this package.

/** A glue module, such as `@php-wasm/node-8-4` gives through `getPHPLoaderModule()`. */
export interface PhpGlue {
  init(runtimeName: GlueRuntimeName, module: GlueOptions): PhpModule;
}

/**
 * What the glue takes its surroundings for: "NODE" uses node modules (and can mount real directories), "WEB" needs
 * nothing of a page. "WORKER" reads `self.location`, which workerd lacks.
 */
export type GlueRuntimeName = "NODE" | "WEB" | "WORKER";

/** Options of the glue, set on the module object that `init` completes. */
export interface GlueOptions {
  ENV: Record<string, string | undefined>;
  noInitialRun: boolean;
  processId: number;
  phpWasmAsyncMode: "jspi" | "asyncify";
  debug: boolean;
  locateFile(path: string): string;
  print(text: string): void;
  printErr(text: string): void;
  onAbort(reason: unknown): void;
  onRuntimeInitialized(): void;
  instantiateWasm(
    imports: WebAssembly.Imports,
    receive: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
  ): object;
  onHeaders(chunk: Uint8Array): void;
  onStdout(chunk: Uint8Array): void;
  onStderr(chunk: Uint8Array): void;
  onMessage(text: string): Promise<string | Uint8Array>;
  spawnProcess(command: string, args: readonly string[], options: unknown): unknown;
  websocket: { decorator(WebSocketClass: unknown): unknown; url?: (...args: unknown[]) => string };
  /** How large linear memory may become at this moment, in bytes (images of src/image). */
  heapLimit?: () => number;
  /** Runs the constructors of C++, once linear memory holds what it begins with (glues as src/platform/node changes them). */
  construct?: (constructors: () => unknown) => void;
  /** Takes over file descriptors' locks (Node builds). */
  bindUserSpace?: (context: unknown) => unknown;
}

/** An open file in Emscripten's file system. */
export interface GlueStream {
  fd: number;
  readonly path?: string;
  readonly node?: { readonly isSharedFS?: boolean };
  flags: number;
  /** The real descriptor, in NODEFS. */
  readonly nfd?: number;
}

/** Emscripten's file system, as far as the host calls it. Errors carry `name: "ErrnoError"` and `errno`. */
export interface GlueFileSystem {
  readonly filesystems: { readonly MEMFS: object; readonly NODEFS?: object };
  makedev(major: number, minor: number): number;
  registerDevice(device: number, operations: object): void;
  mkdev(path: string, device: number): void;
  readonly streams: (GlueStream | null | undefined)[];
  readonly ErrnoError: new (errno: number) => Error;
  mkdirTree(path: string): void;
  writeFile(path: string, data: string | Uint8Array, options?: { canOwn?: boolean }): void;
  readFile(path: string): Uint8Array;
  /** Times in milliseconds since 1970. */
  utime(path: string, accessed: number, modified: number): void;
  mount(type: object, options: object, path: string): unknown;
  symlink(target: string, path: string): void;
  stat(path: string, dontFollow?: boolean): { readonly mode: number; readonly ino: number };
  open(path: string, flags: string): GlueStream;
  isDir(mode: number): boolean;
  isFile(mode: number): boolean;
  chdir(path: string): void;
  close(stream: GlueStream): void;
}

/** A C function of the SAPI that takes numbers and pointers, and never waits. */
type Native = (...values: number[]) => number;

/** The module object after `init`, once `onRuntimeInitialized` was called. */
export interface PhpModule extends GlueOptions {
  readonly _wasm_add_SERVER_entry: Native;
  readonly _wasm_set_query_string: Native;
  readonly _wasm_set_request_method: Native;
  readonly _wasm_set_content_type: Native;
  readonly _wasm_set_content_length: Native;
  readonly _wasm_set_cookies: Native;
  readonly _wasm_set_path_translated: Native;
  readonly _wasm_set_request_body: Native;
  /** Everything that the WebAssembly file exports. A pruned file may lack what the glue does not need itself. */
  readonly wasmExports: {
    /** Gives -1 for a path that `open_basedir` leaves out. */
    php_check_open_basedir_ex?(path: number, warn: number): number;
    /** Ends the settings of a request. */
    zend_ini_deactivate?(): number;
    zend_strpprintf?(maxLength: number, format: number, values: number): number;
    zend_alter_ini_entry_chars_ex?(
      name: number,
      value: number,
      length: number,
      type: number,
      stage: number,
      force: number,
    ): number;
    /** The glue wraps what is exported; `orig` is the export itself. */
    readonly sapi_send_headers?: (() => number) & { readonly orig?: () => number };
    /** What a timer of the C library calls when it is due. */
    _emscripten_timeout?(which: number, now: number): void;
    zend_hash_str_del?(table: number, key: number, length: number): number;
    /** PHP's umask(). */
    readonly zif_umask?: ((frame: number, result: number) => void) & {
      readonly orig?: (frame: number, result: number) => void;
    };
    zend_get_executed_filename?(): number;
    zend_get_executed_lineno?(): number;
    readonly executor_globals?: number | WebAssembly.Global;
    readonly sapi_globals?: number | WebAssembly.Global;
    /** Address of the SAPI's description. */
    readonly sapi_module?: number | WebAssembly.Global;
    /** Address of the C library's end of the memory that it ever took. */
    emscripten_get_sbrk_ptr?(): number;
    /** Address of the heap that scripts have. */
    zend_mm_get_heap?(): number;
    /** Address of the operations of plain files. */
    readonly php_stream_stdio_ops?: number | WebAssembly.Global;
  };
  readonly FS: GlueFileSystem;
  /** Replaced whenever linear memory grows: never keep it over a call into PHP. */
  readonly HEAPU8: Uint8Array;
  readonly phpVersion: { readonly major: number; readonly minor: number; readonly patch: number };
  malloc(bytes: number): number;
  free(pointer: number): void;
  ccall(
    name: string,
    returns: "number" | null,
    types: readonly ("number" | "string")[],
    values: readonly (number | string)[],
    options?: { async: boolean },
  ): unknown;
}
