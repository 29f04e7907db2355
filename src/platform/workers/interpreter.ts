// The one interpreter of an isolate: booted once, brought back to its first state for every child that follows, since
// an isolate cannot be thrown away.

import { startPhp } from "../../php/boot.ts";
import type { DurableFiles } from "../../php/durable/durable-files.ts";
import { PhpError } from "../../php/errors.ts";
import type { PhpGlue, PhpModule } from "../../php/glue.ts";
import type { PhpHost, PhpServices } from "../../php/host.ts";
import type { IniParts } from "../../php/ini.ts";
import type { Interpreter } from "../../php/interpreter.ts";
import { SENDMAIL_NOT_CONFIGURED } from "../../php/mail-process.ts";
import type { ResolveName } from "../../php/names.ts";
import type { Snapshot } from "../../php/snapshot/portable.ts";
import type { Packing } from "../../php/snapshot.ts";
import { Suspensions } from "../../php/suspensions.ts";
import { CopiedState, type FirstState, StoredState } from "./first-state.ts";
import { GROWN, MemoryBudget } from "./memory-budget.ts";
import { type PackableSnapshot, readSnapshotModule } from "./snapshot-module.ts";

/** Everything an interpreter is made of. */
export interface InterpreterParts {
  readonly glue: PhpGlue;
  readonly wasm: WebAssembly.Module;
  /** Text of the application's php.ini. */
  readonly ini: string;
  /** Certificate authorities, PEM. */
  readonly certificates: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Puts the application's files into the file system. Gives the bytes that it holds in memory at present. */
  readonly mount: (module: PhpModule) => () => number;
  /** The files that all children of the pool share. */
  readonly files: DurableFiles;
  /** Bytes of the archive behind `mount`. */
  readonly archiveSize: number;
  /** Compresses the first state when memory is short. */
  readonly packing: Packing;
  /** What reaches the network. Absent: nothing does. */
  readonly network?: { readonly WebSocketClass: unknown; readonly resolve: ResolveName };
  /** A snapshot to start from, made with the same parts. One of another key is left aside. */
  readonly snapshot?: { readonly key: string; read(): Promise<Uint8Array> };
  /** Requests after which memory is brought back; 0 never. */
  readonly maxRequests: number;
}

/** How the interpreter came to be ready: for the log and for figures. */
export interface Start {
  readonly how: "booted" | "from-snapshot" | "restored" | "resident";
  readonly milliseconds: number;
  /** Parts of a start from nothing, in milliseconds: reading the snapshot, PHP, the first script, keeping a copy. */
  readonly parts?: Readonly<Record<"read" | "module" | "probe" | "copy", number>>;
  /** Bytes of linear memory. */
  readonly memory: number;
  /** Bytes of the whole isolate, as estimated. */
  readonly isolate: number;
}

/** An interpreter that is ready. */
export interface Started {
  readonly host: PhpHost;
  readonly start: Start;
}

const SHARED = "/internal/shared";
const CA_PATH = `${SHARED}/ca-certificates.crt`;
const PROBE_PATH = `${SHARED}/probe.php`;

/**
 * A script of ours for the build: PHP forgets what it knows of paths, and code of files that are not among those of the
 * body, by path with their times.
 */
export const FORGET_PATH: string = `${SHARED}/forget.php`;
const FORGET = `<?php
$times = json_decode(file_get_contents('php://input'), true);
$scripts = function_exists('opcache_get_status') ? opcache_get_status()['scripts'] ?? [] : [];
foreach ($scripts as $path => $script) {
  if (str_starts_with($path, '${SHARED}/')) continue;
  if (($times[$path] ?? null) !== ($script['timestamp'] ?? filemtime($path))) opcache_invalidate($path, true);
}
clearstatcache(true);
`;

/** Where curl looks for certificate authorities, whatever php.ini says. */
const CURL_CA_PATH = "/etc/ssl/certs/ca-certificates.crt";

/**
 * Defaults that fit 96 MiB of linear memory: PHP's heap takes about twice its size there. The interned strings must be
 * fewer than opcache's memory, or PHP starts broken without saying so. Opcache has as much as elsewhere: with 16 MB it is
 * full after 190 scripts, and a page of WordPress runs 250 and its dashboard 430.
 */
const PLATFORM_INI = {
  // With $_ENV, where an application at the edge finds its settings and secrets.
  variables_order: "EGPCS",
  memory_limit: "40M",
  post_max_size: "16M",
  upload_max_filesize: "16M",
  "opcache.memory_consumption": 24,
  "opcache.interned_strings_buffer": 6,
  // A script is known by its time in whole seconds: one that was just written may be written again in the same one.
  "opcache.file_update_protection": 2,
  "session.save_path": "/tmp/sessions",
  sys_temp_dir: "/tmp",
  upload_tmp_dir: "/tmp/uploads",
  "openssl.cafile": CA_PATH,
  "curl.cainfo": CA_PATH,
};

