// Records as they are composed by hand: any type, any id, any content, right or wrong.

import { type CapturedItem, RecordCutter } from "../../../../src/capture/records.ts";
import { bytesToByteString, concat, encodeParams, type Pair, utf8ToByteString } from "../../../../src/codec/index.ts";

/** The content of a composed record. */
export type Content =
  | { readonly kind: "none" }
  | { readonly kind: "begin"; readonly role: number; readonly keep: boolean }
  | { readonly kind: "params"; readonly pairs: readonly Pair[] }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "hex"; readonly hex: string };

export interface ComposedRecord {
  /** Tells records apart in the list. */
  readonly key: number;
  readonly type: number;
  readonly requestId: number;
  readonly content: Content;
  /** Bytes; `undefined`: up to the next multiple of eight. */
  readonly padding: number | undefined;
}

/** True for records as they were kept, whoever has kept them. */
export function areRecords(value: unknown): value is readonly ComposedRecord[] {
  return Array.isArray(value) && value.every(isRecord);
}

function isRecord(value: unknown): value is ComposedRecord {
  const { key, type, requestId, content, padding } = (value ?? {}) as Partial<ComposedRecord>;
  const numbers = [key, type, requestId, padding ?? 0].every((number) => Number.isInteger(number));
  if (!numbers || typeof content !== "object" || content === null) return false;
  switch (content.kind) {
    case "none":
      return true;
    case "begin":
      return Number.isInteger(content.role) && typeof content.keep === "boolean";
    case "params":
      return (
        Array.isArray(content.pairs) &&
        content.pairs.every(([name, text]) => typeof name === "string" && typeof text === "string")
      );
    case "text":
      return typeof content.text === "string";
    case "hex":
      return typeof content.hex === "string";
    default:
      return false;
  }
}

const MAX_CONTENT = 65_535;

/** Bytes of a record. Content beyond 65,535 bytes is cut: a header cannot tell more. */
export function bytesOf({ type, requestId, content, padding }: ComposedRecord): Uint8Array {
  const body = contentBytes(content).subarray(0, MAX_CONTENT);
  const pad = padding ?? (8 - (body.length % 8)) % 8;
  const header = Uint8Array.of(1, type, requestId >> 8, requestId, body.length >> 8, body.length, pad, 0);
  return concat([header, body, new Uint8Array(pad)]);
}

function contentBytes(content: Content): Uint8Array {
  switch (content.kind) {
    case "none":
      return new Uint8Array(0);
    case "begin":
      return Uint8Array.of(content.role >> 8, content.role, content.keep ? 1 : 0, 0, 0, 0, 0, 0);
    case "params":
      return concat(
        encodeParams(content.pairs.map(([name, value]) => [utf8ToByteString(name), utf8ToByteString(value)])),
      );
    case "text":
      return new TextEncoder().encode(content.text);
    case "hex":
      return parseHex(content.hex).bytes;
  }
}

/** Hex digits as bytes: blanks and line breaks may stand between two digits of different bytes. */
export function parseHex(text: string): { readonly bytes: Uint8Array; readonly problem?: string } {
  const digits = text.replace(/\s+/g, "");
  const bad = /[^0-9a-f]/i.exec(digits);
  const usable = bad === null ? digits : digits.slice(0, bad.index);
  const bytes = new Uint8Array(usable.length >> 1);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(usable.slice(2 * i, 2 * i + 2), 16);
  if (bad !== null) return { bytes, problem: `"${bad[0]}" is no hex digit: what follows is left out` };
  if (usable.length % 2 === 1) return { bytes, problem: "the last byte has one digit only" };
  return { bytes };
}

/** Hex digits in groups of two, 16 bytes a line. */
export function formatHex(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    lines.push([...bytes.subarray(at, at + 16)].map((byte) => byte.toString(16).padStart(2, "0")).join(" "));
  }
  return lines.join("\n");
}

/** Bytes cut into records, as their receiver would cut them. */
export function cut(bytes: Uint8Array): readonly Extract<CapturedItem, { readonly bytes: Uint8Array }>[] {
  const cutter = new RecordCutter("to-application");
  return [...cutter.push(bytes, undefined), ...cutter.end(undefined)].filter((item) => "bytes" in item);
}

/** A whole request for a script, record by record. */
export function wholeRequest(path: string, root: string): readonly Omit<ComposedRecord, "key">[] {
  const pairs: Pair[] = [
    ["REQUEST_METHOD", "GET"],
    ["SCRIPT_NAME", path],
    ["SCRIPT_FILENAME", root + path],
    ["DOCUMENT_ROOT", root],
    ["REQUEST_URI", path],
    ["QUERY_STRING", ""],
    ["SERVER_PROTOCOL", "HTTP/1.1"],
  ];
  const record = (type: number, content: Content) => ({ type, requestId: 1, content, padding: undefined });
  return [
    record(1, { kind: "begin", role: 1, keep: true }),
    record(4, { kind: "params", pairs }),
    record(4, { kind: "none" }),
    record(5, { kind: "none" }),
  ];
}

/** The same content in another form. */
export function convert(content: Content, kind: Content["kind"]): Content {
  if (content.kind === kind) return content;
  const bytes = contentBytes(content);
  switch (kind) {
    case "none":
      return { kind };
    case "begin":
      return { kind, role: 1, keep: true };
    case "params":
      return { kind, pairs: [["NAME", "value"]] };
    case "text":
      return { kind, text: new TextDecoder().decode(bytes) };
    case "hex":
      return { kind, hex: formatHex(bytes) };
  }
}

/** Text of bytes for a one-line look at them: Latin-1, controls as dots. */
export function glance(bytes: Uint8Array, most: number): string {
  const text = bytesToByteString(bytes, 0, Math.min(bytes.length, most)).replace(/[^\x20-\x7e]/g, "·");
  return bytes.length > most ? `${text}...` : text;
}
