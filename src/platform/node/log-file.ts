// A log file: lines are gathered for the length of one turn and appended with one write, in order. It can be opened
// again under its name after somebody has moved it away (php-fpm: SIGUSR1).

import { closeSync, openSync, writeSync } from "node:fs";

/** Characters that are held back at most before they are written at once. */
const MOST_HELD = 256 * 1024;

/** php-fpm's mode of a new log file. */
const MODE = 0o600;

export class LogFile {
  readonly path: string;
  readonly #encoding: BufferEncoding;
  #descriptor: number;
  #held: string[] = [];
  #heldLength = 0;
  #planned = false;
  #failed = false;

  /**
   * Opens the file for appending; `/proc/self/fd/2`, `/dev/stderr` and the like are files too.
   *
   * @param encoding `latin1` for byte strings, the default `utf8` for text
   * @throws {Error} with the system's code when it cannot be opened
   */
  constructor(path: string, encoding: BufferEncoding = "utf8") {
    this.path = path;
    this.#encoding = encoding;
    this.#descriptor = openSync(path, "a", MODE);
  }

  /** Appends text that ends with a line end. Does not throw: a disk that is full must not stop the pool. */
  write(text: string): void {
    this.#held.push(text);
    this.#heldLength += text.length;
    if (this.#heldLength >= MOST_HELD) this.flush();
    else if (!this.#planned) {
      this.#planned = true;
      setImmediate(() => {
        this.#planned = false;
        this.flush();
      });
    }
  }

  /** Writes what is held back. */
  flush(): void {
    if (this.#held.length === 0) return;
    const bytes = Buffer.from(this.#held.join(""), this.#encoding);
    this.#held = [];
    this.#heldLength = 0;
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor, bytes, at);
      this.#failed = false;
    } catch (error) {
      // Told once, where it can still be read.
      if (!this.#failed) process.stderr.write(`${this.path} cannot be written: ${(error as Error).message}\n`);
      this.#failed = true;
    }
  }

  /**
   * Opens the file of that name again: a new one where the old one was moved away.
   *
   * @throws {Error} with the system's code when it cannot be opened; the old one stays open then
   */
  reopen(): void {
    this.flush();
    const old = this.#descriptor;
    this.#descriptor = openSync(this.path, "a", MODE);
    closeSync(old);
  }

  /** Writes what is held back and closes. Not to be used afterwards. */
  close(): void {
    this.flush();
    closeSync(this.#descriptor);
  }
}
