// What the glue's view of real directories (Emscripten's NODEFS) gets wrong for PHP, put right.

import { chmodSync, closeSync, lstatSync, mkdirSync, openSync, renameSync } from "node:fs";
import type { PhpModule } from "../../php/glue.ts";
import { readUmask } from "../../php/umask.ts";
import { refuseOtherNames } from "./nodefs-names.ts";

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
    readdir(directory: Node): string[];
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

/** Whoever makes a file can write to it, whatever its permissions are to be. */
const OWNER = 0o600;
const PERMISSIONS = 0o7777;

/** How often an open is tried again that finds a file of which it was told a moment before that there is none. */
const TRIES = 4;

/**
 * - Inode numbers: NODEFS invents one at every look, so a file would never equal itself. SQLite then believes that its
 *   database was moved away, and opcache and `is_same`-like checks fail.
 * - `rename()` over an existing file: NODEFS removes the target first, so for a moment other children see none. The
 *   operating system's own rename replaces it in one step, which is what atomic cache writes rely on.
 * - Making a file that another child makes at the same moment: NODEFS would empty it, or complain that it exists, and
 *   with O_EXCL both would believe that it is theirs.
 * - Permissions of new files and folders: NODEFS knows no umask, and sets those of files once more without that of the
 *   operating system.
 * - Listings: NODEFS leaves out "." and "..".
 */
export function repairNodefs(module: PhpModule): void {
  const nodefs = module.FS.filesystems.NODEFS as Nodefs | undefined;
  if (nodefs === undefined || nodefs.repaired) return;
  nodefs.repaired = true;
  refuseOtherNames(module);
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
  // Where the build does not tell the script's mask it is this process's.
  const processMask = process.umask();
  const unmasked = (mode: number) => mode & ~(readUmask(module) ?? processMask);
  let exclusive = false;
  let permissions = 0;
  files.open = (path, flags, mode = 0o666) => {
    if (typeof flags !== "number" || (flags & O_CREAT) === 0) return open.call(files, path, flags, mode);
    exclusive = (flags & O_EXCL) !== 0;
    permissions = unmasked(mode);
    try {
      for (let left = exclusive ? 1 : TRIES; ; left--) {
        try {
          return open.call(files, path, flags, permissions);
        } catch (error) {
          if (left <= 1 || (error as { errno?: unknown }).errno !== EEXIST) throw error;
        }
      }
    } finally {
      exclusive = false;
    }
  };
  nodefs.node_ops.mknod = (directory, name, mode, device) => {
    const isDirectory = module.FS.isDir(mode);
    const masked = isDirectory ? unmasked(mode) : mode;
    const node = nodefs.createNode(directory, name, masked, device);
    const path = nodefs.realPath(node);
    nodefs.tryFSOperation(() => {
      if (isDirectory) makeDirectory(path, masked & PERMISSIONS, processMask);
      else closeSync(openSync(path, exclusive ? "ax" : "a", permissions | OWNER));
    });
    return node;
  };
  const readdir = nodefs.node_ops.readdir;
  nodefs.node_ops.readdir = (directory) => [".", "..", ...readdir(directory)];
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

/** The operating system takes off this process's own mask, which the script may have lifted. */
function makeDirectory(path: string, mode: number, processMask: number): void {
  mkdirSync(path, mode);
  if ((mode & processMask) !== 0) chmodSync(path, mode);
}
