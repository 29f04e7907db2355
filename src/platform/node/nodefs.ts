// What the glue's view of real directories (Emscripten's NODEFS) gets wrong for PHP, put right.

import { lstatSync, renameSync } from "node:fs";
import type { PhpModule } from "../../php/glue.ts";

interface Node {
  readonly id: number;
  name: string;
}

interface Nodefs {
  repaired?: boolean;
  getattr(stat: () => { ino: number }, node: Node): { ino: number };
  realPath(node: Node): string;
  tryFSOperation<T>(operation: () => T): T;
  readonly node_ops: { rename(node: Node, directory: Node, name: string): void };
}

/**
 * - Inode numbers: NODEFS invents one at every look, so a file would never equal itself. SQLite then believes that its
 *   database was moved away, and opcache and `is_same`-like checks fail.
 * - `rename()` over an existing file: NODEFS removes the target first, so for a moment other children see none. The
 *   operating system's own rename replaces it in one step, which is what atomic cache writes rely on.
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
