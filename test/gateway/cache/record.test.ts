import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CacheRecord, decodeRecord, encodeRecord } from "../../../src/gateway/cache/index.ts";
import { entryOf } from "./entries.ts";

const bytesOf = (name: string, record: CacheRecord) => new Uint8Array(Buffer.concat(encodeRecord(name, record)));

describe("a record as bytes", () => {
  test("comes back as it was", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.uint8Array(), fc.array(fc.string()), (name, body, tags) => {
        const entry = entryOf({ key: name, body, tags, etag: '"é"' });
        const decoded = decodeRecord(name, bytesOf(name, entry));
        expect({ ...decoded, body: undefined }).toEqual({ ...entry, body: undefined });
        expect(decoded?.kind === "response" && Buffer.compare(decoded.body, body)).toBe(0);
      }),
    );
    const vary = { kind: "vary", key: "k", names: ["a", "b"], generation: "g", requestedAt: 1, tags: [] } as const;
    expect(decodeRecord("n", bytesOf("n", vary))).toEqual(vary);
  });

  test("is no record when it is cut anywhere, longer, or another's", () => {
    const bytes = bytesOf("name", entryOf());
    for (let end = 0; end < bytes.length; end++) expect(decodeRecord("name", bytes.subarray(0, end))).toBeUndefined();
    expect(decodeRecord("name", Buffer.concat([bytes, bytes]))).toBeUndefined();
    expect(decodeRecord("other", bytes)).toBeUndefined();
    expect(decodeRecord("name", bytes)).toBeDefined();
  });
});
