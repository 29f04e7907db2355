// An application inside a zip archive, as a directory of PHP's file system. Files are inflated when they are read and
// forgotten when others need the room; what a script writes stays in memory, beside the archive (copy on write).

import type { GlueFileSystem, PhpModule } from "./glue.ts";

export type ArchiveErrorCode =
  /** The bytes are no zip archive, or one that contradicts itself. */
  | "ARCHIVE_MALFORMED"
  /** A zip archive that uses what this reader does not know, or a name that must not become a path. */
  | "ARCHIVE_UNSUPPORTED";

/** A bad archive: made by something else than `edge-fpm build`, or damaged. Test `error.code`. */
export class ArchiveError extends Error {
  override readonly name = "ArchiveError";
  readonly code: ArchiveErrorCode;

  constructor(code: ArchiveErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A file or folder of an archive. */
export interface ArchiveEntry {
  /** Relative, with slashes; a folder's has none at its end. */
  readonly path: string;
  readonly directory: boolean;
  /** Bytes after inflating. */
  readonly size: number;
  /** Milliseconds since 1970; whole seconds. */
  readonly modified: number;
  /** Stored as it is, or deflated. */
  readonly deflated: boolean;
  /** Bytes in the archive. */
  readonly compressedSize: number;
  /** Where its local header stands. */
  readonly offset: number;
}

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

  /** The data of an entry: behind its local header, whose name and extra field may differ from the directory's. */
  #data(entry: ArchiveEntry): Uint8Array {
    const view = viewOf(this.#archive);
    const start =
      entry.offset + LOCAL_SIZE + view.getUint16(entry.offset + 26, true) + view.getUint16(entry.offset + 28, true);
    const end = start + entry.compressedSize;
    if (end > this.#archive.length) throw new this.#FS.ErrnoError(EIO);
    return this.#archive.subarray(start, end);
  }
}

// The numbers below are those of APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16.

const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_SIZE = 30;
const CENTRAL_SIGNATURE = 0x02014b50;
const CENTRAL_SIZE = 46;
const END_SIGNATURE = 0x06054b50;
const END_SIZE = 22;
/** The archive's comment, behind the end record, has at most that many bytes. */
const MOST_COMMENT = 0xffff;

const STORED = 0;
const DEFLATED = 8;

/** Extra field with times in seconds since 1970, UTC: the other ones are local times of nobody knows where. */
const UNIX_TIME = 0x5455;

/**
 * The table of contents of a zip archive. Only that is read, not the files.
 *
 * @throws {ArchiveError} `ARCHIVE_MALFORMED`, `ARCHIVE_UNSUPPORTED`
 */
export function readArchive(archive: Uint8Array): ArchiveEntry[] {
  const view = viewOf(archive);
  const end = findEnd(view);
  const count = view.getUint16(end + 10, true);
  const size = view.getUint32(end + 12, true);
  let at = view.getUint32(end + 16, true);
  if (count === 0xffff || size === 0xffffffff || at === 0xffffffff) {
    throw new ArchiveError("ARCHIVE_UNSUPPORTED", "a zip archive of more than 65,534 files or 4 GiB (ZIP64)");
  }
  if (at + size > end) throw malformed("its table of contents lies beyond its end");

  const names = new Names();
  const entries: ArchiveEntry[] = [];
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL_SIZE > end || view.getUint32(at, true) !== CENTRAL_SIGNATURE) {
      throw malformed(`entry ${i} of its table of contents is missing`);
    }
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const next = at + CENTRAL_SIZE + nameLength + extraLength + view.getUint16(at + 32, true);
    if (next > end) throw malformed(`entry ${i} of its table of contents is cut short`);
    const name = names.add(archive.subarray(at + CENTRAL_SIZE, at + CENTRAL_SIZE + nameLength));
    const extra = at + CENTRAL_SIZE + nameLength;
    const entry: ArchiveEntry = {
      path: name.path,
      directory: name.directory,
      size: view.getUint32(at + 24, true),
      modified: unixTime(view, extra, extra + extraLength) ?? dosTime(view.getUint32(at + 12, true)),
      deflated: methodOf(view, at, name.path) === DEFLATED,
      compressedSize: view.getUint32(at + 20, true),
      offset: view.getUint32(at + 42, true),
    };
    checkData(view, entry);
    entries.push(entry);
    at = next;
  }
  return entries;
}

