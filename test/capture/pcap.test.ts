import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Capture } from "../../src/capture/capture.ts";
import { CaptureError } from "../../src/capture/errors.ts";
import { readCapture } from "../../src/capture/read.ts";
import { recordsOf } from "../../src/capture/records.ts";
import { concat } from "../../src/codec/index.ts";
import {
  answer,
  enhancedBlock,
  ethernet,
  interfaceBlock,
  LINK_LAYERS,
  overIpv6,
  pcap,
  request,
  sectionBlock,
  simpleBlock,
} from "./build.ts";

const OUT = request(1, [["SCRIPT_FILENAME", "/x.php"]], "body");
const BACK = answer(1, "Status: 200\r\n\r\nhello");

/** A connection in five frames: SYN, SYN+ACK, and a request and its answer. */
const FRAMES = [
  ethernet({ toApplication: true, sequence: 9, flags: { syn: true } }),
  ethernet({ toApplication: false, sequence: 49, flags: { syn: true, ack: true } }),
  ethernet({ toApplication: true, sequence: 10, payload: OUT.subarray(0, 30) }),
  ethernet({ toApplication: true, sequence: 40, payload: OUT.subarray(30) }),
  ethernet({ toApplication: false, sequence: 50, payload: BACK }),
];

/** Types of records and their times in milliseconds. */
function told(capture: Capture): string[] {
  return capture.connections.flatMap((connection) =>
    recordsOf(connection).map((item) => `${item.type === "record" ? item.recordType : item.type}@${item.time ?? "-"}`),
  );
}

const EXPECTED = ["1@1002.005", "4@1003.005", "4@1003.005", "5@1003.005", "5@1003.005", "6@1004.005", "3@1004.005"];
const WITHOUT_TIMES = EXPECTED.map((text) => text.replace(/@.*/, "@-"));

describe("pcap", () => {
  test.each([
    ["little-endian, microseconds", { littleEndian: true, nanoseconds: false }],
    ["big-endian, microseconds", { littleEndian: false, nanoseconds: false }],
    ["little-endian, nanoseconds", { littleEndian: true, nanoseconds: true }],
    ["big-endian, nanoseconds", { littleEndian: false, nanoseconds: true }],
  ])("is read %s", (_name, options) => {
    const capture = readCapture(pcap(FRAMES, options));
    expect(capture).toMatchObject({ format: "pcap", packets: 5, otherConnections: 0, warnings: [] });
    expect(told(capture)).toEqual(EXPECTED);
    expect(capture.connections[0]).toMatchObject({ webServer: "127.0.0.1:40000", application: "127.0.0.2:9000" });
  });

  test.each(Object.entries(LINK_LAYERS))("is read from %s", (_name, { linkType, wrap }) => {
    expect(told(readCapture(pcap(FRAMES.map(wrap), { linkType })))).toEqual(EXPECTED);
  });

  test("is read over IPv6 with an extension header", () => {
    const capture = readCapture(pcap(FRAMES.map(overIpv6), { linkType: 101 }));
    expect(told(capture)).toEqual(EXPECTED);
    expect(capture.connections[0]?.application).toBe("[::1]:9000");
  });

  test("says which packets are not read", () => {
    const fragment = FRAMES[2]?.slice() ?? new Uint8Array(0);
    fragment[20] = 0x20;
    const capture = readCapture(pcap([...FRAMES, fragment, FRAMES[0]?.subarray(0, 40) ?? fragment]));
    expect(capture.warnings).toEqual([
      "1 packets are IP fragments, which are not put together",
      "1 packets are cut before the end of their TCP header",
    ]);
    expect(readCapture(pcap(FRAMES, { linkType: 147 }))).toMatchObject({
      connections: [],
      warnings: ["5 packets are of a link type that is not read (Ethernet, Linux cooked, loopback and raw IP are)"],
    });
  });

  test("shows what a short snap length has cut off as a gap", () => {
    const cut = FRAMES[2]?.subarray(0, 60) ?? new Uint8Array(0);
    const types = told(readCapture(pcap([...FRAMES.slice(0, 2), cut, ...FRAMES.slice(3)]), { port: 9000 }));
    expect(types.slice(0, 2)).toEqual(["fragment@1002.005", "gap@1003.005"]);
  });

  test("that ends too early gives what is whole, and a warning", () => {
    const file = pcap(FRAMES);
    expect(told(readCapture(file.subarray(0, -1)))).toEqual(EXPECTED.slice(0, 5));
    expect(readCapture(file.subarray(0, -1)).warnings).toEqual(["the file ends inside packet 5"]);
    expect(readCapture(file.subarray(0, 30)).warnings).toEqual(["the file ends inside the header of packet 1"]);
  });

  test("with an impossible packet length is refused before memory is taken", () => {
    const file = pcap(FRAMES);
    new DataView(file.buffer).setUint32(24 + 8, 0x7fffffff, true);
    expect(() => readCapture(file)).toThrow(expect.objectContaining({ code: "CAPTURE_MALFORMED" }));
  });
});

