import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CapturedConnection, CaptureEvent } from "../../src/capture/capture.ts";
import { typeName } from "../../src/capture/names.ts";
import { PcapngWriter, writePcapng } from "../../src/capture/pcapng-write.ts";
import { readCapture } from "../../src/capture/read.ts";
import { recordsOf } from "../../src/capture/records.ts";
import { concat, encodeParams, encodeRecord, encodeUnknownType } from "../../src/codec/index.ts";
import { toHex } from "../codec/wire.ts";
import { describePeers } from "../peers/peer.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { answer, bytes, request } from "./build.ts";
import { tshark, tsharkRecords, tsharkWarnings } from "./tshark.ts";

const START = Date.UTC(2026, 0, 2, 3, 4, 5);

function connection(events: readonly CaptureEvent[], id = 1): CapturedConnection {
  return { id, webServer: "127.0.0.1:41000", application: "unix:/run/php.sock", events, mixed: false };
}

/** Two requests at once, one with a long body, management records, and a clean end. */
function busy(id: number): CapturedConnection {
  const [values = new Uint8Array(0)] = encodeParams([["FCGI_MPXS_CONNS", ""]]);
  return connection(
    [
      bytes("to-application", encodeRecord({ type: "get-values", requestId: 0, content: values }), START),
      bytes("to-web-server", encodeRecord({ type: "get-values-result", requestId: 0, content: values }), START + 0.25),
      bytes("to-web-server", encodeUnknownType(99), START + 0.5),
      bytes(
        "to-application",
        concat([request(1, [["LONG", "x".repeat(3000)]], "y".repeat(70_000)), request(2)]),
        START + 1,
      ),
      bytes("to-web-server", concat([answer(2, "a".repeat(200_000), "oops"), answer(1, "b".repeat(13))]), START + 2.5),
      { type: "end", direction: "to-web-server", time: START + 3, how: "closed" },
      { type: "end", direction: "to-application", time: START + 4, how: "closed" },
    ],
    id,
  );
}

const kinds = (of: CapturedConnection) =>
  recordsOf(of).map((item) => `${item.direction} ${item.type === "record" ? toHex(item.bytes) : item.type}`);

describe("writePcapng", () => {
  test("is read back as it was, times included", () => {
    const written = [busy(1), busy(2)];
    const capture = readCapture(writePcapng(written));
    expect(capture.warnings).toEqual([]);
    expect(capture.connections.map(kinds)).toEqual(written.map(kinds));
    const times = capture.connections[0]?.events.map(({ time }) => Math.round(((time ?? 0) - START) * 1000) / 1000);
    expect(new Set(times)).toEqual(new Set([0, 0.25, 0.5, 1, 2.5, 3, 4]));
  });

  test("writes gaps and resets as they were read", () => {
    const broken = connection([
      bytes("to-application", request(1), START),
      { type: "gap", direction: "to-web-server", time: START + 1, missing: 500 },
      bytes("to-web-server", answer(1, "x"), START + 1),
      { type: "end", direction: "to-web-server", time: START + 2, how: "reset" },
    ]);
    const [back] = readCapture(writePcapng([broken])).connections;
    expect(back?.events.map((event) => (event.type === "bytes" ? event.bytes.length : event.type))).toEqual([
      request(1).length,
      "gap",
      answer(1, "x").length,
      "end",
    ]);
    expect(back?.events.at(-1)).toMatchObject({ how: "reset" });
  });

  test("keeps connections apart when ports come round again", () => {
    const writer = new PcapngWriter();
    const pieces: Uint8Array[] = [writer.start()];
    for (let number = 0; number < 28_001; number++) {
      const out = writer.connect(START + number);
      if (number % 28_000 === 0)
        pieces.push(out.opening, out.data("to-application", START + number, request((number % 7) + 1)));
    }
    const capture = readCapture(concat(pieces));
    expect(capture.connections.map(({ webServer }) => webServer)).toEqual(["127.0.0.1:32768", "127.0.0.1:32768"]);
  });

  test("refuses bytes behind an end", () => {
    const out = new PcapngWriter().connect(START);
    out.end("to-application", START);
    expect(() => out.data("to-application", START, Uint8Array.of(1))).toThrow(
      expect.objectContaining({ code: "CAPTURE_INVALID_CALL" }),
    );
    expect(out.end("to-application", START)).toHaveLength(0);
  });

  test("a file that ends after any piece is a correct file", () => {
    const writer = new PcapngWriter();
    const out = writer.connect(START);
    const pieces = [
      writer.start(),
      out.opening,
      out.data("to-application", START, request(1)),
      out.data("to-web-server", START, answer(1, "x".repeat(70_000))),
      out.reset("to-web-server", START),
    ];
    for (let count = 1; count <= pieces.length; count++) {
      expect(readCapture(concat(pieces.slice(0, count)), { port: 9000 }).warnings).toEqual([]);
    }
  });

  test("gives back any bytes in any order of directions", () => {
    const chunk = fc.tuple(
      fc.constantFrom("to-application" as const, "to-web-server" as const),
      fc.uint8Array({ minLength: 1, maxLength: 50 }),
    );
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 12 }), (chunks) => {
        const events = [
          bytes("to-application", request(1)),
          ...chunks.map(([direction, part]) => bytes(direction, part)),
        ];
        const [back] = readCapture(writePcapng([connection(events)])).connections;
        for (const direction of ["to-application", "to-web-server"] as const) {
          const of = (list: readonly CaptureEvent[]) =>
            toHex(
              concat(
                list.flatMap((event) => (event.type === "bytes" && event.direction === direction ? [event.bytes] : [])),
              ),
            );
          expect(of(back?.events ?? [])).toBe(of(events));
        }
      }),
      { numRuns: 300 },
    );
  });
});

