import { describe, expect, test } from "vitest";
import { concat, encodeHeader, encodeRecord, RecordDecoder } from "../../src/codec/index.ts";
import { codeOf, decodeAll, everyCut, hex, pieces, pooled } from "./wire.ts";

// BEGIN_REQUEST of 1, PARAMS of 1 with padding, an empty STDIN with padding, STDOUT of 258.
const wire = hex(`
  01 01 0001 0008 00 00  0001 01 0000000000
  01 04 0001 0003 05 00  010141  0000000000
  01 05 0001 0000 08 00          0000000000000000
  01 06 0102 0002 00 ff  6869
`);
const meaning = [
  [1, 1, "0001010000000000"],
  [4, 1, "010141"],
  [5, 1, ""],
  [6, 258, "6869"],
];

describe("RecordDecoder", () => {
  test("decodes records however the bytes are cut", () => {
    for (const chunks of everyCut(wire)) expect(decodeAll(chunks)).toEqual(meaning);
  });

  test("honours the offset of a subarray", () => {
    for (const chunks of everyCut(wire)) expect(decodeAll(chunks.map(pooled))).toEqual(meaning);
  });

  test("passes over empty chunks", () => {
    const empty = new Uint8Array(0);
    expect(decodeAll(pieces(wire, 1).flatMap((piece) => [empty, piece, empty]))).toEqual(meaning);
  });

  test("hands over the chunk itself when the content lies whole in it, even behind a header that is cut", () => {
    const decoder = new RecordDecoder();
    const first = wire.subarray(0, 16 + 5);
    const second = wire.subarray(16 + 5);
    const buffers: Uint8Array[] = [];
    for (const chunk of [first, second]) decoder.decode(chunk, (_type, _id, buffer) => buffers.push(buffer));
    expect(buffers.map((buffer) => [first, second].indexOf(buffer))).toEqual([0, 1, 1, 1]);
  });

  test("tells a record before its padding has come", () => {
    const decoder = new RecordDecoder();
    let told = 0;
    decoder.decode(hex("01 06 0001 0001 07 00 41"), () => told++);
    expect(told).toBe(1);
    expect(codeOf(() => decoder.end())).toBe("FCGI_UNEXPECTED_END");
  });

  test.each([
    ["nothing", 0, undefined],
    ["a whole record", 16, undefined],
    ["a header cut short", 5, "FCGI_UNEXPECTED_END"],
    ["a header without its content", 8, "FCGI_UNEXPECTED_END"],
    ["content cut short", 12, "FCGI_UNEXPECTED_END"],
    ["padding cut short", 16 + 12, "FCGI_UNEXPECTED_END"],
  ])("at the end of the stream after %s: %2$s", (_what, length, code) => {
    const decoder = new RecordDecoder();
    decoder.decode(wire.subarray(0, length), () => {});
    expect(codeOf(() => decoder.end())).toBe(code);
  });

  test.each([0, 2, 72, 255])("refuses version %i at its first byte, and stays failed", (version) => {
    const decoder = new RecordDecoder();
    expect(codeOf(() => decoder.decode(Uint8Array.of(version), () => {}))).toBe("FCGI_BAD_VERSION");
    expect(codeOf(() => decoder.decode(wire, () => expect.unreachable()))).toBe("FCGI_BAD_VERSION");
    expect(codeOf(() => decoder.end())).toBe("FCGI_BAD_VERSION");
  });

  test("tells the records before a bad one", () => {
    const decoder = new RecordDecoder();
    let told = 0;
    const bytes = concat([wire, hex("02")]);
    expect(codeOf(() => decoder.decode(bytes, () => told++))).toBe("FCGI_BAD_VERSION");
    expect(told).toBe(meaning.length);
  });

  test("stays failed with the error of its handler", () => {
    const decoder = new RecordDecoder();
    const failure = new Error("no more");
    const fail = () => {
      throw failure;
    };
    expect(() => decoder.decode(wire, fail)).toThrow(failure);
    expect(() => decoder.decode(wire, () => {})).toThrow(failure);
  });

  test("refuses to be called by its own handler", () => {
    const decoder = new RecordDecoder();
    expect(codeOf(() => decoder.decode(wire, () => decoder.decode(wire, () => {})))).toBe("FCGI_INVALID_CALL");
  });

  test.each([0, 1, 65527, 65528, 65529, 65530, 65534, 65535])("decodes %i bytes of content", (length) => {
    for (const paddingLength of [0, 255]) {
      const bytes = new Uint8Array(8 + length + paddingLength).fill(0x78);
      encodeHeader(bytes, 0, 6, 65535, length, paddingLength);
      for (const size of [bytes.length, 1460, 65536]) {
        const told: number[] = [];
        const decoder = new RecordDecoder();
        for (const chunk of pieces(concat([bytes, bytes]), size)) {
          decoder.decode(chunk, (type, id, buffer, start, end) => {
            expect([type, id]).toEqual([6, 65535]);
            expect(buffer.subarray(start, end).every((byte) => byte === 0x78)).toBe(true);
            told.push(end - start);
          });
        }
        decoder.end();
        expect(told).toEqual([length, length]);
      }
    }
  });

  test("takes a time that grows with the bytes, not with their square, in chunks of one byte", () => {
    const record = encodeRecord({ type: "stdout", requestId: 1, content: new Uint8Array(65528) });
    const decoder = new RecordDecoder();
    let told = 0;
    const start = performance.now();
    for (let i = 0; i < 16; i++) {
      for (const chunk of pieces(record, 1)) decoder.decode(chunk, () => told++);
    }
    expect(told).toBe(16);
    // A megabyte; copying all again for every byte would take minutes.
    expect(performance.now() - start).toBeLessThan(20_000);
  });
});
