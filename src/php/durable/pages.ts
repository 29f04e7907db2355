// The content of one large file as an interpreter holds it: pieces that were read, or written and not sent yet. The other
// pieces are in the store, in its file or among what was staged for it.

import { PIECE_BYTES } from "../../fs/index.ts";
import type { MemoryNode } from "./memory-node.ts";
import type { LargeContent } from "./memory-watch.ts";
import type { Page, PageCache } from "./page-cache.ts";

/** Where the bytes of a piece that is not in memory are. */
export type PageSource = "file" | "stage" | "nowhere";

export class Pages implements LargeContent {
  readonly #cache: PageCache;
  readonly #error: (errno: number) => Error;
  readonly #pages = new Map<number, Page>();
  /** The file's content in the store counts up to here. */
  #storeEnd: number;
  /** What the store keeps for a batch to come; undefined: nothing. */
  stage: number | undefined;
  readonly #staged = new Set<number>();
  /** Staged, and then cut off: where the file has grown again, they are zeros. */
  readonly #cutOff = new Set<number>();

  /**
   * @param storeEnd bytes that the store has of the file
   * @param error makes what the file system throws
   */
  constructor(cache: PageCache, storeEnd: number, error: (errno: number) => Error) {
    this.#cache = cache;
    this.#storeEnd = storeEnd;
    this.#error = error;
  }

  /** A file that was held as a whole. @param changed whether the store may lack any of it */
  static of(
    bytes: Uint8Array,
    changed: boolean,
    cache: PageCache,
    storeEnd: number,
    error: (errno: number) => Error,
  ): Pages {
    const pages = new Pages(cache, storeEnd, error);
    for (let index = 0; index * PIECE_BYTES < bytes.length; index++) {
      const part = bytes.subarray(index * PIECE_BYTES, (index + 1) * PIECE_BYTES);
      pages.put(index, part);
      const page = pages.#pages.get(index);
      if (changed && page !== undefined) cache.keep(page, true);
    }
    return pages;
  }

  has(index: number): boolean {
    return this.#pages.has(index);
  }

