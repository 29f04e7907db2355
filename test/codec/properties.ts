// What holds for every input of the codec: the same however the bytes are cut, there and back, nothing but
// RemoteProtocolError for garbage.

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  byteStringToBytes,
  bytesToByteString,
  concat,
  decodeRecord,
  encodeHeader,
  encodeParams,
  encodeRecord,
  type FastCgiRecord,
  type Pair,
  ParamsDecoder,
  RecordDecoder,
  RemoteProtocolError,
} from "../../src/codec/index.ts";
import { type Property, property } from "../fuzz/property.ts";
import { decodeAll, pieces, pooled, toHex } from "./wire.ts";

/** Decodes pairs; what was fed is overwritten after each call, for nothing may be kept of it. */
export function decodePairs(chunks: readonly Uint8Array[], limits = {}): Pair[] {
  const decoder = new ParamsDecoder(limits);
  for (const chunk of chunks) {
    const copy = pooled(chunk);
    decoder.push(copy.subarray(0), 0, copy.length);
    copy.fill(0xff);
  }
  return decoder.finish();
}

/** The records in these bytes. */
export function readRecords(...chunks: Uint8Array[]): FastCgiRecord[] {
  const records: FastCgiRecord[] = [];
  const decoder = new RecordDecoder();
  for (const chunk of chunks) {
    decoder.decode(chunk, (type, id, buffer, start, end) => {
      records.push(decodeRecord(type, id, buffer, start, end));
    });
  }
  decoder.end();
  return records;
}

const requestId = fc.integer({ min: 1, max: 65535 });
const content = fc.uint8Array({ maxLength: 300 });

const plain = { noNullPrototype: true } as const;

const record: fc.Arbitrary<FastCgiRecord> = fc.oneof(
  fc.record(
    {
      type: fc.constant("begin-request" as const),
      requestId,
      role: fc.oneof(fc.constantFrom("responder", "authorizer", "filter"), fc.integer({ min: 4, max: 65535 })),
      keepConnection: fc.boolean(),
    },
    plain,
  ),
  fc.record({ type: fc.constant("abort-request" as const), requestId }, plain),
  fc.record(
    {
      type: fc.constant("end-request" as const),
      requestId,
      applicationStatus: fc.integer({ min: 0, max: 0xffffffff }),
      protocolStatus: fc.oneof(
        fc.constantFrom("request-complete", "cannot-multiplex", "overloaded", "unknown-role"),
        fc.integer({ min: 4, max: 255 }),
      ),
    },
    plain,
  ),
  fc.record({ type: fc.constantFrom("params", "stdin", "stdout", "stderr", "data"), requestId, content }, plain),
  fc.record(
    {
      type: fc.constantFrom("get-values", "get-values-result"),
      requestId: fc.constant(0 as const),
      content,
    },
    plain,
  ),
  fc.record(
    {
      type: fc.constant("unknown-type" as const),
      requestId: fc.constant(0 as const),
      unknownType: fc.integer({ min: 0, max: 255 }),
    },
    plain,
  ),
  fc.record(
    {
      type: fc.constant("other" as const),
      requestId: fc.integer({ min: 0, max: 65535 }),
      typeCode: fc.integer({ min: 12, max: 255 }),
      content,
    },
    plain,
  ),
);

const rawRecord = fc.record({
  type: fc.integer({ min: 0, max: 255 }),
  id: fc.integer({ min: 0, max: 65535 }),
  content: fc.uint8Array({ maxLength: 40 }),
  padding: fc.integer({ min: 0, max: 255 }),
});

const byteString = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 200,
});

/** What a garbage input comes to: a value, or the code of a RemoteProtocolError. Anything else is thrown on. */
function outcome<T>(work: () => T): T | string {
  try {
    return work();
  } catch (error) {
    if (error instanceof RemoteProtocolError) return error.message;
    throw error;
  }
}

export const CODEC_PROPERTIES: readonly Property[] = [
  property("bytes survive the way to a byte string and back", [fc.uint8Array({ maxLength: 500 })], (bytes) => {
    assert.equal(toHex(byteStringToBytes(bytesToByteString(bytes))), toHex(bytes));
  }),

  property(
    "raw records of any type and padding are the same for any cuts",
    [fc.array(rawRecord, { maxLength: 8 }), fc.array(fc.nat(2000), { maxLength: 12 })],
    (records, places) => {
      const bytes = concat(
        records.map(({ type, id, content, padding }) => {
          const target = new Uint8Array(8 + content.length + padding).fill(0xaa);
          target.set(content, encodeHeader(target, 0, type, id, content.length, padding));
          return target;
        }),
      );
      const cuts = [0, ...places.map((place) => Math.min(place, bytes.length)).sort((a, b) => a - b), bytes.length];
      const chunks = cuts.slice(1).map((end, i) => bytes.slice(cuts[i], end));
      const expected = records.map(({ type, id, content }) => [type, id, toHex(content)]);
      assert.deepEqual(decodeAll(chunks), expected);
      assert.deepEqual(decodeAll(pieces(bytes, 1)), expected);
    },
  ),

  property(
    "records are decoded as they were encoded, for any cuts, and encoded as they were decoded",
    [fc.array(record, { maxLength: 6 }), fc.integer({ min: 1, max: 400 }), fc.boolean()],
    (records, size, padding) => {
      const bytes = concat(records.map((one) => encodeRecord(one, { padding })));
      const decoded = readRecords(...pieces(bytes, size));
      assert.deepEqual(decoded, records);
      assert.deepEqual(concat(decoded.map((one) => encodeRecord(one, { padding }))), bytes);
    },
  ),

  property(
    "garbage gives records or a RemoteProtocolError, and the cut does not matter",
    [fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 8 }), fc.boolean(), fc.integer({ min: 1, max: 30 })],
    (chunks, disguised, size) => {
      const bytes = concat(disguised ? [Uint8Array.of(1), ...chunks] : chunks);
      const [whole, cut, single] = [[bytes], pieces(bytes, size), pieces(bytes, 1)].map((all) =>
        outcome(() => readRecords(...all)),
      );
      assert.deepEqual(cut, whole);
      assert.deepEqual(single, whole);
    },
  ),

  property(
    "pairs are decoded as they were encoded, for any cuts",
    [fc.array(fc.tuple(byteString, byteString), { maxLength: 10 }), fc.integer({ min: 1, max: 300 })],
    (pairs, size) => {
      assert.deepEqual(decodePairs(pieces(concat(encodeParams(pairs)), size)), pairs);
    },
  ),

  property(
    "garbage gives pairs or a RemoteProtocolError, never beyond the limits, and the cut does not matter",
    [fc.uint8Array({ maxLength: 80 }), fc.integer({ min: 1, max: 20 })],
    (bytes, size) => {
      const limits = { maxBytes: 60, maxPairs: 10, maxNameLength: 30 };
      const code = (chunks: readonly Uint8Array[]) => {
        try {
          return decodePairs(chunks, limits);
        } catch (error) {
          if (error instanceof RemoteProtocolError) return error.code;
          throw error;
        }
      };
      const pairs = code([bytes]);
      assert.deepEqual(code(pieces(bytes, size)), pairs);
      assert.deepEqual(code(pieces(bytes, 1)), pairs);
      if (typeof pairs === "string") return;
      assert.ok(pairs.length <= limits.maxPairs);
      for (const [name] of pairs) assert.ok(name.length <= limits.maxNameLength);
    },
  ),
];
