// The bytes that a connection has queued for its peer: small records joined in one buffer, large content left in place.

import {
  encodeHeader,
  encodeStreamEnd,
  HEADER_LENGTH,
  MAX_CONTENT_LENGTH_SENT,
  paddingFor,
  type RecordType,
} from "../codec/index.ts";

/** Content up to this many bytes is copied; beyond, a chunk of its own costs less than the copy. */
export const MAX_COPIED: number = 16 * 1024;

/** Room for small records: the first buffer of a turn, and the largest. A lone END_REQUEST takes 16 bytes. */
const FIRST_ROOM = 512;
const MOST_ROOM = 16 * 1024;

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
    this.record(encodeStreamEnd(type, requestId));
  }

  /** Hands over everything queued, in order. */
  take(): readonly Uint8Array[] {
    this.#seal();
    this.#open = new Uint8Array(0);
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
      this.#open = new Uint8Array(length + this.#room);
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