/** Interpreters in this isolate. Workers of one script may share an isolate, and two would not fit. */
let interpreters = 0;

/** An interpreter that stays: started once, its memory restored between the lives of a child. */
export class ResidentInterpreter {
  readonly #parts: InterpreterParts;
  readonly #budget = new MemoryBudget();
  readonly #suspensions = new Suspensions();
  /** Settles when the start before is over. */
  #starting: Promise<unknown> = Promise.resolve();
  #interpreter: Interpreter | undefined;
  #first: FirstState | undefined;
  #host: PhpHost | undefined;
  /** Requests since the memory was new. */
  #requests = 0;
  /** Scripts that have begun and not ended: one at most, unless the one before was given up. */
  #running = 0;
  /** Linear memory when it was new, in bytes. */
  #memoryAtFirst = 0;

  constructor(parts: InterpreterParts) {
    this.#parts = parts;
  }

  /** Estimate of the isolate's memory, in bytes. */
  get isolateMemory(): number {
    return this.#budget.used;
  }

  /** The files of the pool, as the interpreter sees them. */
  get files(): DurableFiles {
    return this.#parts.files;
  }

  /** Tells that a request with a body of `length` bytes begins; call what it returns when its script has ended. */
  begin(length: number): () => void {
    const host = this.#host;
    this.#budget.hold("body", length);
    this.#requests += 1;
    this.#running += 1;
    return () => {
      if (this.#host !== host) return;
      this.#running -= 1;
      this.#budget.hold("body", 0);
    };
  }

  /**
   * Makes an interpreter for a new child: boots it, or brings its memory back to its first state when the child before
   * was recycled, broke, or left a script that still waits for something: that one is abandoned. Files stay.
   *
   * @throws {PhpError} `PHP_BOOT`
   */
  start(services: PhpServices): Promise<Started> {
    const turn = this.#starting.then(() => this.#start(services));
    this.#starting = turn.catch(() => {});
    return turn;
  }

  async #start(services: PhpServices): Promise<Started> {
    const began = performance.now();
    const done = (how: Start["how"], host: PhpHost, parts?: Start["parts"]) => {
      const milliseconds = performance.now() - began;
      return {
        host,
        start: { how, milliseconds, memory: host.memory, isolate: this.isolateMemory, ...(parts && { parts }) },
      };
    };
    const used = this.#host;
    if (this.#first === undefined || used === undefined) {
      const { interpreter, parts } = await this.#boot(services);
      this.#renew(interpreter.host);
      return done(interpreter.restored ? "from-snapshot" : "booted", interpreter.host, parts);
    }
    if (!this.#worn(used)) return done("resident", used);
    this.#suspensions.abandon();
    const host = await this.#first.restore(services);
    this.#renew(host);
    return done("restored", host);
  }

  /**
   * Takes a snapshot for other isolates. No life is under way, and none follows.
   *
   * @throws {PhpError} `PHP_SNAPSHOT`
   */
  take(key: string): Snapshot {
    if (this.#interpreter === undefined) throw new PhpError("PHP_SNAPSHOT", "the interpreter was never started");
    return this.#interpreter.take(key);
  }

  /** Nobody uses it any more: another one may be started here. */
  discard(): void {
    if (this.#interpreter !== undefined) interpreters -= 1;
    this.#interpreter = undefined;
    this.#first = undefined;
    this.#host = undefined;
  }

  #renew(host: PhpHost): void {
    this.#host = host;
    this.#requests = 0;
    this.#running = 0;
    this.#budget.hold("body", 0);
    this.#memoryAtFirst = host.memory;
  }

  #worn(host: PhpHost): boolean {
    const { maxRequests } = this.#parts;
    const grown = host.memory > Math.max(GROWN, this.#memoryAtFirst);
    return !host.usable || this.#running > 0 || grown || (maxRequests > 0 && this.#requests >= maxRequests);
  }

  async #boot(services: PhpServices): Promise<Booted> {
    if (interpreters > 0) {
      throw new PhpError(
        "PHP_BOOT",
        "this isolate has an interpreter already, and two do not fit: add a Worker Loader binding named LOADER",
      );
    }
    interpreters += 1;
    try {
      return await this.#bootAlone(services);
    } catch (error) {
      interpreters -= 1;
      throw error;
    }
  }

  async #bootAlone(services: PhpServices): Promise<Booted> {
    const { glue, wasm, ini, certificates, environment, mount, files, archiveSize, packing, network } = this.#parts;
    const lap = stopwatch();
    const stored = await this.#readSnapshot();
    const read = lap();
    const complaints: string[] = [];
    let module: PhpModule | undefined;
    const interpreter = await startPhp({
      glue: {
        init: (name, options) => {
          const guarded = { ...options, heapLimit: () => this.#budget.heapLimit() };
          return this.#suspensions.watch(() => glue.init(name, guarded));
        },
      },
      runtimeName: "WEB",
      wasm,
      ini: { text: ini, platform: PLATFORM_INI, ...(stored && services.mail === undefined && withoutMail(ini)) },
      env: environment,
      files: new Map([
        [CA_PATH, certificates],
        [CURL_CA_PATH, certificates],
        [PROBE_PATH, "<?php echo PHP_VERSION, ' ', PHP_SAPI;"],
        [FORGET_PATH, FORGET],
      ]),
      ...network,
      imports: (imports, loaded) => files.install(imports, loaded),
      mount: (loaded) => {
        module = loaded;
        this.#budget.guardFiles(loaded);
        this.#budget.hold("archive", archiveSize);
        files.prepare(loaded);
        const inflated = mount(loaded);
        this.#budget.watch(() => inflated() + files.heldBytes);
        files.mounted();
      },
      onComplaint: (text) => complaints.push(text),
      services,
      ...(stored && { snapshot: stored }),
    });
    const { host } = interpreter;
    const started = lap();
    if (interpreter.restored) {
      this.#keep(interpreter, new StoredState(interpreter, stored as PackableSnapshot, environment));
      return { interpreter, parts: { read, module: started, probe: 0, copy: 0 } };
    }
    if (stored !== undefined) console.error(`the snapshot is not used: ${complaints.join(" ")}`);
    await probe(host, complaints);
    const probed = lap();
    if (module === undefined) throw new PhpError("PHP_BOOT", "the module was never mounted");
    this.#keep(interpreter, new CopiedState(module, host, packing));
    return { interpreter, parts: { read, module: started, probe: probed, copy: lap() } };
  }

  #keep(interpreter: Interpreter, first: FirstState): void {
    this.#budget.hold("first", first.size);
    this.#budget.onShortage(() => {
      this.#parts.files.release();
      first.pack();
      this.#budget.hold("first", first.size);
    });
    this.#interpreter = interpreter;
    this.#first = first;
  }

  /** The snapshot, if there is one and it belongs to this build. */
  async #readSnapshot(): Promise<PackableSnapshot | undefined> {
    const { snapshot, packing } = this.#parts;
    if (snapshot === undefined) return undefined;
    try {
      const found = readSnapshotModule(await snapshot.read(), snapshot.key, packing);
      if (found !== undefined) {
        this.#budget.hold("first", found.bytes.size);
        return found;
      }
      console.error("the snapshot is not used: it was made of another build");
    } catch (error) {
      console.error(`the snapshot is not used: ${error instanceof Error ? error.message : String(error)}`);
    }
    return undefined;
  }
}

