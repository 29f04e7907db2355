// Name-value pairs byte by byte: each length, in its short or long form, each name and each value.

import { byteStringToUtf8, bytesToByteString, viewOf } from "../codec/index.ts";

export interface PairField {
  /** Offsets in the bytes of the pairs. */
  readonly start: number;
  readonly end: number;
  readonly name: "nameLength" | "valueLength" | "name" | "value";
  readonly value: number | string | undefined;
  readonly meaning: string;
  readonly problem?: string;
}

export interface AnnotatedPairs {
  /** Without holes or overlaps, to the end of the bytes: the fields of a pair that is cut are among them. */
  readonly fields: readonly PairField[];
  /** Where a pair that is cut starts; the length of the bytes when all are whole. */
  readonly restAt: number;
  /** How many bytes the pair that is cut has at least. */
  readonly needed: number;
}

/** Lengths from here on take four bytes (section 3.4). */
const LONG_FORM = 0x80;

/** Characters of a name in the meaning of its value. */
const LONGEST_SHOWN = 64;

/** Explains the bytes of name-value pairs. Never throws. */
export function annotatePairs(bytes: Uint8Array): AnnotatedPairs {
  const fields: PairField[] = [];
  let at = 0;
  while (at < bytes.length) {
    const pairAt = at;
    const cut = (needed: number): AnnotatedPairs => ({ fields, restAt: pairAt, needed });

    const name = readLength(bytes, at, "nameLength", "name", fields);
    at = name.next;
    if (name.length === undefined) return cut(at - pairAt + name.missing + 1);
    const value = readLength(bytes, at, "valueLength", "value", fields);
    at = value.next;
    if (value.length === undefined) return cut(at - pairAt + value.missing + name.length);

    const needed = at - pairAt + name.length + value.length;
    const nameEnd = Math.min(at + name.length, bytes.length);
    const text = textOf(bytes, at, nameEnd);
    const shown = text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}...` : text;
    if (at < bytes.length || needed === at - pairAt) {
      const isCut = nameEnd < at + name.length;
      fields.push({
        start: at,
        end: nameEnd,
        name: "name",
        value: text,
        meaning: isCut ? `the start of a name of ${name.length} bytes` : "the name",
      });
    }
    const valueAt = at + name.length;
    if (valueAt <= bytes.length && (valueAt < bytes.length || value.length === 0)) {
      const valueEnd = Math.min(valueAt + value.length, bytes.length);
      const isCut = valueEnd < valueAt + value.length;
      fields.push({
        start: valueAt,
        end: valueEnd,
        name: "value",
        value: textOf(bytes, valueAt, valueEnd),
        meaning: isCut ? `the start of the value of ${shown}, of ${value.length} bytes` : `the value of ${shown}`,
      });
    }
    if (needed > bytes.length - pairAt) return cut(needed);
    at = pairAt + needed;
  }
  return { fields, restAt: bytes.length, needed: 0 };
}

function readLength(
  bytes: Uint8Array,
  at: number,
  field: "nameLength" | "valueLength",
  of: string,
  fields: PairField[],
): { readonly next: number; readonly length: number | undefined; readonly missing: number } {
  const first = bytes[at];
  if (first === undefined) return { next: at, length: undefined, missing: 1 };
  const size = first < LONG_FORM ? 1 : 4;
  const end = at + size;
  if (end > bytes.length) {
    const meaning = `the start of the length of the ${of}, which takes four bytes`;
    fields.push({ start: at, end: bytes.length, name: field, value: undefined, meaning });
    return { next: bytes.length, length: undefined, missing: end - bytes.length };
  }
  const length = size === 1 ? first : viewOf(bytes).getUint32(at) & 0x7fffffff;
  const form = size === 1 ? "in one byte" : "in four bytes, the top bit says so";
  fields.push({ start: at, end, name: field, value: length, meaning: `the ${of} has ${length} bytes (${form})` });
  return { next: end, length, missing: 0 };
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return byteStringToUtf8(bytesToByteString(bytes, start, end));
}
