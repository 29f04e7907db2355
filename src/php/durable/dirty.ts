// What scripts changed of one file's content since it was told to the store last.

import { type FileOperation, PIECE_BYTES, type WriteData } from "../../fs/index.ts";

/** A write as the store takes it. */
interface Write {
  readonly offset: number | "end";
  data: WriteData;
}

/** Bytes of a write that are sent ahead of the batch when there are more: a multiple of a piece. */
const LONG = 1024 * 1024;

/** The changes of one file's content, taken at one moment. */
export class Content {
  readonly #cut: number | undefined;
  readonly #writes: readonly Write[];
  readonly #lengthen: number | undefined;

  constructor(cut: number | undefined, writes: readonly Write[], lengthen: number | undefined) {
    this.#cut = cut;
    this.#writes = writes;
    this.#lengthen = lengthen;
  }

  /** Bytes that a batch would bring along. */
  get bytes(): number {
    return this.#writes.reduce((sum, { data }) => sum + (data instanceof Uint8Array ? data.length : 0), 0);
  }

  /** Sends long writes ahead. */
  async sendAhead(stage: (bytes: Uint8Array) => Promise<number>): Promise<void> {
    for (const write of this.#writes) {
      const { data, offset } = write;
      if (offset === "end" || !(data instanceof Uint8Array) || data.length <= LONG) continue;
      write.data = { stage: await stage(data), length: data.length };
    }
  }

  operations(ino: number): FileOperation[] {
    return [
      ...(this.#cut === undefined ? [] : [{ op: "truncate" as const, ino, size: this.#cut }]),
      ...this.#writes.map(({ offset, data }) => ({ op: "write" as const, ino, offset, data })),
      ...(this.#lengthen === undefined ? [] : [{ op: "truncate" as const, ino, size: this.#lengthen }]),
    ];
  }
}

/** More ranges than this are joined to one: a batch has a bound. */
const MOST_RANGES = 64;

export class Dirty {
  /** The file was cut to this size, before the writes. */
  #cut: number | undefined;
  /** In no order; they may touch. */
  #ranges: { start: number; end: number }[] = [];
  /** All writes so far went to the end, from here on. */
  #appendFrom: number | undefined;

  /** @param append whether the write was to go to the end, wherever that is by then */
  written(start: number, end: number, append: boolean): void {
    if (append && this.#ranges.length === 0) this.#appendFrom ??= start;
    else if (!append) this.#appendFrom = undefined;
    const last = this.#ranges.at(-1);
    if (last !== undefined && start <= last.end && end >= last.start) {
      last.start = Math.min(last.start, start);
      last.end = Math.max(last.end, end);
    } else {
      this.#ranges.push({ start, end });
    }
  }

  /** @param before bytes that the file had */
  resized(size: number, before: number): void {
    this.#appendFrom = undefined;
    if (size >= before) return;
    this.#cut = Math.min(this.#cut ?? size, size);
    this.#ranges = this.#ranges.flatMap(({ start, end }) =>
      start < size ? [{ start, end: Math.min(end, size) }] : [],
    );
  }

  /** Whether the file was emptied: nothing of what it had before is needed. */
  get emptied(): boolean {
    return this.#cut === 0;
  }

  /**
   * The changes as they are now.
   *
   * @param bytes of the file
   * @param known bytes that the store has of it; undefined: the file was made in the same batch
   */
  content(bytes: Uint8Array, known: number | undefined): Content {
    const size = bytes.length;
    if (this.#appendFrom !== undefined && this.#cut === undefined) {
      const writes: Write[] = [];
      for (let at = this.#appendFrom; at < size; at += LONG) {
        writes.push({ offset: "end", data: bytes.slice(at, at + LONG) });
      }
      return new Content(undefined, writes, undefined);
    }
    // Another child may have made the same file meanwhile: it is emptied, as by this one's open().
    const cut = known === undefined ? 0 : this.#cut;
    const ranges = joined(this.#ranges);
    const reached = Math.max(cut ?? known ?? 0, ranges.at(-1)?.end ?? 0);
    const writes = ranges.map(({ start, end }): Write => {
      if (end - start <= LONG) return { offset: start, data: bytes.slice(start, end) };
      // What is sent ahead begins with a piece. It is not copied: nobody writes to a closed file.
      const first = start - (start % PIECE_BYTES);
      return { offset: first, data: bytes.subarray(first, end) };
    });
    return new Content(cut, writes, reached < size ? size : undefined);
  }
}

function joined(ranges: readonly { start: number; end: number }[]): { start: number; end: number }[] {
  const sorted = [...ranges].sort((a, b) => a.start - b.start);
  const result: { start: number; end: number }[] = [];
  for (const { start, end } of sorted) {
    const last = result.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else result.push({ start, end });
  }
  const first = result[0];
  const last = result.at(-1);
  if (result.length <= MOST_RANGES || first === undefined || last === undefined) return result;
  return [{ start: first.start, end: last.end }];
}
