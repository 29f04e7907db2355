// Who changed when: the order in which nodes changed, for children that ask what is new. Each node stands in it with its
// last change; of removed ones a bounded number, so that a child that slept too long begins anew.

export interface HistoryEntry {
  readonly seq: number;
  readonly ino: number;
}

/** Entries of older changes of the same node that may pile up before the list is made anew. */
const SLACK = 1024;

export class History {
  /** By `seq`, ascending; a node's older entries stay until the list is made anew. */
  #entries: HistoryEntry[];
  #lastOf = new Map<number, number>();
  readonly #removed = new Map<number, number>();
  readonly #mostRemoved: number;
  /** Removals at this `seq` and before are forgotten. */
  #from: number;

  constructor(
    live: Iterable<HistoryEntry>,
    removed: Iterable<HistoryEntry>,
    { from, mostRemoved }: { from: number; mostRemoved: number },
  ) {
    this.#from = from;
    this.#mostRemoved = mostRemoved;
    this.#entries = [];
    for (const { ino, seq } of live) this.#entries.push({ ino, seq });
    for (const { ino, seq } of removed) {
      this.#entries.push({ ino, seq });
      this.#removed.set(ino, seq);
    }
    this.#entries.sort((a, b) => a.seq - b.seq);
    for (const { ino, seq } of this.#entries) this.#lastOf.set(ino, seq);
  }

  /** A child that knows less than this must begin anew. */
  get from(): number {
    return this.#from;
  }

  wasRemoved(ino: number): boolean {
    return this.#removed.has(ino);
  }

  changed(seq: number, inos: Iterable<number>): void {
    for (const ino of inos) this.#push(seq, ino);
    this.#tidy();
  }

  removed(seq: number, inos: Iterable<number>): void {
    for (const ino of inos) {
      this.#push(seq, ino);
      this.#removed.set(ino, seq);
    }
  }

  /** How far removals are to be forgotten to keep the bound, if they are too many. */
  forgettable(): number | undefined {
    if (this.#removed.size <= this.#mostRemoved) return undefined;
    // A quarter at once, so that this is seldom.
    const keep = Math.floor(this.#mostRemoved * 0.75);
    const seqs = [...this.#removed.values()].sort((a, b) => a - b);
    return seqs[seqs.length - keep - 1];
  }

  forget(seq: number): void {
    for (const [ino, at] of this.#removed) {
      if (at > seq) continue;
      this.#removed.delete(ino);
      this.#lastOf.delete(ino);
    }
    this.#from = Math.max(this.#from, seq);
    this.#rebuild();
  }

  /**
   * Nodes whose last change is later than `seq`, in order.
   *
   * @returns `until`: the `seq` up to which the answer is complete; a `seq` is never divided
   */
  since(seq: number, most: number): { inos: number[]; until: number | undefined } {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#entries[middle]?.seq ?? 0) <= seq) low = middle + 1;
      else high = middle;
    }
    const inos: number[] = [];
    let last = seq;
    for (let at = low; at < this.#entries.length; at++) {
      const entry = this.#entries[at];
      if (entry === undefined) break;
      if (inos.length >= most && entry.seq !== last) return { inos, until: last };
      last = entry.seq;
      if (this.#lastOf.get(entry.ino) === entry.seq) inos.push(entry.ino);
    }
    return { inos, until: undefined };
  }

  #push(seq: number, ino: number): void {
    this.#entries.push({ seq, ino });
    this.#lastOf.set(ino, seq);
  }

  #tidy(): void {
    if (this.#entries.length > 2 * this.#lastOf.size + SLACK) this.#rebuild();
  }

  #rebuild(): void {
    this.#entries = this.#entries.filter(({ seq, ino }) => this.#lastOf.get(ino) === seq);
  }
}
