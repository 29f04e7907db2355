// A raw connection, as the page has it.

import { decodeRecord, type FastCgiRecord } from "../../src/codec/index.ts";
import type { ToServer } from "./protocol.ts";
import { RecordCutter } from "./record-cutter.ts";
import type { RawConnection, RawError, RawRecord } from "./types.ts";

/** Records and errors kept of one connection. */
const MOST = 10_000;

/** Reads whole records, padding included, as objects. @throws {FastCgiError} when the content is no such thing */
export function readRecord(bytes: Uint8Array): FastCgiRecord {
  const [, type = 0, high = 0, low = 0, lengthHigh = 0, lengthLow = 0] = bytes;
  return decodeRecord(type, high * 256 + low, bytes, 8, 8 + lengthHigh * 256 + lengthLow);
}

export class PageRawConnection implements RawConnection {
  readonly connection: number;
  readonly records: RawRecord[] = [];
  readonly errors: RawError[] = [];
  readonly closed: Promise<{ readonly error?: string }>;
  ended = false;
  readonly #post: (message: ToServer, transfer: Transferable[]) => void;
  readonly #cutter = new RecordCutter();
  readonly #listeners = new Set<() => void>();
  readonly #settle: (end: { readonly error?: string }) => void;

  constructor(connection: number, post: (message: ToServer, transfer: Transferable[]) => void) {
    this.connection = connection;
    this.#post = post;
    const closed = Promise.withResolvers<{ readonly error?: string }>();
    this.closed = closed.promise;
    this.#settle = closed.resolve;
  }

  send(bytes: Uint8Array): void {
    const own = bytes.slice();
    this.#post({ type: "raw-send", connection: this.connection, bytes: own }, [own.buffer]);
  }

  close(): void {
    this.#post({ type: "raw-close", connection: this.connection, reset: false }, []);
  }

  reset(): void {
    this.#post({ type: "raw-close", connection: this.connection, reset: true }, []);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  until(test: (connection: RawConnection) => boolean, timeout: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (held: boolean) => {
        clearTimeout(timer);
        forget();
        resolve(held);
      };
      const timer = setTimeout(() => settle(false), timeout);
      const forget = this.onChange(() => {
        if (test(this)) settle(true);
      });
      if (test(this)) settle(true);
    });
  }

  received(chunk: Uint8Array): void {
    this.#cutter.push(chunk, this.#take);
    this.#changed();
  }

  complained(code: string, message: string): void {
    if (this.errors.length < MOST) this.errors.push({ time: now(), code, message });
    this.#changed();
  }

  over(error: string | undefined): void {
    this.#cutter.end(this.#take);
    this.ended = true;
    this.#settle(error === undefined ? {} : { error });
    this.#changed();
  }

  readonly #take = (bytes: Uint8Array, isRecord: boolean): void => {
    if (this.records.length >= MOST) return;
    let record: FastCgiRecord | undefined;
    try {
      record = isRecord ? readRecord(bytes) : undefined;
    } catch {
      // The bytes are shown all the same.
    }
    this.records.push({ time: now(), bytes, record });
  };

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

function now(): number {
  return performance.timeOrigin + performance.now();
}
