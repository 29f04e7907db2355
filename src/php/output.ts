// One request's output on its way out of the interpreter: gathers what a script prints until PHP flushes, tells log
// messages from plain stderr, and drops what nobody may see any more.

import { bytesToByteString, concat } from "../codec/index.ts";
import { microtask } from "../transport/microtask.ts";
import { type PhpHeaders, parseHeaders } from "./headers.ts";
import type { PhpOutput } from "./runtime.ts";

/** "Broken pipe" in the numbers of WASI, which Emscripten uses. */
const EPIPE = 64;

/** Exit status of PHP after a fatal error or an exception that nobody caught. */
const FATAL = 255;

/** Output gathered before it leaves unasked, in bytes: php-fpm's buffer has this size too. */
const MOST_HELD = 8 * 1024;

/** Output older than this leaves with the next one, in milliseconds: a slow page is seen to grow. */
const LONGEST_HELD = 50;

/** Microtasks between the end of a script and the call of `end`, with room to spare: the glue awaits a few promises. */
const TURNS_TO_END = 12;

const EMPTY = new Uint8Array(0);

/**
 * PHP writes every `echo` by itself. Here they are gathered, and leave when the script flushes, when there is enough of
 * it, when the script waits for something, and at the end.
 */
export class OutputCapture {
  readonly #output: PhpOutput;
  readonly #ErrnoError: new (
    errno: number,
  ) => Error;
  #headerText = "";
  #headers: PhpHeaders | undefined;
  #headersGiven = false;
  #held: Uint8Array = EMPTY;
  #heldLength = 0;
  #heldSince = 0;
  #errors: Uint8Array = EMPTY;
  #scheduled = false;
  #bodyLength = 0;
  #finished = false;
  #abort: "no" | "asked" | "told" = "no";

  readonly #statusLine: (status: number) => string | undefined;
  #ownLine: string | undefined;

  /** @param statusLine the status line that the script gave itself, asked when PHP sends its headers */
  constructor(
    output: PhpOutput,
    ErrnoError: new (errno: number) => Error,
    statusLine: (status: number) => string | undefined = () => undefined,
  ) {
    this.#output = output;
    this.#statusLine = statusLine;
    this.#ErrnoError = ErrnoError;
  }

  /** Whether PHP has sent its headers. */
  get headersSent(): boolean {
    return this.#headers !== undefined;
  }

  /** A message of the host, for PHP's error log. */
  log(message: string): void {
    this.#output.log(message);
  }

  headers(chunk: Uint8Array): void {
    if (chunk.length === 0 || this.#headers !== undefined) return;
    this.#headerText += bytesToByteString(chunk);
    this.#headers = parseHeaders(this.#headerText);
    if (this.#headers !== undefined) this.#ownLine = this.#statusLine(this.#headers.status);
  }

  stdout(chunk: Uint8Array): void {
    if (this.#abort !== "no") {
      // Failing once is what makes PHP notice; failing again would make its write loop spin for ever.
      const first = this.#abort === "asked";
      this.#abort = "told";
      if (first) throw new this.#ErrnoError(EPIPE);
      return;
    }
    if (this.#finished) return;
    if (this.#heldLength + chunk.length > MOST_HELD) this.#releaseStdout();
    if (chunk.length > MOST_HELD) {
      this.#give(chunk.slice(), false);
      return;
    }
    const now = performance.now();
    if (this.#heldLength === 0) {
      this.#held = new Uint8Array(MOST_HELD);
      this.#heldSince = now;
      this.#schedule();
    }
    this.#held.set(chunk, this.#heldLength);
    this.#heldLength += chunk.length;
    if (now - this.#heldSince > LONGEST_HELD) this.#releaseStdout();
  }

  /** C prints in pieces, the last of them empty; a script's own write to `php://stderr` is one piece. */
  stderr(chunk: Uint8Array): void {
    if (chunk.length > 0) {
      this.#errors = this.#errors.length > 0 ? concat([this.#errors, chunk]) : chunk.slice();
      this.#schedule();
      return;
    }
    // Only log messages are printed by C, each with its line end.
    const length = this.#errors.length;
    if (length > 0 && this.#errors[length - 1] === 0x0a) {
      const message = bytesToByteString(this.#errors.subarray(0, length - 1));
      this.#errors = EMPTY;
      this.#output.log(message);
    } else {
      this.#releaseStderr();
    }
  }

  /** `fastcgi_finish_request()`. @returns false when it was called before */
  finish(): boolean {
    if (this.#finished) return false;
    this.end(0);
    this.#finished = true;
    this.#output.finishRequest();
    return true;
  }

  /** The visitor went away: the next write fails. */
  abort(): void {
    if (this.#abort === "no") this.#abort = "asked";
  }

  /** The script ended with `exitStatus`. */
  end(exitStatus: number): void {
    this.#releaseStderr();
    this.#releaseStdout(true);
    this.#giveHeaders(exitStatus);
  }

  /** Lets go of everything held, headers that PHP has sent too. */
  flush(): void {
    this.#releaseStderr();
    this.#releaseStdout();
    if (this.#headers !== undefined) this.#giveHeaders(0, false);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // Runs as soon as the script waits for something, not before: until then the thread is PHP's. When the script did
    // not wait but end, `end` must come first, so that its last output and the end of the request travel together.
    let turns = TURNS_TO_END;
    const turn = () => {
      if (--turns > 0) return microtask(turn);
      this.#scheduled = false;
      this.#releaseStderr();
      this.#releaseStdout();
    };
    microtask(turn);
  }

  #releaseStdout(last = false): void {
    if (this.#heldLength === 0) return;
    const chunk = this.#held.subarray(0, this.#heldLength);
    this.#held = EMPTY;
    this.#heldLength = 0;
    this.#give(chunk, last);
  }

  #give(chunk: Uint8Array, last: boolean): void {
    if (this.#finished || this.#abort !== "no") return;
    this.#giveHeaders(0);
    this.#bodyLength += chunk.length;
    this.#output.stdout(chunk, last);
  }

  #releaseStderr(): void {
    const chunk = this.#errors;
    this.#errors = EMPTY;
    if (chunk.length > 0) this.#output.stderr(chunk);
  }

  /** PHP leaves the status at 200 when a script dies before its first output: php-fpm's answer is 500. */
  #giveHeaders(exitStatus: number, more = true): void {
    if (this.#headersGiven) return;
    this.#headersGiven = true;
    const { status, lines } = this.#headers ?? { status: 200, lines: [] };
    const died = exitStatus === FATAL && status === 200 && this.#bodyLength === 0;
    const reason = died ? undefined : /^\S+ +\d+ +(.*)$/.exec(this.#ownLine ?? "")?.[1];
    this.#output.headers(died ? 500 : status, lines, more, reason);
  }
}
