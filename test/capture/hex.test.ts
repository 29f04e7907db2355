import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CaptureError } from "../../src/capture/errors.ts";
import { readHex } from "../../src/capture/hex.ts";
import { readCapture } from "../../src/capture/read.ts";
import { recordsOf } from "../../src/capture/records.ts";
import { toHex } from "../codec/wire.ts";
import { answer, request } from "./build.ts";

const LIMIT = 1024 * 1024;

/** `side:hex` of every run. */
function told(text: string): string[] {
  return readHex(text, LIMIT).map(({ side, bytes }) => `${side}:${toHex(bytes)}`);
}

const ascii = (text: string) => new TextEncoder().encode(text);

describe("readHex", () => {
  test.each([
    ["plain digits", "01010001 0008\n0000", "0:0101000100080000"],
    ["0x and commas", "0x01, 0x02,\n0xff", "0:0102ff"],
    ["escapes", '"\\x01\\xAB"', "0:01ab"],
    ["colons", "01:06:00", "0:010600"],
    ["a byte cut by a line end", "0\n1", "0:01"],
    ["comments", "# a title\n01 02", "0:0102"],
    ["xxd", "00000000: 0106 0001 0003 0000 6162 63              ........abc\n", "0:0106000100030000616263"],
    [
      "xxd with characters that look like digits",
      "00000000: 3031 3233  0123\n00000004: 34                   4\n",
      "0:3031323334",
    ],
    ["xxd -g1 -c4", "00000000: 01 06 00 01  ....\n00000004: 00  .\n", "0:0106000100"],
    [
      "hexdump -C",
      "00000000  01 06 00 01 00 08 00 00  00 00 00 00 00 00 00 00  |................|\n00000010  61 62                                             |ab|\n00000012\n",
      "0:010600010008000000000000000000006162",
    ],
    [
      "hexdump -C with repeated lines",
      `00000000  ${"aa ".repeat(8)} ${"aa ".repeat(8)} |................|\n*\n00000030  01                                                |.|\n00000031\n`,
      `0:${"aa".repeat(48)}01`,
    ],
    ["od -A x -t x1", "000000 01 06 00 01\n000004\n", "0:01060001"],
    [
      "hexdump -C of 8 bytes",
      "00000000  61 62 63 64 65 66 67 68                           |abcdefgh|\n",
      "0:6162636465666768",
    ],
    ["Windows line ends", "00000000: 0106  ..\r\n00000002: 00  .\r\n", "0:010600"],
  ])("reads %s", (_name, text, expected) => {
    expect(told(text)).toEqual([expected]);
  });

  test("tells the sides of Wireshark's followed stream apart", () => {
    const text = [
      "===================================================================",
      "Follow: tcp,hex",
      "Filter: tcp.stream eq 0",
      "Node 0: 127.0.0.1:40000",
      "Node 1: 127.0.0.2:9000",
      "00000000  01 01 00 01 00 08 00 00  00 01 00 00 00 00 00 00   ........ ........",
      "00000010  01 04                                              ..",
      "\t00000000  01 06 00 01                                        ....",
      "    00000004  aa                                                 .",
      "00000012  ff                                                 .",
      "===================================================================",
    ].join("\n");
    expect(told(text)).toEqual(["0:010100010008000000010000000000000104", "1:01060001aa", "0:ff"]);
  });

  test.each([
    ["letters that are no digits", "hello there", "CAPTURE_MALFORMED", /line 1: not only hex digits/],
    ["a missing digit", "01 0", "CAPTURE_MALFORMED", /one is missing/],
    [
      "a missing line",
      "00000000: 0106  ..\n00000004: 00  .",
      "CAPTURE_MALFORMED",
      /line 2: offset 4, but 2 bytes came before/,
    ],
    ["a line of prose", "00000000: 0106  ..\nhello", "CAPTURE_MALFORMED", /line 2: no line of a dump/],
    ["words of 16 bits", "0000000 0601 0100\n0000004\n", "CAPTURE_UNSUPPORTED", /use hexdump -C/],
    ["a repetition at the end", "00000000  01\n*", "CAPTURE_MALFORMED", /ends with a repetition/],
    ["nothing", "\n\n", "CAPTURE_MALFORMED", /no hex digits/],
  ])("refuses %s", (_name, text, code, message) => {
    expect(() => readHex(text, LIMIT)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });

  test("takes no memory for a repetition beyond the limit", () => {
    const text = `00000000  ${"aa ".repeat(16)}\n*\nfffffff0  01\n`;
    expect(() => readHex(text, LIMIT)).toThrow(expect.objectContaining({ code: "CAPTURE_LIMIT" }));
  });

  test("takes a line of any length", () => {
    expect(readHex("61".repeat(3_000_000), 1 << 23)[0]?.bytes.length).toBe(3_000_000);
    expect(() => readHex(`00000000: ${"61".repeat(1_000_000)}`, 1 << 23)).toThrow(CaptureError);
    expect(() => readHex(" ".repeat(3_000_000), 1 << 23)).toThrow(CaptureError);
  });

  const programs = [
    ["xxd", []],
    ["xxd", ["-p"]],
    ["xxd", ["-g", "1", "-c", "20"]],
    ["hexdump", ["-C"]],
    ["od", ["-A", "x", "-t", "x1"]],
    ["od", ["-A", "x", "-t", "x1z", "-v"]],
  ] as const;
  const installed = programs.filter(([name]) => {
    try {
      return execFileSync("sh", ["-c", `command -v ${name}`]).length > 0;
    } catch {
      return false;
    }
  });

  test.each(installed)("reads what %s %j writes of any bytes", (name, args) => {
    const samples = [
      request(1, [["A", "0123456789abcdef".repeat(9)]], "body"),
      new Uint8Array(1000),
      Uint8Array.from({ length: 777 }, (_, index) => index),
      ascii("00 01 02 03 cafe babe  deadbeef  0011"),
    ];
    for (const bytes of samples) {
      const text = execFileSync(name, args, { input: bytes, encoding: "latin1" });
      expect(told(text)).toEqual([`0:${toHex(bytes)}`]);
    }
  });

  test("throws nothing but CaptureError for any text", () => {
    const pieces = [
      "00000000",
      ": ",
      "  ",
      " ",
      "01",
      "ff",
      "\n",
      "*",
      "|a|",
      "\t",
      "0006",
      "zz",
      "=====",
      "Node 1: x",
    ];
    const text = fc.array(fc.constantFrom(...pieces), { maxLength: 40 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ maxLength: 100, unit: "binary-ascii" })), (dump) => {
        try {
          readHex(dump, 10_000);
        } catch (error) {
          if (!(error instanceof CaptureError)) throw error;
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe("a dump as a capture", () => {
  test("of one stream has both directions by the types of records", () => {
    const digits = toHex(request(1)) + toHex(answer(1, "hi"));
    const capture = readCapture(ascii(digits));
    expect(capture.format).toBe("hex");
    const items = capture.connections.flatMap((connection) => recordsOf(connection));
    expect(items.map(({ direction }) => (direction === "to-application" ? ">" : "<")).join("")).toBe(">>>><<");
  });

  test("of a followed stream has the web server where BEGIN_REQUEST is, indented or not", () => {
    const line = (indent: string, bytes: Uint8Array) =>
      Array.from({ length: Math.ceil(bytes.length / 16) }, (_, row) => {
        const part = Array.from(bytes.subarray(row * 16, row * 16 + 16), (byte) => byte.toString(16).padStart(2, "0"));
        return `${indent}${(row * 16).toString(16).padStart(8, "0")}  ${part.join(" ")}`;
      }).join("\n");
    for (const [web, application] of [
      ["", "\t"],
      ["    ", ""],
    ] as const) {
      const text = `${line(web, request(1))}\n${line(application, answer(1, "hi"))}\n`;
      const items = readCapture(ascii(text)).connections.flatMap((connection) => recordsOf(connection));
      expect(items.map(({ direction, type }) => `${direction === "to-application" ? ">" : "<"}${type}`)).toEqual([
        ">record",
        ">record",
        ">record",
        ">record",
        "<record",
        "<record",
      ]);
    }
  });
});
