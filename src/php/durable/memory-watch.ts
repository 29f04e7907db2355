// What scripts do to files in memory, told to whoever watches; and files whose bytes are not there as a whole, served by
// who has them.

import { type Attributes, entriesOf, type MemoryNode, type MemoryStream } from "./memory-node.ts";

type Operation = (this: unknown, ...values: never[]) => unknown;

export interface OperationsTable {
  readonly dir: { readonly node: Record<string, Operation> };
  readonly file: { readonly node: Record<string, Operation>; readonly stream: Record<string, Operation> };
  readonly link: { readonly node: Record<string, Operation> };
}

/** The bytes of a large file: what the operations in memory would do with `contents`. Errors are `ErrnoError`s. */
export interface LargeContent {
  /** Bytes read: fewer than `length` at the end, or where a piece is missing. */
  read(node: MemoryNode, memory: Uint8Array, offset: number, length: number, position: number): number;
  write(node: MemoryNode, memory: Uint8Array, offset: number, length: number, position: number): void;
  resize(node: MemoryNode, size: number): void;
}

/** What scripts do to files. Called after it was done. */
export interface MemoryWatcher {
  /** Before a node is made: whether it is watched. Throws when there is no room for one, or its name is too long. */
  making(parent: MemoryNode, name: string, target?: string): boolean;
  made(node: MemoryNode): void;
  /** Before a node is moved: throws when its name would be too long. */
  renaming(node: MemoryNode, parent: MemoryNode, name: string): void;
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
  /** Who has the bytes of a file that is held in pieces. */
  large(node: MemoryNode): LargeContent | undefined;
  /** Before a large file is mapped: throws, for programs then read it. */
  mapping(node: MemoryNode): void;
  /** Bytes of the disk, and how many of them are free; undefined: nobody knows. */
  disk(): { readonly total: number; readonly free: number } | undefined;
}

const O_APPEND = 0o2000;

/** Permissions that new files and directories do not get. The C library has this umask and never uses it. */
export const UMASK = 0o022;

/** Puts the watcher around the operations. */
export function watchOperations({ dir, file }: OperationsTable, watcher: MemoryWatcher): void {
  watchDirectories(dir.node, watcher);
  around(file.node, "setattr", (run, values: [MemoryNode, Attributes]) => {
    const [node, attributes] = values;
    const { size, ...others } = attributes;
    const large = watcher.large(node);
    if (size === undefined) {
      run(values);
    } else if (large !== undefined) {
      run([node, others]);
      large.resize(node, size);
    } else {
      if (size > 0) watcher.reading(node);
      run(values);
    }
    // Emscripten leaves the time as it was.
    if (size !== undefined) node.mtime = node.ctime = Date.now();
    tellAttributes(watcher, values);
  });
  after(dir.node, "setattr", (values: [MemoryNode, Attributes]) => tellAttributes(watcher, values));
  watchStreams(file.stream, watcher);
  const statfs = () => blocks(watcher.disk());
  for (const { node } of [dir, file]) node.statfs = statfs;
}

const BLOCK = 4096;

/** What statfs() tells, over what Emscripten takes otherwise. */
function blocks(disk: { readonly total: number; readonly free: number } | undefined): object {
  if (disk === undefined) return {};
  const free = Math.floor(disk.free / BLOCK);
  return { bsize: BLOCK, frsize: BLOCK, blocks: Math.floor(disk.total / BLOCK), bfree: free, bavail: free };
}

function watchDirectories(node: Record<string, Operation>, watcher: MemoryWatcher): void {
  around(node, "mknod", (run, [parent, name, mode, device]: [MemoryNode, string, number, number]) => {
    const masked = watcher.making(parent, name) ? mode & ~UMASK : mode;
    const made = run([parent, name, masked, device]) as MemoryNode;
    watcher.made(made);
    return made;
  });
  around(node, "symlink", (run, values: [MemoryNode, string, string]) => {
    watcher.making(...values);
    const made = run(values) as MemoryNode;
    watcher.made(made);
    return made;
  });
  around(node, "rename", (run, values: [MemoryNode, MemoryNode, string]) => {
    const [moved, to, name] = values;
    const from = { parent: moved.parent, name: moved.name };
    const over = entriesOf(to)[name];
    watcher.renaming(moved, to, name);
    const result = run(values);
    // Emscripten sets it a moment later.
    moved.parent = to;
    watcher.renamed(moved, from, over);
    return result;
  });
  for (const name of ["unlink", "rmdir"]) {
    around(node, name, (run, values: [MemoryNode, string]) => {
      const removed = entriesOf(values[0])[values[1]];
      const result = run(values);
      if (removed !== undefined) watcher.removed(removed);
      return result;
    });
  }
}

function watchStreams(stream: Record<string, Operation>, watcher: MemoryWatcher): void {
  around(stream, "write", (run, values: [MemoryStream, Uint8Array, number, number, number]) => {
    const [{ node, flags }, memory, offset, length, position] = values;
    const large = watcher.large(node);
    if (large === undefined) {
      watcher.reading(node);
      run(values);
    } else {
      large.write(node, memory, offset, length, position);
      node.mtime = node.ctime = Date.now();
    }
    if (length > 0) watcher.written(node, position, position + length, (flags & O_APPEND) !== 0);
    return length;
  });
  around(stream, "read", (run, values: [MemoryStream, Uint8Array, number, number, number]) => {
    const [{ node }, memory, offset, length, position] = values;
    const large = watcher.large(node);
    if (large !== undefined) return large.read(node, memory, offset, length, position);
    watcher.reading(node);
    return run(values);
  });
  around(stream, "mmap", (run, values: [MemoryStream]) => {
    const [{ node }] = values;
    if (watcher.large(node) !== undefined) watcher.mapping(node);
    watcher.reading(node);
    return run(values);
  });
  around(stream, "msync", (run, values: [MemoryStream, unknown, number, number]) => {
    const [{ node }, , offset, length] = values;
    watcher.reading(node);
    const result = run(values);
    watcher.written(node, offset, offset + length, false);
    return result;
  });
  const open = (opened: MemoryStream) => watcher.opened(opened);
  Object.assign(stream, { open, dup: open, close: (closed: MemoryStream) => watcher.closed(closed) });
}

function tellAttributes(watcher: MemoryWatcher, [node, { size, mode, mtime }]: [MemoryNode, Attributes]): void {
  if (size !== undefined) watcher.resized(node, size);
  if (mode !== undefined && mode !== null) watcher.modeSet(node);
  if (mtime !== undefined && mtime !== null) watcher.timeSet(node, mtime);
}

function around<T extends unknown[]>(
  operations: Record<string, Operation>,
  name: string,
  replacement: (run: (values: unknown[]) => unknown, values: T) => unknown,
): void {
  const original = operations[name] as ((...values: unknown[]) => unknown) | undefined;
  if (original === undefined) return;
  operations[name] = function (this: unknown, ...values: T) {
    return replacement((given) => original.apply(this, given), values);
  } as unknown as Operation;
}

function after<T extends unknown[]>(
  operations: Record<string, Operation>,
  name: string,
  tell: (values: T) => void,
): void {
  around(operations, name, (run, values: T) => {
    const result = run(values);
    tell(values);
    return result;
  });
}
