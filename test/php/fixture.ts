// A real interpreter for the tests of this folder, in the test's own thread, with a folder of scripts on disk.

import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Pair, utf8ToByteString } from "../../src/codec/index.ts";
import type { PhpHost, PhpServices } from "../../src/php/host.ts";
import type { PhpOutput } from "../../src/php/runtime.ts";
import { createLockTable, type LockTable } from "../../src/platform/node/file-locks.ts";
import { bootInterpreter, type InterpreterSettings } from "../../src/platform/node/interpreter.ts";
import { loadPhpGlue } from "../../src/platform/node/load-glue.ts";
import { choosePhpVersion, phpPackageUrl } from "../../src/platform/node/php-versions.ts";

const compiled = new Map<string, Promise<WebAssembly.Module>>();

function compile(url: string): Promise<WebAssembly.Module> {
  const known = compiled.get(url);
  if (known !== undefined) return known;
  const module = loadPhpGlue(url).then((glue) => WebAssembly.compile(readFileSync(glue.dependencyFilename)));
  compiled.set(url, module);
  return module;
}

/** A folder of its own below the system's temporary one. */
export class Scratch implements Disposable {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), "edge-fpm-php-")));

  /** Writes a file and returns its path. */
  write(name: string, content: string | Uint8Array): string {
    const path = join(this.root, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

export interface Answer {
  readonly status: number;
  readonly lines: readonly string[];
  /** Every chunk as a byte string. */
  readonly chunks: readonly string[];
  readonly body: string;
  readonly stderr: string;
  readonly log: readonly string[];
  /** Exit status of the script. */
  readonly exit: number;
  /** What happened, in order: "headers", "stdout:...", "finish". */
  readonly events: readonly string[];
}

export interface RunOptions {
  readonly params?: Record<string, string>;
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal;
  readonly onStdout?: (chunk: string) => void;
}

export interface BootSettings extends Partial<Omit<InterpreterSettings, "wasm" | "glueUrl">> {
  readonly php?: string;
  readonly locks?: LockTable;
}

/** An interpreter and its folder. */
export class Fixture implements Disposable {
  readonly scratch: Scratch;
  readonly host: PhpHost;
  #scripts = 0;

  constructor(host: PhpHost, scratch: Scratch) {
    this.host = host;
    this.scratch = scratch;
  }

  static async boot(settings: BootSettings = {}, services: PhpServices = {}): Promise<Fixture> {
    const scratch = new Scratch();
    for (const part of ["sessions", "uploads", "tmp"])
      mkdirSync(join(scratch.root, "shared", part), { recursive: true });
    const { php, ...rest } = settings;
    const glueUrl = phpPackageUrl(choosePhpVersion(php));
    const host = await bootInterpreter(
      {
        glueUrl,
        wasm: await compile(glueUrl),
        ini: {},
        env: { USER: "tester", HOME: "/home/tester" },
        mounts: [scratch.root],
        network: false,
        processId: 1,
        locks: createLockTable(),
        sharedDirectory: join(scratch.root, "shared"),
        ...rest,
      },
      services,
    );
    return new Fixture(host, scratch);
  }

  /** Writes the code as a script and runs it. */
  php(code: string, options: RunOptions = {}): Promise<Answer> {
    return this.run(this.scratch.write(`script-${++this.#scripts}.php`, `<?php ${code}`), options);
  }

  async run(path: string, options: RunOptions = {}): Promise<Answer> {
    const scriptFilename = utf8ToByteString(path);
    const params: Record<string, string> = {
      SCRIPT_FILENAME: scriptFilename,
      SCRIPT_NAME: "/script.php",
      REQUEST_METHOD: options.body === undefined ? "GET" : "POST",
      QUERY_STRING: "",
      SERVER_SOFTWARE: "test",
      SERVER_PORT: "80",
      ...(options.body !== undefined && { CONTENT_LENGTH: String(options.body.length) }),
      ...options.params,
    };
    let status = 0;
    let lines: readonly string[] = [];
    const chunks: string[] = [];
    const log: string[] = [];
    const events: string[] = [];
    let stderr = "";
    const output: PhpOutput = {
      headers(code, given) {
        status = code;
        lines = given;
        events.push("headers");
      },
      stdout(chunk) {
        const text = Buffer.from(chunk).toString("latin1");
        chunks.push(text);
        events.push(`stdout:${text}`);
        options.onStdout?.(text);
      },
      stderr(chunk) {
        stderr += Buffer.from(chunk).toString("latin1");
      },
      log: (message) => log.push(message),
      finishRequest: () => events.push("finish"),
    };
    const request = {
      scriptFilename,
      params: Object.entries(params) as Pair[],
      body: options.body ?? new Uint8Array(),
    };
    const { status: exit } = await this.host.run(request, output, options.signal);
    return { status, lines, chunks, body: chunks.join(""), stderr, log, exit, events };
  }

  [Symbol.dispose](): void {
    this.scratch[Symbol.dispose]();
  }
}