describePeers(["tshark"], "Wireshark", () => {
  let scratch: Scratch;
  let file: string;
  const written = [busy(1), busy(2)];
  beforeAll(() => {
    scratch = makeScratch("pcapng");
    file = join(scratch.path, "busy.pcapng");
    writeFileSync(file, writePcapng(written));
  });
  afterAll(() => scratch.remove());

  test("names every record that was written, in order", () => {
    const expected = written.flatMap((one, stream) =>
      recordsOf(one).flatMap((item) =>
        item.type === "record"
          ? [
              {
                stream,
                toApplication: item.direction === "to-application",
                type: item.recordType,
                requestId: item.requestId,
                contentLength: item.contentLength,
                paddingLength: item.paddingLength,
              },
            ]
          : [],
      ),
    );
    const byStream = tsharkRecords(file).toSorted((a, b) => a.stream - b.stream);
    expect(byStream).toEqual(expected);
    expect(expected.length).toBeGreaterThan(30);
    // The last column names the records: FCGI_BEGIN_REQUEST and so on.
    const names = tshark(file, "-Y", "fcgi");
    for (const { type } of expected) expect(names).toContain(`FCGI_${typeName(type)}`);
  });

  test("finds no wrong checksum, no malformed packet and nothing odd in TCP", () => {
    expect(tsharkWarnings(file)).toEqual([]);
  });

  test("shows the real addresses, and times to the microsecond", () => {
    const out = tshark(file, "-T", "fields", "-e", "frame.comment", "-e", "frame.time_epoch");
    expect(out).toContain("127.0.0.1:41000 to unix:/run/php.sock");
    expect(out).toContain(`${START / 1000}.000250000`);
  });

  test("writes a followed stream as hex that is read back", () => {
    const dump = tshark(file, "-q", "-z", "follow,tcp,hex,0");
    const [back] = readCapture(new TextEncoder().encode(dump)).connections;
    for (const direction of ["to-application", "to-web-server"] as const) {
      const of = (one: CapturedConnection | undefined) =>
        recordsOf(one ?? connection([])).flatMap((item) =>
          item.type === "record" && item.direction === direction ? [toHex(item.bytes)] : [],
        );
      expect(of(back)).toEqual(of(written[0]));
    }
  });

  test("its conversion to pcap is read as well", () => {
    const converted = join(scratch.path, "busy.pcap");
    tshark(file, "-F", "pcap", "-w", converted);
    const capture = readCapture(readFileSync(converted));
    expect(capture.format).toBe("pcap");
    expect(capture.connections.map(kinds)).toEqual(written.map(kinds));
  });
});
