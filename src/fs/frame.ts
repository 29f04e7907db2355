// Messages as bytes, for wires that carry nothing else: the length of all, the length of a JSON text, the text, and the
// byte arrays that it refers to.

import { FileStoreError } from "./errno.ts";

/** Bytes of the two lengths, big-endian. */
const HEAD = 8;

/** Where the text has a byte array: the bytes' place behind the text. No message has a field of that name. */
const REFERENCE = "$bytes";

/** Puts a message into one frame. What it refers to is copied. */
export function encodeFrame(message: object): Uint8Array {
  const blobs: Uint8Array[] = [];
  let length = 0;
  const text = JSON.stringify(message, (_, value: unknown) => {
    if (!(value instanceof Uint8Array)) return value;
    blobs.push(value);
    length += value.length;
    return { [REFERENCE]: [length - value.length, value.length] };
  });
  const json = new TextEncoder().encode(text);
  const frame = new Uint8Array(HEAD + json.length + length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, frame.length);
  view.setUint32(4, json.length);
  frame.set(json, HEAD);
  let at = HEAD + json.length;
  for (const blob of blobs) {
    frame.set(blob, at);
    at += blob.length;
  }
  return frame;
}

/**
 * Takes a frame apart. Byte arrays of the message are views of `frame`.
 *
 * @throws {FileStoreError} `FILE_STORE_MALFORMED`
 */
export function decodeFrame(frame: Uint8Array): unknown {
  if (frame.length < HEAD) throw malformed(`a frame of ${frame.length} bytes`);
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const behind = HEAD + view.getUint32(4);
  if (view.getUint32(0) !== frame.length || behind > frame.length) throw malformed("the lengths of a frame disagree");
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(frame.subarray(HEAD, behind)), (_, value) => {
      const place: unknown = typeof value === "object" && value !== null && value[REFERENCE];
      return Array.isArray(place) ? blobOf(frame.subarray(behind), place) : value;
    });
  } catch (error) {
    if (error instanceof FileStoreError) throw error;
    throw malformed(error instanceof Error ? error.message : String(error));
  }
}

/** Finds the frames in a stream of bytes that is cut anywhere. */
export class FrameReader {
  readonly #most: number;
  #head = new Uint8Array(0);
  #frame: Uint8Array | undefined;
  #filled = 0;

  /** @param most bytes of a frame */
  constructor(most: number) {
    this.#most = most;
  }

  /** @throws {FileStoreError} `FILE_STORE_MALFORMED` for a frame that is too long, before memory is taken for it */
  push(chunk: Uint8Array): unknown[] {
    const messages: unknown[] = [];
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#frame === undefined) {
        const wanted = Math.min(HEAD - this.#head.length, rest.length);
        const head = new Uint8Array(this.#head.length + wanted);
        head.set(this.#head);
        head.set(rest.subarray(0, wanted), this.#head.length);
        rest = rest.subarray(wanted);
        this.#head = head;
        if (head.length < HEAD) break;
        const length = new DataView(head.buffer).getUint32(0);
        if (length < HEAD || length > this.#most) {
          throw malformed(`a frame of ${length} bytes; ${HEAD} to ${this.#most} are allowed`);
        }
        this.#frame = new Uint8Array(length);
        this.#frame.set(head);
        this.#filled = HEAD;
        this.#head = new Uint8Array(0);
      }
      const wanted = Math.min(this.#frame.length - this.#filled, rest.length);
      this.#frame.set(rest.subarray(0, wanted), this.#filled);
      this.#filled += wanted;
      rest = rest.subarray(wanted);
      if (this.#filled < this.#frame.length) continue;
      messages.push(decodeFrame(this.#frame));
      this.#frame = undefined;
    }
    return messages;
  }
}

function blobOf(blobs: Uint8Array, [offset, length]: readonly unknown[]): Uint8Array {
  if (typeof offset !== "number" || typeof length !== "number" || offset < 0 || offset + length > blobs.length) {
    throw malformed("a frame refers to bytes that it does not have");
  }
  return blobs.subarray(offset, offset + length);
}

function malformed(what: string): FileStoreError {
  return new FileStoreError("FILE_STORE_MALFORMED", what);
}
