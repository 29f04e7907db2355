import { describe, expect, test } from "vitest";
import {
  concat,
  describe as describeRecord,
  encodeEndRequest,
  encodeRecord,
  encodeStream,
  encodeStreamEnd,
  type FastCgiRecord,
  paddingFor,
  recordDecoderStream,
  recordEncoderStream,
} from "../../src/codec/index.ts";
import { readRecords as read } from "./properties.ts";
import { codeOf, everyCut, hex, pieces, pooled, toHex } from "./wire.ts";

// Wire bytes on the left, meaning on the right: all eleven types, and those that do not exist.
const table: [string, FastCgiRecord][] = [
  [
    "01 01 0001 0008 00 00  0001 00 0000000000",
    { type: "begin-request", requestId: 1, role: "responder", keepConnection: false },
  ],
  [
    "01 01 ffff 0008 00 00  0002 01 0000000000",
    { type: "begin-request", requestId: 65535, role: "authorizer", keepConnection: true },
  ],
  [
    "01 01 0100 0008 00 00  0003 01 0000000000",
    { type: "begin-request", requestId: 256, role: "filter", keepConnection: true },
  ],
  [
    "01 01 0001 0008 00 00  0104 00 0000000000",
    { type: "begin-request", requestId: 1, role: 260, keepConnection: false },
  ],
  ["01 02 0001 0000 00 00", { type: "abort-request", requestId: 1 }],
  [
    "01 03 0001 0008 00 00  00000000 00 000000",
    { type: "end-request", requestId: 1, applicationStatus: 0, protocolStatus: "request-complete" },
  ],
  [
    "01 03 0001 0008 00 00  00000001 01 000000",
    { type: "end-request", requestId: 1, applicationStatus: 1, protocolStatus: "cannot-multiplex" },
  ],
  [
    "01 03 0001 0008 00 00  ffffffff 02 000000",
    { type: "end-request", requestId: 1, applicationStatus: 0xffffffff, protocolStatus: "overloaded" },
  ],
  [
    "01 03 0001 0008 00 00  000000ff 03 000000",
    { type: "end-request", requestId: 1, applicationStatus: 255, protocolStatus: "unknown-role" },
  ],
  [
    "01 03 0001 0008 00 00  00000000 09 000000",
    { type: "end-request", requestId: 1, applicationStatus: 0, protocolStatus: 9 },
  ],
  ["01 04 0001 0004 04 00  01016162 00000000", { type: "params", requestId: 1, content: hex("01016162") }],
  ["01 04 0001 0000 00 00", { type: "params", requestId: 1, content: hex("") }],
  ["01 05 0001 0001 07 00  00 00000000000000", { type: "stdin", requestId: 1, content: hex("00") }],
  ["01 06 0001 0008 00 00  0102030405060708", { type: "stdout", requestId: 1, content: hex("0102030405060708") }],
  ["01 07 0001 0002 06 00  6869 000000000000", { type: "stderr", requestId: 1, content: hex("6869") }],
  ["01 08 0001 0007 01 00  00000000000000 00", { type: "data", requestId: 1, content: hex("00000000000000") }],
  ["01 09 0000 0004 04 00  02006162 00000000", { type: "get-values", requestId: 0, content: hex("02006162") }],
  ["01 0a 0000 0003 05 00  010061 0000000000", { type: "get-values-result", requestId: 0, content: hex("010061") }],
  ["01 0b 0000 0008 00 00  63 00000000000000", { type: "unknown-type", requestId: 0, unknownType: 0x63 }],
  ["01 63 0000 0000 00 00", { type: "other", requestId: 0, typeCode: 0x63, content: hex("") }],
  ["01 00 0007 0001 07 00  ff 00000000000000", { type: "other", requestId: 7, typeCode: 0, content: hex("ff") }],
  ["01 09 0001 0000 00 00", { type: "other", requestId: 1, typeCode: 9, content: hex("") }],
  ["01 0b 0001 0000 00 00", { type: "other", requestId: 1, typeCode: 11, content: hex("") }],
];

