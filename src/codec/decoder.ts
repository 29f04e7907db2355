// Cuts a byte stream into records without making objects of them: the inner interface of the codec.

import { HEADER_LENGTH, VERSION } from "./constants.ts";
import { LocalProtocolError, RemoteProtocolError } from "./errors.ts";

/**
 * Takes one record. Its content is `buffer` from `start` to `end` (exclusive); padding is already left out.
 *
 * `buffer` is the chunk itself when the content lies whole in it, else a buffer made for this one record: either way
 * the decoder never writes to it, so a view of it lives as long as the chunk does.
 */
export type RecordHandler = (type: number, requestId: number, buffer: Uint8Array, start: number, end: number) => void;

/** Up to this many bytes a loop copies faster than a view and `set`. */
const FEW_BYTES = 24;

/**
 * Decodes a stream of records (FastCGI 1.0, section 3.3) from chunks cut anywhere.
 *
 * Nothing is allocated for a record that lies whole in its chunk. One that is cut is copied once into a buffer of its
 * content's length (at most 65,535 bytes), so the cost is linear in the bytes however they are cut.
 */
export class RecordDecoder {
  /** The start of a header that is cut, `#headerLength` bytes of it. All 8 while its content is being collected. */
  readonly #header = new Uint8Array(HEADER_LENGTH);
  #headerLength = 0;
  /** The content of a record that is cut, `#contentLength` bytes of it. */
  #content: Uint8Array | undefined;
  #contentLength = 0;
  /** Padding bytes still to come and to be ignored. */
  #padding = 0;
  #failure: { readonly error: unknown } | undefined;
  #decoding = false;

  /**
   * Feeds bytes and calls `onRecord` for each record they complete, in order. A record is told as soon as its content
   * is complete: its padding may still be on the way.
   *
   * `onRecord` must not call `decode` of the same decoder. When it throws, the decoder is failed with that error, for
   * the rest of the chunk is lost. A failed decoder throws the same error at each further call.
   *
   * @throws {RemoteProtocolError} `FCGI_BAD_VERSION` when a header has another version than 1
   * @throws {LocalProtocolError} `FCGI_INVALID_CALL` when called from inside `onRecord`
   */
  decode(chunk: Uint8Array, onRecord: RecordHandler): void {
    if (this.#takeFew(chunk)) return;
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#decoding) {
      throw new LocalProtocolError("FCGI_INVALID_CALL", "RecordDecoder.decode() called by its own record handler");
    }
    this.#decoding = true;
    try {
      const from = this.#finishCut(chunk, onRecord);
      if (from < chunk.length) this.#keep(chunk, this.#decodeWhole(chunk, from, onRecord));
    } catch (error) {
      this.#failure = { error };
      throw error;
    } finally {
      this.#decoding = false;
    }
  }

  /** Whether the bytes so far end inside a record, its padding included. */
  get inRecord(): boolean {
    return this.#headerLength > 0 || this.#padding > 0;
  }

  /**
   * Says that the stream has ended.
   *
   * @throws {RemoteProtocolError} `FCGI_UNEXPECTED_END` when it ended inside a record (its padding included)
   */
  end(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (!this.inRecord) return;
    const error = new RemoteProtocolError("FCGI_UNEXPECTED_END", `the byte stream ended inside ${this.#place()}`);
    this.#failure = { error };
    throw error;
  }

