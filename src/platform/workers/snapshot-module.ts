// A snapshot as a module of the Worker: its content as it is, which is what starts fastest, or compressed, which is what
// fits. In an isolate it can be compressed later too, when memory is short.

import { decodeSnapshot, encodeSnapshot } from "../../php/snapshot/encode.ts";
import type { Snapshot, SnapshotContent, StoredSnapshot } from "../../php/snapshot/portable.ts";
import type { Packing } from "../../php/snapshot.ts";

/** Most bytes that are unpacked at a time. */
const PIECE = 1024 * 1024;

/** A snapshot that can make itself small. */
export type PackableSnapshot = Omit<StoredSnapshot, "bytes"> & { readonly bytes: PackableContent };

/** The module. With `pack` its content is compressed. */
export function writeSnapshotModule(snapshot: Snapshot, pack?: Packing["pack"]): Uint8Array<ArrayBuffer> {
  if (pack === undefined) return encodeSnapshot(snapshot);
  const pieces = piecesOf(snapshot.bytes, pack);
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return encodeSnapshot({ ...snapshot, bytes, packed: pieces.map(({ length }) => length) });
}

/**
 * Reads a module. Its content stays where it is.
 *
 * @returns undefined when it was made of something else than `key` says
 * @throws {PhpError} `PHP_SNAPSHOT` when it is no snapshot
 */
export function readSnapshotModule(module: Uint8Array, key: string, packing: Packing): PackableSnapshot | undefined {
  const snapshot = decodeSnapshot(module, key);
  if (snapshot === undefined) return undefined;
  const length = snapshot.runs.reduce((sum, run) => sum + run.length, 0);
  return { ...snapshot, bytes: new PackableContent(snapshot.bytes, length, packing, snapshot.packed) };
}

function piecesOf(raw: Uint8Array, pack: Packing["pack"]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < raw.length; at += PIECE) pieces.push(pack(raw.subarray(at, at + PIECE)));
  return pieces;
}

/** The content of a snapshot: as it is, or compressed in pieces. */
export class PackableContent implements SnapshotContent {
  readonly length: number;
  readonly #packing: Packing;
  #raw: Uint8Array | undefined;
  #packed: readonly Uint8Array[] = [];
  /** The piece that was unpacked last. */
  #last: { readonly number: number; readonly bytes: Uint8Array } | undefined;

  /**
   * @param length bytes when it is not compressed
   * @param pieces bytes of each piece, when it is
   */
  constructor(bytes: Uint8Array, length: number, packing: Packing, pieces?: readonly number[]) {
    this.length = length;
    this.#packing = packing;
    if (pieces === undefined) {
      this.#raw = bytes;
      return;
    }
    let at = 0;
    this.#packed = pieces.map((size) => {
      at += size;
      return bytes.subarray(at - size, at);
    });
  }

  /** Bytes that it holds. */
  get size(): number {
    return this.#raw?.length ?? this.#packed.reduce((sum, { length }) => sum + length, 0);
  }

  /** Compresses it: hundreds of milliseconds. */
  pack(): void {
    if (this.#raw === undefined) return;
    this.#packed = piecesOf(this.#raw, this.#packing.pack);
    this.#raw = undefined;
  }

  copyTo(target: Uint8Array, start: number): void {
    if (this.#raw !== undefined) {
      target.set(this.#raw.subarray(start, start + target.length));
      return;
    }
    for (let done = 0; done < target.length; ) {
      const at = start + done;
      const part = this.#unpacked(Math.floor(at / PIECE)).subarray(at % PIECE, (at % PIECE) + target.length - done);
      target.set(part, done);
      done += part.length;
    }
    if (start + target.length === this.length) this.#last = undefined;
  }

  #unpacked(number: number): Uint8Array {
    if (this.#last?.number === number) return this.#last.bytes;
    const packed = this.#packed[number];
    if (packed === undefined) throw new RangeError(`the snapshot has no piece ${number}`);
    const bytes = this.#packing.unpack(packed);
    this.#last = { number, bytes };
    return bytes;
  }
}
