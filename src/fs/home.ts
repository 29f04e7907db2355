// Where a store keeps its rows: the database of a Durable Object, memory, or whatever else can do this at once.

import type { NodeRecord } from "./node.ts";

/** The last batch of a child's life, so that a repeated one is answered and not applied again. */
export interface BatchRecord {
  readonly life: number;
  readonly batch: number;
  /** The answer, as JSON. */
  readonly answer: string;
}

/** Pieces of this owner are the store's own notes. */
export const OWN_PIECES = 0;

/**
 * Rows and pieces. Everything is synchronous. What is read was written before or by the same transaction. Byte arrays
 * handed in are not changed afterwards by either side; those handed out may be kept.
 *
 * Pieces belong to a number: an inode, or a negative number for what is staged.
 */
export interface FileHome {
  /** Runs `body`: all of its changes are kept, or none if it throws; then the same is thrown again. Never nested. */
  transaction<T>(body: () => T): T;
  /** A small value by name. */
  getValue(name: string): string | undefined;
  setValue(name: string, value: string): void;
  nodes(): Iterable<NodeRecord>;
  putNode(node: NodeRecord): void;
  /** Removes the row, not the pieces, and remembers that it was there until `seq`. */
  removeNode(ino: number, seq: number): void;
  /** Removed nodes that are remembered, oldest first. */
  removed(): Iterable<{ readonly ino: number; readonly seq: number }>;
  /** Forgets nodes removed at `seq` and earlier. */
  forgetRemoved(seq: number): void;
  batches(): Iterable<BatchRecord>;
  putBatch(record: BatchRecord): void;
  /** Forgets batches of lives up to this one. */
  forgetBatches(life: number): void;
  getPiece(owner: number, index: number): Uint8Array | undefined;
  /** Puts or replaces a piece. */
  putPiece(owner: number, index: number, bytes: Uint8Array): void;
  /** Gives a piece to another owner without copying it; replaces the one that is there. */
  movePiece(owner: number, index: number, toOwner: number, toIndex: number): void;
  /** Removes all pieces of an owner from `index` on. */
  removePieces(owner: number, index: number): void;
  /** Bytes of all pieces of an owner. */
  pieceBytes(owner: number): number;
  /** Removes pieces whose owner has no row: what was staged, and unlinked files, before a restart. Not `OWN_PIECES`. */
  removeUnowned(): void;
  /** Bytes of all pieces. */
  readonly bytes: number;
}

/**
 * Removes all pieces of an owner that nobody asks for any more. If that fails they stay until the next start: a batch that
 * is durable already must not seem to have failed.
 */
export function removeLater(home: FileHome, owner: number): void {
  try {
    home.transaction(() => home.removePieces(owner, 0));
  } catch {
    // `removeUnowned` takes them.
  }
}
