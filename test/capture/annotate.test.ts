import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { annotate } from "../../src/capture/annotate.ts";
import type { PairRest } from "../../src/capture/annotate-pairs.ts";
import {
  concat,
  encodeBeginRequest,
  encodeEndRequest,
  encodeParams,
  encodeStream,
  encodeUnknownType,
} from "../../src/codec/index.ts";
import { hex } from "../codec/wire.ts";

/** `start-end name=value` of every field. */
function fieldsOf(bytes: Uint8Array): string[] {
  return annotate(bytes).fields.map(({ start, end, name, value }) => `${start}-${end} ${name}=${value ?? ""}`);
}

const HEADER = ["0-1 version=1", "2-4 requestId=1", "7-8 reserved=0"];

describe("annotate", () => {
  test("names every byte of BEGIN_REQUEST with its section", () => {
    const { fields, summary, problems } = annotate(encodeBeginRequest(1, "authorizer", true));
    expect(fieldsOf(encodeBeginRequest(1, "authorizer", true))).toEqual([
      "0-1 version=1",
      "1-2 type=1",
      "2-4 requestId=1",
      "4-6 contentLength=8",
      "6-7 paddingLength=0",
      "7-8 reserved=0",
      "8-10 role=2",
      "10-11 flags=1",
      "11-16 reserved=",
    ]);
    expect(fields.map(({ section }) => section.replace("FastCGI 1.0, section ", ""))).toEqual([
      "3.3",
      "5.1",
      "3.3",
      "3.3",
      "3.3",
      "3.3",
      "6.3",
      "5.1",
      "5.1",
    ]);
    expect(summary).toContain("an authorizer");
    expect(problems).toEqual([]);
  });

  test("explains END_REQUEST, and takes stale reserved bytes as they are", () => {
    const record = encodeEndRequest(1, 258, "overloaded");
    record.set([9, 9, 9], 13);
    expect(fieldsOf(record)).toEqual(
      expect.arrayContaining(["8-12 appStatus=258", "12-13 protocolStatus=2", "13-16 reserved="]),
    );
    expect(annotate(record).problems).toEqual([]);
  });

  test("shows lengths of name-value pairs in one and in four bytes", () => {
    const [params] = encodeParams([
      ["A", "v".repeat(128)],
      ["", ""],
    ]);
    const [record] = encodeStream(4, 1, params ?? new Uint8Array(0));
    expect(fieldsOf(record ?? new Uint8Array(0)).slice(6)).toEqual([
      "8-9 nameLength=1",
      "9-13 valueLength=128",
      "13-14 name=A",
      `14-142 value=${"v".repeat(128)}`,
      "142-143 nameLength=0",
      "143-144 valueLength=0",
      "144-144 name=",
      "144-144 value=",
    ]);
  });

  test("follows a pair that is cut between two records at any byte", () => {
    const [params = new Uint8Array(0)] = encodeParams([
      ["NAME", "value"],
      ["LONG", "x".repeat(200)],
    ]);
    for (let cut = 1; cut < params.length; cut++) {
      const [first = params] = encodeStream(4, 1, params.slice(0, cut));
      const [second = params] = encodeStream(4, 1, params.slice(cut));
      const left = annotate(first);
      expect(left.problems).toEqual([]);
      const right = annotate(second, { before: left.rest });
      expect(right.problems).toEqual([]);
      expect(right.rest).toBeUndefined();
      expect(right.fields.at(second.length === params.length - cut + 8 ? -1 : -2)?.name).toBe("value");
      expectTiled(second, left.rest);
    }
  });

  test("says that params end inside a pair", () => {
    const left = annotate(hex("01 04 0001 0003 00 00 04 05 4e"));
    expect(left.rest).toEqual({ head: hex("04 05 4e"), length: 3, needed: 11 });
    const end = annotate(hex("01 04 0001 0000 00 00"), { before: left.rest });
    expect(end.problems).toEqual(["the name-value pairs end inside a pair: 3 bytes of at least 11"]);
    const values = annotate(hex("01 09 0000 0003 00 00 04 05 4e"));
    expect(values.problems).toEqual(["the name-value pairs end inside a pair: 3 bytes of at least 11"]);
  });

  test("explains management records", () => {
    expect(annotate(encodeUnknownType(42)).fields.find(({ start }) => start === 8)).toMatchObject({
      name: "type",
      value: 42,
      section: "FastCGI 1.0, section 4.2",
    });
    const header = annotate(hex("01 2a 0000 0000 00 00"));
    expect(header.problems).toEqual([]);
    expect(header.fields[2]?.meaning).toContain("management record");
  });

  test.each([
    ["another protocol", "47 45 54 20 2f", "version 71; only 1 exists"],
    ["a cut header", "01 06 00", "requestId is cut; the header is cut: 3 of 8 bytes"],
    ["cut content", "01 06 0001 0005 00 00 61 62", "the content is cut: 2 of 5 bytes"],
    ["cut padding", "01 06 0001 0001 03 00 61 00", "the padding is cut: 1 of 3 bytes"],
    ["missing padding", "01 06 0001 0001 03 00 61", "all 3 bytes of padding are missing"],
    [
      "bytes behind it",
      "01 02 0001 0000 00 00 01",
      "bytes behind the end of the record: the next record would start here",
    ],
    ["a short body", "01 01 0001 0002 00 00 0001", "BEGIN_REQUEST with 2 bytes of content; it must have 8"],
    ["a cut body", "01 01 0001 0008 00 00 00", "role is cut; the content is cut: 1 of 8 bytes"],
    ["a long body", "01 03 0001 0009 00 00 000000000000000000", "END_REQUEST with 9 bytes of content; it has 8"],
    ["an unknown role", "01 01 0001 0008 00 00 0009000000000000", "role 9; known are 1 to 3"],
    ["unknown flags", "01 01 0001 0008 00 00 0001820000000000", "flags 0x82; only bit 0 (KEEP_CONN) is defined"],
    ["an unknown protocol status", "01 03 0001 0008 00 00 0000000007000000", "protocol status 7; known are 0 to 3"],
    ["an unknown type", "01 63 0001 0000 00 00", "record type 99 for a request; known are 1 to 11"],
    ["no request id", "01 05 0000 0000 00 00", "STDIN must have a request id from 1 to 65535, not 0"],
    ["a management record with an id", "01 09 0001 0000 00 00", "GET_VALUES must have request id 0, not 1"],
    ["a reserved byte", "01 05 0001 0000 00 07", "reserved byte 7 instead of 0"],
    ["nothing at all", "", "there are no bytes"],
  ])("tells what is wrong with %s", (_what, digits, problem) => {
    expect(annotate(hex(digits)).problems).toEqual([problem]);
  });

  /** Fields cover the bytes from the first to the last, without holes or overlaps. Returns what goes on. */
  function expectTiled(bytes: Uint8Array, before?: PairRest): PairRest | undefined {
    let at = 0;
    const { fields, rest } = annotate(bytes, { before });
    for (const { start, end } of fields) {
      expect(start).toBe(at);
      expect(end).toBeGreaterThanOrEqual(start);
      at = end;
    }
    expect(at).toBe(bytes.length);
    return rest;
  }

  test("covers any bytes whole, and never throws", () => {
    const header = fc
      .record({
        type: fc.integer({ min: 0, max: 13 }),
        id: fc.integer({ min: 0, max: 2 }),
        length: fc.nat(40),
        padding: fc.nat(9),
      })
      .map(({ type, id, length, padding }) => Uint8Array.of(1, type, 0, id, 0, length, padding, 0));
    const like = fc
      .tuple(header, fc.uint8Array({ maxLength: 60 }))
      .map(([head, rest]) => Uint8Array.of(...head, ...rest));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), like), (bytes) => {
        expectTiled(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  test("explains params that are cut anywhere as if they were whole", () => {
    const byteString = fc.string({ maxLength: 300, unit: "binary-ascii" });
    const pairs = fc.array(fc.tuple(fc.oneof(byteString, fc.constant("")), fc.oneof(byteString, fc.constant(""))), {
      maxLength: 5,
    });
    fc.assert(
      fc.property(pairs, fc.array(fc.nat(), { maxLength: 6 }), (list, cuts) => {
        const params = concat(encodeParams(list));
        const at = [0, ...cuts.map((cut) => cut % (params.length + 1)), params.length].sort((a, b) => a - b);
        let rest: PairRest | undefined;
        const told: string[] = [];
        for (const [index, end] of at.slice(1).entries()) {
          const [record] = encodeStream(4, 1, params.slice(at[index], end));
          if (record === undefined) continue;
          for (const field of annotate(record, { before: rest }).fields) {
            if (field.name !== "name" && field.name !== "value") continue;
            const goesOn = /^(?:a part|the end) of/.test(field.meaning);
            told.push(goesOn ? `${told.pop() ?? ""}${field.value}` : `${field.name}:${field.value}`);
          }
          rest = expectTiled(record, rest);
          expect(rest === undefined || rest.head.length < 80).toBe(true);
        }
        expect(rest).toBeUndefined();
        expect(told).toEqual(list.flatMap(([name, value]) => [`name:${name}`, `value:${value}`]));
      }),
      { numRuns: 1000 },
    );
  });

  test("takes time in proportion to the bytes for a pair that never ends", () => {
    let rest: PairRest | undefined = annotate(hex("01 04 0001 0008 00 00 ffffffff ffffffff")).rest;
    const piece = hex("01 04 0001 0001 00 00 61");
    for (let count = 0; count < 200_000; count++) rest = annotate(piece, { before: rest }).rest;
    expect(rest).toMatchObject({ length: 200_008, needed: 0x7fffffff * 2 + 8 });
    expect(rest?.head.length).toBeLessThan(80);
  });

  test("keeps common header fields in every record", () => {
    for (let type = 1; type <= 11; type++) {
      expect(fieldsOf(Uint8Array.of(1, type, 0, 1, 0, 0, 0, 0))).toEqual(expect.arrayContaining(HEADER));
    }
  });
});