describe("pcapng", () => {
  const file = (littleEndian: boolean, resolution?: number, unit = 1_000_000n) =>
    concat([
      sectionBlock(littleEndian),
      interfaceBlock(1, littleEndian, resolution),
      ...FRAMES.map((frame, index) =>
        enhancedBlock(unit + (BigInt(index * 1000 + 5) * unit) / 1_000_000n, frame, littleEndian),
      ),
    ]);

  test.each([
    ["little-endian", true, undefined, 1_000_000n],
    ["big-endian", false, undefined, 1_000_000n],
    ["in nanoseconds", true, 9, 1_000_000_000n],
    ["in 2^-30 seconds", false, 0x80 | 30, 1n << 30n],
  ] as const)("is read %s", (_name, littleEndian, resolution, unit) => {
    const rounded = told(readCapture(file(littleEndian, resolution, unit))).map((text) => {
      const [type = "", time = ""] = text.split("@");
      return `${type}@${Number(time).toFixed(3)}`;
    });
    expect(rounded).toEqual(EXPECTED);
  });

  test("is read with simple packets, several sections and blocks that nobody knows", () => {
    const simple = concat([
      sectionBlock(true),
      interfaceBlock(1, true),
      ...FRAMES.map((frame) => simpleBlock(frame, true)),
      sectionBlock(false),
      interfaceBlock(147, false),
      interfaceBlock(1, false),
      enhancedBlock(0n, ethernet({ toApplication: true, sequence: 1, payload: OUT, webServerPort: 50_000 }), false, 1),
    ]);
    const capture = readCapture(simple);
    expect(told(capture).slice(0, 7)).toEqual(WITHOUT_TIMES);
    expect(capture.connections).toHaveLength(2);
  });

  test("whose writer was killed gives what is whole, and a warning", () => {
    const whole = file(true);
    const capture = readCapture(whole.subarray(0, -7));
    expect(told(capture)).toEqual(EXPECTED.slice(0, 5));
    expect(capture.warnings[0]).toMatch(/the file ends inside a block at byte \d+/);
  });

  test.each([
    ["a block length that is no multiple of 4", 4, 29],
    ["a block length below 12", 4, 8],
    ["two lengths that differ", 24, 32],
    ["no byte order magic", 8, 7],
  ])("with %s is refused", (_name, at, value) => {
    const bytes = file(true);
    new DataView(bytes.buffer).setUint32(at, value, true);
    expect(() => readCapture(bytes)).toThrow(expect.objectContaining({ code: "CAPTURE_MALFORMED" }));
  });

  test("with a packet of an interface that is not described is refused", () => {
    const bytes = concat([sectionBlock(true), enhancedBlock(0n, FRAMES[0] ?? OUT, true, 3)]);
    expect(() => readCapture(bytes)).toThrow(/interface 3, which is not described/);
  });
});

