// One request's output on its way out of the interpreter: pairs up the pieces of C's buffered writes, tells log
// messages from plain stderr, holds back nothing that PHP flushed, and drops what nobody may see any more.

import { bytesToByteString, concat } from "../codec/index.ts";
import { type PhpHeaders, parseHeaders } from "./headers.ts";
import type { PhpOutput } from "./runtime.ts";

/** "Broken pipe" in the numbers of WASI, which Emscripten uses. */
const EPIPE = 64;

const EMPTY = new Uint8Array(0);

/**
 * C's stdio writes its buffer and the new bytes as two pieces, one of them often empty: (buffer, nothing) is a flush,
 * (buffer, new) an overflow, (nothing, new) a large write. A single piece is a write around the buffer. Pieces that
 * belong together leave as one chunk; a piece that waits for its second half leaves at the latest when PHP yields.
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
  #direct = false;
  #errors: Uint8Array = EMPTY;
  #scheduled = false;
  #bodyLength = 0;
  #finished = false;
  #abort: "no" | "asked" | "told" = "no";

  constructor(output: PhpOutput, ErrnoError: new (errno: number) => Error) {
    this.#output = output;
    this.#ErrnoError = ErrnoError;
  }

  headers(chunk: Uint8Array): void {
    if (chunk.length === 0 || this.#headers !== undefined) return;
    this.#headerText += bytesToByteString(chunk);
    this.#headers = parseHeaders(this.#headerText);
  }

  stdout(chunk: Uint8Array): void {
    if (this.#abort !== "no") {
      // Failing once is what makes PHP notice; failing again would make its write loop spin for ever.
      const first = this.#abort === "asked";
      this.#abort = "told";
      if (first) throw new this.#ErrnoError(EPIPE);
      return;
    }
    if (chunk.length === 0) {
      if (this.#held.length > 0) this.#releaseStdout();
      else this.#direct = true;
    } else if (this.#held.length > 0) {
      this.#held = concat([this.#held, chunk]);
      this.#releaseStdout();
    } else {
      this.#held = chunk.slice();
      if (this.#direct) this.#releaseStdout();
      else this.#schedule();
    }
  }

  stderr(chunk: Uint8Array): void {
    if (chunk.length > 0) {
      this.#errors = this.#errors.length > 0 ? concat([this.#errors, chunk]) : chunk.slice();
      this.#schedule();
      return;
    }
    // Only C's own printing ends with an empty piece, and only log messages are printed so, each with its line end.
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
    this.flush();
    this.#giveHeaders(0);
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
    this.flush();
    this.#giveHeaders(exitStatus);
  }

  /** Lets go of every piece that waits for a second half. */
  flush(): void {
    this.#releaseStdout();
    this.#releaseStderr();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  #releaseStdout(): void {
    const chunk = this.#held;
    this.#held = EMPTY;
    this.#direct = false;
    if (chunk.length === 0 || this.#finished || this.#abort !== "no") return;
    this.#giveHeaders(0);
    this.#bodyLength += chunk.length;
    this.#output.stdout(chunk);
  }

  #releaseStderr(): void {
    const chunk = this.#errors;
    this.#errors = EMPTY;
    if (chunk.length > 0) this.#output.stderr(chunk);
  }

  /** PHP leaves the status at 200 when a script dies before its first output: php-fpm's answer is 500. */
  #giveHeaders(exitStatus: number): void {
    if (this.#headersGiven) return;
    this.#headersGiven = true;
    const { status, lines } = this.#headers ?? { status: 200, lines: [] };
    this.#output.headers(exitStatus === FATAL && status === 200 && this.#bodyLength === 0 ? 500 : status, lines);
  }
}

/** Exit status of PHP after a fatal error or an exception that nobody caught. */
const FATAL = 255;
