// Shared by the tests of the codec and the connections: bytes in hex, and every way to cut them.

import { RecordDecoder } from "../../src/codec/index.ts";

/** Bytes of hex digits; spaces and newlines are for the reader. */
export function hex(text: string): Uint8Array {
  const digits = text.replaceAll(/\s/g, "");
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whole, in pieces of 1, 3 and 7 bytes, and in two at every place. */
export function* everyCut(bytes: Uint8Array): Generator<Uint8Array[]> {
  yield [bytes];
  for (const size of [1, 3, 7]) yield pieces(bytes, size);
  for (let at = 0; at <= bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)];
}

export function pieces(bytes: Uint8Array, size: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  return chunks;
}

/** The bytes in the middle of a larger buffer, as they come out of a pool. */
export function pooled(bytes: Uint8Array): Uint8Array {
  const pool = new Uint8Array(bytes.length + 32).fill(0xee);
  pool.set(bytes, 13);
  return pool.subarray(13, 13 + bytes.length);
}

/** What a decoder tells of the chunks: `[type, id, content]`, content copied at the end, when a view must still hold. */
export function decodeAll(chunks: readonly Uint8Array[]): [number, number, string][] {
  const decoder = new RecordDecoder();
  const records: [number, number, Uint8Array][] = [];
  for (const chunk of chunks) {
    decoder.decode(chunk, (type, id, buffer, start, end) => records.push([type, id, buffer.subarray(start, end)]));
  }
  decoder.end();
  return records.map(([type, id, content]) => [type, id, toHex(content)]);
}

/** An error's code, or undefined. */
export function codeOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof Error && "code" in error) return String(error.code);
    throw error;
  }
}
