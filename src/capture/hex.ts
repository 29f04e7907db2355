// Hex dumps as people paste them: xxd, hexdump -C, od -t x1, Wireshark's "follow stream" as hex dump, plain digits.

import { CaptureError } from "./errors.ts";

/** A run of bytes of one side of a dump. Side 1 is the indented one of Wireshark's stream, the peer of who began. */
export interface HexRun {
  readonly side: 0 | 1;
  readonly bytes: Uint8Array;
}

/** Offset, an optional colon, and at least two hex digits. */
const DUMP_LINE = /^(\s*)([0-9a-fA-F]{4,16})(:?)[ \t]+((?:[0-9a-fA-F]{2})+(?:[ \t].*)?)$/;

/** The offset alone, with which hexdump and od end. */
const OFFSET_LINE = /^\s*[0-9a-fA-F]{4,16}\s*$/;

/** What Wireshark and tshark write around a followed stream, and comments. */
const FRAME_LINE = /^\s*(?:=+|Follow: .*|Filter: .*|Node \d: .*|#.*)?$/;

/** Longest line of a dump, in characters; a longer one holds plain digits. */
const LONGEST_DUMP_LINE = 8192;

/** Digits of a plain line taken at a time. */
const DIGITS_AT_A_TIME = 64 * 1024;

/** Bytes in a line of hexdump -C, od and Wireshark. xxd can be told others. */
const BYTES_A_LINE = 16;

/**
 * Reads a dump.
 *
 * @param maxBytes most bytes that are made, those of repeated lines (`*`) included
 * @throws {CaptureError} `CAPTURE_MALFORMED` naming the line, `CAPTURE_UNSUPPORTED`, `CAPTURE_LIMIT`
 */
export function readHex(text: string, maxBytes: number): readonly HexRun[] {
  const lines = text.split(/\r\n|\r|\n/);
  const first = lines.find((line) => !isFrame(line));
  if (first === undefined) throw new CaptureError("CAPTURE_MALFORMED", "the text has no hex digits");
  const looksLikeDump = isDumpLine(first) && (/^\s*[0-9a-fA-F]{4,16}:/.test(first) || /^\s*0+[ \t]/.test(first));
  return looksLikeDump ? readDump(lines, maxBytes) : readPlain(lines, maxBytes);
}

function isDumpLine(line: string): boolean {
  // A long line with an offset is meant as a dump, and refused as one; its offset must not be taken for bytes.
  return line.length <= LONGEST_DUMP_LINE ? DUMP_LINE.test(line) : /^\s{0,64}[0-9a-fA-F]{4,16}:[ \t]/.test(line);
}

function isFrame(line: string): boolean {
  return line.length <= LONGEST_DUMP_LINE ? FRAME_LINE.test(line) : line.trim() === "";
}

function readDump(lines: readonly string[], maxBytes: number): readonly HexRun[] {
  const out = new Runs(maxBytes);
  const positions: [number, number] = [0, 0];
  let side: 0 | 1 = 0;
  let last: readonly number[] = [];
  let repeating = false;
  lines.forEach((line, index) => {
    const number = index + 1;
    if (/^\s*\*\s*$/.test(line)) {
      if (last.length === 0) throw malformed(number, "a repetition (*) before any bytes");
      repeating = true;
      return;
    }
    const match = line.length > LONGEST_DUMP_LINE ? null : DUMP_LINE.exec(line);
    const bare = match === null && line.length <= LONGEST_DUMP_LINE && OFFSET_LINE.test(line);
    if (match === null && !bare) {
      if (isFrame(line)) return;
      throw malformed(number, `no line of a dump: ${JSON.stringify(line.slice(0, 60))}`);
    }
    const [, indent = "", digits = line.trim(), colon = "", rest = ""] = match ?? [];
    const offset = Number.parseInt(digits, 16);
    if (!bare) side = indent === "" ? 0 : 1;
    if (repeating) {
      const missing = offset - positions[side];
      if (missing < 0 || missing % last.length !== 0) throw malformed(number, "a repetition (*) that does not fit");
      out.repeat(side, last, missing / last.length, number);
      positions[side] = offset;
      repeating = false;
    }
    if (bare) return;
    // Offset 0 again: the next packet of a dump by packets.
    if (offset === 0) positions[side] = 0;
    if (offset !== positions[side]) {
      throw malformed(
        number,
        `offset ${offset}, but ${positions[side]} bytes came before; lines are missing or doubled`,
      );
    }
    last = colon === "" ? spacedBytes(rest, number) : groupedBytes(rest, number);
    out.push(side, last, number);
    positions[side] += last.length;
  });
  if (repeating) throw malformed(lines.length, "the dump ends with a repetition (*)");
  return out.finish();
}

/** Bytes after `offset:`, as xxd writes them: groups of any size, then two spaces and the characters. */
function groupedBytes(rest: string, line: number): readonly number[] {
  const digits = (rest.split(/ {2}|\t/, 1)[0] ?? "").replaceAll(" ", "");
  if (digits === "" || digits.length % 2 === 1 || /[^0-9a-fA-F]/.test(digits))
    throw malformed(line, "an odd number of hex digits");
  return pairs(digits);
}

/** Bytes after a bare offset: two digits each, a wider gap after the eighth, then the characters. */
function spacedBytes(rest: string, line: number): readonly number[] {
  if (/^[0-9a-fA-F]{4}(?: [0-9a-fA-F]{4})*\s*$/.test(rest)) {
    throw new CaptureError(
      "CAPTURE_UNSUPPORTED",
      `line ${line}: words of 16 bits, whose byte order a dump does not tell; use hexdump -C, xxd or od -t x1`,
    );
  }
  const bytes: number[] = [];
  let at = 0;
  while (bytes.length < BYTES_A_LINE) {
    const token = /^[0-9a-fA-F]{2}(?=\s|$)/.exec(rest.slice(at));
    if (token === null) break;
    bytes.push(Number.parseInt(token[0], 16));
    at += 2;
    const gap = /^[ \t]*/.exec(rest.slice(at))?.[0].length ?? 0;
    if (gap !== 1 && !(gap === 2 && bytes.length === 8)) break;
    at += gap;
  }
  if (bytes.length === 0) throw malformed(line, "no bytes of two hex digits");
  return bytes;
}

/** Digits with anything usual between: spaces, commas, colons, 0x and \x. */
function readPlain(lines: readonly string[], maxBytes: number): readonly HexRun[] {
  const out = new Runs(maxBytes);
  let odd = "";
  lines.forEach((line, index) => {
    const digits = odd + line.replace(/^\s*#.*$/, "").replaceAll(/0x|\\x|[\s,:;{}"'-]/gi, "");
    if (/[^0-9a-fA-F]/.test(digits)) {
      throw malformed(index + 1, `not only hex digits: ${JSON.stringify(line.slice(0, 60))}`);
    }
    odd = digits.length % 2 === 1 ? digits.slice(-1) : "";
    const end = digits.length - odd.length;
    for (let at = 0; at < end; at += DIGITS_AT_A_TIME) {
      out.push(0, pairs(digits.slice(at, Math.min(end, at + DIGITS_AT_A_TIME))), index + 1);
    }
  });
  if (odd !== "") throw new CaptureError("CAPTURE_MALFORMED", "an odd number of hex digits: one is missing");
  return out.finish();
}

function pairs(digits: string): readonly number[] {
  return Array.from({ length: digits.length / 2 }, (_, index) =>
    Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16),
  );
}

/** Collects bytes, those of one side joined until the other one speaks. */
class Runs {
  readonly #maxBytes: number;
  readonly #runs: HexRun[] = [];
  #side: 0 | 1 = 0;
  #bytes = new Uint8Array(256);
  #length = 0;
  #total = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(side: 0 | 1, bytes: readonly number[], line: number): void {
    this.repeat(side, bytes, 1, line);
  }

  repeat(side: 0 | 1, bytes: readonly number[], times: number, line: number): void {
    const more = bytes.length * times;
    this.#total += more;
    if (this.#total > this.#maxBytes) {
      throw new CaptureError("CAPTURE_LIMIT", `line ${line}: the dump makes more than ${this.#maxBytes} bytes`);
    }
    if (side !== this.#side) this.#cut(side);
    if (this.#length + more > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length + more, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    for (let i = 0; i < times; i++) {
      this.#bytes.set(bytes, this.#length);
      this.#length += bytes.length;
    }
  }

  finish(): readonly HexRun[] {
    this.#cut(0);
    return this.#runs;
  }

  #cut(next: 0 | 1): void {
    if (this.#length > 0) this.#runs.push({ side: this.#side, bytes: this.#bytes.slice(0, this.#length) });
    this.#side = next;
    this.#length = 0;
  }
}

function malformed(line: number, what: string): CaptureError {
  return new CaptureError("CAPTURE_MALFORMED", `line ${line}: ${what}`);
}
