// Name-value pairs (FastCGI 1.0, section 3.4): params of a request, and the values of management records.

import { bytesToByteString, writeByteString } from "./bytes.ts";
import { MAX_CONTENT_LENGTH_SENT } from "./constants.ts";
import { LocalProtocolError, RemoteProtocolError } from "./errors.ts";
import type { Pair } from "./record.ts";

/** Lengths up to 127 take one byte, longer ones four with the top bit set (section 3.4). */
const MAX_SHORT_LENGTH = 0x7f;

const NOTHING = new Uint8Array(0);

/** How much of a peer's pairs is accepted. */
export interface ParamsLimits {
  /** Bytes of one pair stream, the lengths included. Default 1 MiB, far above the 64 KiB that php-fpm can receive. */
  readonly maxBytes: number;
  /** Pairs in one stream. Default 4096: an empty pair takes two bytes on the wire, but an object here. */
  readonly maxPairs: number;
  /** Bytes of one name. Default 8 KiB, a whole header line of nginx (`large_client_header_buffers`). */
  readonly maxNameLength: number;
}

/** The limits of params unless others are given: 1 MiB, 4096 pairs, names of 8 KiB. */
export const DEFAULT_PARAMS_LIMITS: ParamsLimits = {
  maxBytes: 1024 * 1024,
  maxPairs: 4096,
  maxNameLength: 8 * 1024,
};

/**
 * Encodes pairs into content for PARAMS records: each block has at most 65,528 bytes and no pair is cut, because
 * php-fpm decodes each record alone. No pairs give no blocks. Nothing is shared with the arguments.
 *
 * @param pairs byte strings; see `utf8ToByteString`
 * @throws {LocalProtocolError} `FCGI_LIMIT` when one pair is longer than a block, `FCGI_INVALID_CALL` when a character
 *   is above U+00FF
 */
export function encodeParams(pairs: readonly Pair[]): Uint8Array<ArrayBuffer>[] {
  const blocks: Uint8Array<ArrayBuffer>[] = [];
  splitParams(pairs, (first, last, size) => {
    const block = new Uint8Array(size);
    writeParams(block, 0, pairs, first, last);
    blocks.push(block);
  });
  return blocks;
}

/**
 * Cuts pairs into blocks as `encodeParams` makes them: calls back with the indexes of the first pair and behind the last,
 * and the bytes that the block takes.
 *
 * @throws {LocalProtocolError} `FCGI_LIMIT` when one pair is longer than a block
 */
export function splitParams(pairs: readonly Pair[], block: (first: number, last: number, size: number) => void): void {
  let first = 0;
  let size = 0;
  for (let i = 0; i < pairs.length; i++) {
    const pair = pairs[i] as Pair;
    const name = pair[0];
    const value = pair[1];
    const length = encodedLength(name.length) + encodedLength(value.length);
    if (size + length > MAX_CONTENT_LENGTH_SENT) {
      if (length > MAX_CONTENT_LENGTH_SENT) throw tooLong(name, length);
      block(first, i, size);
      first = i;
      size = 0;
    }
    size += length;
  }
  if (size > 0) block(first, pairs.length, size);
}

/**
 * Decodes one block that holds whole pairs: the content of GET_VALUES or GET_VALUES_RESULT, or a PARAMS stream joined.
 *
 * @throws {RemoteProtocolError} `FCGI_BAD_BODY` when it ends inside a pair, `FCGI_LIMIT`
 */
export function decodeParams(block: Uint8Array, limits?: Partial<ParamsLimits>): Pair[] {
  const reader = new PairReader(limits);
  const at = reader.read(block, 0, block.length);
  if (at < block.length) throw endsInside(reader, block.length - at);
  return reader.pairs;
}

/**
 * Decodes a stream of pairs from pieces cut anywhere. Only a pair that is cut is copied, into a buffer that grows with
 * what arrives: a length that announces more than the limit fails at once, and takes no memory.
 */
export class ParamsDecoder {
  readonly #reader: PairReader;
  /** The start of a pair that is cut, `#restLength` bytes of it. */
  #rest = NOTHING;
  #restLength = 0;

  constructor(limits?: Partial<ParamsLimits>) {
    this.#reader = new PairReader(limits);
  }

