// Small helpers over byte chunks.

/** Bytes in all chunks together. */
export function byteLength(chunks: readonly Uint8Array[]): number {
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  return length;
}

/** The chunks as one, in a buffer of its own of exactly that length. */
export function joinChunks(
  chunks: readonly Uint8Array[],
  length: number = byteLength(chunks),
): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}
