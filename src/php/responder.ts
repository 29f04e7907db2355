// The FastCGI application in front of one interpreter: a request's records become a script's run, and its output
// becomes an answer as php-fpm gives it.

import { byteStringToBytes, concat, type Pair, type ProtocolStatus, type Role } from "../codec/index.ts";
import { PhpError } from "./errors.ts";
import type { ResponderOptions } from "./responder-options.ts";
import { responseHead } from "./response-head.ts";
import type { PhpOutput, PhpRequest, PhpRuntime } from "./runtime.ts";
import { chooseScript, DEFAULT_EXTENSIONS } from "./script.ts";

export type { ResponderOptions };

/** What the responder needs of a request on an application link. */
export interface ResponderRequest {
  readonly role: Role | number;
  /** Byte strings. */
  readonly params: readonly Pair[];
  /** STDIN in chunks, each the reader's own. */
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Aborts when the web server gives the request up. */
  readonly signal: AbortSignal;
  /** @param more true when more output or the end follows at once: it may then travel in one write with it */
  stdout(chunk: Uint8Array, more?: boolean): void | Promise<void>;
  stderr(chunk: Uint8Array, more?: boolean): void | Promise<void>;
}

/** How a request ended, for END_REQUEST. */
export interface ResponderEnd {
  readonly applicationStatus: number;
  readonly protocolStatus: ProtocolStatus;
}

/** Tells the master that the script goes on after its answer ("1"), or that it ended ("0"). */
export const RUNNING = "EDGE_FPM_RUNNING";
/** Tells the master how many bytes of linear memory the interpreter holds. */
export const MEMORY = "EDGE_FPM_MEMORY";

const MAX_BODY_LENGTH = 128 * 1024 * 1024;

/** What is answered when the interpreter would not take a request, and is usable still. */
const REFUSALS: ReadonlyMap<string, { readonly status: number; readonly body: string }> = new Map([
  ["PHP_NO_MEMORY", { status: 503, body: "Service unavailable.\n" }],
  ["PHP_OPEN_BASEDIR", { status: 404, body: "No input file specified.\n" }],
]);

const COMPLETE: ResponderEnd = { applicationStatus: 0, protocolStatus: "request-complete" };

/** Serves one interpreter. Keep one for the interpreter's life: it remembers what the master was told. */
export class Responder {
  readonly #runtime: PhpRuntime;
  readonly #options: ResponderOptions;
  #announcedMemory = 0;
  #running: Promise<unknown> = Promise.resolve();

  constructor(runtime: PhpRuntime, options: ResponderOptions = {}) {
    this.#runtime = runtime;
    this.#options = options;
  }

  /**
   * Answers one request. Settles when the visitor's answer is complete: with `fastcgi_finish_request()` that is before
   * the script's end, and `RUNNING` was announced before.
   *
   * @throws {PhpError} when the interpreter broke before or during the request: what was sent is not a whole answer,
   *   and the interpreter must be replaced
   */
  async respond(request: ResponderRequest): Promise<ResponderEnd> {
    // php-fpm takes filters too, and throws the file away that a script of PHP has no way to read.
    if (request.role !== "responder" && request.role !== "authorizer") {
      return { applicationStatus: 0, protocolStatus: "unknown-role" };
    }
    const { extensions = DEFAULT_EXTENSIONS, fixPathInfo = true } = this.#options;
    const choice = chooseScript(request.params, { extensions, fixPathInfo }, (path) => this.#runtime.lookup(path));
    if (choice.type === "refuse") {
      request.stderr(byteStringToBytes(choice.log), true);
      return this.#answer(request, choice.status, choice.body);
    }
    const body = await readBody(request, this.#options.maxBodyLength ?? MAX_BODY_LENGTH);
    if (!(body instanceof Uint8Array)) {
      request.stderr(byteStringToBytes(body.log), true);
      return this.#answer(request, body.status, body.body);
    }
    const { scriptFilename, self } = choice;
    const params: readonly Pair[] =
      request.role === "authorizer" ? [...choice.params, ["FCGI_ROLE", "AUTHORIZER"]] : choice.params;
    return await this.#run(request, { scriptFilename, params, body, ...(self === undefined ? {} : { self }) });
  }

  #run(request: ResponderRequest, script: PhpRequest): Promise<ResponderEnd> {
    return new Promise((resolve, reject) => {
      const output = new RecordOutput(request, this.#options, () => {
        this.#options.announce?.([[RUNNING, "1"]]);
        resolve(COMPLETE);
      });
      const running = this.#runtime.run(script, output, request.signal);
      this.#running = running.catch(() => {});
      running.then(
        async ({ status }) => {
          this.#announceMemory();
          if (output.finished) this.#options.announce?.([[RUNNING, "0"]]);
          await output.drained();
          resolve({ ...COMPLETE, applicationStatus: status });
        },
        (error: unknown) => {
          const refusal = error instanceof PhpError ? REFUSALS.get(error.code) : undefined;
          if (error instanceof PhpError && refusal !== undefined) {
            request.stderr(byteStringToBytes(error.message), true);
            resolve(this.#answer(request, refusal.status, refusal.body));
          } else if (output.finished) {
            this.#options.onBroken?.(error);
          } else {
            reject(error);
          }
        },
      );
    });
  }

  /** Settles when no script runs, not even one that goes on after its answer. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /** An answer of the responder itself, in php-fpm's form. */
  async #answer(request: ResponderRequest, status: number, body: string): Promise<ResponderEnd> {
    const head = responseHead(status, [`X-Powered-By: PHP/${this.#runtime.version}`, CONTENT_TYPE]);
    await request.stdout(isHead(request.params) ? head : concat([head, byteStringToBytes(body)]), true);
    return COMPLETE;
  }