describe("records", () => {
  test.each(table)("%s, both directions", (wire, record) => {
    expect(toHex(encodeRecord(record))).toBe(toHex(hex(wire)));
    for (const chunks of everyCut(hex(wire))) expect(read(...chunks.map(pooled))).toEqual([record]);
  });

  test.each(table)("describes %s in one line", (_wire, record) => {
    expect(describeRecord(record)).toMatch(/^[#a-z][^\n]+$/);
  });

  test("ignores reserved bytes, and bytes beyond the body", () => {
    expect(read(hex("01 03 0001 0008 00 00  00000000 00 deadbe"))).toEqual([
      { type: "end-request", requestId: 1, applicationStatus: 0, protocolStatus: "request-complete" },
    ]);
    expect(read(hex("01 01 0001 000a 00 00  0001 fe ffffffffff 1234"))).toEqual([
      { type: "begin-request", requestId: 1, role: "responder", keepConnection: false },
    ]);
  });

  test.each([
    ["BEGIN_REQUEST", "01 01 0001 0007 01 00  00010000000000 00"],
    ["empty BEGIN_REQUEST", "01 01 0001 0000 00 00"],
    ["END_REQUEST", "01 03 0001 0005 03 00  0000000000 000000"],
    ["UNKNOWN_TYPE", "01 0b 0000 0001 07 00  63 00000000000000"],
  ])("refuses a short %s", (_name, wire) => {
    expect(codeOf(() => read(hex(wire)))).toBe("FCGI_BAD_BODY");
  });

  test("leaves the padding out when asked", () => {
    const record: FastCgiRecord = { type: "stdout", requestId: 1, content: hex("41") };
    expect(toHex(encodeRecord(record, { padding: false }))).toBe("010600010001000041");
  });

  test("never pads an empty record, nor content that padding would bring beyond 65,535 bytes", () => {
    expect(paddingFor(0)).toBe(0);
    expect(paddingFor(65521)).toBe(7);
    for (let length = 65529; length <= 65535; length++) expect(paddingFor(length)).toBe(0);
  });

  test.each([
    ["content of 65,536 bytes", { type: "stdin", requestId: 1, content: new Uint8Array(65536) }, "FCGI_LIMIT"],
    ["request id 65,536", { type: "abort-request", requestId: 65536 }, "FCGI_INVALID_CALL"],
    ["request id -1", { type: "abort-request", requestId: -1 }, "FCGI_INVALID_CALL"],
    ["role 1.5", { type: "begin-request", requestId: 1, role: 1.5, keepConnection: true }, "FCGI_INVALID_CALL"],
    ["record type 256", { type: "other", requestId: 1, typeCode: 256, content: hex("") }, "FCGI_INVALID_CALL"],
    ["unknown type 256", { type: "unknown-type", requestId: 0, unknownType: 256 }, "FCGI_INVALID_CALL"],
  ] as [string, FastCgiRecord, string][])("refuses to encode %s", (_what, record, code) => {
    expect(codeOf(() => encodeRecord(record))).toBe(code);
  });

  test.each([-1, 2 ** 32, 0.5, Number.NaN])("refuses application status %d", (status) => {
    expect(codeOf(() => encodeEndRequest(1, status))).toBe("FCGI_INVALID_CALL");
  });
});

describe("streams", () => {
  test("empty content gives no record, for an empty record ends the stream", () => {
    expect(encodeStream(6, 1, new Uint8Array(0))).toEqual([]);
    expect(toHex(encodeStreamEnd(5, 258))).toBe("0105010200000000");
  });

  test.each([1, 7, 8, 16384, 16385, 65527, 65528, 65529, 65535, 65536, 131056, 131057, 1_000_000])(
    "splits %i bytes into records of at most 65,528",
    (length) => {
      const content = Uint8Array.from({ length }, (_, i) => (i * 7) & 0xff);
      const chunks = encodeStream(6, 1, content);
      const bytes = concat(chunks);
      expect(bytes.length % 8).toBe(0);
      const records = read(bytes);
      const parts = records.map((record) => (record.type === "stdout" ? record.content : hex("")));
      expect(parts.length).toBe(Math.ceil(length / 65528));
      for (const part of parts) expect(part.length).toBeLessThanOrEqual(65528);
      expect(concat(parts)).toEqual(content);
      // Large content is not copied: some chunk is a view of it.
      expect(chunks.some((chunk) => chunk.buffer === content.buffer)).toBe(length > 16384);
    },
  );

  test("web streams turn bytes into records and back", async () => {
    const records = table.map(([, record]) => record);
    const bytes = concat(table.map(([wire]) => hex(wire)));
    const decoded: FastCgiRecord[] = [];
    const source = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const piece of pieces(bytes, 5)) controller.enqueue(piece.slice());
        controller.close();
      },
    });
    for await (const record of source.pipeThrough(recordDecoderStream())) decoded.push(record);
    expect(decoded).toEqual(records);

    const encoded: Uint8Array[] = [];
    const again = new ReadableStream<FastCgiRecord>({
      start(controller) {
        for (const record of decoded) controller.enqueue(record);
        controller.close();
      },
    });
    for await (const chunk of again.pipeThrough(recordEncoderStream())) encoded.push(chunk);
    expect(toHex(concat(encoded))).toBe(toHex(bytes));
  });

  test("the decoding web stream errors when the bytes end inside a record", async () => {
    const source = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(hex("01 06 0001"));
        controller.close();
      },
    });
    const reader = source.pipeThrough(recordDecoderStream()).getReader();
    await expect(reader.read()).rejects.toMatchObject({ code: "FCGI_UNEXPECTED_END" });
  });
});
