// The capture file that the proxy writes while connections run: whole after every packet, so a stop at any time
// leaves a file that opens.

import { closeSync, openSync, writeSync } from "node:fs";
import type { Direction } from "../capture/capture.ts";
import { type PcapngConnection, PcapngWriter } from "../capture/pcapng-write.ts";
import { CliError, messageOf } from "./failure.ts";

/** A file being written. Writing is synchronous: what was forwarded is in the file. */
export class CaptureFile {
  readonly #path: string;
  readonly #descriptor: number;
  readonly #writer = new PcapngWriter();
  readonly #onFailure: (message: string) => void;
  #failed = false;
  #bytes = 0;

  /**
   * @param onFailure told once when writing fails, as on a full disk: the connections go on
   * @throws {CliError} when the file cannot be made
   */
  constructor(path: string, onFailure: (message: string) => void) {
    this.#path = path;
    this.#onFailure = onFailure;
    try {
      this.#descriptor = openSync(path, "w", 0o600);
    } catch (error) {
      throw new CliError(`Cannot write ${path}: ${messageOf(error)}`, { exitCode: 2, cause: error });
    }
    this.#append(this.#writer.start());
  }

  /** Bytes written. */
  get bytes(): number {
    return this.#bytes;
  }

  connect(comment: string): CapturedSocket {
    const connection = this.#writer.connect(now(), { comment });
    this.#append(connection.opening);
    return new CapturedSocket(connection, (bytes) => this.#append(bytes));
  }

  close(): void {
    if (!this.#failed) closeSync(this.#descriptor);
    this.#failed = true;
  }

  #append(bytes: Uint8Array): void {
    if (this.#failed || bytes.length === 0) return;
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor, bytes, at);
      this.#bytes += bytes.length;
    } catch (error) {
      this.#failed = true;
      closeSync(this.#descriptor);
      this.#onFailure(`Cannot write ${this.#path} any more: ${messageOf(error)}`);
    }
  }
}

/** One connection in the file. */
export class CapturedSocket {
  readonly #connection: PcapngConnection;
  readonly #append: (bytes: Uint8Array) => void;

  constructor(connection: PcapngConnection, append: (bytes: Uint8Array) => void) {
    this.#connection = connection;
    this.#append = append;
  }

  bytes(direction: Direction, chunk: Uint8Array): void {
    this.#append(this.#connection.data(direction, now(), chunk));
  }

  end(direction: Direction): void {
    this.#append(this.#connection.end(direction, now()));
  }

  reset(direction: Direction): void {
    this.#append(this.#connection.reset(direction, now()));
  }
}

/** Milliseconds since 1970, with fractions. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