  /** Bytes taken so far. */
  get bytes(): number {
    return this.#reader.done + this.#restLength;
  }

  /** Pairs completed so far. */
  get count(): number {
    return this.#reader.pairs.length;
  }

  /** The pairs completed so far, in their order: a view for those who watch. */
  get pairs(): readonly Pair[] {
    return this.#reader.pairs;
  }

  /**
   * Feeds the bytes of `buffer` from `start` to `end` (exclusive). Nothing of `buffer` is kept.
   *
   * @throws {RemoteProtocolError} `FCGI_LIMIT`; the decoder is of no use afterwards
   */
  push(buffer: Uint8Array, start: number, end: number): void {
    const reader = this.#reader;
    let at = start;
    while (this.#restLength > 0 && at < end) {
      at += this.#keep(buffer, at, Math.min(end, at + reader.needed - this.#restLength));
      if (this.#restLength < reader.needed) return;
      // What was needed is there: either the pair is whole, or its lengths now tell how long it is.
      if (reader.read(this.#rest, 0, this.#restLength) > 0) this.#restLength = 0;
    }
    if (at < end) at = reader.read(buffer, at, end);
    if (at < end) this.#keep(buffer, at, end);
  }

  /**
   * The pairs, in their order, at the end of the stream.
   *
   * @throws {RemoteProtocolError} `FCGI_BAD_BODY` when the stream ended inside a pair
   */
  finish(): Pair[] {
    if (this.#restLength > 0) throw endsInside(this.#reader, this.#restLength);
    return this.#reader.pairs;
  }

  /** Copies bytes of a cut pair behind those kept. Returns how many. */
  #keep(buffer: Uint8Array, start: number, end: number): number {
    const length = this.#restLength + end - start;
    if (length > this.#rest.length) {
      // Doubling keeps the cost linear; what has not arrived takes no more memory than what has.
      const grown = new Uint8Array(Math.max(length, Math.min(this.#reader.needed, 2 * this.#rest.length)));
      grown.set(this.#rest.subarray(0, this.#restLength));
      this.#rest = grown;
    }
    this.#rest.set(buffer.subarray(start, end), this.#restLength);
    this.#restLength = length;
    return end - start;
  }
}

/**
 * Reads whole pairs, and says how much is missing of one that is cut. First all lengths are looked at, then the strings
 * are made: an array of the right size from the start takes half the time of one that grows.
 */
class PairReader {
  readonly pairs: Pair[] = [];
  /** Bytes of the pairs completed. */
  done = 0;
  /** Bytes of the cut pair that must be there before another look at it can tell more. */
  needed = 0;
  readonly #limits: ParamsLimits;
  /** The pair behind the last one is beyond a limit. */
  #failure: RemoteProtocolError | undefined;

  constructor(limits?: Partial<ParamsLimits>) {
    this.#limits = limits === undefined ? DEFAULT_PARAMS_LIMITS : { ...DEFAULT_PARAMS_LIMITS, ...limits };
  }

  /**
   * Reads whole pairs. Returns the offset of the first that is cut, `needed` telling how long it is at least.
   *
   * @throws {RemoteProtocolError} `FCGI_LIMIT`, when those before the pair at fault are read
   */
  read(buffer: Uint8Array, start: number, end: number): number {
    const count = this.#count(buffer, start, end);
    const at = count === 0 ? start : this.#make(count, buffer, start, end);
    if (this.#failure !== undefined) throw this.#failure;
    return at;
  }

  #make(count: number, buffer: Uint8Array, start: number, end: number): number {
    const { pairs } = this;
    const first = pairs.length;
    // One decode for all that is here, then substrings: far cheaper than two decodes a pair.
    const text = bytesToByteString(buffer, start, end);
    if (first === 0) pairs.length = count;
    let at = start;
    for (let i = first; i < first + count; i++) {
      let nameLength = buffer[at] as number;
      if (nameLength <= MAX_SHORT_LENGTH) at += 1;
      else {
        nameLength = readLongLength(buffer, at);
        at += 4;
      }
      let valueLength = buffer[at] as number;
      if (valueLength <= MAX_SHORT_LENGTH) at += 1;
      else {
        valueLength = readLongLength(buffer, at);
        at += 4;
      }
      const value = at + nameLength;
      const next = value + valueLength;
      pairs[i] = [text.substring(at - start, value - start), text.substring(value - start, next - start)];
      at = next;
    }
    this.done += at - start;
    return at;
  }

  /** How many whole pairs there are, up to one that is beyond the limits by what it has told of itself. */
  #count(buffer: Uint8Array, start: number, end: number): number {
    const { maxBytes, maxPairs, maxNameLength } = this.#limits;
    const most = maxPairs - this.pairs.length;
    let count = 0;
    let at = start;
    while (at < end) {
      let next = at;
      let nameLength = buffer[next] as number;
      if (nameLength <= MAX_SHORT_LENGTH) next += 1;
      else if (end - next < 4) return this.#cut(count, 4);
      else {
        nameLength = readLongLength(buffer, next);
        next += 4;
      }
      if (nameLength > maxNameLength) return this.#refuse(count, overLimit("a name", nameLength, maxNameLength));

      if (next === end) return this.#cut(count, next - at + 1);
      let valueLength = buffer[next] as number;
      if (valueLength <= MAX_SHORT_LENGTH) next += 1;
      else if (end - next < 4) return this.#cut(count, next - at + 4);
      else {
        valueLength = readLongLength(buffer, next);
        next += 4;
      }

      next += nameLength + valueLength;
      const bytes = this.done + next - start;
      if (bytes > maxBytes) return this.#refuse(count, overLimit("all pairs", bytes, maxBytes));
      if (count === most) {
        const message = `more than ${maxPairs} name-value pairs in one stream`;
        return this.#refuse(count, new RemoteProtocolError("FCGI_LIMIT", message));
      }
      if (next > end) return this.#cut(count, next - at);
      count += 1;
      at = next;
    }
    return count;
  }

  #cut(count: number, needed: number): number {
    this.needed = needed;
    return count;
  }

  #refuse(count: number, failure: RemoteProtocolError): number {
    this.#failure = failure;
    return count;
  }
}

function endsInside({ pairs, needed }: PairReader, length: number): RemoteProtocolError {
  return new RemoteProtocolError(
    "FCGI_BAD_BODY",
    `the name-value pairs end inside pair ${pairs.length + 1}: ${length} bytes of at least ${needed}`,
  );
}

/**
 * Writes the pairs from `first` up to `last` (exclusive) at `offset`, where there must be room.
 *
 * @throws {LocalProtocolError} `FCGI_INVALID_CALL` when a character is above U+00FF; a part is written then
 */
export function writeParams(
  target: Uint8Array,
  offset: number,
  pairs: readonly Pair[],
  first: number,
  last: number,
): void {
  let at = offset;
  for (let i = first; i < last; i++) {
    const pair = pairs[i] as Pair;
    const name = pair[0];
    const value = pair[1];
    at = writeLength(target, at, name.length);
    at = writeLength(target, at, value.length);
    at = writeByteString(target, at, name);
    at = writeByteString(target, at, value);
  }
}

function encodedLength(length: number): number {
  return length <= MAX_SHORT_LENGTH ? 1 + length : 4 + length;
}

function writeLength(target: Uint8Array, offset: number, length: number): number {
  if (length <= MAX_SHORT_LENGTH) {
    target[offset] = length;
    return offset + 1;
  }
  target[offset] = 0x80 | (length >>> 24);
  target[offset + 1] = length >>> 16;
  target[offset + 2] = length >>> 8;
  target[offset + 3] = length;
  return offset + 4;
}

function readLongLength(buffer: Uint8Array, offset: number): number {
  return (
    (((buffer[offset] as number) & 0x7f) << 24) |
    ((buffer[offset + 1] as number) << 16) |
    ((buffer[offset + 2] as number) << 8) |
    (buffer[offset + 3] as number)
  );
}

function overLimit(what: string, length: number, limit: number): RemoteProtocolError {
  return new RemoteProtocolError("FCGI_LIMIT", `${length} bytes announced for ${what}, at most ${limit} are accepted`);
}

function tooLong(name: string, length: number): LocalProtocolError {
  return new LocalProtocolError(
    "FCGI_LIMIT",
    `the param ${JSON.stringify(name.slice(0, 80))} takes ${length} bytes, at most ${MAX_CONTENT_LENGTH_SENT} fit in one record`,
  );
}
