// Which pieces of which file changed when, as far as is remembered: a child that had a file before fetches only these.

/** Pieces remembered, of all files together: about 8 MiB of memory. */
const MOST_PIECES = 65_536;

interface Memory {
  /** Complete since this `seq`. */
  since: number;
  readonly pieces: Map<number, Changed>;
}

/** When a piece changed, and when before that: a child that made the last change itself may not know of the other. */
interface Changed {
  readonly seq: number;
  readonly before: number;
}

export class StalePieces {
  /** By inode number, the one that changed last at the end. */
  readonly #files = new Map<number, Memory>();
  #count = 0;

  /** @param version of the content before this change: nothing has changed since then */
  changed(ino: number, version: number, seq: number, pieces: Iterable<number>): void {
    const memory = this.#files.get(ino) ?? { since: version, pieces: new Map<number, Changed>() };
    this.#files.delete(ino);
    this.#files.set(ino, memory);
    this.#count -= memory.pieces.size;
    for (const index of pieces) {
      const last = memory.pieces.get(index);
      if (last?.seq !== seq) memory.pieces.set(index, { seq, before: last?.seq ?? 0 });
    }
    this.#count += memory.pieces.size;
    for (const oldest of this.#files.keys()) {
      if (this.#count <= MOST_PIECES) break;
      this.forget(oldest);
    }
  }

  forget(ino: number): void {
    this.#count -= this.#files.get(ino)?.pieces.size ?? 0;
    this.#files.delete(ino);
  }

  /**
   * @param version of the content now
   * @param except changes at this `seq` do not count: the child made them itself
   * @returns undefined when it is not known: all of them
   */
  since(ino: number, version: number, seq: number, except?: number): number[] | undefined {
    if (version <= seq) return [];
    const memory = this.#files.get(ino);
    if (memory === undefined || memory.since > seq) return undefined;
    const stale: number[] = [];
    for (const [index, last] of memory.pieces)
      if ((last.seq === except ? last.before : last.seq) > seq) stale.push(index);
    return stale;
  }
}
