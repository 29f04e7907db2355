// What scripts changed of one file's content since it was told to the store last.

import { PIECE_BYTES } from "../../fs/index.ts";
import { Content, LONG, type Write } from "./content.ts";
import type { Pages } from "./pages.ts";

/** More ranges than this are joined to one: a batch has a bound. */
const MOST_RANGES = 64;

/** Of a large file; more changes are sent ahead as whole pieces. */
const MOST_LARGE_RANGES = 256;

/** Bytes that a batch may bring along for the end of a file, wherever that is by then. */
const MOST_APPENDED = 4 * LONG;

interface Range {
  start: number;
  end: number;
}

export class Dirty {
  /** The file was cut to this size, before the writes. */
  #cut: number | undefined;
  /** In no order; they may touch. */
  #ranges: Range[] = [];
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

  /** The size that the file was cut to, if it was. */
  get cut(): number | undefined {
    return this.#cut;
  }

  /**
   * The changes as they are now, of a file that is held as a whole.
   *
   * @param bytes of the file
   * @param known bytes that the store has of it; undefined: the file was made in the same batch
   */
  content(bytes: Uint8Array, known: number | undefined): Content {
    const size = bytes.length;
    const from = this.#appended(size);
    if (from !== undefined) return appended(from, size, (start, end) => bytes.slice(start, end));
    const cut = this.#cutFor(known);
    const ranges = joined(this.#ranges, MOST_RANGES);
    const writes = ranges.map(({ start, end }): Write => {
      if (end - start <= LONG) return { offset: start, data: bytes.slice(start, end) };
      // What is sent ahead begins with a piece. It is not copied: nobody writes to a closed file.
      const first = start - (start % PIECE_BYTES);
      return { offset: first, data: bytes.subarray(first, end) };
    });
    return new Content(cut, writes, undefined, lengthened(cut, known, ranges, size));
  }

  /** The same of a file that is held in pieces. */
  largeContent(pages: Pages, size: number, known: number | undefined): Content {
    const cut = this.#cutFor(known);
    const ranges = sorted(this.#ranges);
    const sum = ranges.reduce((bytes, { start, end }) => bytes + end - start, 0);
    const slice = (start: number, end: number) => pages.slice(start, end);
    let content: Content;
    if (pages.stage === undefined && this.#appended(size) !== undefined) {
      content = appended(this.#appendFrom ?? 0, size, slice);
    } else if (pages.stage === undefined && sum <= LONG && ranges.length <= MOST_LARGE_RANGES) {
      const writes = ranges.map(({ start, end }) => ({ offset: start, data: slice(start, end) }));
      content = new Content(cut, writes, undefined, lengthened(cut, known, ranges, size));
    } else {
      content = new Content(cut, [], { stage: pages.stage, bytes: pages.unsent(size), size }, size);
    }
    pages.handedOver(size);
    return content;
  }

  /** Where what was added at the end begins, if nothing else was done. */
  #appended(size: number): number | undefined {
    const from = this.#appendFrom;
    return from !== undefined && this.#cut === undefined && size - from <= MOST_APPENDED ? from : undefined;
  }

  #cutFor(known: number | undefined): number | undefined {
    // Another child may have made the same file meanwhile: it is emptied, as by this one's open().
    return known === undefined ? 0 : this.#cut;
  }
}

function appended(from: number, size: number, slice: (start: number, end: number) => Uint8Array): Content {
  const writes: Write[] = [];
  for (let at = from; at < size; at += LONG) {
    writes.push({ offset: "end", data: slice(at, Math.min(size, at + LONG)) });
  }
  return new Content(undefined, writes, undefined);
}

/** The size to set when no write reaches it. */
function lengthened(
  cut: number | undefined,
  known: number | undefined,
  ranges: readonly Range[],
  size: number,
): number | undefined {
  return Math.max(cut ?? known ?? 0, ranges.at(-1)?.end ?? 0) < size ? size : undefined;
}

function sorted(ranges: readonly Range[]): Range[] {
  const result: Range[] = [];
  for (const { start, end } of [...ranges].sort((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else result.push({ start, end });
  }
  return result;
}

function joined(ranges: readonly Range[], most: number): Range[] {
  const result = sorted(ranges);
  const first = result[0];
  const last = result.at(-1);
  if (result.length <= most || first === undefined || last === undefined) return result;
  return [{ start: first.start, end: last.end }];
}
