// Name-value pairs byte by byte: each length, in its short or long form, each name and each value.

import { byteStringToUtf8, bytesToByteString, concat, viewOf } from "../codec/index.ts";

export interface PairField {
  /** Offsets in the bytes given. */
  readonly start: number;
  readonly end: number;
  readonly name: "nameLength" | "valueLength" | "name" | "value";
  readonly value: number | string | undefined;
  readonly meaning: string;
}

/** A pair that began in bytes before. It stays small however long the pair is. */
export interface PairRest {
  /** The first bytes of the pair: its lengths, and some of its name. */
  readonly head: Uint8Array;
  /** Bytes of the pair so far. */
  readonly length: number;
  /** Bytes that the pair has at least. */
  readonly needed: number;
}

export interface AnnotatedPairs {
  /** Without holes or overlaps, from the first byte to the last: the parts of pairs that are cut are among them. */
  readonly fields: readonly PairField[];
  /** The pair that is cut at the end, if one is. */
  readonly rest: PairRest | undefined;
}

/** Lengths from here on take four bytes (section 3.4). */
const LONG_FORM = 0x80;

/** Bytes of a name in the meaning of its value. */
const LONGEST_SHOWN = 64;

/** Both lengths in their long form, and as much of the name as is shown. */
const HEAD_LENGTH = 4 + 4 + LONGEST_SHOWN + 1;

/**
 * Explains the bytes of name-value pairs, the first of which may have begun in `before`. Never throws.
 *
 * @param inFull false leaves the fields out
 */
export function annotatePairs(bytes: Uint8Array, before?: PairRest, inFull = true): AnnotatedPairs {
  const fields: PairField[] = [];
  let at = 0;
  let pair = before;
  while (at < bytes.length) {
    const part = annotatePair(bytes, at, pair, inFull ? fields : undefined);
    at = part.next;
    pair = part.rest;
  }
  return { fields, rest: pair };
}

/** Explains what `bytes` have of one pair from `at` on. `next` is past `at` always. */
function annotatePair(
  bytes: Uint8Array,
  at: number,
  before: PairRest | undefined,
  fields: PairField[] | undefined,
): { readonly next: number; readonly rest: PairRest | undefined } {
  // Places in the pair: byte 0 is its first, `had` the first that is new.
  const had = before?.length ?? 0;
  const known = before?.head ?? bytes.subarray(at, at);
  const missing = had > known.length ? 0 : HEAD_LENGTH - known.length;
  const fresh = bytes.subarray(at, at + missing);
  const head = before === undefined ? fresh : concat([known, fresh]);
  const available = had + bytes.length - at;
  const place = (inPair: number) => Math.min(bytes.length, Math.max(at, at + inPair - had));
  const add = (start: number, end: number, field: Omit<PairField, "start" | "end">) => {
    if (fields === undefined) return;
    // What lies before the new bytes has been told: what is empty at their start, too.
    if (start > available || (before !== undefined && end <= had)) return;
    if (start < end && start === available) return;
    fields.push({ start: place(start), end: place(end), ...field });
  };
  const cut = (needed: number) => ({ next: bytes.length, rest: { head: head.slice(), length: available, needed } });

  const name = readLength(head, 0);
  addLength("nameLength", "name", 0, name, add);
  if (name.length === undefined) return cut(name.end + 1);
  const value = readLength(head, name.end);
  addLength("valueLength", "value", name.end, value, add);
  if (value.length === undefined) return cut(value.end + name.length);

  const nameAt = value.end;
  const pairEnd = nameAt + name.length + value.length;
  const done = available < pairEnd ? cut(pairEnd) : { next: place(pairEnd), rest: undefined };
  if (fields === undefined) return done;
  const valueAt = nameAt + name.length;
  const shown = shownName(head, nameAt, name.length);
  const told = (start: number, stop: number) => textOf(bytes, place(start), place(stop));
  add(nameAt, valueAt, {
    name: "name",
    value: told(nameAt, valueAt),
    meaning: wordsFor(had > nameAt, available < valueAt, "the name", `a name of ${name.length} bytes`),
  });
  add(valueAt, pairEnd, {
    name: "value",
    value: told(valueAt, pairEnd),
    meaning: wordsFor(
      had > valueAt,
      available < pairEnd,
      `the value of ${shown}`,
      `the value of ${shown}, of ${value.length} bytes`,
    ),
  });
  return done;
}

interface Length {
  /** `undefined` when its bytes are cut. */
  readonly length: number | undefined;
  /** Where it ends in the pair, its missing bytes counted. */
  readonly end: number;
  readonly size: 1 | 4;
}

function readLength(head: Uint8Array, at: number): Length {
  const first = head[at];
  if (first === undefined) return { length: undefined, end: at + 1, size: 1 };
  const size = first < LONG_FORM ? 1 : 4;
  if (at + size > head.length) return { length: undefined, end: at + size, size };
  return { length: size === 1 ? first : viewOf(head).getUint32(at) & 0x7fffffff, end: at + size, size };
}

function addLength(
  field: "nameLength" | "valueLength",
  of: string,
  start: number,
  { length, end, size }: Length,
  add: (start: number, end: number, field: Omit<PairField, "start" | "end">) => void,
): void {
  if (length === undefined) {
    const meaning = `a part of the length of the ${of}, which takes four bytes`;
    add(start, end, { name: field, value: undefined, meaning });
    return;
  }
  const form = size === 1 ? "in one byte" : "in four bytes, the top bit says so";
  add(start, end, { name: field, value: length, meaning: `the ${of} has ${length} bytes (${form})` });
}

function wordsFor(begun: boolean, cut: boolean, whole: string, part: string): string {
  if (begun) return cut ? `a part of ${part}` : `the end of ${part}`;
  return cut ? `the start of ${part}` : whole;
}

function shownName(head: Uint8Array, start: number, length: number): string {
  const text = textOf(head, start, Math.min(start + length, start + LONGEST_SHOWN, head.length));
  return length > LONGEST_SHOWN ? `${text}...` : text;
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return start === end ? "" : byteStringToUtf8(bytesToByteString(bytes, start, end));
}
