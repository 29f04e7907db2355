// Where a file may be: what the store would refuse when the request is over is refused where a script asks for it.

import { byteLength, type StoreSizes } from "../../fs/index.ts";
import { entriesOf, isDirectory, isMountRoot, type MemoryNode } from "./memory-node.ts";

type Bounds = Pick<StoreSizes, "nameBytes" | "pathBytes" | "depth">;

/** Whether `parent`/`name` is more than the store takes: the name, its path, or the directories above it. */
export function isTooLong(parent: MemoryNode, name: string, bounds: Bounds, moved?: MemoryNode): boolean {
  const own = byteLength(name);
  if (own > bounds.nameBytes) return true;
  let depth = 0;
  let bytes = own;
  let at = parent;
  for (; !isMountRoot(at); at = at.parent) {
    depth += 1;
    bytes += byteLength(at.name) + 1;
  }
  for (const part of at.mount.mountpoint.split("/")) {
    if (part === "") continue;
    depth += 1;
    bytes += byteLength(part) + 1;
  }
  const below = moved === undefined ? { depth: 0, bytes: 0 } : extent(moved);
  return depth + below.depth > bounds.depth || bytes + below.bytes > bounds.pathBytes;
}

/** Whether a link may lead there. */
export function isTooLongTarget(target: string, { pathBytes }: Bounds): boolean {
  return byteLength(target) > pathBytes;
}

/** How far what is below a node reaches. */
function extent(node: MemoryNode): { depth: number; bytes: number } {
  const most = { depth: 0, bytes: 0 };
  const open = [{ node, depth: 0, bytes: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node: at, depth, bytes } = next;
    most.depth = Math.max(most.depth, depth);
    most.bytes = Math.max(most.bytes, bytes);
    if (!isDirectory(at)) continue;
    for (const [name, child] of Object.entries(entriesOf(at))) {
      open.push({ node: child, depth: depth + 1, bytes: bytes + 1 + byteLength(name) });
    }
  }
  return most;
}