  /**
   * The fast path of tiny chunks: all of it is content of the record that is cut, and does not end it. There is such
   * content neither inside a handler nor after a failure.
   */
  #takeFew(chunk: Uint8Array): boolean {
    const content = this.#content;
    const length = chunk.length;
    const at = this.#contentLength;
    if (content === undefined || length > FEW_BYTES || length >= content.length - at) return false;
    for (let i = 0; i < length; i++) content[at + i] = chunk[i] as number;
    this.#contentLength = at + length;
    return true;
  }

  /** Completes what earlier chunks began. Returns the offset where whole records may start. */
  #finishCut(chunk: Uint8Array, onRecord: RecordHandler): number {
    let at = 0;
    if (this.#headerLength > 0) {
      at = this.#fillHeader(chunk, 0);
      if (this.#headerLength < HEADER_LENGTH) return at;

      const header = this.#header;
      const length = ((header[4] as number) << 8) | (header[5] as number);
      const missing = length - this.#contentLength;
      const available = chunk.length - at;
      let buffer = chunk;
      let start = at;
      if (this.#contentLength > 0 || available < missing) {
        this.#content ??= new Uint8Array(length);
        const taken = Math.min(available, missing);
        this.#content.set(chunk.subarray(at, at + taken), this.#contentLength);
        this.#contentLength += taken;
        if (taken < missing) return at + taken;
        buffer = this.#content;
        start = 0;
      }
      at += missing;
      this.#padding = header[6] as number;
      this.#headerLength = 0;
      this.#content = undefined;
      this.#contentLength = 0;
      onRecord(
        header[1] as number,
        ((header[2] as number) << 8) | (header[3] as number),
        buffer,
        start,
        start + length,
      );
    }
    if (this.#padding > 0) {
      const skipped = Math.min(this.#padding, chunk.length - at);
      this.#padding -= skipped;
      at += skipped;
    }
    return at;
  }

  /** The fast path: every record that lies whole in the chunk. Returns the offset of the first that does not. */
  #decodeWhole(chunk: Uint8Array, from: number, onRecord: RecordHandler): number {
    const length = chunk.length;
    const lastHeader = length - HEADER_LENGTH;
    let at = from;
    while (at <= lastHeader) {
      if (chunk[at] !== VERSION) throw badVersion(chunk[at] as number);
      const start = at + HEADER_LENGTH;
      const end = start + (((chunk[at + 4] as number) << 8) | (chunk[at + 5] as number));
      if (end > length) break;
      const padding = chunk[at + 6] as number;
      onRecord(
        chunk[at + 1] as number,
        ((chunk[at + 2] as number) << 8) | (chunk[at + 3] as number),
        chunk,
        start,
        end,
      );
      at = end + padding;
    }
    if (at > length) {
      this.#padding = at - length;
      return length;
    }
    return at;
  }

  /** Keeps the start of a record that the chunk cuts. */
  #keep(chunk: Uint8Array, from: number): void {
    if (from === chunk.length) return;
    const at = this.#fillHeader(chunk, from);
    if (at === chunk.length) return;
    const header = this.#header;
    this.#content = new Uint8Array(((header[4] as number) << 8) | (header[5] as number));
    this.#content.set(chunk.subarray(at));
    this.#contentLength = chunk.length - at;
  }

  #fillHeader(chunk: Uint8Array, from: number): number {
    const header = this.#header;
    let at = from;
    while (this.#headerLength < HEADER_LENGTH && at < chunk.length) {
      header[this.#headerLength++] = chunk[at++] as number;
    }
    // Told by the first byte, not when the whole header is there: garbage shorter than a header is an error too.
    if (header[0] !== VERSION) throw badVersion(header[0] as number);
    return at;
  }

  #place(): string {
    if (this.#headerLength === 0) return `a record's padding, ${this.#padding} bytes short`;
    if (this.#headerLength < HEADER_LENGTH) return `a record header, after ${this.#headerLength} of 8 bytes`;
    const length = ((this.#header[4] as number) << 8) | (this.#header[5] as number);
    return `a record of type ${this.#header[1]}, after ${this.#contentLength} of ${length} content bytes`;
  }
}

function badVersion(version: number): RemoteProtocolError {
  return new RemoteProtocolError(
    "FCGI_BAD_VERSION",
    `record header with FastCGI version ${version}, only ${VERSION} exists; is the peer speaking FastCGI?`,
  );
}
