// What an access log tells of an answer: its status, its headers, its bytes. Looks on while the answer passes by.

import { bytesToByteString, concat } from "../codec/index.ts";
import type { ExchangeSink } from "../transport/exchange.ts";

/** Longest header block that is kept to be looked into, in bytes; nginx takes 4 to 8 KiB by default. */
const LONGEST_HEAD = 32 * 1024;

const LF = 0x0a;
const CR = 0x0d;

/** A sink in front of another one. */
export class ResponseMeter implements ExchangeSink {
  readonly #sink: ExchangeSink;
  #kept: Uint8Array[] = [];
  #head: string | undefined;
  #bytes = 0;

  constructor(sink: ExchangeSink) {
    this.#sink = sink;
  }

  /** Bytes of STDOUT so far, the header block included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The status; undefined while the header block is not complete. 200 when it names none. */
  get status(): number | undefined {
    if (this.#head === undefined) return undefined;
    const status = /^\s*(\d{3})/.exec(this.header("status") ?? "")?.[1];
    if (status !== undefined) return Number(status);
    return this.header("location") === undefined ? 200 : 302;
  }

  /** A header, the first of that name in any case. */
  header(name: string): string | undefined {
    const wanted = name.toLowerCase();
    for (const line of (this.#head ?? "").split("\n")) {
      const colon = line.indexOf(":");
      if (colon > 0 && line.slice(0, colon).trim().toLowerCase() === wanted) return line.slice(colon + 1).trim();
    }
    return undefined;
  }

  stdout(chunk: Uint8Array): void | Promise<void> {
    this.#bytes += chunk.length;
    if (this.#head === undefined) this.#look(chunk);
    return this.#sink.stdout(chunk);
  }

  stderr(chunk: Uint8Array): void | Promise<void> {
    return this.#sink.stderr(chunk);
  }

  #look(chunk: Uint8Array): void {
    // A chunk is the meter's only during the call: what must live longer is copied.
    const bytes = this.#kept.length === 0 ? chunk : concat([...this.#kept, chunk]);
    const end = endOfHead(bytes);
    if (end !== -1 || bytes.length > LONGEST_HEAD) {
      this.#head = bytesToByteString(bytes, 0, end === -1 ? LONGEST_HEAD : end);
      this.#kept = [];
      return;
    }
    this.#kept.push(chunk.slice());
    if (this.#kept.length > 16) this.#kept = [concat(this.#kept)];
  }
}

/** Where the empty line begins; -1 when it has not come. */
function endOfHead(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at + 1] === LF || (bytes[at + 1] === CR && bytes[at + 2] === LF)) return at + 1;
  }
  return -1;
}
