// A home that lasts as long as its isolate or page: for a page without storage of its own, and for tests.

import { type BatchRecord, type FileHome, OWN_PIECES } from "./home.ts";
import type { NodeRecord } from "./node.ts";

export class MemoryHome implements FileHome {
  readonly #values = new Map<string, string>();
  readonly #nodes = new Map<number, NodeRecord>();
  readonly #removed = new Map<number, number>();
  readonly #batches = new Map<number, BatchRecord>();
  readonly #pieces = new Map<number, Map<number, Uint8Array>>();
  #bytes = 0;
  /** What takes back the changes of the present transaction, in order. */
  #undo: (() => void)[] | undefined;

  get bytes(): number {
    return this.#bytes;
  }

  transaction<T>(body: () => T): T {
    if (this.#undo !== undefined) throw new Error("transactions are not nested");
    const undo: (() => void)[] = [];
    this.#undo = undo;
    try {
      return body();
    } catch (error) {
      this.#undo = undefined;
      for (const step of undo.reverse()) step();
      throw error;
    } finally {
      this.#undo = undefined;
    }
  }

  getValue(name: string): string | undefined {
    return this.#values.get(name);
  }

  setValue(name: string, value: string): void {
    this.#set(this.#values, name, value);
  }

  nodes(): Iterable<NodeRecord> {
    return this.#nodes.values();
  }

  putNode(node: NodeRecord): void {
    this.#set(this.#nodes, node.ino, node);
  }

  removeNode(ino: number, seq: number): void {
    this.#set(this.#nodes, ino, undefined);
    this.#set(this.#removed, ino, seq);
  }

  *removed(): Iterable<{ ino: number; seq: number }> {
    for (const [ino, seq] of [...this.#removed].sort(([, a], [, b]) => a - b)) yield { ino, seq };
  }

  forgetRemoved(seq: number): void {
    for (const [ino, at] of this.#removed) if (at <= seq) this.#set(this.#removed, ino, undefined);
  }

  batches(): Iterable<BatchRecord> {
    return this.#batches.values();
  }

  putBatch(record: BatchRecord): void {
    this.#set(this.#batches, record.life, record);
  }

  forgetBatches(life: number): void {
    for (const known of this.#batches.keys()) if (known <= life) this.#set(this.#batches, known, undefined);
  }

  getPiece(owner: number, index: number): Uint8Array | undefined {
    return this.#pieces.get(owner)?.get(index);
  }

  putPiece(owner: number, index: number, bytes: Uint8Array): void {
    // A copy: what comes is often a view of a whole message.
    this.#setPiece(owner, index, bytes.slice());
  }

  movePiece(owner: number, index: number, toOwner: number, toIndex: number): void {
    const bytes = this.getPiece(owner, index);
    this.#setPiece(owner, index, undefined);
    this.#setPiece(toOwner, toIndex, bytes);
  }

  removePieces(owner: number, index: number): void {
    for (const known of [...(this.#pieces.get(owner)?.keys() ?? [])]) {
      if (known >= index) this.#setPiece(owner, known, undefined);
    }
  }

  pieceBytes(owner: number): number {
    let sum = 0;
    for (const bytes of this.#pieces.get(owner)?.values() ?? []) sum += bytes.length;
    return sum;
  }

  removeUnowned(): void {
    for (const owner of [...this.#pieces.keys()]) {
      if (owner !== OWN_PIECES && !this.#nodes.has(owner)) this.removePieces(owner, 0);
    }
  }

  #setPiece(owner: number, index: number, bytes: Uint8Array | undefined): void {
    let pieces = this.#pieces.get(owner);
    if (pieces === undefined) {
      if (bytes === undefined) return;
      pieces = new Map();
      this.#pieces.set(owner, pieces);
    }
    const before = this.#bytes;
    this.#undo?.push(() => {
      this.#bytes = before;
    });
    this.#bytes += (bytes?.length ?? 0) - (pieces.get(index)?.length ?? 0);
    this.#set(pieces, index, bytes);
    if (pieces.size === 0) this.#set(this.#pieces, owner, undefined);
    else if (this.#pieces.get(owner) !== pieces) this.#set(this.#pieces, owner, pieces);
  }

  #set<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
    const before = map.get(key);
    this.#undo?.push(() => {
      if (before === undefined) map.delete(key);
      else map.set(key, before);
    });
    if (value === undefined) map.delete(key);
    else map.set(key, value);
  }
}
