// One file with all pieces of contents, each in a place of its own. A place that is in use is never written to: what
// replaces a piece goes elsewhere, and the old place is free when the journal says so.

import { type SyncFile, writeExactly } from "./sync-file.ts";

/** Bytes of a unit of room: a page of a disk. */
const UNIT = 4096;

/** Where a piece lies: its first unit, and its bytes. */
export interface Place {
  readonly unit: number;
  readonly bytes: number;
}

export class PieceFile {
  readonly #file: SyncFile;
  /** First units of what is free, by the number of units that follow each other. */
  readonly #free = new Map<number, number[]>();
  /** Units of the file; behind them all is free. */
  #units = 0;
  /** Something was written since it was flushed. */
  #written = false;

  /** @param used places of all pieces: what is between them is free */
  constructor(file: SyncFile, used: Iterable<Place>) {
    this.#file = file;
    for (const { unit, bytes } of [...used].sort((a, b) => a.unit - b.unit)) {
      if (unit > this.#units) this.#release(this.#units, unit - this.#units);
      this.#units = Math.max(this.#units, unit + unitsOf(bytes));
    }
  }

  /** @throws {Error} no room */
  put(bytes: Uint8Array): Place {
    const units = unitsOf(bytes.length);
    const unit = this.#take(units);
    try {
      // A copy, in case of memory that is not one's own alone.
      writeExactly(this.#file, new Uint8Array(bytes), unit * UNIT);
    } catch (error) {
      this.#release(unit, units);
      throw error;
    }
    this.#written = true;
    return { unit, bytes: bytes.length };
  }

  /** @returns fewer bytes than there should be when the file was cut by somebody else */
  get({ unit, bytes }: Place): Uint8Array {
    const into = new Uint8Array(bytes);
    return into.subarray(0, this.#file.read(into, { at: unit * UNIT }));
  }

  /** Nobody needs the piece any more. */
  free({ unit, bytes }: Place): void {
    this.#release(unit, unitsOf(bytes));
  }

  /** What was put is on disk when this returns. */
  flush(): void {
    if (this.#written) this.#file.flush();
    this.#written = false;
  }

  /** Forgets all of it. */
  clear(): void {
    this.#free.clear();
    this.#units = 0;
    this.#file.truncate(0);
  }

  #take(units: number): number {
    const exact = this.#free.get(units)?.pop();
    if (exact !== undefined) return exact;
    let best: number | undefined;
    for (const [length, starts] of this.#free) {
      if (length > units && starts.length > 0 && (best === undefined || length < best)) best = length;
    }
    const start = best === undefined ? undefined : this.#free.get(best)?.pop();
    if (best === undefined || start === undefined) {
      const end = this.#units;
      this.#units += units;
      return end;
    }
    this.#release(start + units, best - units);
    return start;
  }

  #release(unit: number, units: number): void {
    if (units === 0) return;
    const starts = this.#free.get(units);
    if (starts === undefined) this.#free.set(units, [unit]);
    else starts.push(unit);
  }
}

function unitsOf(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / UNIT));
}
