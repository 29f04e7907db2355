// One interpreter's files in memory: how a node is found, and put into a directory or taken out of it without a script
// knowing.

import type { PhpModule } from "../glue.ts";
import { DIRECTORY, entriesOf, FILE, LINK, type MemoryNode, type MemoryStream } from "./memory-node.ts";
import { type MemoryWatcher, type OperationsTable, watchOperations } from "./memory-watch.ts";

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
  read(stream: MemoryStream, buffer: Uint8Array, offset: number, length: number): number;
  write(stream: MemoryStream, buffer: Uint8Array, offset: number, length: number): number;
}

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

  /** Reads on, as read() does. */
  read(stream: MemoryStream, memory: Uint8Array, offset: number, length: number): number {
    return this.#FS.read(stream, memory, offset, length);
  }

  /** Writes on, as write() does. */
  write(stream: MemoryStream, memory: Uint8Array, offset: number, length: number): number {
    return this.#FS.write(stream, memory, offset, length);
  }

  /** Bytes of a file, whoever has it open. */
  readAt(node: MemoryNode, memory: Uint8Array, position: number): number {
    return node.stream_ops.read({ node, flags: 0 }, memory, 0, memory.length, position);
  }

  /** Writes to a file, whoever has it open. */
  writeAt(node: MemoryNode, bytes: Uint8Array, position: number): void {
    node.stream_ops.write({ node, flags: 0 }, bytes, 0, bytes.length, position);
  }

  resize(node: MemoryNode, size: number): void {
    node.node_ops.setattr(node, { size });
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
    watchOperations(this.#FS.filesystems.MEMFS.ops_table, watcher);
  }
}
