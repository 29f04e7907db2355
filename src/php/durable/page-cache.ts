// Pieces of large files that an interpreter holds, of all files together: how many, and which go first.

import { PIECE_BYTES } from "../../fs/index.ts";

/** A piece in memory: always of `PIECE_BYTES`, zeros behind the end of the file. */
export interface Page {
  /** Whose piece it is. */
  readonly of: { drop(index: number): void };
  readonly index: number;
  readonly bytes: Uint8Array;
  /** The store does not have it: it stays. */
  dirty: boolean;
}

/** Pieces of all large files of an interpreter. */
export class PageCache {
  readonly #most: number;
  /** The store has them too; the least recently used first. */
  readonly #clean = new Set<Page>();
  #dirty = 0;

  /** @param most bytes of pieces that the store has too */
  constructor(most: number) {
    this.#most = most;
  }

  /** Bytes in memory. */
  get bytes(): number {
    return (this.#clean.size + this.#dirty) * PIECE_BYTES;
  }

  /** Bytes that were not sent to the store yet. */
  get dirtyBytes(): number {
    return this.#dirty * PIECE_BYTES;
  }

  /** A piece is new, or its state has changed, or it was used. */
  keep(page: Page, dirty: boolean): void {
    this.forget(page);
    page.dirty = dirty;
    if (dirty) this.#dirty += 1;
    else this.#clean.add(page);
  }

  /** To be called once for a piece that is not there any more. */
  forget(page: Page): void {
    if (!this.#clean.delete(page) && page.dirty) this.#dirty -= 1;
    page.dirty = false;
  }

  /** Gives up what was not used for the longest. */
  trim(most: number = this.#most): void {
    for (const page of this.#clean) {
      if (this.#clean.size * PIECE_BYTES <= most) break;
      page.of.drop(page.index);
    }
  }
}