describe("readCapture", () => {
  test("finds FastCGI by its beginning, and by the port when told", () => {
    const http = ethernet({
      toApplication: true,
      sequence: 1,
      payload: new TextEncoder().encode("GET / HTTP/1.1\r\n"),
      webServerPort: 5,
    });
    const late = ethernet({ toApplication: false, sequence: 1, payload: BACK, webServerPort: 6 });
    const file = pcap([...FRAMES, http, late]);
    expect(readCapture(file)).toMatchObject({ otherConnections: 2, connections: [{ id: 1 }] });
    expect(readCapture(file, { port: 9000 }).connections.map(({ webServer }) => webServer)).toEqual([
      "127.0.0.1:40000",
      "127.0.0.1:5",
      "127.0.0.1:6",
    ]);
    expect(readCapture(file, { port: 9001 }).connections).toEqual([]);
  });

  test("takes bare records of both sides", () => {
    const capture = readCapture(concat([OUT, BACK]));
    expect(capture.format).toBe("raw");
    expect(told(capture)).toEqual(WITHOUT_TIMES);
  });

  test("refuses what it does not know, and says how it begins", () => {
    expect(() => readCapture(Uint8Array.of(0xde, 0xad, 0xbe, 0xef))).toThrow(/begins with de ad be ef/);
    expect(() => readCapture(new Uint8Array(0))).toThrow(expect.objectContaining({ code: "CAPTURE_UNKNOWN_FORMAT" }));
    expect(() => readCapture(Uint8Array.of(0x1f, 0x8b, 8))).toThrow(
      expect.objectContaining({ code: "CAPTURE_UNSUPPORTED" }),
    );
  });

  test("keeps to its limits", () => {
    expect(() => readCapture(pcap(FRAMES), { limits: { maxPackets: 4 } })).toThrow(
      expect.objectContaining({ code: "CAPTURE_LIMIT" }),
    );
    expect(() => readCapture(pcap(FRAMES), { limits: { maxBytes: 100 } })).toThrow(
      expect.objectContaining({ code: "CAPTURE_LIMIT" }),
    );
  });

  /** Reads and walks the whole; only a `CaptureError` may come out. */
  function readAll(bytes: Uint8Array): void {
    try {
      for (const connection of readCapture(bytes).connections) recordsOf(connection);
      for (const connection of readCapture(bytes, { port: 9000 }).connections) recordsOf(connection);
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
    }
  }

  const seeds = [
    pcap(FRAMES),
    pcap(FRAMES.map(overIpv6), { linkType: 101, littleEndian: false, nanoseconds: true }),
    pcap(FRAMES.map(LINK_LAYERS["Linux cooked v2"]?.wrap ?? ((frame) => frame)), { linkType: 276 }),
    concat([sectionBlock(true), interfaceBlock(1, true, 9), ...FRAMES.map((frame) => enhancedBlock(7n, frame, true))]),
    concat([sectionBlock(false), interfaceBlock(1, false), ...FRAMES.map((frame) => simpleBlock(frame, false))]),
    concat([OUT, BACK]),
  ];

  test("throws nothing but CaptureError for a file cut anywhere", () => {
    for (const seed of seeds) for (let end = 0; end <= seed.length; end++) readAll(seed.subarray(0, end));
  });

  test("throws nothing but CaptureError for a file with any bytes changed, and for any bytes", () => {
    const changed = fc
      .tuple(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 12 }))
      .map(([seed, changes]) => {
        const bytes = seed.slice();
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        return bytes;
      });
    const beginnings = seeds.map((seed) => seed.subarray(0, 28));
    const begun = fc
      .tuple(fc.constantFrom(...beginnings), fc.uint8Array({ maxLength: 200 }))
      .map((parts) => concat(parts));
    fc.assert(fc.property(fc.oneof(changed, begun, fc.uint8Array({ maxLength: 200 })), readAll), { numRuns: 3000 });
  });
});
