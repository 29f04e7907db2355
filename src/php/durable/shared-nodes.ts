// Which node in memory is which one of the store.

import { isFile, type MemoryNode } from "./memory-node.ts";
import { type SharedNode, sharedNode } from "./shared-node.ts";

export class SharedNodes {
  readonly #byIno = new Map<number, SharedNode>();
  readonly #byNode = new Map<MemoryNode, SharedNode>();
  /** What others have removed, while it may be open here. */
  readonly #lost = new WeakSet<MemoryNode>();
  /** Told when a node is shared no more. */
  readonly #onForget: (shared: SharedNode) => void;

  constructor(onForget: (shared: SharedNode) => void) {
    this.#onForget = onForget;
  }

  of(node: MemoryNode): SharedNode | undefined {
    return this.#byNode.get(node);
  }

  get size(): number {
    return this.#byIno.size;
  }

  get(ino: number): SharedNode | undefined {
    return this.#byIno.get(ino);
  }

  /** Those of now: it may be changed meanwhile. */
  all(): SharedNode[] {
    return [...this.#byIno.values()];
  }

  add(node: MemoryNode, ino: number): SharedNode {
    const shared = sharedNode(node, ino);
    this.#byIno.set(ino, shared);
    this.#byNode.set(node, shared);
    return shared;
  }

  /** Another number turned out to be its own: nothing is known of the content. */
  renumber(shared: SharedNode, ino: number): void {
    const other = this.#byIno.get(ino);
    if (other !== undefined && other !== shared) this.forget(other);
    if (this.#byIno.get(shared.ino) === shared) this.#byIno.delete(shared.ino);
    shared.ino = ino;
    this.#byIno.set(ino, shared);
    shared.version = 0;
    if (isFile(shared.node) && shared.pages === undefined) shared.stale = "all";
  }

  /** Another child has removed it. */
  lose(shared: SharedNode): void {
    this.#lost.add(shared.node);
  }

  /** Whether another child has removed it: its content may be older than what was there in the end. */
  lost(node: MemoryNode): boolean {
    return this.#lost.has(node);
  }

  forget(shared: SharedNode): void {
    if (this.#byIno.get(shared.ino) === shared) this.#byIno.delete(shared.ino);
    if (this.#byNode.get(shared.node) === shared) this.#byNode.delete(shared.node);
    this.#onForget(shared);
  }
}
