// A snapshot as one piece of bytes: a file on a disk, a module at the edge.

import { PhpError } from "../errors.ts";
import type { Snapshot } from "./portable.ts";

/** First bytes: "efpm", then the layout's number and an end of line that a text transfer would break. */
const MAGIC: readonly number[] = [0x65, 0x66, 0x70, 0x6d, 0x01, 0x0d, 0x0a, 0x00];

/** Bytes before the header: the magic, and the header's length. */
const PREFIX = MAGIC.length + 4;

/** Most bytes of a header: a run needs about 30, and there are some hundreds. */
const LONGEST_HEADER = 16 * 1024 * 1024;

type Header = Omit<Snapshot, "bytes">;

/** The content is copied last and as it is: what is not compressed can be used in place. */
export function encodeSnapshot(snapshot: Snapshot): Uint8Array<ArrayBuffer> {
  const { bytes, ...header } = snapshot;
  const text = new TextEncoder().encode(JSON.stringify(header satisfies Header));
  const start = contentStart(text.length);
  const encoded = new Uint8Array(start + bytes.length);
  encoded.set(MAGIC);
  new DataView(encoded.buffer).setUint32(MAGIC.length, text.length, true);
  encoded.set(text, PREFIX);
  encoded.set(bytes, start);
  return encoded;
}

/**
 * Reads what `encodeSnapshot` gave. The content is not copied: it stays in `encoded`.
 *
 * @returns undefined when it is for something else than `key`
 * @throws {PhpError} `PHP_SNAPSHOT` when these are not the bytes of a snapshot
 */
export function decodeSnapshot(encoded: Uint8Array, key: string): Snapshot | undefined {
  const { header, start } = readHeader(encoded);
  if (header.key !== key) return undefined;
  const bytes = encoded.subarray(start);
  let size = 0;
  let last = 0;
  for (const run of header.runs) {
    if (run.at < last || run.length <= 0 || run.at + run.length > header.memory) throw broken("its runs overlap");
    last = run.at + run.length;
    size += run.length;
  }
  if (header.packed !== undefined) size = header.packed.reduce((sum, length) => sum + length, 0);
  if (bytes.length !== size) throw broken(`it has ${bytes.length} bytes of content instead of ${size}`);
  return { ...header, bytes };
}

function readHeader(encoded: Uint8Array): { readonly header: Header; readonly start: number } {
  if (encoded.length < PREFIX || MAGIC.some((byte, at) => encoded[at] !== byte)) throw broken("it begins otherwise");
  const length = new DataView(encoded.buffer, encoded.byteOffset).getUint32(MAGIC.length, true);
  if (length > LONGEST_HEADER || PREFIX + length > encoded.length) throw broken("its header is cut short");
  try {
    const header = JSON.parse(new TextDecoder().decode(encoded.subarray(PREFIX, PREFIX + length))) as Header;
    return { header, start: contentStart(length) };
  } catch {
    throw broken("its header cannot be read");
  }
}

/** The content begins at a multiple of 8. */
function contentStart(header: number): number {
  return (PREFIX + header + 7) & ~7;
}

function broken(what: string): PhpError {
  return new PhpError("PHP_SNAPSHOT", `these bytes are no snapshot of this release: ${what}`);
}