interface Booted {
  readonly interpreter: Interpreter;
  readonly parts: Required<Start>["parts"];
}

/** A snapshot is made where mails are taken: where nobody takes them, PHP's warning is to say so. */
function withoutMail(ini: string): Pick<IniParts, "adminSettings"> {
  if (/^\s*sendmail_path\s*=/m.test(ini)) return {};
  return { adminSettings: { sendmail_path: SENDMAIL_NOT_CONFIGURED } };
}

/** A failed start of opcache leaves an interpreter that seems to run and lacks half of its constants. */
async function probe(host: PhpHost, complaints: readonly string[]): Promise<void> {
  let output = "";
  const decoder = new TextDecoder();
  await host.run(
    { scriptFilename: PROBE_PATH, params: [["REQUEST_METHOD", "GET"]], body: new Uint8Array(0) },
    {
      headers() {},
      stdout(chunk) {
        output += decoder.decode(chunk);
      },
      stderr() {},
      log(message) {
        output += message;
      },
      finishRequest() {},
    },
  );
  if (output === `${host.version} fpm-fcgi`) return;
  const said = [complaints.join(""), output].filter((text) => text.trim() !== "").join("; ");
  throw new PhpError("PHP_BOOT", `PHP does not run a script after its start (check php.ini): ${said}`);
}

function stopwatch(): () => number {
  let last = performance.now();
  return () => {
    const now = performance.now();
    const passed = now - last;
    last = now;
    return passed;
  };
}
