// The memory that SQLite's users of a database in WAL mode share: a file ending in "-shm", which each maps. An interpreter
// can only map a copy, so the copies are brought together with the file whenever a lock of it changes hands.
//
// That is enough because of how SQLite uses this memory (sqlite.org/walformat.html, section 2): each word is
// changed under a lock by one user at a time, and what was read without a lock is compared again under one. What
// is natively seen at once is seen here at the next lock, as if the reader had been that much earlier. Who has the
// database itself alone, to close it as its last user, takes no locks of this memory any more: it is brought together then.

import { readSync, writeSync } from "node:fs";

interface MappedStream {
  readonly path?: string;
  readonly nfd?: number;
}

interface StreamOperations {
  mmap(stream: MappedStream, length: number, position: number, ...rest: unknown[]): { readonly ptr: number };
  msync(stream: MappedStream, ...rest: unknown[]): number;
}

/** What the glue gives of itself, as far as it is used here. */
export interface SharedMapsContext {
  readonly NODEFS: { readonly stream_ops: StreamOperations };
  readonly wasmExports: { readonly memory: WebAssembly.Memory };
}

interface Region {
  /** The real descriptor, which SQLite uses for the locks too. */
  readonly nfd: number;
  /** Address in linear memory. */
  readonly at: number;
  readonly length: number;
  /** Offset in the file. */
  readonly position: number;
  /** What file and copy had in common last. */
  readonly common: Uint8Array;
}

const WORD = 4;

/** Whether a file is such memory. */
export function isSharedMap(stream: MappedStream): stream is MappedStream & { readonly nfd: number } {
  return stream.nfd !== undefined && stream.path?.endsWith("-shm") === true;
}

/** The shared maps of one interpreter. */
export class SharedMaps {
  readonly #regions: Region[] = [];
  readonly #memory: WebAssembly.Memory;

  /** Watches what is mapped from real directories from now on. */
  constructor({ NODEFS, wasmExports }: SharedMapsContext) {
    this.#memory = wasmExports.memory;
    const { stream_ops: operations } = NODEFS;
    const { mmap, msync } = operations;
    operations.mmap = (stream, length, position, ...rest) => {
      const mapped = mmap(stream, length, position, ...rest);
      if (isSharedMap(stream)) this.#mapped(stream.nfd, mapped.ptr, length, position);
      return mapped;
    };
    // Some builds call it at munmap(): the copy as a whole would undo what others have written since.
    operations.msync = (stream, ...rest) => (isSharedMap(stream) ? 0 : msync(stream, ...rest));
  }

  /** Whether anything is mapped. */
  get some(): boolean {
    return this.#regions.length > 0;
  }

  /**
   * Brings file and copies together: before a lock is given back, after one was granted.
   *
   * @param nfd the file's descriptor; absent: all that are mapped
   */
  bringTogether(nfd?: number): void {
    if (this.#regions.length === 0) return;
    const which = nfd === undefined ? this.#regions : this.#regions.filter((region) => region.nfd === nfd);
    // The last region first, and each from its end: what an index points to is there before the index is.
    for (const region of which.toReversed()) this.#write(region);
    for (const region of which) this.#read(region);
  }

  /** Its descriptor is about to be closed: it is mapped no more, and what was changed was brought along with its lock. */
  closed(nfd: number): void {
    if (this.#regions.length === 0) return;
    this.#regions.splice(0, this.#regions.length, ...this.#regions.filter((region) => region.nfd !== nfd));
  }

  /** The interpreter begins anew: what it had mapped is no more. */
  forget(): void {
    this.#regions.length = 0;
  }

  #mapped(nfd: number, at: number, length: number, position: number): void {
    const region = { nfd, at, length, position, common: this.#copyAt(at, length).slice() };
    this.#regions.push(region);
    this.#regions.sort((a, b) => a.position - b.position);
  }

  /** Writes what was changed here, from the end to the beginning. */
  #write({ nfd, at, length, position, common }: Region): void {
    const mine = this.#copyAt(at, length);
    // Who only reads has changed nothing, and that is seen fifty times faster for all of it.
    if (Buffer.compare(mine, common) === 0) return;
    for (let end = length; end > 0; ) {
      if (same(mine, common, end - WORD)) {
        end -= WORD;
        continue;
      }
      let start = end - WORD;
      while (start > 0 && !same(mine, common, start - WORD)) start -= WORD;
      const changed = mine.subarray(start, end);
      writeSync(nfd, changed, 0, changed.length, position + start);
      common.set(changed, start);
      end = start;
    }
  }

  #read({ nfd, at, length, position, common }: Region): void {
    const read = readSync(nfd, common, 0, length, position);
    this.#copyAt(at, length).set(common.subarray(0, read));
  }

  /** Not to be kept: linear memory moves when it grows. */
  #copyAt(at: number, length: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, at, length);
  }
}

function same(a: Uint8Array, b: Uint8Array, at: number): boolean {
  return a[at] === b[at] && a[at + 1] === b[at + 1] && a[at + 2] === b[at + 2] && a[at + 3] === b[at + 3];
}
