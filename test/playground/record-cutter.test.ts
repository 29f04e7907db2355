// Records cut out of a stream of bytes, as the tap shows them.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RecordCutter } from "../../playground/engine/record-cutter.ts";
import { concat, encodeEndRequest, encodeStream, encodeStreamEnd, RecordType } from "../../src/codec/index.ts";

function cut(chunks: readonly Uint8Array[], end = true): string[] {
  const seen: string[] = [];
  const cutter = new RecordCutter();
  const take = (bytes: Uint8Array, isRecord: boolean) => seen.push(`${isRecord} ${Buffer.from(bytes).toString("hex")}`);
  for (const chunk of chunks) cutter.push(chunk, take);
  if (end) cutter.end(take);
  return seen;
}

describe("the record cutter", () => {
  test("gives the same whole records wherever the stream is cut", () => {
    const records = [
      ...encodeStream(RecordType.STDOUT, 1, new TextEncoder().encode("hello")),
      encodeStreamEnd(RecordType.STDOUT, 1),
      encodeEndRequest(1, 0),
    ];
    const expected = records.map((record) => `true ${Buffer.from(record).toString("hex")}`);
    const bytes = concat(records);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: bytes.length })), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const chunks = at.slice(1).map((end, i) => bytes.slice(at[i], end));
        expect(cut(chunks)).toEqual(expected);
      }),
    );
  });

  test("shows what is left of a record that the end has cut", () => {
    expect(cut([Uint8Array.of(1, 6, 0, 1, 0, 5, 3, 0, 104, 105)])).toEqual(["false 01060001000503006869"]);
    expect(cut([Uint8Array.of(1, 6)])).toEqual(["false 0106"]);
  });

  test("shows everything behind another version as it came", () => {
    const record = encodeStreamEnd(RecordType.STDIN, 1);
    const bytes = concat([record, new TextEncoder().encode("GET / HTTP/1.1")]);
    const rest = Buffer.from("GET / HTTP/1.1").toString("hex");
    expect(cut([bytes])).toEqual([`true ${Buffer.from(record).toString("hex")}`, `false ${rest}`]);
    expect(cut([Uint8Array.of(2), Uint8Array.of(3, 4)])).toEqual(["false 02", "false 0304"]);
  });

  test("keeps no view of what it was given", () => {
    const bytes = concat(encodeStream(RecordType.STDOUT, 1, Uint8Array.of(1, 2, 3)));
    const kept: Uint8Array[] = [];
    new RecordCutter().push(bytes, (record) => kept.push(record));
    const before = kept[0]?.slice();
    bytes.fill(0);
    expect(kept[0]).toEqual(before);
  });
});
