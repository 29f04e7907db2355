import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CapturedItem, RecordCutter, recordsOf } from "../../src/capture/records.ts";
import { concat } from "../../src/codec/index.ts";
import { everyCut, hex, pieces, toHex } from "../codec/wire.ts";
import { answer, bytes, request } from "./build.ts";

function cut(chunks: readonly Uint8Array[]): CapturedItem[] {
  const cutter = new RecordCutter("to-application");
  const items = chunks.flatMap((chunk, index) => cutter.push(chunk, index));
  return [...items, ...cutter.end(chunks.length)];
}

const told = (items: readonly CapturedItem[]) =>
  items.map((item) =>
    item.type === "record"
      ? `${item.offset} ${item.recordType} #${item.requestId} ${item.contentLength}+${item.paddingLength} ${toHex(item.bytes)}`
      : item.type,
  );

const STREAM = concat([request(1, [["A", "b"]], "body"), request(258)]);

describe("RecordCutter", () => {
  test("gives the same records however the bytes are cut", () => {
    const whole = told(cut([STREAM]));
    expect(whole).toHaveLength(9);
    for (const chunks of everyCut(STREAM)) expect(told(cut(chunks))).toEqual(whole);
  });

  test("copies only what is cut", () => {
    const [first] = cut([STREAM]);
    expect(first?.type === "record" && first.bytes.buffer).toBe(STREAM.buffer);
  });

  test("tells when a record began and when it was whole", () => {
    const items = cut(pieces(hex("01 05 0001 0004 04 00 61626364 00000000"), 6));
    expect(items).toEqual([expect.objectContaining({ started: 0, time: 2, paddingLength: 4 })]);
  });

  test("tells a record that is cut, and how far it came", () => {
    expect(cut([hex("01 05 0001 0004 00 00 6162")])).toEqual([
      expect.objectContaining({
        type: "fragment",
        reason: "cut",
        problem: "a record of 12 bytes, cut after 10: the bytes end here",
      }),
    ]);
    expect(cut([hex("01 05 00")])).toEqual([expect.objectContaining({ type: "fragment", reason: "cut" })]);
  });

  test("gives up at a wrong version, and keeps the bytes", () => {
    const items = cut([hex("01 02 0001 0000 00 00 02 02 0001"), hex("aa bb")]);
    expect(items.map((item) => (item.type === "fragment" ? `${item.reason} ${toHex(item.bytes)}` : item.type))).toEqual(
      ["record", "bad-version 02020001", "bad-version aabb"],
    );
  });

  test("finds the next record behind a gap", () => {
    const cutter = new RecordCutter("to-application");
    const record = hex("01 05 0001 0004 00 00 61626364");
    const items = [
      ...cutter.push(record.subarray(0, 9), 1),
      ...cutter.gap(1000, 2),
      ...cutter.push(concat([hex("6263 01 63 64"), record, record]), 3),
      ...cutter.end(4),
    ];
    expect(items.map((item) => (item.type === "fragment" ? item.reason : item.type))).toEqual([
      "cut",
      "gap",
      "after-gap",
      "record",
      "record",
    ]);
    expect(items[3]).toMatchObject({ offset: 9 + 1000 + 5 });
  });

  test("loses and makes up no byte of any input, however it is cut", () => {
    const chunk = fc.oneof(
      fc.uint8Array({ maxLength: 30 }),
      fc.constantFrom(STREAM, answer(1, "x"), hex("01 04 0001 0009 00 00")),
    );
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 8 }), (chunks) => {
        const items = cut(chunks);
        const out = concat(items.map((item) => ("bytes" in item ? item.bytes : new Uint8Array(0))));
        expect(toHex(out)).toBe(toHex(concat(chunks)));
        expect(items.filter(({ type }) => type === "gap")).toEqual([]);
        let at = 0;
        for (const item of items) {
          if (item.type !== "record" && item.type !== "fragment") continue;
          expect(item.offset).toBe(at);
          at += item.bytes.length;
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("recordsOf", () => {
  test("gives each record of a mixed stream the direction of its type", () => {
    const items = recordsOf({
      id: 1,
      webServer: "w",
      application: "a",
      mixed: true,
      events: [bytes("to-application", concat([request(1), answer(1, "hello")]))],
    });
    expect(items.map(({ direction }) => (direction === "to-application" ? ">" : "<")).join("")).toBe(">>>><<");
  });

  test("stops at its limit of records, and says so", () => {
    const many = new Uint8Array(8 * 300_000).map((_, at) => [1, 2, 0, 1, 0, 0, 0, 0][at % 8] ?? 0);
    const connection = {
      id: 1,
      webServer: "w",
      application: "a",
      mixed: false,
      events: [bytes("to-application", many)],
    };
    expect(recordsOf(connection)).toHaveLength(300_000);
    const some = recordsOf(connection, 1000);
    expect(some).toHaveLength(1001);
    expect(some.at(-1)).toMatchObject({
      reason: "limit",
      problem: "more than 1000 records; the rest is not read",
    });
  });

  test("keeps both directions in the order of time", () => {
    const out = request(1);
    const items = recordsOf({
      id: 1,
      webServer: "w",
      application: "a",
      mixed: false,
      events: [
        bytes("to-application", out.subarray(0, 20), 1),
        bytes("to-web-server", answer(7, "x"), 2),
        bytes("to-application", out.subarray(20), 3),
        { type: "end", direction: "to-web-server", time: 4, how: "reset" },
      ],
    });
    expect(items.map(({ direction, type }) => `${direction === "to-application" ? ">" : "<"}${type}`)).toEqual([
      ">record",
      "<record",
      "<record",
      ">record",
      ">record",
      ">record",
      "<end",
    ]);
  });
});
