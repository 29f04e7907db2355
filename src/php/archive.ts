// An application inside a zip archive, as a directory of PHP's file system. Files are inflated when they are read and
// forgotten when others need the room; what a script writes stays in memory, beside the archive (copy on write).

import type { GlueFileSystem, PhpModule } from "./glue.ts";
import { type ArchiveEntry, entryData, parentOf, readArchive } from "./zip.ts";

export { type ArchiveEntry, readArchive } from "./zip.ts";

export interface ArchiveOptions {
  /** The zip archive. It is kept, and must not be changed. */
  readonly archive: Uint8Array;
  /** Absolute path of the directory that shows it. */
  readonly at: string;
  /**
   * Inflates raw deflate data, `size` bytes when they are whole: `inflateRawSync` of node:zlib, or `inflateSync` of
   * fflate. Another size, or a thrown error, is an I/O error (EIO) to the script. Do not pass `size` on as
   * `maxOutputLength` in workerd: it refuses many outputs that fit.
   */
  readonly inflate: (compressed: Uint8Array, size: number) => Uint8Array;
  /**
   * Bytes of inflated files to keep. The one read last is kept whatever its size. Default 8 MiB: the scripts of a
   * larger application are in opcache after their first use.
   */
  readonly cacheBytes?: number;
}

/** What a mounted archive has done so far: live counters. */
export interface ArchiveStatus {
  /** Files of the archive. */
  readonly files: number;
  /** Times that a file was inflated. */
  readonly inflated: number;
  /** Reads that found their file inflated. */
  readonly hits: number;
  /** Inflated files that were forgotten for others. */
  readonly evicted: number;
  /** Bytes of inflated files that are kept at this moment. */
  readonly cachedBytes: number;
  /** Files of the archive that a script changed, and that live in memory since then. */
  readonly changed: number;
}

const DEFAULT_CACHE = 8 * 1024 * 1024;

/** Input/output error, in the numbers of WASI, which Emscripten uses. */
const EIO = 29;

const DIRECTORY_MODE = 0o40755;
const FILE_MODE = 0o100644;

/** The part of MEMFS that is used here. Its files are nodes whose `contents` holds the bytes. */
interface MemoryFileSystem {
  readonly ops_table: { readonly file: { readonly node: NodeOperations; readonly stream: StreamOperations } };
  createNode(parent: MemoryNode, name: string, mode: number, device: number): MemoryNode;
}

interface MemoryNode {
  contents: Uint8Array | object | null;
  usedBytes: number;
  atime: number;
  mtime: number;
  ctime: number;
  node_ops: NodeOperations;
  stream_ops: StreamOperations;
}

interface NodeOperations {
  setattr(node: MemoryNode, attributes: { readonly size?: number }): void;
}

interface StreamOperations {
  write(stream: { readonly node: MemoryNode }, ...rest: unknown[]): number;
  msync(stream: { readonly node: MemoryNode }, ...rest: unknown[]): number;
}

/**
 * Shows an archive as a directory. Reading, writing, renaming, deleting and mapping work as on any other file; nothing
 * is ever written to the archive.
 *
 * @returns live counters
 * @throws {ArchiveError} `ARCHIVE_MALFORMED`, `ARCHIVE_UNSUPPORTED`; a file whose data are damaged is found when it is read
 */
export function mountArchive(module: PhpModule, options: ArchiveOptions): ArchiveStatus {
  const entries = readArchive(options.archive);
  const { FS } = module;
  const MEMFS = FS.filesystems.MEMFS as MemoryFileSystem;
  FS.mkdirTree(options.at);
  const root = FS.mount(FS.filesystems.MEMFS, {}, options.at) as MemoryNode;
  const files = new ArchiveFiles(FS, MEMFS, options);

  const directories = new Map<string, MemoryNode>([["", root]]);
  const directory = (path: string): MemoryNode => {
    const known = directories.get(path);
    if (known !== undefined) return known;
    const node = MEMFS.createNode(directory(parentOf(path)), nameOf(path), DIRECTORY_MODE, 0);
    directories.set(path, node);
    return node;
  };
  for (const entry of entries) {
    if (entry.directory) directory(entry.path);
    else files.add(MEMFS.createNode(directory(parentOf(entry.path)), nameOf(entry.path), FILE_MODE, 0), entry);
  }
  return files.status;
}

