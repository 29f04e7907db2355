// The low-level host of one interpreter: drives the SAPI of @php-wasm directly, one request at a time. The order of
// the calls matters everywhere; what each of them guards against is said beside it.

import { bytesToByteString } from "../codec/index.ts";
import { BacktraceReader, type ScriptBacktrace } from "./backtrace.ts";
import type { Clock } from "./clock.ts";
import { Engine } from "./engine.ts";
import { PhpError } from "./errors.ts";
import { pathText } from "./files/encoding.ts";
import type { PhpModule } from "./glue.ts";
import { PREPEND_PATH } from "./ini.ts";
import type { IniSetting } from "./ini-text.ts";
import { MailDesk } from "./mail-process.ts";
import type { MailService } from "./mail-service.ts";
import { isAddress, type ResolveName } from "./names.ts";
import { OutputCapture } from "./output.ts";
import { applySettings, type RequestSetting, requestSettings } from "./request-ini.ts";
import type { PathKind, PhpExit, PhpOutput, PhpRequest, PhpRuntime } from "./runtime.ts";
import { inventedVariables, serverVariables } from "./server-variables.ts";
import { setUmask } from "./umask.ts";
import { USER_INI_RULES, UserIni, type UserIniRules } from "./user-ini.ts";

/** What scripts can ask of the host's surroundings. */
export interface PhpServices {
  /** Data of `fpm_get_status()`: an object with php-fpm's keys, or `undefined` where there is no pool. */
  poolStatus?(): Promise<object | undefined>;
  /** Takes the mails of mail(). Without it mail() gives false and a warning that says so. */
  readonly mail?: MailService;
}

/** What the boot knows and the host needs. */
export interface PhpHostOptions {
  readonly clock?: Clock;
  /** Settings of the pool that nobody may change, in force for every request. */
  readonly adminValues?: readonly IniSetting[];
  readonly userIni?: UserIniRules;
  /** Called when a script has ended. */
  readonly onRequestEnd?: () => void;
  readonly resolve?: ResolveName;
  /** `sendmail_path` of php.ini. */
  readonly sendmailPath?: string;
  /** Permissions that new files do not get, unless the script calls umask(). Default: the C library's own, 022. */
  readonly umask?: number;
  /** Sets the C library's error number. */
  readonly setErrno?: (errno: number) => void;
}

/**
 * Never changed for one request: opcache remembers of a script which globals to make for it, and one that was compiled
 * without this setting has no $_SERVER in requests that have it.
 */
const AUTO_GLOBALS_JIT = "auto_globals_jit";

/** Files remembered as readable. */
const MOST_REMEMBERED = 4096;

/** A resident interpreter over a booted module: see `bootPhp`. */
export class PhpHost implements PhpRuntime {
  readonly version: string;
  /** For a host that takes over the same interpreter. */
  readonly options: PhpHostOptions;
  readonly #module: PhpModule;
  readonly #services: PhpServices;
  readonly #engine: Engine;
  readonly #backtraces: BacktraceReader;
  readonly #adminSettings: readonly RequestSetting[];
  readonly #userIni: UserIni;
  readonly #mails: MailDesk;
  /** Settles when the request before is over: the queue, strictly in order. */
  #last: Promise<unknown> = Promise.resolve();
  #current: OutputCapture | undefined;
  #broken: unknown;
  /** Files that could be opened, by inode, mode and path. */
  readonly #readable = new Set<string>();

  constructor(module: PhpModule, services: PhpServices, options: PhpHostOptions = {}) {
    this.options = options;
    this.#module = module;
    this.#engine = new Engine(module);
    this.#backtraces = new BacktraceReader(module);
    this.#adminSettings = (options.adminValues ?? []).map((setting) => ({ ...setting, source: "admin" }));
    this.#userIni = new UserIni(options.userIni ?? USER_INI_RULES, (path) => this.#readText(path));
    this.#services = services;
    this.#mails = new MailDesk(services.mail, options.sendmailPath ?? "");
    const { major, minor, patch } = module.phpVersion;
    this.version = `${major}.${minor}.${patch}`;
    module.onStdout = (chunk) => this.#current?.stdout(unsigned(chunk));
    module.onStderr = (chunk) => this.#current?.stderr(unsigned(chunk));
    module.onHeaders = (chunk) => this.#current?.headers(unsigned(chunk));
    module.onMessage = (text) => this.#answer(text);
    module.spawnProcess = (command) =>
      this.#mails.spawn(String(command), (problem) => this.#current?.log(problem), this.options.setErrno);
  }