/** Refuses names that are no paths below the archive's folder, and two things with one name. */
class Names {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  readonly #directories = new Set<string>([""]);
  readonly #files = new Set<string>();

  add(bytes: Uint8Array): { path: string; directory: boolean } {
    const name = this.#decode(bytes);
    const directory = name.endsWith("/");
    const path = directory ? name.slice(0, -1) : name;
    const segments = path.split("/");
    if (path.includes("\0") || segments.some((segment) => segment === "" || segment === "." || segment === "..")) {
      throw new ArchiveError("ARCHIVE_UNSUPPORTED", `the name ${JSON.stringify(name)} is no path inside the archive`);
    }
    for (let parent = parentOf(path); parent !== ""; parent = parentOf(parent)) {
      if (this.#files.has(parent)) throw malformed(`${JSON.stringify(parent)} is a file and a folder`);
      this.#directories.add(parent);
    }
    if (this.#files.has(path) || (!directory && this.#directories.has(path))) {
      throw malformed(`the name ${JSON.stringify(name)} is there twice`);
    }
    (directory ? this.#directories : this.#files).add(path);
    return { path, directory };
  }

  #decode(bytes: Uint8Array): string {
    try {
      return this.#decoder.decode(bytes);
    } catch {
      throw new ArchiveError("ARCHIVE_UNSUPPORTED", "a name that is not UTF-8");
    }
  }
}

function findEnd(view: DataView): number {
  const first = Math.max(0, view.byteLength - END_SIZE - MOST_COMMENT);
  for (let at = view.byteLength - END_SIZE; at >= first; at--) {
    if (view.getUint32(at, true) === END_SIGNATURE) return at;
  }
  throw malformed("it has no end record: no zip archive, or one that was cut short");
}

function methodOf(view: DataView, at: number, path: string): number {
  const encrypted = (view.getUint16(at + 8, true) & 1) !== 0;
  const method = view.getUint16(at + 10, true);
  if (!encrypted && (method === STORED || method === DEFLATED)) return method;
  const what = encrypted ? "is encrypted" : `is compressed by method ${method}`;
  throw new ArchiveError("ARCHIVE_UNSUPPORTED", `${path} ${what}; stored and deflated files are known`);
}

function checkData(view: DataView, entry: ArchiveEntry): void {
  const { path, offset, compressedSize } = entry;
  if (offset + LOCAL_SIZE + compressedSize > view.byteLength || view.getUint32(offset, true) !== LOCAL_SIGNATURE) {
    throw malformed(`the data of ${path} are missing`);
  }
  if (!entry.deflated && compressedSize !== entry.size) throw malformed(`${path} has two different sizes`);
}

function unixTime(view: DataView, start: number, end: number): number | undefined {
  for (let at = start; at + 4 <= end; at += 4 + view.getUint16(at + 2, true)) {
    // The lowest bit of the flags: a modification time follows.
    if (view.getUint16(at, true) !== UNIX_TIME || at + 9 > end || (view.getUint8(at + 4) & 1) === 0) continue;
    return view.getInt32(at + 5, true) * 1000;
  }
  return undefined;
}

function dosTime(value: number): number {
  return Date.UTC(
    (value >>> 25) + 1980,
    ((value >>> 21) & 15) - 1,
    (value >>> 16) & 31,
    (value >>> 11) & 31,
    (value >>> 5) & 63,
    (value & 31) * 2,
  );
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function malformed(what: string): ArchiveError {
  return new ArchiveError("ARCHIVE_MALFORMED", `not an archive of an application: ${what}`);
}
