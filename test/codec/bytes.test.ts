import { describe, expect, test } from "vitest";
import {
  byteStringToBytes,
  byteStringToUtf8,
  bytesToByteString,
  concat,
  utf8ToByteString,
  viewOf,
} from "../../src/codec/index.ts";
import { codeOf, hex, pooled } from "./wire.ts";

describe("bytes", () => {
  test("a view of a subarray starts where the subarray starts", () => {
    expect(viewOf(pooled(hex("0102"))).getUint16(0)).toBe(0x0102);
    expect(viewOf(pooled(hex("0102"))).byteLength).toBe(2);
  });

  test("concat joins chunks in their order", () => {
    expect(concat([hex("01"), hex(""), pooled(hex("0203"))])).toEqual(hex("010203"));
    expect(concat([])).toEqual(hex(""));
  });
});

describe("byte strings", () => {
  test.each([
    ["é", "\xc3\xa9"],
    ["€", "\xe2\x82\xac"],
    ["plain", "plain"],
    ["😀", "\xf0\x9f\x98\x80"],
    ["\ufeffx", "\xef\xbb\xbfx"],
    ["", ""],
  ])("the UTF-8 of %s, both directions", (text, bytes) => {
    expect(utf8ToByteString(text)).toBe(bytes);
    expect(byteStringToUtf8(bytes)).toBe(text);
  });

  test("bytes that are no UTF-8 become U+FFFD only when read as UTF-8", () => {
    expect(byteStringToUtf8("a\xff")).toBe("a\ufffd");
    expect(bytesToByteString(hex("61ff"))).toBe("a\xff");
  });

  test("every byte is its own character, 0x80 to 0x9f included", () => {
    for (let byte = 0; byte < 256; byte++) {
      expect(bytesToByteString(Uint8Array.of(byte))).toBe(String.fromCharCode(byte));
    }
  });

  test("reads from start to end, of a subarray too", () => {
    expect(bytesToByteString(pooled(hex("61ff6263")), 1, 3)).toBe("\xffb");
  });

  test("reads more bytes than a function takes arguments", () => {
    const bytes = new Uint8Array(1_000_000).fill(0xe9);
    expect(bytesToByteString(bytes)).toBe("\xe9".repeat(1_000_000));
  });

  test("refuses characters that are no bytes", () => {
    expect(codeOf(() => byteStringToBytes("\u0100"))).toBe("FCGI_INVALID_CALL");
    expect(codeOf(() => byteStringToUtf8("\u20ac"))).toBe("FCGI_INVALID_CALL");
  });
});
