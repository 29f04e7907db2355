// Several ranges of one file in one answer: multipart/byteranges (RFC 9110, section 14.6).

import parseRange from "range-parser";
import { concat } from "../../codec/index.ts";
import type { FileEntry } from "../files.ts";

/** Ranges in one answer; whoever asks for more gets the whole file. Many small ones cost far more than their bytes. */
const MAX_RANGES = 16;

/** A part of a file, `end` excluded. */
export interface Part {
  readonly start: number;
  readonly end: number;
}

/**
 * The ranges of a Range header when there are several, in the order asked for, those that touch joined. `undefined` for
 * one range, none, too many, and for as many bytes as the whole file has or more (nginx sends the whole then too).
 */
export function severalRanges(header: string | null, size: number): readonly Part[] | undefined {
  if (header === null || !header.includes(",")) return undefined;
  const ranges = parseRange(size, header, { combine: true });
  if (typeof ranges === "number" || ranges.type !== "bytes" || ranges.length < 2) return undefined;
  if (ranges.length > MAX_RANGES) return undefined;
  const parts = ranges.map(({ start, end }) => ({ start, end: end + 1 }));
  return parts.reduce((sum, { start, end }) => sum + end - start, 0) < size ? parts : undefined;
}

const encoder = new TextEncoder();

/** Parts of a file with a head before each. */
export interface Multipart {
  readonly type: string;
  /** Bytes. */
  readonly length: number;
  body(): ReadableStream<Uint8Array>;
}

/** @param boundary a text that no part contains: 20 digits at random will do */
export function multipart(file: FileEntry, type: string, parts: readonly Part[], boundary: string): Multipart {
  const heads = parts.map(({ start, end }) =>
    encoder.encode(
      `\r\n--${boundary}\r\nContent-Type: ${type}\r\nContent-Range: bytes ${start}-${end - 1}/${file.size}\r\n\r\n`,
    ),
  );
  const tail = encoder.encode(`\r\n--${boundary}--\r\n`);
  const length = parts.reduce((sum, { start, end }, i) => sum + end - start + (heads[i]?.length ?? 0), tail.length);
  return {
    type: `multipart/byteranges; boundary=${boundary}`,
    length,
    body: () => streamOf(piecesOf(file, parts, heads, tail)),
  };
}

async function* piecesOf(
  file: FileEntry,
  parts: readonly Part[],
  heads: readonly Uint8Array[],
  tail: Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const [i, { start, end }] of parts.entries()) {
    const head = heads[i] ?? new Uint8Array(0);
    const content = await file.read(start, end);
    if (content instanceof Uint8Array) {
      yield concat([head, content]);
      continue;
    }
    yield head;
    yield* content as unknown as AsyncIterable<Uint8Array>;
  }
  yield tail;
}

function streamOf(pieces: AsyncGenerator<Uint8Array, void, undefined>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await pieces.return();
      },
    },
    { highWaterMark: 0 },
  );
}
