// The bytes that a connection has queued for its peer: small records joined in one buffer, large content left in place.

import {
  encodeHeader,
  HEADER_LENGTH,
  MAX_CONTENT_LENGTH_SENT,
  type Pair,
  paddingFor,
  RecordType,
  splitParams,
  writeParams,
} from "../codec/index.ts";

/** Content up to this many bytes is copied; beyond, a chunk of its own costs less than the copy. */
export const MAX_COPIED: number = 16 * 1024;

/** Room for small records: the first buffer of a turn, and the largest. A lone END_REQUEST takes 16 bytes. */
const FIRST_ROOM = 512;
const MOST_ROOM = 16 * 1024;

/** Least size of a buffer: making one costs more than filling it, so it is cut up for the records of several turns. */
const LEAST_SIZE = 8 * 1024;

/** Output of one connection. Buffers handed out are never written to again. */
export class Output {
  #chunks: Uint8Array[] = [];
  #open = new Uint8Array(0);
  #used = 0;
  #room = FIRST_ROOM;

  /** Queues a whole record, copied. */
  record(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#open.set(bytes, at);
  }

  /**
   * Queues a piece of a stream as one or more padded records; nothing when it is empty. Content of more than 16 KiB is
   * not copied: it must not change until it is sent.
   */
  stream(type: RecordType, requestId: number, content: Uint8Array): void {
    for (let start = 0; start < content.length; start += MAX_CONTENT_LENGTH_SENT) {
      const whole = start === 0 && content.length <= MAX_CONTENT_LENGTH_SENT;
      const part = whole ? content : content.subarray(start, start + MAX_CONTENT_LENGTH_SENT);
      const padding = paddingFor(part.length);
      if (part.length <= MAX_COPIED) {
        const at = this.#reserve(HEADER_LENGTH + part.length + padding);
        this.#open.set(part, encodeHeader(this.#open, at, type, requestId, part.length, padding));
      } else {
        const at = this.#reserve(HEADER_LENGTH);
        encodeHeader(this.#open, at, type, requestId, part.length, padding);
        this.#seal();
        this.#chunks.push(part);
        // A fresh buffer holds zeros, and what is reserved of it is written once: padding needs no writing.
        if (padding > 0) this.#reserve(padding);
      }
    }
  }

  /** Queues the empty record that ends a stream. */
  streamEnd(type: RecordType, requestId: number): void {
    const at = this.#reserve(HEADER_LENGTH);
    encodeHeader(this.#open, at, type, requestId, 0, 0);
  }

  /**
   * Queues BEGIN_REQUEST, params and their end.
   *
   * @param begin the whole record
   * @throws {LocalProtocolError} as `encodeParams`; nothing is queued then
   */
  request(begin: Uint8Array, requestId: number, params: readonly Pair[]): void {
    const chunks = this.#chunks.length;
    const open = this.#open;
    const used = this.#used;
    try {
      this.record(begin);
      splitParams(params, (first, last, size) => {
        const padding = paddingFor(size);
        const at = this.#reserve(HEADER_LENGTH + size + padding);
        writeParams(
          this.#open,
          encodeHeader(this.#open, at, RecordType.PARAMS, requestId, size, padding),
          params,
          first,
          last,
        );
      });
      this.streamEnd(RecordType.PARAMS, requestId);
    } catch (error) {
      this.#chunks.length = chunks;
      // What is behind was written to, and room must be zeros.
      this.#open = open.subarray(0, used);
      this.#used = used;
      throw error;
    }
  }

  /** Hands over everything queued, in order. */
  take(): readonly Uint8Array[] {
    this.#seal();
    this.#room = FIRST_ROOM;
    const chunks = this.#chunks;
    this.#chunks = [];
    return chunks;
  }

  /** Makes room and returns where it starts in `#open`. */
  #reserve(length: number): number {
    if (this.#open.length - this.#used < length) {
      this.#seal();
      // Room for what comes behind a large record too: most often it is END_REQUEST.
      this.#open = new Uint8Array(Math.max(length + this.#room, LEAST_SIZE));
      this.#room = Math.min(2 * this.#room, MOST_ROOM);
    }
    const at = this.#used;
    this.#used += length;
    return at;
  }

  /** Closes the part written so far; what remains of the buffer is used for the next records of this turn. */
  #seal(): void {
    if (this.#used === 0) return;
    this.#chunks.push(this.#open.subarray(0, this.#used));
    this.#open = this.#open.subarray(this.#used);
    this.#used = 0;
  }
}
