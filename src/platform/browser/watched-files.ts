// The shared directories, seen from one child: what its scripts changed since the last look, and what others changed.
// Web Workers share no memory on a static host, so each child has its own copy of every file.

import type { PhpModule } from "../../php/glue.ts";
import type { FileChanges, SharedFile } from "./child-messages.ts";

interface MemoryNode {
  contents: Uint8Array | Int8Array | { readonly [name: string]: MemoryNode } | null;
  usedBytes?: number;
  mode: number;
  mtime: number;
}

type Operation = (this: unknown, ...values: unknown[]) => unknown;

/** The part of Emscripten's file system that is used here, beside `GlueFileSystem`. */
interface Files {
  readonly filesystems: {
    readonly MEMFS: {
      readonly ops_table: {
        readonly dir: { readonly node: Record<string, Operation> };
        readonly file: { readonly node: Record<string, Operation>; readonly stream: Record<string, Operation> };
      };
    };
  };
  lookupPath(path: string, options?: object): { readonly node: MemoryNode };
  mkdirTree(path: string): void;
  writeFile(path: string, data: Uint8Array): void;
  utime(path: string, accessed: number, modified: number): void;
  unlink(path: string): void;
  isDir(mode: number): boolean;
  isFile(mode: number): boolean;
}

/** Watches the shared directories of one interpreter. */
export class WatchedFiles {
  readonly #FS: Files;
  readonly #directories: readonly string[];
  /** Files written since the last look. */
  readonly #written = new Set<MemoryNode>();
  /** A file was made, moved or removed since the last look. */
  #moved = false;
  /** Changes that come from outside are not to be told again. */
  #applying = false;
  #known = new Map<string, MemoryNode>();

  /** @param directories absolute; made when missing. Nothing is mounted below them. */
  constructor(module: PhpModule, directories: readonly string[], files: FileChanges) {
    this.#FS = module.FS as unknown as Files;
    this.#directories = directories;
    for (const directory of directories) this.#FS.mkdirTree(directory);
    this.#watch();
    this.apply(files);
  }

  /** Brings in what others changed. */
  apply(changes: FileChanges): void {
    this.#applying = true;
    try {
      for (const [path, file] of changes) this.#applyOne(path, file);
    } finally {
      this.#applying = false;
    }
  }

  /** What scripts changed since the last call. The bytes are copies. */
  take(): FileChanges {
    if (this.#written.size === 0 && !this.#moved) return [];
    const changes: [string, SharedFile | null][] = [];
    const found = this.#moved ? new Map<string, MemoryNode>() : this.#known;
    if (this.#moved) {
      for (const directory of this.#directories) this.#walk(directory, this.#nodeAt(directory), found);
      for (const path of this.#known.keys()) if (!found.has(path)) changes.push([path, null]);
    }
    for (const [path, node] of found) {
      if (this.#written.has(node) || this.#known.get(path) !== node) changes.push([path, fileOf(node)]);
    }
    this.#known = found;
    this.#written.clear();
    this.#moved = false;
    return changes;
  }

  #applyOne(path: string, file: SharedFile | null): void {
    const FS = this.#FS;
    if (file === null) {
      this.#known.delete(path);
      try {
        FS.unlink(path);
      } catch {
        // Gone here too.
      }
      return;
    }
    try {
      FS.mkdirTree(path.slice(0, path.lastIndexOf("/")) || "/");
      FS.writeFile(path, file.bytes);
      // Opcache knows a file by its time: it must be the same in every child.
      FS.utime(path, file.modified, file.modified);
      const node = this.#nodeAt(path);
      if (node !== undefined) this.#known.set(path, node);
    } catch {
      // A script made a folder of that name meanwhile: this child keeps its own.
    }
  }

  /** MEMFS tells nobody of changes: its operations are asked to. */
  #watch(): void {
    const { dir, file } = this.#FS.filesystems.MEMFS.ops_table;
    for (const name of ["write", "msync"]) {
      around(file.stream, name, ([stream]) => this.#touch((stream as { node: MemoryNode }).node));
    }
    around(file.node, "setattr", ([node]) => this.#touch(node as MemoryNode));
    for (const name of ["mknod", "rename", "unlink", "rmdir"]) {
      around(dir.node, name, () => {
        if (!this.#applying) this.#moved = true;
      });
    }
  }

  #touch(node: MemoryNode): void {
    if (!this.#applying) this.#written.add(node);
  }

  #nodeAt(path: string): MemoryNode | undefined {
    try {
      return this.#FS.lookupPath(path).node;
    } catch {
      return undefined;
    }
  }

  #walk(path: string, node: MemoryNode | undefined, found: Map<string, MemoryNode>): void {
    if (node === undefined) return;
    if (this.#FS.isFile(node.mode)) found.set(path, node);
    if (!this.#FS.isDir(node.mode)) return;
    const entries = node.contents as { readonly [name: string]: MemoryNode };
    for (const [name, child] of Object.entries(entries)) this.#walk(`${path}/${name}`, child, found);
  }
}

function fileOf({ contents, usedBytes = 0, mtime }: MemoryNode): SharedFile {
  // What was written in one piece is a copy of linear memory as Emscripten sees it: signed bytes.
  const bytes = ArrayBuffer.isView(contents)
    ? new Uint8Array(contents.buffer, contents.byteOffset, usedBytes).slice()
    : new Uint8Array(0);
  return { bytes, modified: mtime };
}

function around(operations: Record<string, Operation>, name: string, before: (values: unknown[]) => void): void {
  const original = operations[name];
  if (original === undefined) return;
  operations[name] = function (...values) {
    before(values);
    return original.apply(this, values);
  };
}
