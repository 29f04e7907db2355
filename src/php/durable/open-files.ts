// Files that scripts have open: how many descriptors an open file has, and what ends with the last of them.

import type { MemoryNode, MemoryStream } from "./memory-node.ts";
import type { MemoryTree } from "./memory-tree.ts";
import type { SharedContents } from "./shared-contents.ts";
import type { SharedNode } from "./shared-node.ts";
import type { SharedNodes } from "./shared-nodes.ts";

export interface OpenFilesParts {
  readonly tree: MemoryTree;
  readonly nodes: SharedNodes;
  readonly contents: SharedContents;
  /** The last descriptor of an open file was closed. */
  readonly onClosed: (stream: MemoryStream, shared: SharedNode | undefined) => void;
}

/** Flags of a descriptor that can write: O_WRONLY or O_RDWR. */
const O_WRITES = 3;

export class OpenFiles {
  readonly #parts: OpenFilesParts;
  /** Descriptors of each open file. */
  #descriptors = new WeakMap<object, { count: number; readonly handle: number }>();
  #lastHandle = 0;

  constructor(parts: OpenFilesParts) {
    this.#parts = parts;
  }

  /** A life is over. */
  clear(): void {
    this.#descriptors = new WeakMap();
  }

  /** A number for an open file: the owner of its flock(). */
  handle(stream: MemoryStream): number {
    return this.#descriptors.get(stream.shared)?.handle ?? 0;
  }

  /** The shared file behind a node, also one that is in no directory any more and still open. */
  shared(node: MemoryNode | undefined): SharedNode | undefined {
    if (node === undefined) return undefined;
    return this.#parts.nodes.of(node) ?? this.#parts.contents.special(node);
  }

  /** Shared files that are open now, once for each descriptor. */
  *all(): Iterable<SharedNode> {
    for (const stream of this.#parts.tree.streams()) {
      const shared = stream && this.#parts.nodes.of(stream.node);
      if (shared) yield shared;
    }
  }

  opened(stream: MemoryStream): void {
    const known = this.#descriptors.get(stream.shared);
    if (known !== undefined) known.count++;
    else this.#descriptors.set(stream.shared, { count: 1, handle: ++this.#lastHandle });
    const shared = this.shared(stream.node);
    if (shared === undefined) return;
    shared.opens++;
    if ((stream.flags & O_WRITES) !== 0) shared.writers++;
    this.#parts.contents.used(shared);
  }

  closed(stream: MemoryStream): void {
    const known = this.#descriptors.get(stream.shared);
    if (known !== undefined) known.count--;
    const shared = this.shared(stream.node);
    if (shared !== undefined) {
      shared.opens = Math.max(0, shared.opens - 1);
      if ((stream.flags & O_WRITES) !== 0) shared.writers = Math.max(0, shared.writers - 1);
    }
    if (known === undefined || known.count <= 0) this.#parts.onClosed(stream, shared);
  }
}