  get memory(): number {
    return this.#module.HEAPU8.length;
  }

  get usable(): boolean {
    return this.#broken === undefined;
  }

  /**
   * The calls that the running script is in the middle of. To be asked from a clock's look, or while the script waits.
   *
   * @returns undefined when none runs, or the build does not show it
   */
  backtrace(depth = 1000): ScriptBacktrace | undefined {
    return this.#current === undefined || this.#broken !== undefined ? undefined : this.#backtraces.read(depth);
  }

  lookup(path: string): PathKind | undefined {
    const { FS } = this.#module;
    const name = pathText(path);
    if (name === undefined) return undefined;
    try {
      const { mode, ino } = FS.stat(name);
      if (FS.isDir(mode)) return "directory";
      if (!FS.isFile(mode)) return undefined;
      // A script that cannot be opened breaks the interpreter: every file is tried once.
      const key = `${ino} ${mode} ${path}`;
      if (!this.#readable.has(key)) {
        if (!this.#canOpen(name)) return "unreadable";
        if (this.#readable.size >= MOST_REMEMBERED) this.#readable.clear();
        this.#readable.add(key);
      }
      return "file";
    } catch {
      return undefined;
    }
  }

  #canOpen(name: string): boolean {
    const { FS } = this.#module;
    try {
      FS.close(FS.open(name, "r"));
      return true;
    } catch {
      return false;
    }
  }

  run(request: PhpRequest, output: PhpOutput, signal?: AbortSignal): Promise<PhpExit> {
    // A second request inside a suspended first one would end the first and mix up their bytes: each waits its turn.
    const turn = this.#last.then(() => this.#run(request, output, signal));
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #run(request: PhpRequest, output: PhpOutput, signal: AbortSignal | undefined): Promise<PhpExit> {
    if (this.#broken !== undefined) {
      throw new PhpError("PHP_UNUSABLE", "the interpreter broke in an earlier request and must be replaced", {
        cause: this.#broken,
      });
    }
    const module = this.#module;
    const capture = new OutputCapture(output, module.FS.ErrnoError, (status) => this.#engine.statusLine(status));
    const variables = serverVariables(request.params, request.self);
    const memory = this.#prepareOrBreak(request, variables);
    const abort = () => capture.abort();
    this.#current = capture;
    this.#mails.begin();
    this.#hidePrepended();
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
    try {
      const status = Number(await module.ccall("wasm_sapi_handle_request", "number", [], [], { async: true }));
      capture.end(status);
      return { status };
    } catch (error) {
      // After a trap nothing in linear memory can be trusted.
      this.#broken = error;
      capture.flush();
      throw trap(request, error);
    } finally {
      signal?.removeEventListener("abort", abort);
      this.#current = undefined;
      this.options.onRequestEnd?.();
      if (this.#broken === undefined) {
        for (const pointer of memory) module.free(pointer);
        this.#closeLeaked();
      }
    }
  }

  /** A setting that PHP refuses with a fatal error ends the interpreter, where there is no script yet to end. */
  #prepareOrBreak(request: PhpRequest, variables: ReadonlyMap<string, string>): number[] {
    try {
      return this.#prepare(request, variables);
    } catch (error) {
      if (error instanceof PhpError) throw error;
      this.#broken = error;
      throw trap(request, error);
    }
  }

  /** Hands the request to the SAPI. Returns the memory to free afterwards. */
  #prepare(request: PhpRequest, variables: ReadonlyMap<string, string>): number[] {
    const module = this.#module;
    // PHP runs with the SAPI's option that leaves the directory alone: relative includes need it set.
    const { scriptFilename } = request;
    try {
      module.FS.chdir(pathText(scriptFilename.slice(0, scriptFilename.lastIndexOf("/"))) || "/");
    } catch {
      // The folder vanished after the script was found: PHP will say so.
    }

    if (this.options.umask !== undefined) setUmask(module, this.options.umask);
    const texts: string[] = [
      scriptFilename,
      variables.get("QUERY_STRING") ?? "",
      variables.get("REQUEST_METHOD") ?? "GET",
      variables.get("HTTP_COOKIE") ?? "",
      variables.get("CONTENT_TYPE") ?? "",
    ];
    for (const [name, value] of variables) texts.push(name, value);
    texts.push("EDGE_FPM_UNSET", inventedVariables(variables));
    for (const [name, value] of this.#settle(scriptFilename, variables)) texts.push(name, value);
    const block = this.#copyTexts(texts);
    const memory = [block.pointer];
    this.#refuseOutside(scriptFilename, block);
    const [script = 0, query = 0, method = 0, cookies = 0, contentType = 0] = block.starts;
    if (request.body.length > 0) {
      const body = this.#allocate(request.body.length, memory);
      module.HEAPU8.set(request.body, body);
      module._wasm_set_request_body(body);
      memory.push(body);
    }
    module._wasm_set_content_length(request.body.length);
    module._wasm_set_path_translated(script);
    module._wasm_set_query_string(query);
    module._wasm_set_request_method(method);
    if (variables.has("HTTP_COOKIE")) module._wasm_set_cookies(cookies);
    if (variables.has("CONTENT_TYPE")) module._wasm_set_content_type(contentType);
    // The SAPI keeps the entries as a stack: the last one given is the first one in $_SERVER.
    for (let i = texts.length - 2; i >= 5; i -= 2) {
      module._wasm_add_SERVER_entry(block.starts[i] ?? 0, block.starts[i + 1] ?? 0);
    }
    return memory;
  }

  /** A script that PHP is not let open breaks the interpreter: `open_basedir` is asked before, with all settings in force. */
  #refuseOutside(scriptFilename: string, { pointer, starts }: { pointer: number; starts: readonly number[] }): void {
    const { php_check_open_basedir_ex: check, zend_ini_deactivate: endSettings } = this.#module.wasmExports;
    if (check === undefined || check(starts[0] ?? 0, 0) === 0) return;
    this.#module.free(pointer);
    endSettings?.();
    throw new PhpError(
      "PHP_OPEN_BASEDIR",
      `Unable to open primary script: ${scriptFilename} (Operation not permitted)`,
    );
  }

