// The part of Emscripten's file system in memory that durable files are laid over: its nodes, its operations, and how a
// node is put into a directory or taken out of it without a script knowing.

import type { PhpModule } from "../glue.ts";

/** A file, directory or link in memory. */
export interface MemoryNode {
  readonly id: number;
  parent: MemoryNode;
  name: string;
  mode: number;
  /** Bytes of a file, `usedBytes` of them in use; entries of a directory. */
  contents: Uint8Array | Int8Array | Record<string, MemoryNode> | null;
  usedBytes?: number;
  link?: string;
  atime: number;
  mtime: number;
  ctime: number;
  node_ops: { setattr(node: MemoryNode, attributes: Attributes): void };
}

export interface Attributes {
  readonly size?: number;
  readonly mode?: number | null;
  readonly mtime?: number | null;
}

export interface MemoryStream {
  readonly fd: number;
  readonly node: MemoryNode;
  flags: number;
  position: number;
  /** The same object for all descriptors of one open file. */
  readonly shared: object;
}

type Operation = (this: unknown, ...values: never[]) => unknown;

interface OperationsTable {
  readonly dir: { readonly node: Record<string, Operation> };
  readonly file: { readonly node: Record<string, Operation>; readonly stream: Record<string, Operation> };
  readonly link: { readonly node: Record<string, Operation> };
}

interface Files {
  readonly filesystems: {
    readonly MEMFS: {
      readonly ops_table: OperationsTable;
      createNode(parent: MemoryNode, name: string, mode: number, device: number): MemoryNode;
    };
  };
  readonly streams: (MemoryStream | null | undefined)[];
  readonly ErrnoError: new (errno: number) => Error;
  lookupPath(path: string): { readonly node: MemoryNode };
  mkdirTree(path: string): void;
  mount(type: object, options: object, path: string): MemoryNode;
  hashAddNode(node: MemoryNode): void;
  hashRemoveNode(node: MemoryNode): void;
  dupStream(stream: MemoryStream, fd: number): MemoryStream;
  close(stream: MemoryStream): void;
}

/** What scripts do to files. Called after it was done. */
export interface MemoryWatcher {
  made(node: MemoryNode): void;
  renamed(node: MemoryNode, from: { readonly parent: MemoryNode; readonly name: string }, over?: MemoryNode): void;
  removed(node: MemoryNode): void;
  written(node: MemoryNode, start: number, end: number, append: boolean): void;
  resized(node: MemoryNode, size: number): void;
  modeSet(node: MemoryNode): void;
  timeSet(node: MemoryNode, mtime: number): void;
  opened(stream: MemoryStream): void;
  closed(stream: MemoryStream): void;
  /** Before bytes are read or mapped: throws when they are not there. */
  reading(node: MemoryNode): void;
}

const TYPE = 0o170000;
const DIRECTORY = 0o040000;
const FILE = 0o100000;
const LINK = 0o120000;
const O_APPEND = 0o2000;

export const isDirectory = (node: MemoryNode): boolean => (node.mode & TYPE) === DIRECTORY;
export const isFile = (node: MemoryNode): boolean => (node.mode & TYPE) === FILE;
export const isLink = (node: MemoryNode): boolean => (node.mode & TYPE) === LINK;

/** Entries of a directory. */
export function entriesOf(node: MemoryNode): Record<string, MemoryNode> {
  return node.contents as Record<string, MemoryNode>;
}

/** Bytes of a file: a view. */
export function bytesOf({ contents, usedBytes = 0 }: MemoryNode): Uint8Array {
  if (!ArrayBuffer.isView(contents)) return new Uint8Array(0);
  return new Uint8Array(contents.buffer, contents.byteOffset, Math.min(usedBytes, contents.byteLength));
}

/** One interpreter's files in memory. */
export class MemoryTree {
  readonly #FS: Files;

  constructor(module: PhpModule) {
    this.#FS = module.FS as unknown as Files;
  }

  /** A directory of its own file system, empty. */
  mount(path: string): void {
    this.#FS.mkdirTree(path);
    this.#FS.mount(this.#FS.filesystems.MEMFS, {}, path);
  }

  mkdirTree(path: string): void {
    this.#FS.mkdirTree(path);
  }

  /** @throws an `ErrnoError` when there is nothing */
  at(path: string): MemoryNode {
    return this.#FS.lookupPath(path).node;
  }

  stream(fd: number): MemoryStream | undefined {
    return this.#FS.streams[fd] ?? undefined;
  }

  streams(): readonly (MemoryStream | null | undefined)[] {
    return this.#FS.streams;
  }

