// The changes of one file's content, taken at one moment: what becomes of them in a batch.

import { type FileOperation, PIECE_BYTES, type WriteData } from "../../fs/index.ts";

/** A write as the store takes it. */
export interface Write {
  readonly offset: number | "end";
  data: WriteData;
}

/** Bytes of a write that are sent ahead of the batch when there are more: a multiple of a piece. */
export const LONG: number = 1024 * 1024;

/** Sends bytes ahead of a batch. */
export interface Staging {
  /** A number for something new. */
  next(): number;
  /** Bytes for a stage, from a piece on. */
  put(stage: number, index: number, bytes: Uint8Array): Promise<void>;
}

/** Pieces of a large file that are to be sent ahead, beside those that were. */
export interface Pieces {
  stage: number | undefined;
  readonly bytes: Map<number, Uint8Array>;
  /** Bytes of the file. */
  readonly size: number;
}

export class Content {
  readonly #cut: number | undefined;
  readonly #writes: readonly Write[];
  readonly #pieces: Pieces | undefined;
  readonly #lengthen: number | undefined;

  /**
   * @param cut the file is cut to this size first
   * @param writes bytes that the batch brings along
   * @param pieces what is sent ahead
   * @param lengthen the file has this size in the end
   */
  constructor(cut: number | undefined, writes: readonly Write[], pieces: Pieces | undefined, lengthen?: number) {
    this.#cut = cut;
    this.#writes = writes;
    this.#pieces = pieces;
    this.#lengthen = lengthen;
  }

  /** Bytes that a batch would bring along. */
  get bytes(): number {
    return this.#writes.reduce((sum, { data }) => sum + (data instanceof Uint8Array ? data.length : 0), 0);
  }

  /** Sends ahead what is too long for a batch. */
  async sendAhead(staging: Staging): Promise<void> {
    for (const write of this.#writes) {
      const { data, offset } = write;
      if (offset === "end" || !(data instanceof Uint8Array) || data.length <= LONG) continue;
      const stage = staging.next();
      for (let at = 0; at < data.length; at += LONG) {
        await staging.put(stage, at / PIECE_BYTES, data.subarray(at, at + LONG));
      }
      write.data = { stage, length: data.length };
    }
    const pieces = this.#pieces;
    if (pieces === undefined) return;
    if (pieces.bytes.size > 0) pieces.stage ??= staging.next();
    for (const [index, bytes] of runs(pieces.bytes)) await staging.put(pieces.stage ?? 0, index, bytes);
    pieces.bytes.clear();
  }

  operations(ino: number): FileOperation[] {
    const staged = this.#pieces;
    return [
      ...(this.#cut === undefined ? [] : [{ op: "truncate" as const, ino, size: this.#cut }]),
      ...(staged?.stage === undefined
        ? []
        : [{ op: "write" as const, ino, offset: 0, data: { stage: staged.stage, length: staged.size, sparse: true } }]),
      ...this.#writes.map(({ offset, data }) => ({ op: "write" as const, ino, offset, data })),
      ...(this.#lengthen === undefined ? [] : [{ op: "truncate" as const, ino, size: this.#lengthen }]),
    ];
  }
}

/** Pieces that follow each other, joined, up to `LONG` bytes. In the order of their numbers. */
export function* runs(pieces: ReadonlyMap<number, Uint8Array>): Iterable<[first: number, bytes: Uint8Array]> {
  let first = 0;
  let run: Uint8Array[] = [];
  const joined = (): [number, Uint8Array] => {
    const bytes = new Uint8Array(run.reduce((sum, { length }) => sum + length, 0));
    run.reduce((at, part) => {
      bytes.set(part, at);
      return at + part.length;
    }, 0);
    return [first, bytes];
  };
  for (const [index, bytes] of [...pieces].sort(([a], [b]) => a - b)) {
    const follows = index === first + run.length && run.at(-1)?.length === PIECE_BYTES;
    if (run.length > 0 && (!follows || run.length * PIECE_BYTES >= LONG)) {
      yield joined();
      run = [];
    }
    if (run.length === 0) first = index;
    run.push(bytes);
  }
  if (run.length > 0) yield joined();
}
