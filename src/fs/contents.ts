// The contents of files as pieces in a home: reading, writing, cutting. Knows nothing of names.
//
// A piece that is missing or shorter than it could be is zeros there. No piece reaches beyond the size of its file, so
// that a file which is cut and grows again shows zeros.

import type { BaseFiles } from "./base.ts";
import { FileError } from "./errno.ts";
import type { FileHome } from "./home.ts";
import { PIECE_BYTES } from "./limits.ts";
import type { Node } from "./node.ts";

export class Contents {
  readonly #home: FileHome;
  readonly #base: BaseFiles;

  constructor(home: FileHome, base: BaseFiles) {
    this.#home = home;
    this.#base = base;
  }

  /** At most `length` bytes from `offset` on; fewer at the end of the file. The caller owns them. */
  read(node: Node, offset: number, length: number): Uint8Array {
    const end = Math.min(node.size, offset + length);
    if (offset >= end) return new Uint8Array(0);
    if (node.base !== undefined) return this.#readBase(node.base, offset, end - offset);
    const result = new Uint8Array(end - offset);
    for (let index = Math.floor(offset / PIECE_BYTES); index * PIECE_BYTES < end; index++) {
      const piece = this.#home.getPiece(node.ino, index);
      if (piece === undefined) continue;
      const start = index * PIECE_BYTES;
      const from = Math.max(0, offset - start);
      const until = Math.min(piece.length, end - start);
      if (from < until) result.set(piece.subarray(from, until), start + from - offset);
    }
    return result;
  }

  /** Writes and lets the node grow. Calls `touched` with each piece that changed. */
  write(node: Node, offset: number, data: Uint8Array, touched: (index: number) => void): void {
    this.copyUp(node);
    const end = offset + data.length;
    for (let index = Math.floor(offset / PIECE_BYTES); index * PIECE_BYTES < end; index++) {
      const start = index * PIECE_BYTES;
      const from = Math.max(0, offset - start);
      const until = Math.min(PIECE_BYTES, end - start);
      const part = data.subarray(start + from - offset, start + until - offset);
      this.#home.putPiece(node.ino, index, this.#patched(node, index, from, part));
      touched(index);
    }
    node.size = Math.max(node.size, end);
  }

  /**
   * Writes what was staged under `stage`: whole pieces change hands without being copied. `offset` is a multiple of
   * `PIECE_BYTES`. When it is `sparse`, pieces that are not there are left out, and all of a piece is meant: it is zeros
   * where it is shorter than it could be.
   */
  writeStaged(
    node: Node,
    offset: number,
    { owner: stage, length, sparse }: { readonly owner: number; readonly length: number; readonly sparse: boolean },
    touched: (index: number) => void,
  ): void {
    this.copyUp(node);
    const end = offset + length;
    for (let done = 0, index = 0; done < length; done += PIECE_BYTES, index++) {
      const wanted = Math.min(PIECE_BYTES, length - done);
      const staged = this.#home.getPiece(stage, index);
      if (staged === undefined && sparse) continue;
      if (staged === undefined || (sparse ? staged.length > wanted : staged.length !== wanted)) {
        throw new FileError(
          "ESTALE",
          `piece ${index} of what was staged has ${staged?.length ?? 0} bytes, not ${wanted}`,
        );
      }
      const to = (offset + done) / PIECE_BYTES;
      const whole = sparse || wanted === PIECE_BYTES || offset + done + wanted >= node.size;
      if (whole) this.#home.movePiece(stage, index, node.ino, to);
      else this.#home.putPiece(node.ino, to, this.#patched(node, to, 0, staged));
      touched(to);
    }
    node.size = Math.max(node.size, end);
  }

  /** Cuts or lengthens. */
  truncate(node: Node, size: number): void {
    if (size === 0) node.base = undefined;
    if (size === node.size) return;
    this.copyUp(node);
    if (size < node.size) {
      this.#home.removePieces(node.ino, Math.ceil(size / PIECE_BYTES));
      const rest = size % PIECE_BYTES;
      const last = Math.floor(size / PIECE_BYTES);
      const piece = rest === 0 ? undefined : this.#home.getPiece(node.ino, last);
      if (piece !== undefined && piece.length > rest) this.#home.putPiece(node.ino, last, piece.subarray(0, rest));
    }
    node.size = size;
  }

  /** Gives a file of the application content of its own. */
  copyUp(node: Node): void {
    const { base, size } = node;
    if (base === undefined) return;
    for (let index = 0; index * PIECE_BYTES < size; index++) {
      const offset = index * PIECE_BYTES;
      this.#home.putPiece(node.ino, index, this.#readBase(base, offset, Math.min(PIECE_BYTES, size - offset)));
    }
    node.base = undefined;
  }

  #readBase(path: string, offset: number, length: number): Uint8Array {
    const bytes = this.#base.read(path, offset, length);
    if (bytes.length !== length) {
      throw new FileError("EIO", `${path} of the application has ${bytes.length} bytes at ${offset}, not ${length}`);
    }
    return bytes;
  }

  /** The piece as it is after `part` was written at `from`. */
  #patched(node: Node, index: number, from: number, part: Uint8Array): Uint8Array {
    const most = Math.min(PIECE_BYTES, Math.max(0, node.size - index * PIECE_BYTES));
    if (from === 0 && part.length >= most) return part;
    const before = this.#home.getPiece(node.ino, index);
    const beforeLength = before?.length ?? 0;
    if (from === 0 && part.length >= beforeLength) return part;
    const whole = new Uint8Array(Math.max(beforeLength, from + part.length));
    if (before !== undefined) whole.set(before);
    whole.set(part, from);
    return whole;
  }
}
