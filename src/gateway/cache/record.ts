// Records as bytes, for stores outside memory: a magic, the length of the head, the head as JSON, the body.

import type { CacheEntry, CacheRecord, VaryRecord } from "./store.ts";

/** "EFC1": ours, and the version of this form. Another one is no record. */
export const RECORD_MAGIC = 0x45464331;

/** Magic and length of the head, both 32 bits, big endian. */
const PREFIX = 8;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What is found beside a record's own fields: its name in the store, and the length of its body. */
interface RecordHead {
  readonly name: string;
  readonly length: number;
  readonly record: Omit<CacheEntry, "body"> | VaryRecord;
}

/** Two pieces, to be written one after the other: everything but the body, and the body. */
export function encodeRecord(name: string, record: CacheRecord): readonly [Uint8Array, Uint8Array] {
  const body = record.kind === "response" ? record.body : new Uint8Array(0);
  const plain = record.kind === "response" ? { ...record, body: undefined } : record;
  const head = encoder.encode(JSON.stringify({ name, length: body.length, record: plain }));
  const bytes = new Uint8Array(PREFIX + head.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, RECORD_MAGIC);
  view.setUint32(4, head.length);
  bytes.set(head, PREFIX);
  return [bytes, body];
}

/** Reads the head of a record, whose bytes may go on or end after it. `undefined` for anything that is none. */
export function decodeRecordHead(bytes: Uint8Array): (RecordHead & { readonly end: number }) | undefined {
  if (bytes.length < PREFIX) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0) !== RECORD_MAGIC) return undefined;
  const end = PREFIX + view.getUint32(4);
  if (end > bytes.length) return undefined;
  try {
    const head = JSON.parse(decoder.decode(bytes.subarray(PREFIX, end))) as RecordHead;
    return typeof head.name === "string" && typeof head.length === "number" ? { ...head, end } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The record of that name. `undefined` for bytes that are none, are cut, or hold another name's record.
 *
 * The body is part of `bytes`, not a copy.
 */
export function decodeRecord(name: string, bytes: Uint8Array): CacheRecord | undefined {
  const head = decodeRecordHead(bytes);
  if (head === undefined || head.name !== name || head.end + head.length !== bytes.length) return undefined;
  return head.record.kind === "response" ? { ...head.record, body: bytes.subarray(head.end) } : head.record;
}