  source(index: number): PageSource {
    if (this.#staged.has(index)) return "stage";
    return index * PIECE_BYTES < this.#storeEnd ? "file" : "nowhere";
  }

  /** Bytes of a piece that the file in the store has. */
  fileBytes(index: number): number {
    return Math.max(0, Math.min(PIECE_BYTES, this.#storeEnd - index * PIECE_BYTES));
  }

  /** Puts a piece that was read. It is copied; behind its end are zeros. */
  put(index: number, bytes: Uint8Array): void {
    this.drop(index);
    const page: Page = { of: this, index, bytes: new Uint8Array(PIECE_BYTES), dirty: false };
    page.bytes.set(bytes);
    this.#pages.set(index, page);
    this.#cache.keep(page, false);
  }

  /** Forgets a piece, whatever its state. */
  drop(index: number): void {
    const page = this.#pages.get(index);
    if (page === undefined) return;
    this.#pages.delete(index);
    this.#cache.forget(page);
  }

  /** Pieces that must be there before bytes are written: those that keep a part of what they have. */
  needed(start: number, end: number): number[] {
    const first = Math.floor(start / PIECE_BYTES);
    const last = Math.floor((end - 1) / PIECE_BYTES);
    const partly = new Set<number>();
    if (start % PIECE_BYTES !== 0) partly.add(first);
    if (end % PIECE_BYTES !== 0) partly.add(last);
    return [...partly].filter((index) => !this.#pages.has(index) && this.source(index) !== "nowhere");
  }

  read({ usedBytes = 0 }: MemoryNode, memory: Uint8Array, offset: number, length: number, position: number): number {
    const end = Math.min(usedBytes, position + length);
    let at = position;
    while (at < end) {
      const index = Math.floor(at / PIECE_BYTES);
      const page = this.#pages.get(index);
      const from = at - index * PIECE_BYTES;
      const size = Math.min(end - at, PIECE_BYTES - from);
      const target = offset + at - position;
      if (page !== undefined) {
        memory.set(page.bytes.subarray(from, from + size), target);
        this.#cache.keep(page, page.dirty);
      } else if (this.source(index) === "nowhere") {
        memory.fill(0, target, target + size);
      } else {
        break;
      }
      at += size;
    }
    if (at === position && at < end) throw this.#error(EIO);
    return Math.max(0, at - position);
  }

  write(node: MemoryNode, memory: Uint8Array, offset: number, length: number, position: number): void {
    if (this.needed(position, position + length).length > 0) throw this.#error(EIO);
    for (let at = position; at < position + length; ) {
      const index = Math.floor(at / PIECE_BYTES);
      const from = at - index * PIECE_BYTES;
      const size = Math.min(position + length - at, PIECE_BYTES - from);
      const source = offset + at - position;
      this.#own(index).set(memory.subarray(source, source + size), from);
      at += size;
    }
    node.usedBytes = Math.max(node.usedBytes ?? 0, position + length);
  }

  /** Cuts or lengthens. The piece that keeps a part must be there. */
  resize(node: MemoryNode, size: number): void {
    const before = node.usedBytes ?? 0;
    if (size < before) {
      if (size % PIECE_BYTES !== 0 && this.needed(0, size).length > 0) throw this.#error(EIO);
      for (const index of [...this.#pages.keys()]) if (index * PIECE_BYTES >= size) this.drop(index);
      for (const index of [...this.#staged]) {
        if (index * PIECE_BYTES < size) continue;
        this.#staged.delete(index);
        this.#cutOff.add(index);
      }
      const last = Math.floor(size / PIECE_BYTES);
      if (size % PIECE_BYTES !== 0 && (this.#pages.has(last) || this.source(last) !== "nowhere")) {
        this.#own(last).fill(0, size - last * PIECE_BYTES);
      }
      this.#storeEnd = Math.min(this.#storeEnd, size);
    }
    node.usedBytes = size;
  }

  /** The bytes of a piece that is about to be changed. */
  #own(index: number): Uint8Array {
    let page = this.#pages.get(index);
    if (page === undefined) {
      page = { of: this, index, bytes: new Uint8Array(PIECE_BYTES), dirty: false };
      this.#pages.set(index, page);
    }
    this.#cache.keep(page, true);
    return page.bytes;
  }

  /** Copies of bytes that are there: of what was written. */
  slice(start: number, end: number): Uint8Array {
    const bytes = new Uint8Array(end - start);
    for (let at = start; at < end; ) {
      const index = Math.floor(at / PIECE_BYTES);
      const from = at - index * PIECE_BYTES;
      const size = Math.min(end - at, PIECE_BYTES - from);
      const page = this.#pages.get(index);
      if (page !== undefined) bytes.set(page.bytes.subarray(from, from + size), at - start);
      at += size;
    }
    return bytes;
  }

  /**
   * Copies of the pieces that the store lacks, as the file has them now.
   *
   * @param size bytes of the file
   */
  unsent(size: number): Map<number, Uint8Array> {
    const pieces = new Map<number, Uint8Array>();
    for (const { index, bytes, dirty } of this.#pages.values()) {
      if (dirty) pieces.set(index, bytes.slice(0, Math.min(PIECE_BYTES, size - index * PIECE_BYTES)));
    }
    for (const index of this.#cutOff) {
      const rest = Math.min(PIECE_BYTES, size - index * PIECE_BYTES);
      if (rest > 0 && !pieces.has(index)) pieces.set(index, new Uint8Array(rest));
    }
    return new Map([...pieces].sort(([a], [b]) => a - b));
  }

  /** A piece was sent ahead: the store has it now. */
  sent(index: number): void {
    this.#staged.add(index);
    this.#cutOff.delete(index);
    const page = this.#pages.get(index);
    if (page !== undefined) this.#cache.keep(page, false);
  }

  /** All changes are on their way as a batch: from now on they are the store's. @param size bytes of the file */
  handedOver(size: number): void {
    for (const page of this.#pages.values()) if (page.dirty) this.#cache.keep(page, false);
    this.stage = undefined;
    this.#staged.clear();
    this.#cutOff.clear();
    this.#storeEnd = size;
  }

  /** The store has another content. @param stale pieces that changed, or all */
  changed(size: number, stale: "all" | Iterable<number>): void {
    const indexes = stale === "all" ? [...this.#pages.keys()] : stale;
    for (const index of indexes) if (this.#pages.get(index)?.dirty !== true) this.drop(index);
    for (const index of [...this.#pages.keys()]) {
      if (index * PIECE_BYTES >= size && this.#pages.get(index)?.dirty !== true) this.drop(index);
    }
    this.#storeEnd = size;
  }

  /** Forgets everything. */
  clear(): void {
    for (const index of [...this.#pages.keys()]) this.drop(index);
    this.#staged.clear();
    this.#cutOff.clear();
    this.stage = undefined;
  }
}

/** Errno of WASI. */
const EIO = 29;
