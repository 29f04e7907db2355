// A FastCGI application under test, and our own web-server connection to it. Both targets, real php-fpm 8.2 and ours, are
// started from the same php-fpm.conf and the same php.ini.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bytesToByteString, concat, type Pair, utf8ToByteString } from "../../src/codec/index.ts";
import { connectExchange } from "../../src/transport/connect-exchange.ts";
import type { Exchange, ExchangeEnd } from "../../src/transport/exchange.ts";
import { connectAddress } from "../../src/transport/node/connect.ts";
import { peerPath } from "../peers/peer.ts";
import { Program } from "../peers/program.ts";
import { makeScratch } from "../peers/scratch.ts";

const COMMAND = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** Longest wait for one answer, in milliseconds. */
const PATIENCE = 20_000;

export type TargetName = "php-fpm" | "edge-fpm";

export interface TargetOptions {
  /** Lines of the pool's section. */
  readonly pool?: readonly string[];
  /** Lines of php.ini. */
  readonly ini?: readonly string[];
}

/** A request as a test words it. */
export interface Ask {
  /** Script below the target's folder: SCRIPT_FILENAME, and SCRIPT_NAME unless `params` has it. */
  readonly script: string;
  /** Params, over the usual ones. `undefined` leaves one out. */
  readonly params?: Readonly<Record<string, string | undefined>>;
  /** Sent as STDIN, with its CONTENT_LENGTH. */
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal;
  /** Told each chunk of STDOUT as it comes. */
  readonly onStdout?: (text: string) => void;
}

export interface Answer {
  /** Of the `Status:` line, 200 without one. */
  readonly status: number;
  /** The whole header block, lines ended by "\r\n". */
  readonly head: string;
  readonly body: string;
  readonly stderr: string;
  readonly end: ExchangeEnd;
  header(name: string): string | undefined;
  json(): unknown;
}

/** A running target. */
export class Target {
  readonly name: TargetName;
  /** Its folder of scripts. */
  readonly folder: string;
  readonly #exchange: Exchange;
  readonly #program: Program;
  readonly #remove: () => void;

  private constructor(name: TargetName, folder: string, exchange: Exchange, program: Program, remove: () => void) {
    this.name = name;
    this.folder = folder;
    this.#exchange = exchange;
    this.#program = program;
    this.#remove = remove;
  }

  static async start(name: TargetName, options: TargetOptions = {}): Promise<Target> {
    const scratch = makeScratch(`wire-${name}`);
    const socket = join(scratch.path, "fpm.sock");
    const folder = join(scratch.path, "www");
    mkdirSync(folder);
    mkdirSync(join(scratch.path, "sessions"), { mode: 0o777 });
    const conf = join(scratch.path, "php-fpm.conf");
    writeFileSync(conf, configuration(scratch.path, socket, options));
    const ini = join(scratch.path, "php.ini");
    writeFileSync(
      ini,
      [...INI, `session.save_path = ${join(scratch.path, "sessions")}`, ...(options.ini ?? []), ""].join("\n"),
    );
    const program =
      name === "php-fpm"
        ? new Program(peerPath("php-fpm8.2"), ["-F", "-O", "-y", conf, "-c", ini, ...(isRoot() ? ["-R"] : [])])
        : new Program(process.execPath, [
            COMMAND,
            "fpm",
            "-F",
            "-y",
            conf,
            "-c",
            ini,
            "--php",
            "8.2",
            ...(isRoot() ? ["-R"] : []),
          ]);
    try {
      await program.waitForSocket({ path: socket });
    } catch (error) {
      await program.stop("SIGKILL");
      throw error;
    }
    const exchange = connectExchange(connectAddress({ type: "unix", path: socket }), { readTimeout: 0 });
    return new Target(name, folder, exchange, program, () => scratch.remove());
  }

  /** Writes a file below the folder. PHP code gets its opening tag. */
  write(path: string, content: string): string {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, path.endsWith(".php") ? `<?php ${content}` : content);
    return file;
  }

  /** Writes code as a script and asks for it. */
  php(code: string, ask: Omit<Ask, "script"> = {}): Promise<Answer> {
    this.write("script.php", code);
    return this.ask({ script: "script.php", ...ask });
  }

  async ask(ask: Ask): Promise<Answer> {
    const body = typeof ask.body === "string" ? Buffer.from(ask.body) : ask.body;
    const params: Record<string, string | undefined> = {
      SCRIPT_FILENAME: join(this.folder, ask.script),
      SCRIPT_NAME: `/${ask.script}`,
      DOCUMENT_ROOT: this.folder,
      REQUEST_METHOD: body === undefined ? "GET" : "POST",
      QUERY_STRING: "",
      SERVER_PROTOCOL: "HTTP/1.1",
      CONTENT_LENGTH: body === undefined ? undefined : String(body.length),
      ...ask.params,
    };
    const pairs: Pair[] = [];
    for (const [name, value] of Object.entries(params)) {
      if (value !== undefined) pairs.push([name, utf8ToByteString(value)]);
    }
    const out: Uint8Array[] = [];
    const err: Uint8Array[] = [];
    const patience = AbortSignal.timeout(PATIENCE);
    const end = await this.#exchange(
      { role: "responder", params: pairs, ...(body === undefined ? {} : { stdin: new Uint8Array(body) }) },
      {
        stdout(chunk) {
          out.push(chunk.slice());
          ask.onStdout?.(bytesToByteString(chunk));
        },
        stderr: (chunk) => void err.push(chunk.slice()),
      },
      ask.signal === undefined ? patience : AbortSignal.any([patience, ask.signal]),
    );
    return answer(bytesToByteString(concat(out)), bytesToByteString(concat(err)), end);
  }

  log(): string {
    return this.#program.output();
  }

  async stop(): Promise<void> {
    await this.#program.stop();
    this.#remove();
  }
}

/** Settings that both need to be alike: Debian's php.ini and our defaults differ. */
const INI: readonly string[] = [
  "display_errors = 0",
  "log_errors = 1",
  "html_errors = 0",
  "error_reporting = E_ALL",
  "output_buffering = 0",
  "variables_order = GPCS",
  "register_argc_argv = 0",
  "memory_limit = 64M",
  "post_max_size = 1M",
  "upload_max_filesize = 100K",
  "date.timezone = UTC",
];

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function configuration(scratch: string, socket: string, options: TargetOptions): string {
  return [
    "[global]",
    `error_log = ${join(scratch, "error.log")}`,
    "daemonize = no",
    "[www]",
    ...(isRoot() ? ["user = root", "group = root"] : []),
    `listen = ${socket}`,
    "pm = static",
    "pm.max_children = 1",
    "catch_workers_output = yes",
    ...(options.pool ?? []),
    "",
  ].join("\n");
}

function answer(text: string, stderr: string, end: ExchangeEnd): Answer {
  const blank = text.indexOf("\r\n\r\n");
  const head = blank < 0 ? "" : text.slice(0, blank + 2);
  const body = blank < 0 ? text : text.slice(blank + 4);
  const header = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)\\r$`, "im").exec(head)?.[1];
  return {
    status: Number(/^\d+/.exec(header("Status") ?? "200")?.[0]),
    head,
    body,
    stderr,
    end,
    header,
    json: () => JSON.parse(body) as unknown,
  };
}
