// How much memory an interpreter's isolate may take. The platform ends an isolate that takes too much, in the middle of
// whatever it does; here growth is refused before, so that PHP reports a lack of memory and goes on.

import type { PhpModule } from "../../php/glue.ts";

/** Limit of an isolate, in bytes: 128 MB, read as the smaller of its two meanings. */
const ISOLATE = 128_000_000;

/** Our code, the glue and what JavaScript keeps beside the buffers counted here: 8 to 10 MB of a process (bench/edge.ts). */
const OVERHEAD = 10_000_000;

/**
 * Linear memory beyond which an interpreter is worn, in bytes: a heap that has grown so far is mostly holes. Brought
 * back, it begins anew in the memory that it has.
 */
export const GROWN: number = 80 * 1024 * 1024;

/** "No space left on device" in the numbers of WASI, which Emscripten uses. */
const ENOSPC = 51;

interface FileNode {
  readonly usedBytes?: number;
  readonly contents?: unknown;
}

interface FileOperations {
  readonly stream: {
    write(
      stream: { readonly node: FileNode },
      buffer: unknown,
      offset: number,
      length: number,
      at: number,
      canOwn?: boolean,
    ): number;
  };
  readonly node: { setattr(node: FileNode, attributes: { readonly size?: number }): void };
}

interface MemoryFiles {
  readonly ops_table: { readonly file: { stream: FileOperations["stream"]; node: FileOperations["node"] } };
}

interface RootNode extends FileNode {
  readonly mounted?: { readonly root: RootNode };
}

/** Counts the isolate's memory, and refuses what would pass the limit. */
export class MemoryBudget {
  readonly #limit: number;
  /** Held by name: the archive, the snapshot. */
  readonly #held = new Map<string, number>();
  /** Content of files that lie in memory; at least what they really hold. */
  #files = 0;
  /** Bytes that others hold for now, asked when needed: the cache of inflated files. */
  #others: () => number = () => 0;
  #module: PhpModule | undefined;
  #recount: () => number = () => 0;
  #squeeze: () => void = () => {};

  /** @param limit bytes for the whole isolate */
  constructor(limit: number = ISOLATE) {
    this.#limit = limit - OVERHEAD;
  }

  /** Estimate for the whole isolate, in bytes. */
  get used(): number {
    this.#files = this.#recount();
    return OVERHEAD + this.#counted + this.#linear;
  }

  /** Something holds `bytes` from now on. */
  hold(name: string, bytes: number): void {
    this.#held.set(name, bytes);
  }

  /** @param bytes what a cache holds at present */
  watch(bytes: () => number): void {
    this.#others = bytes;
  }

  /** @param squeeze called when memory is short, before anything is refused: gives back what it can */
  onShortage(squeeze: () => void): void {
    this.#squeeze = squeeze;
  }

  /** Whether the isolate stays below its limit with that much linear memory and that many bytes more in files. */
  #fits(linear: number, more: number): boolean {
    if (linear + this.#counted + more <= this.#limit) return true;
    this.#squeeze();
    this.#files = this.#recount();
    return linear + this.#counted + more <= this.#limit;
  }

  get #counted(): number {
    let held = 0;
    for (const bytes of this.#held.values()) held += bytes;
    return held + this.#files + this.#others();
  }

  get #linear(): number {
    return this.#module?.HEAPU8.length ?? 0;
  }

  /** How large linear memory may become at this moment, in bytes. */
  heapLimit(): number {
    // Growth is asked for in steps of a fifth: when the next one would not fit, room is made.
    this.#fits(this.#linear * 1.2, 0);
    return this.#limit - this.#counted;
  }

  /** Guards files in memory. Called once the module runs, before an archive is mounted. */
  guardFiles(module: PhpModule): void {
    this.#module = module;
    const { FS } = module;
    const { file } = (FS.filesystems.MEMFS as MemoryFiles).ops_table;
    const { write } = file.stream;
    const { setattr } = file.node;
    /** Nodes whose content is counted already: a file of the archive gets its own at the first change. */
    const own = new WeakSet<FileNode>();
    const reserve = (node: FileNode, size: number) => {
      const present = node.usedBytes ?? 0;
      const more = own.has(node) ? size - present : Math.max(size, present);
      own.add(node);
      if (more <= 0) return;
      if (!this.#fits(this.#linear, more)) throw new FS.ErrnoError(ENOSPC);
      this.#files += more;
    };
    file.stream.write = (stream, buffer, offset, length, at, canOwn) => {
      reserve(stream.node, at + length);
      return write(stream, buffer, offset, length, at, canOwn);
    };
    file.node.setattr = (node, attributes) => {
      if (attributes.size !== undefined) reserve(node, attributes.size);
      setattr(node, attributes);
    };
    const root = (FS as unknown as { readonly root: RootNode }).root;
    this.#recount = () => contentOf(root);
    this.#files = this.#recount();
  }
}

/** Bytes that the files below a node hold themselves. A file of the archive that was never written holds none. */
function contentOf(node: RootNode): number {
  const real = node.mounted?.root ?? node;
  const held = Object.getOwnPropertyDescriptor(real, "contents");
  const contents = held !== undefined && "value" in held ? held.value : undefined;
  // What was written in one piece lies in an array of another type than what grew.
  if (ArrayBuffer.isView(contents)) return contents.buffer.byteLength;
  if (typeof contents !== "object" || contents === null) return 0;
  let sum = 0;
  for (const child of Object.values(contents)) if (typeof child === "object") sum += contentOf(child as RootNode);
  return sum;
}