  duplicate(stream: MemoryStream, least: number): number {
    let fd = least;
    while (this.#FS.streams[fd]) fd++;
    return this.#FS.dupStream(stream, fd).fd;
  }

  close(stream: MemoryStream): void {
    this.#FS.close(stream);
  }

  /** As unlink() does it. */
  remove(node: MemoryNode): void {
    this.#FS.filesystems.MEMFS.ops_table.dir.node.unlink?.call(undefined, node.parent as never, node.name as never);
    this.#FS.hashRemoveNode(node);
  }

  error(errno: number): Error {
    return new this.#FS.ErrnoError(errno);
  }

  create(parent: MemoryNode, name: string, type: "file" | "directory" | "symlink", mode: number): MemoryNode {
    const { mtime, ctime, atime } = parent;
    const bits = type === "directory" ? DIRECTORY : type === "symlink" ? LINK : FILE;
    const node = this.#FS.filesystems.MEMFS.createNode(parent, name, bits | (mode & 0o7777), 0);
    Object.assign(parent, { mtime, ctime, atime });
    return node;
  }

  /** Takes a node out of its directory. Open files go on. */
  detach(node: MemoryNode): void {
    const entries = entriesOf(node.parent);
    if (entries[node.name] !== node) return;
    delete entries[node.name];
    this.#FS.hashRemoveNode(node);
  }

  attach(node: MemoryNode, parent: MemoryNode, name: string): void {
    entriesOf(parent)[name] = node;
    node.parent = parent;
    node.name = name;
    this.#FS.hashAddNode(node);
  }

  /** Asks to be told of everything. To be called before an archive is mounted, which takes the operations over. */
  watch(watcher: MemoryWatcher): void {
    const { dir, file } = this.#FS.filesystems.MEMFS.ops_table;
    for (const name of ["mknod", "symlink"]) {
      after(dir.node, name, (_, made: MemoryNode) => watcher.made(made));
    }
    around(dir.node, "rename", (run, values: [MemoryNode, MemoryNode, string]) => {
      const [node, to, name] = values;
      const from = { parent: node.parent, name: node.name };
      const over = entriesOf(to)[name];
      const result = run(values);
      // Emscripten sets it a moment later.
      node.parent = to;
      watcher.renamed(node, from, over);
      return result;
    });
    for (const name of ["unlink", "rmdir"]) {
      around(dir.node, name, (run, values: [MemoryNode, string]) => {
        const node = entriesOf(values[0])[values[1]];
        const result = run(values);
        if (node !== undefined) watcher.removed(node);
        return result;
      });
    }
    const attributes = ([node, { size, mode, mtime }]: [MemoryNode, Attributes]) => {
      if (size !== undefined) watcher.resized(node, size);
      if (mode !== undefined && mode !== null) watcher.modeSet(node);
      if (mtime !== undefined && mtime !== null) watcher.timeSet(node, mtime);
    };
    around(file.node, "setattr", (run, values: [MemoryNode, Attributes]) => {
      if (values[1].size !== undefined && values[1].size > 0) watcher.reading(values[0]);
      const result = run(values);
      attributes(values);
      return result;
    });
    after(dir.node, "setattr", attributes);
    const { stream } = file;
    around(stream, "write", (run, values: [MemoryStream, unknown, number, number, number]) => {
      const [{ node, flags }, , , , position] = values;
      watcher.reading(node);
      const length = run(values) as number;
      if (length > 0) watcher.written(node, position, position + length, (flags & O_APPEND) !== 0);
      return length;
    });
    around(stream, "msync", (run, values: [MemoryStream, unknown, number, number]) => {
      const [{ node }, , offset, length] = values;
      watcher.reading(node);
      const result = run(values);
      watcher.written(node, offset, offset + length, false);
      return result;
    });
    for (const name of ["read", "mmap"]) {
      around(stream, name, (run, values: [MemoryStream]) => {
        watcher.reading(values[0].node);
        return run(values);
      });
    }
    const open = (opened: MemoryStream) => watcher.opened(opened);
    Object.assign(stream, { open, dup: open, close: (closed: MemoryStream) => watcher.closed(closed) });
  }
}

function around<T extends unknown[]>(
  operations: Record<string, Operation>,
  name: string,
  replacement: (run: (values: T) => unknown, values: T) => unknown,
): void {
  const original = operations[name] as ((...values: unknown[]) => unknown) | undefined;
  if (original === undefined) return;
  operations[name] = function (this: unknown, ...values: T) {
    return replacement((given) => original.apply(this, given), values);
  } as unknown as Operation;
}

function after<T extends unknown[], R>(
  operations: Record<string, Operation>,
  name: string,
  tell: (values: T, result: R) => void,
): void {
  around(operations, name, (run, values: T) => {
    const result = run(values);
    tell(values, result as R);
    return result;
  });
}
