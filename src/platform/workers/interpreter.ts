// The one interpreter of an isolate: booted once, brought back to its first state for every child that follows, since
// an isolate cannot be thrown away.

import { bootPhp } from "../../php/boot.ts";
import type { DurableFiles } from "../../php/durable/durable-files.ts";
import { PhpError } from "../../php/errors.ts";
import type { PhpGlue, PhpModule } from "../../php/glue.ts";
import { PhpHost, type PhpServices } from "../../php/host.ts";
import { MemorySnapshot, type Packing } from "../../php/snapshot.ts";
import { Suspensions } from "../../php/suspensions.ts";
import { GROWN, MemoryBudget } from "./memory-budget.ts";
import { resolveName, TcpWebSocket } from "./tcp-web-socket.ts";

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
  /** Compresses the snapshot when memory is short. */
  readonly packing: Packing;
  /** Requests after which memory is brought back; 0 never. */
  readonly maxRequests: number;
}

/** How the interpreter came to be ready: for the log and for figures. */
export interface Start {
  readonly how: "booted" | "restored" | "resident";
  readonly milliseconds: number;
  /** Parts of a boot, in milliseconds. */
  readonly parts?: Readonly<Record<"module" | "probe" | "snapshot", number>>;
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
  #module: PhpModule | undefined;
  #snapshot: MemorySnapshot | undefined;
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
    if (this.#module === undefined || this.#snapshot === undefined || used === undefined) {
      const { host, parts } = await this.#boot(services);
      this.#renew(host);
      return done("booted", host, parts);
    }
    if (!this.#worn(used)) return done("resident", used);
    this.#suspensions.abandon();
    this.#snapshot.restore(this.#module);
    const host = new PhpHost(this.#module, services, used.options);
    this.#renew(host);
    return done("restored", host);
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

  async #boot(services: PhpServices): Promise<{ host: PhpHost; parts: Required<Start>["parts"] }> {
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

  async #bootAlone(services: PhpServices): Promise<{ host: PhpHost; parts: Required<Start>["parts"] }> {
    const { glue, wasm, ini, certificates, environment, mount, files, archiveSize, packing } = this.#parts;
    const lap = stopwatch();
    const complaints: string[] = [];
    let module: PhpModule | undefined;
    const host = await bootPhp({
      glue: {
        init: (name, options) => {
          const guarded = { ...options, heapLimit: () => this.#budget.heapLimit() };
          return this.#suspensions.watch(() => glue.init(name, guarded));
        },
      },
      runtimeName: "WEB",
      wasm,
      ini: { text: ini, platform: PLATFORM_INI },
      env: environment,
      files: new Map([
        [CA_PATH, certificates],
        [CURL_CA_PATH, certificates],
        [PROBE_PATH, "<?php echo PHP_VERSION, ' ', PHP_SAPI;"],
      ]),
      WebSocketClass: TcpWebSocket,
      resolve: resolveName,
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
    });
    const booted = lap();
    await probe(host, complaints);
    const probed = lap();
    if (module === undefined) throw new PhpError("PHP_BOOT", "the module was never mounted");
    const snapshot = new MemorySnapshot(module);
    this.#budget.hold("snapshot", snapshot.size);
    this.#budget.onShortage(() => {
      while (snapshot.packSome(packing));
      this.#budget.hold("snapshot", snapshot.size);
    });
    this.#module = module;
    this.#snapshot = snapshot;
    return { host, parts: { module: booted, probe: probed, snapshot: lap() } };
  }
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