  /** Applies the request's own settings. Returns what the prepended file must do itself, as entries for it. */
  #settle(script: string, variables: ReadonlyMap<string, string>): Map<string, string> {
    const left = new Map<string, string>();
    const settings = [
      ...this.#adminSettings,
      ...requestSettings(variables),
      ...this.#folderSettings(script, variables),
    ];
    if (settings.length === 0) return left;
    // PHP's own prepended file is ours: another one is included by it.
    const prepend = settings.findLast(({ name }) => name === "auto_prepend_file");
    if (prepend !== undefined) left.set("EDGE_FPM_PREPEND", prepend.value);
    const others = settings.filter(({ name }) => name !== "auto_prepend_file" && name !== AUTO_GLOBALS_JIT);
    if (!applySettings(this.#module, others)) {
      left.set("EDGE_FPM_INI", others.map(({ name, value }) => `${name}=${value}`).join("\n"));
    }
    return left;
  }

  #folderSettings(script: string, variables: ReadonlyMap<string, string>): RequestSetting[] {
    const root = variables.get("DOCUMENT_ROOT");
    // As with php-fpm: without a document root nobody knows how far up to look.
    if (root === undefined) return [];
    return this.#userIni.settings(script, root, Date.now()).map((setting) => ({ ...setting, source: "folder" }));
  }

  #readText(path: string): string | undefined {
    const name = pathText(path);
    if (name === undefined) return undefined;
    try {
      return bytesToByteString(this.#module.FS.readFile(name));
    } catch {
      return undefined;
    }
  }

  /** The host's own prepended file is none of the script's: once PHP has taken it in, it leaves the list of files. */
  #hidePrepended(): void {
    const { clock } = this.options;
    if (clock === undefined) return;
    clock.onLook = () => {
      if (this.#engine.forgetFile(PREPEND_PATH)) clock.onLook = undefined;
    };
  }

  /** Writes byte strings, each ended by a NUL, into one piece of linear memory: bytes stay bytes. */
  #copyTexts(texts: readonly string[]): { pointer: number; starts: number[] } {
    let size = 0;
    for (const text of texts) size += text.length + 1;
    const pointer = this.#allocate(size, []);
    const heap = this.#module.HEAPU8;
    const starts: number[] = [];
    let at = pointer;
    for (const text of texts) {
      starts.push(at);
      for (let i = 0; i < text.length; i++) heap[at++] = text.charCodeAt(i);
      heap[at++] = 0;
    }
    return { pointer, starts };
  }

  #allocate(bytes: number, held: readonly number[]): number {
    const pointer = this.#module.malloc(bytes);
    if (pointer === 0) {
      for (const other of held) this.#module.free(other);
      throw new PhpError("PHP_NO_MEMORY", `no room for ${bytes} bytes of the request in the interpreter's memory`);
    }
    return pointer;
  }

  /** Every request leaves its output descriptors open; after 2,044 requests none would be left. */
  #closeLeaked(): void {
    const { FS } = this.#module;
    // PHP has closed its own ends of pipes by now; those of a program that was none are left open by the glue.
    for (const stream of FS.streams) if (stream && /^(?:\/request\/|pipe\[)/.test(stream.path ?? "")) FS.close(stream);
  }

  /** Without output PHP would keep the headers back until the script's end. */
  async #sendHeaders(): Promise<void> {
    const send = this.#module.wasmExports.sapi_send_headers;
    if (this.#current?.headersSent !== false || send === undefined) return;
    const { promising } = WebAssembly as PromiseIntegration;
    // Writing may wait, where files do: only a call of its own can.
    if (promising === undefined) send();
    else await promising(send.orig ?? send)();
  }

  /** The address of a name, "" when there is none. */
  async #resolve(name: string): Promise<string> {
    if (name === "localhost") return "127.0.0.1";
    if (isAddress(name)) return /^\d+(\.\d+){3}$/.test(name) ? name : "";
    return (await this.options.resolve?.(name)) ?? "";
  }

  /** Answers `post_message_to_js()`, by which the prepended file reaches the host. */
  async #answer(text: string): Promise<string> {
    switch (text) {
      case "edge-fpm:flush":
        await this.#sendHeaders();
        this.#current?.flush();
        return "";
      case "edge-fpm:finish":
        await this.#sendHeaders();
        return this.#current?.finish() ? "1" : "0";
      case "edge-fpm:status":
        return JSON.stringify((await this.#services.poolStatus?.()) ?? null);
      default:
        return text.startsWith(RESOLVE) ? this.#resolve(text.slice(RESOLVE.length)) : "";
    }
  }
}

/** The engine's promise integration, which TypeScript does not know yet. */
interface PromiseIntegration {
  readonly promising?: (run: () => number) => () => Promise<number>;
}

/** Asks for the address of a name. */
const RESOLVE = "edge-fpm:resolve ";

function trap(request: PhpRequest, error: unknown): PhpError {
  const message = `the interpreter broke while it ran ${request.scriptFilename}: ${describe(error)}`;
  return new PhpError("PHP_TRAP", message, { cause: error });
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** Emscripten's devices are written to from a view of signed bytes: 0xe9 would be -23. */
function unsigned(chunk: Uint8Array | Int8Array): Uint8Array {
  return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
