// Bytes, views of them, and byte strings: strings whose every character stands for one byte (0-255).
//
// Params travel as byte strings because CGI names and values are bytes without a declared encoding. ISO 8859-1 maps
// the 256 bytes to the first 256 characters, so nothing is lost, and equal bytes give equal strings.

import { LocalProtocolError } from "./errors.ts";

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Most arguments given to one `String.fromCharCode` call: 8 * 1024 is far below every engine's limit. */
const MAX_CHARACTERS_A_CALL = 8 * 1024;

/** A view of exactly `bytes`: `bytes.buffer` alone may be a larger, shared buffer. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The chunks joined in a new buffer. */
export function concat(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** Reads the bytes from `start` to `end` (exclusive) as a byte string. */
export function bytesToByteString(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  const part = bytes.subarray(start, end);
  // A valid UTF-8 sequence beyond ASCII gives fewer characters than bytes, an invalid one gives U+FFFD. So this
  // is the native fast way for ASCII, and the test below is exact. `TextDecoder("latin1")` is of no use: by the
  // Encoding Standard it is windows-1252, which moves 0x80-0x9f elsewhere.
  const text = utf8Decoder.decode(part);
  if (text.length === part.length && !text.includes("\ufffd")) return text;

  let result = "";
  for (let at = 0; at < part.length; at += MAX_CHARACTERS_A_CALL) {
    // Not spread: that would cost five times as much.
    const bytesOfCall = part.subarray(at, at + MAX_CHARACTERS_A_CALL) as unknown as number[];
    result += String.fromCharCode.apply(null, bytesOfCall);
  }
  return result;
}

/**
 * The bytes of a byte string, in a new buffer.
 * @throws {LocalProtocolError} `FCGI_INVALID_CALL` when a character is above U+00FF
 */
export function byteStringToBytes(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  writeByteString(bytes, 0, text);
  return bytes;
}

/**
 * Writes the bytes of a byte string at `offset`; there must be room for `text.length` bytes.
 * @returns the offset after the last byte written
 * @throws {LocalProtocolError} `FCGI_INVALID_CALL` when a character is above U+00FF
 */
export function writeByteString(target: Uint8Array, offset: number, text: string): number {
  let seen = 0;
  const length = text.length;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    seen |= code;
    target[offset + i] = code;
  }
  if (seen > 0xff) {
    throw new LocalProtocolError(
      "FCGI_INVALID_CALL",
      `not a byte string: a character above U+00FF in ${JSON.stringify(text.slice(0, 80))}; use utf8ToByteString() first`,
    );
  }
  return offset + length;
}

/** The byte string of the UTF-8 bytes of any text: how a path or a header written in Unicode becomes a param. */
export function utf8ToByteString(text: string): string {
  return isAscii(text) ? text : bytesToByteString(utf8Encoder.encode(text));
}

/**
 * Reads a byte string as UTF-8. Bytes that are not UTF-8 become U+FFFD; a byte order mark is kept.
 * @throws {LocalProtocolError} `FCGI_INVALID_CALL` when a character is above U+00FF
 */
export function byteStringToUtf8(text: string): string {
  return isAscii(text) ? text : utf8Decoder.decode(byteStringToBytes(text));
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return false;
  }
  return true;
}
