// Files that are in no directory any more and that a child may still have open. Which ones it has open is not asked:
// every child that is at work when a file goes may, until it says otherwise, rests or ends.

import { type FileHome, removeLater } from "./home.ts";
import type { Node } from "./node.ts";

interface Orphan {
  readonly node: Node;
  readonly bytes: number;
  readonly holders: Set<number>;
}

export class Orphans {
  readonly #home: FileHome;
  readonly #most: number;
  /** By inode number, the oldest first. */
  readonly #orphans = new Map<number, Orphan>();
  #bytes = 0;

  /** @param most bytes of all of them; beyond it the oldest go, whoever holds them */
  constructor(home: FileHome, most: number) {
    this.#home = home;
    this.#most = most;
  }

  get size(): number {
    return this.#orphans.size;
  }

  get(ino: number): Node | undefined {
    return this.#orphans.get(ino)?.node;
  }

  /** Keeps files whose pieces are still there. */
  add(nodes: Iterable<Node>, holders: ReadonlySet<number>): void {
    for (const node of nodes) {
      const bytes = this.#home.pieceBytes(node.ino);
      this.#orphans.set(node.ino, { node, bytes, holders: new Set(holders) });
      this.#bytes += bytes;
    }
    for (const ino of [...this.#orphans.keys()]) {
      if (this.#bytes <= this.#most) break;
      this.#remove(ino);
    }
  }

  /** A child does not have these open. */
  drop(life: number, inos: Iterable<number>): void {
    for (const ino of inos) {
      const orphan = this.#orphans.get(ino);
      if (orphan?.holders.delete(life) && orphan.holders.size === 0) this.#remove(ino);
    }
  }

  /** A child has nothing open. */
  dropAll(life: number): void {
    this.drop(life, [...this.#orphans.keys()]);
  }

  #remove(ino: number): void {
    const orphan = this.#orphans.get(ino);
    if (orphan === undefined) return;
    this.#orphans.delete(ino);
    this.#bytes -= orphan.bytes;
    removeLater(this.#home, ino);
  }
}
