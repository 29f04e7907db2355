import { describe, expect, test } from "vitest";
import { concat, decodeParams, encodeParams, type Pair, ParamsDecoder } from "../../src/codec/index.ts";
import { decodePairs as decode } from "./properties.ts";
import { codeOf, everyCut, hex, pieces, pooled, toHex } from "./wire.ts";

const v128 = "v".repeat(128);
const table: [string, string, Pair[]][] = [
  ["no pair", "", []],
  ["an empty pair", "00 00", [["", ""]]],
  ["an empty value", "01 00 61", [["a", ""]]],
  ["an empty name", "00 01 62", [["", "b"]]],
  [
    "two pairs",
    "01 01 61 62  02 01 6363 64",
    [
      ["a", "b"],
      ["cc", "d"],
    ],
  ],
  [
    "a name that comes twice",
    "01 01 61 62  01 01 61 63",
    [
      ["a", "b"],
      ["a", "c"],
    ],
  ],
  ["a value of 127 bytes", `01 7f 61 ${"76".repeat(127)}`, [["a", "v".repeat(127)]]],
  ["a value of 128 bytes", `01 80000080 61 ${"76".repeat(128)}`, [["a", v128]]],
  ["a name of 128 bytes", `80000080 01 ${"76".repeat(128)} 62`, [[v128, "b"]]],
  ["both of 300 bytes", `8000012c 8000012c ${"76".repeat(600)}`, [["v".repeat(300), "v".repeat(300)]]],
  ["every byte that windows-1252 would move", "01 04 61 80 8a 9f ff", [["a", "\x80\x8a\x9f\xff"]]],
  ["UTF-8 as its bytes", "01 02 61 c3a9", [["a", "\xc3\xa9"]]],
  ["an encoded U+FFFD as its bytes", "01 03 61 efbfbd", [["a", "\xef\xbf\xbd"]]],
  ["a byte order mark as its bytes", "03 00 efbbbf", [["\xef\xbb\xbf", ""]]],
  ["NUL bytes", "01 02 00 0000", [["\0", "\0\0"]]],
];

describe("name-value pairs", () => {
  test.each(table)("%s, both directions", (_what, wire, pairs) => {
    expect(toHex(concat(encodeParams(pairs)))).toBe(toHex(hex(wire)));
    expect(decodeParams(pooled(hex(wire)))).toEqual(pairs);
    for (const chunks of everyCut(hex(wire))) expect(decode(chunks)).toEqual(pairs);
  });

  test("accepts a length in four bytes where one would do", () => {
    expect(decodeParams(hex("80000001 80000001 61 62"))).toEqual([["a", "b"]]);
  });

  test("all 256 bytes survive", () => {
    const all = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
    expect(decodeParams(concat(encodeParams([[all, all]])))).toEqual([[all, all]]);
  });

  test("starts a new block rather than cut a pair", () => {
    const pairs: Pair[] = Array.from({ length: 50 }, (_, i) => [`NAME_${i}`, "x".repeat(5000)]);
    const blocks = encodeParams(pairs);
    expect(blocks.length).toBe(4);
    for (const block of blocks) expect(block.length).toBeLessThanOrEqual(65528);
    expect(blocks.flatMap((block) => decodeParams(block))).toEqual(pairs);
  });

  // One byte of name, 1 + 4 bytes of lengths.
  test.each([65521, 65522])("a pair of %i + 6 bytes fits in a block", (length) => {
    const blocks = encodeParams([
      ["A", "b"],
      ["N", "x".repeat(length)],
    ]);
    expect(blocks.map((block) => block.length)).toEqual([4, length + 6]);
  });

  test("refuses a pair that no record can hold, and names it", () => {
    expect(() => encodeParams([["HTTP_COOKIE", "x".repeat(65528)]])).toThrow(/"HTTP_COOKIE" takes 65544 bytes.*65528/);
    expect(codeOf(() => encodeParams([["N", "x".repeat(65523)]]))).toBe("FCGI_LIMIT");
  });

  test("refuses a character that is no byte", () => {
    expect(codeOf(() => encodeParams([["PATH_INFO", "/\u20ac"]]))).toBe("FCGI_INVALID_CALL");
  });

  test("a stream that ends inside a pair is malformed, wherever it ends", () => {
    const wire = hex("01 01 61 62  80000003 80000004 636363 64646464");
    for (let length = 1; length < wire.length; length++) {
      if (length === 4) continue;
      expect(codeOf(() => decodeParams(wire.subarray(0, length)))).toBe("FCGI_BAD_BODY");
      expect(codeOf(() => decode(pieces(wire.subarray(0, length), 1)))).toBe("FCGI_BAD_BODY");
    }
  });

  test.each([
    ["a name of 2 GiB", "ffffffff", {}],
    ["a value of 2 GiB", "01 ffffffff", {}],
    ["a name above its limit", "05", { maxNameLength: 4 }],
    ["a pair above the limit of all", "01 20", { maxBytes: 34 }],
    ["pairs that pass the limit together", "01 01 61 62  01 02", { maxBytes: 8 }],
    ["one pair too many", "00 00  00 00  00 00", { maxPairs: 2 }],
  ])("refuses %s at its announcement", (_what, wire, limits) => {
    expect(codeOf(() => decode([hex(wire)], limits))).toBe("FCGI_LIMIT");
    expect(codeOf(() => decode(pieces(hex(wire), 1), limits))).toBe("FCGI_LIMIT");
  });

  test("accepts what just meets the limits", () => {
    const wire = hex("01 02 61 6262  00 00");
    expect(decode(pieces(wire, 1), { maxBytes: 7, maxPairs: 2, maxNameLength: 1 })).toHaveLength(2);
  });

  test("takes a time that grows with the bytes in pieces of one byte", () => {
    const wire = hex(`01 800ffff0 61`);
    const decoder = new ParamsDecoder();
    decoder.push(wire, 0, wire.length);
    const start = performance.now();
    const piece = hex("78");
    for (let i = 0; i < 0xffff0; i++) decoder.push(piece, 0, 1);
    expect(decoder.finish()[0]?.[1].length).toBe(0xffff0);
    expect(performance.now() - start).toBeLessThan(20_000);
  });
});
