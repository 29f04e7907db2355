import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeFrame, encodeFrame, FrameReader } from "../../src/fs/index.ts";

const MESSAGE = {
  life: 3,
  message: {
    type: "commit",
    operations: [
      { op: "write", data: new Uint8Array([1, 2, 3]) },
      { op: "write", data: new Uint8Array(0) },
      { op: "write", data: new Uint8Array([255]).subarray(0, 1) },
      { op: "create", name: "$bytes \u2028 ä \0" },
    ],
  },
};

describe("a frame", () => {
  test("brings a message with its bytes, also out of the middle of a buffer", () => {
    const frame = encodeFrame(MESSAGE);
    expect(decodeFrame(frame)).toEqual(MESSAGE);
    const inside = new Uint8Array(frame.length + 9);
    inside.set(frame, 5);
    expect(decodeFrame(inside.subarray(5, 5 + frame.length))).toEqual(MESSAGE);
  });

  test("is found in a stream that is cut anywhere", () => {
    const one = encodeFrame(MESSAGE);
    const stream = new Uint8Array([...one, ...encodeFrame({ n: 2 }), ...one]);
    for (let size = 1; size < stream.length; size++) {
      const reader = new FrameReader(1000);
      const found: unknown[] = [];
      for (let at = 0; at < stream.length; at += size) found.push(...reader.push(stream.subarray(at, at + size)));
      expect(found).toEqual([MESSAGE, { n: 2 }, MESSAGE]);
    }
  });

  test("that is too long is refused before its bytes come", () => {
    const head = new Uint8Array([0x7f, 255, 255, 255, 0, 0, 0, 1]);
    expect(() => new FrameReader(1000).push(head)).toThrow(expect.objectContaining({ code: "FILE_STORE_MALFORMED" }));
  });

  test("of any bytes is refused with the same code, or is a message", () => {
    const frame = encodeFrame(MESSAGE);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(frame.length - 1), fc.nat(255)), { maxLength: 5 }),
        fc.nat(frame.length),
        (edits, cut) => {
          const bytes = frame.slice(0, cut);
          for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value;
          try {
            decodeFrame(bytes);
          } catch (error) {
            expect(error).toMatchObject({ code: "FILE_STORE_MALFORMED" });
          }
        },
      ),
    );
  });
});