  #announceMemory(): void {
    const { memory } = this.#runtime;
    if (memory === this.#announcedMemory) return;
    this.#announcedMemory = memory;
    this.#options.announce?.([[MEMORY, String(memory)]]);
  }
}

const CONTENT_TYPE = "Content-type: text/html; charset=UTF-8";

/** A script's output on its way into records. */
class RecordOutput implements PhpOutput {
  readonly #request: ResponderRequest;
  readonly #options: ResponderOptions;
  readonly #onFinish: () => void;
  readonly #withBody: boolean;
  #head: Uint8Array | undefined;
  #messages = 0;
  #waiting: Promise<void> | undefined;
  finished = false;

  constructor(request: ResponderRequest, options: ResponderOptions, onFinish: () => void) {
    this.#request = request;
    this.#options = options;
    this.#onFinish = onFinish;
    this.#withBody = !isHead(request.params);
  }

  headers(status: number, lines: readonly string[], more: boolean, reason?: string): void {
    // With what follows, a small answer is one record.
    this.#head = responseHead(status, lines, reason);
    if (!more) this.#flushHead(false);
  }

  stdout(chunk: Uint8Array, last: boolean): void {
    const head = this.#head;
    this.#head = undefined;
    if (head === undefined) {
      if (this.#withBody) this.#sent(this.#request.stdout(chunk, last));
    } else {
      this.#sent(this.#request.stdout(this.#withBody ? concat([head, chunk]) : head, last));
    }
    this.#options.afterOutput?.();
  }

  stderr(chunk: Uint8Array): void {
    if (!this.finished) this.#sent(this.#request.stderr(chunk, true));
  }

  log(message: string): void {
    // php-fpm's form: the messages of a request follow one another with "; " and without line ends.
    this.stderr(byteStringToBytes(`${this.#messages++ === 0 ? "" : "; "}PHP message: ${message}`));
  }

  finishRequest(): void {
    this.#flushHead(true);
    this.finished = true;
    this.#onFinish();
  }

  /** Settles when everything was taken by the link. */
  async drained(): Promise<void> {
    if (!this.finished) this.#flushHead(true);
    await this.#waiting;
  }

  #flushHead(last: boolean): void {
    if (this.#head !== undefined) this.#sent(this.#request.stdout(this.#head, last));
    this.#head = undefined;
  }

  #sent(result: void | Promise<void>): void {
    if (result !== undefined) this.#waiting = result;
  }
}

/** A request that the responder answers itself. */
interface BodyProblem {
  readonly status: 400 | 411 | 413;
  readonly body: string;
  readonly log: string;
}

/** Reads exactly CONTENT_LENGTH bytes of STDIN. Without one the script sees no body, as with php-fpm. */
async function readBody(request: ResponderRequest, limit: number): Promise<Uint8Array | BodyProblem> {
  const declared = request.params.findLast(([name]) => name === "CONTENT_LENGTH")?.[1] ?? "";
  if (declared === "") return new Uint8Array(0);
  if (!/^\d{1,15}$/.test(declared)) {
    const log = `CONTENT_LENGTH is not a number of bytes: ${JSON.stringify(declared.slice(0, 40))}`;
    return { status: 400, body: "Bad request.\n", log };
  }
  const length = Number(declared);
  if (length > limit) {
    const log = `request body of ${length} bytes exceeds the limit of ${limit} bytes`;
    return { status: 413, body: "Request entity too large.\n", log };
  }
  if (length === 0) return new Uint8Array(0);
  const parts: Uint8Array[] = [];
  let received = 0;
  for await (const chunk of request.stdin) {
    const part = chunk.subarray(0, length - received);
    parts.push(part);
    received += part.length;
    // What comes beyond the declared length is no part of the body.
    if (received === length) break;
  }
  if (received < length) {
    const log = `STDIN ended after ${received} of the ${length} bytes that CONTENT_LENGTH declares`;
    return { status: 400, body: "Bad request.\n", log };
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : concat(parts);
}

function isHead(params: readonly Pair[]): boolean {
  return params.findLast(([name]) => name === "REQUEST_METHOD")?.[1] === "HEAD";
}
