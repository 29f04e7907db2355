// A node that the store knows too, or will know: what ties the file in memory to the one in the store.

import type { Dirty } from "./dirty.ts";
import type { MemoryNode } from "./memory-node.ts";
import type { Pages } from "./pages.ts";

export interface SharedNode {
  /** Number in the store; one of our own choice until the store has answered. */
  ino: number;
  readonly node: MemoryNode;
  /** Of the content that is known; 0: none. */
  version: number;
  /** Bytes that the store has. */
  size: number;
  /** What must be read before the content is used; undefined: nothing. Never of a file that is held in pieces. */
  stale: "all" | Set<number> | undefined;
  /** The content in pieces, of a large file: the node's `contents` is null then. */
  pages: Pages | undefined;
  /** The store has not answered to its creation yet. */
  created: boolean;
  /** In no directory any more. */
  gone: boolean;
  /** Moves that the store has not answered to yet. */
  moves: number;
  /** Open files. */
  opens: number;
  /** Of them, those that can write. */
  writers: number;
  dirty: Dirty | undefined;
  /** Changes of the content are on their way. */
  sending: boolean;
  /** When it was used last, for the bound on contents: a counter. */
  used: number;
}

export function sharedNode(node: MemoryNode, ino: number): SharedNode {
  return {
    ino,
    node,
    version: 0,
    size: 0,
    stale: undefined,
    pages: undefined,
    created: false,
    gone: false,
    moves: 0,
    opens: 0,
    writers: 0,
    dirty: undefined,
    sending: false,
    used: 0,
  };
}

/** Something to tell the store, in order. */
export type Entry =
  | { readonly type: "make"; readonly shared: SharedNode; readonly dir: SharedNode; readonly name: string }
  | { readonly type: "content"; readonly shared: SharedNode }
  | {
      readonly type: "rename";
      readonly shared: SharedNode;
      readonly dir: SharedNode;
      readonly name: string;
      readonly toDir: SharedNode;
      readonly toName: string;
    }
  | { readonly type: "remove"; readonly shared: SharedNode; readonly dir: SharedNode; readonly name: string }
  | { readonly type: "mode"; readonly shared: SharedNode }
  | { readonly type: "time"; readonly shared: SharedNode; readonly mtime: number };