/** The files of one mounted archive: which of them are inflated, and which are still the archive's. */
class ArchiveFiles {
  readonly status = { files: 0, inflated: 0, hits: 0, evicted: 0, cachedBytes: 0, changed: 0 };
  readonly #FS: GlueFileSystem;
  readonly #archive: Uint8Array;
  readonly #inflate: ArchiveOptions["inflate"];
  readonly #cacheBytes: number;
  /** Nodes that no script has changed yet. */
  readonly #unchanged = new WeakMap<MemoryNode, ArchiveEntry>();
  /** Inflated contents, the least recently read first. */
  readonly #cache = new Map<MemoryNode, Uint8Array>();
  readonly #nodeOperations: NodeOperations;
  readonly #streamOperations: StreamOperations;

  constructor(FS: GlueFileSystem, MEMFS: MemoryFileSystem, options: ArchiveOptions) {
    this.#FS = FS;
    this.#archive = options.archive;
    this.#inflate = options.inflate;
    this.#cacheBytes = options.cacheBytes ?? DEFAULT_CACHE;
    const { node, stream } = MEMFS.ops_table.file;
    // MEMFS does the work; before it changes bytes, it gets a copy of its own.
    this.#nodeOperations = {
      ...node,
      setattr: (target, attributes) => {
        if (attributes.size !== undefined) this.#own(target, attributes.size);
        node.setattr(target, attributes);
      },
    };
    this.#streamOperations = {
      ...stream,
      write: (target, ...rest) => {
        this.#own(target.node);
        return stream.write(target, ...rest);
      },
      msync: (target, ...rest) => {
        this.#own(target.node);
        return stream.msync(target, ...rest);
      },
    };
  }

  add(node: MemoryNode, entry: ArchiveEntry): void {
    this.status.files++;
    node.mtime = node.ctime = node.atime = entry.modified;
    // MEMFS treats an empty file rightly without us.
    if (entry.size === 0) return;
    node.usedBytes = entry.size;
    node.node_ops = this.#nodeOperations;
    node.stream_ops = this.#streamOperations;
    this.#unchanged.set(node, entry);
    Object.defineProperty(node, "contents", {
      get: () => this.#read(node, entry),
      configurable: true,
      enumerable: true,
    });
  }

  /** The bytes of a file that is still the archive's. The caller must not change them. */
  #read(node: MemoryNode, entry: ArchiveEntry): Uint8Array {
    const cached = this.#cache.get(node);
    if (cached !== undefined) {
      this.status.hits++;
      // To the end: the most recently read.
      this.#cache.delete(node);
      this.#cache.set(node, cached);
      return cached;
    }
    const data = this.#data(entry);
    if (!entry.deflated) return data;
    let bytes: Uint8Array;
    try {
      bytes = this.#inflate(data, entry.size);
    } catch {
      throw new this.#FS.ErrnoError(EIO);
    }
    if (bytes.length !== entry.size) throw new this.#FS.ErrnoError(EIO);
    this.status.inflated++;
    // node:zlib gives the beginning of a buffer of 16 KiB at least: kept as it is, that would be the size of each file.
    if (bytes.buffer.byteLength > bytes.length) bytes = new Uint8Array(bytes);
    this.#keep(node, bytes);
    return bytes;
  }

  #keep(node: MemoryNode, bytes: Uint8Array): void {
    this.#cache.set(node, bytes);
    this.status.cachedBytes += bytes.length;
    for (const [oldest, its] of this.#cache) {
      if (this.status.cachedBytes <= this.#cacheBytes || oldest === node) break;
      this.#cache.delete(oldest);
      this.status.cachedBytes -= its.length;
      this.status.evicted++;
    }
  }

  /** Makes a file MEMFS's own. `size`: how long it will be; what is emptied need not be inflated. */
  #own(node: MemoryNode, size = Number.POSITIVE_INFINITY): void {
    const entry = this.#unchanged.get(node);
    if (entry === undefined) return;
    // Not slice(): a Buffer's would be a view of the same bytes.
    const contents = size === 0 ? new Uint8Array() : new Uint8Array(this.#read(node, entry));
    const cached = this.#cache.get(node);
    if (cached !== undefined) {
      this.#cache.delete(node);
      this.status.cachedBytes -= cached.length;
    }
    this.#unchanged.delete(node);
    this.status.changed++;
    Object.defineProperty(node, "contents", { value: contents, writable: true, configurable: true, enumerable: true });
  }

  #data(entry: ArchiveEntry): Uint8Array {
    const data = entryData(this.#archive, entry);
    if (data === undefined) throw new this.#FS.ErrnoError(EIO);
    return data;
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
