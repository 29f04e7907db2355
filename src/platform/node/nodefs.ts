// What the glue's view of real directories (Emscripten's NODEFS) gets wrong for PHP, put right.

import { closeSync, lstatSync, mkdirSync, openSync, renameSync } from "node:fs";
import type { PhpModule } from "../../php/glue.ts";

interface Node {
  readonly id: number;
  name: string;
  readonly mode: number;
}

interface Nodefs {
  repaired?: boolean;
  getattr(stat: () => { ino: number }, node: Node): { ino: number };
  realPath(node: Node): string;
  tryFSOperation<T>(operation: () => T): T;
  createNode(directory: Node, name: string, mode: number, device: number): Node;
  readonly node_ops: {
    mknod(directory: Node, name: string, mode: number, device: number): Node;
    rename(node: Node, directory: Node, name: string): void;
  };
}

interface Files {
  open(path: unknown, flags: string | number, mode?: number): unknown;
}

// fcntl.h of the interpreter's C library, and WASI's errno.
const O_CREAT = 64;
const O_EXCL = 128;
const EEXIST = 20;

/** How often an open is tried again that finds a file of which it was told a moment before that there is none. */
const TRIES = 4;

/**
 * - Inode numbers: NODEFS invents one at every look, so a file would never equal itself. SQLite then believes that its
 *   database was moved away, and opcache and `is_same`-like checks fail.
 * - `rename()` over an existing file: NODEFS removes the target first, so for a moment other children see none. The
 *   operating system's own rename replaces it in one step, which is what atomic cache writes rely on.
 * - Making a file that another child makes at the same moment: NODEFS would empty it, or complain that it exists, and
 *   with O_EXCL both would believe that it is theirs.
 */
export function repairNodefs(module: PhpModule): void {
  const nodefs = module.FS.filesystems.NODEFS as Nodefs | undefined;
  if (nodefs === undefined || nodefs.repaired) return;
  nodefs.repaired = true;
  const getattr = nodefs.getattr;
  nodefs.getattr = (stat, node) => {
    let real = 0;
    const attributes = getattr.call(
      nodefs,
      () => {
        const found = stat();
        real = found.ino;
        return found;
      },
      node,
    );
    attributes.ino = real;
    return attributes;
  };
  const files = module.FS as unknown as Files;
  const open = files.open;
  let exclusive = false;
  files.open = (path, flags, mode) => {
    if (typeof flags !== "number" || (flags & O_CREAT) === 0) return open.call(files, path, flags, mode);
    exclusive = (flags & O_EXCL) !== 0;
    try {
      for (let left = exclusive ? 1 : TRIES; ; left--) {
        try {
          return open.call(files, path, flags, mode);
        } catch (error) {
          if (left <= 1 || (error as { errno?: unknown }).errno !== EEXIST) throw error;
        }
      }
    } finally {
      exclusive = false;
    }
  };
  nodefs.node_ops.mknod = (directory, name, mode, device) => {
    const node = nodefs.createNode(directory, name, mode, device);
    const path = nodefs.realPath(node);
    nodefs.tryFSOperation(() => {
      if (module.FS.isDir(node.mode)) mkdirSync(path, node.mode);
      else closeSync(openSync(path, exclusive ? "ax" : "a", node.mode));
    });
    return node;
  };
  nodefs.node_ops.rename = (node, directory, name) => {
    const from = nodefs.realPath(node);
    const to = `${nodefs.realPath(directory)}/${name}`;
    nodefs.tryFSOperation(() => {
      lstatSync(from);
      renameSync(from, to);
    });
    node.name = name;
  };
}
