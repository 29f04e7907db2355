// What each byte of a record says, in plain words and with the section of the specification. Takes what is malformed
// too, and says what is wrong with it.

import {
  byteStringToUtf8,
  bytesToByteString,
  HEADER_LENGTH,
  KEEP_CONN,
  NULL_REQUEST_ID,
  RecordType,
  VERSION,
} from "../codec/index.ts";
import { annotatePairs, type PairRest } from "./annotate-pairs.ts";
import { protocolStatusOf, roleOf, SECTION, typeName, typeOf } from "./names.ts";

/** A run of bytes with one meaning. */
export interface AnnotatedField {
  /** Offsets in the record: from `start` to `end` (exclusive). Equal for an empty value. */
  readonly start: number;
  readonly end: number;
  readonly part: "header" | "content" | "padding" | "trailing";
  /** As in the specification: `version`, `contentLength`, `nameLength`, `appStatus` and so on. */
  readonly name: string;
  /** The number or the text that the bytes hold; `undefined` where they hold none. Texts are read as UTF-8. */
  readonly value: number | string | undefined;
  readonly meaning: string;
  readonly section: string;
  /** What is wrong with it. */
  readonly problem?: string;
}

/** A record explained: every byte belongs to a field. */
export interface Annotation {
  /** In order, without holes or overlaps, from the first byte to the last. */
  readonly fields: readonly AnnotatedField[];
  /** The record in one line. */
  readonly summary: string;
  /** What is wrong, each in one sentence; empty for a record as the specification wants it. */
  readonly problems: readonly string[];
  /** A name-value pair that goes on in the next record of its stream: give it to that record's `annotate`. */
  readonly rest: PairRest | undefined;
}

/** What is known from the records before. */
export interface AnnotateOptions {
  /** The `rest` of the record before in the same stream of params. Default: nothing. */
  readonly before?: PairRest | undefined;
}

/**
 * Explains a record byte by byte: header, content and padding. Bytes that are cut, too many or no FastCGI at all are
 * explained as far as they can be. Never throws.
 */
export function annotate(bytes: Uint8Array, options: AnnotateOptions = {}): Annotation {
  return explain(bytes, options.before, true);
}

/** `annotate` without the fields of name-value pairs and without texts: for those who only ask what is wrong. */
export function inspect(bytes: Uint8Array, before?: PairRest): Pick<Annotation, "problems" | "rest"> {
  return explain(bytes, before, false);
}

function explain(bytes: Uint8Array, before: PairRest | undefined, inFull: boolean): Annotation {
  const fields: AnnotatedField[] = [];
  const header = annotateHeader(bytes, fields);
  if (header === undefined) return finish(fields, bytes, undefined);

  const contentEnd = HEADER_LENGTH + header.contentLength;
  const end = contentEnd + header.paddingLength;
  const content = bytes.subarray(HEADER_LENGTH, Math.min(contentEnd, bytes.length));
  const cut = bytes.length < contentEnd;
  const rest = annotateContent(header, content, cut, before, fields, inFull);
  const padding = Math.min(end, bytes.length) - contentEnd;
  if (padding > 0) {
    fields.push({
      start: contentEnd,
      end: contentEnd + padding,
      part: "padding",
      name: "paddingData",
      value: undefined,
      meaning: `${padding} bytes to be ignored, which bring the next record to a round address`,
      section: SECTION.header,
      ...(contentEnd + padding < end
        ? { problem: `the padding is cut: ${padding} of ${header.paddingLength} bytes` }
        : {}),
    });
  } else if (!cut && bytes.length < end) {
    note(fields, `all ${header.paddingLength} bytes of padding are missing`);
  }
  if (bytes.length > end) {
    fields.push({
      start: end,
      end: bytes.length,
      part: "trailing",
      name: "trailing",
      value: undefined,
      meaning: `${bytes.length - end} bytes behind the record`,
      section: SECTION.header,
      problem: "bytes behind the end of the record: the next record would start here",
    });
  }
  return finish(fields, bytes, rest);
}

interface Header {
  readonly type: number;
  readonly requestId: number;
  readonly contentLength: number;
  readonly paddingLength: number;
}

/** Returns `undefined` when the header is not whole, or no FastCGI header. */
function annotateHeader(bytes: Uint8Array, fields: AnnotatedField[]): Header | undefined {
  const number = (start: number, length: number) => (length === 1 ? bytes[start] : word(bytes, start)) as number;
  const add = (start: number, length: number, name: string, meaning: (value: number) => string, extra: Extra = {}) => {
    if (start >= bytes.length) return false;
    const whole = start + length <= bytes.length;
    const value = whole ? number(start, length) : undefined;
    const problem = value === undefined ? `${name} is cut` : extra.problem?.(value);
    fields.push({
      start,
      end: Math.min(start + length, bytes.length),
      part: "header",
      name,
      value,
      meaning: value === undefined ? `the start of ${name}` : meaning(value),
      section: extra.section?.(value) ?? SECTION.header,
      ...(problem === undefined ? {} : { problem }),
    });
    return whole;
  };
  if (bytes.length === 0) return undefined;
  add(0, 1, "version", (value) => (value === VERSION ? "FastCGI version 1" : `version ${value}: no FastCGI`), {
    problem: (value) => (value === VERSION ? undefined : `version ${value}; only ${VERSION} exists`),
  });
  if (bytes[0] !== VERSION) {
    if (bytes.length > 1)
      fields.push(unread(1, bytes.length, "bytes of another protocol, or of a record whose start was lost"));
    return undefined;
  }
  const requestId = bytes.length >= 4 ? word(bytes, 2) : undefined;
  add(1, 1, "type", (value) => describeType(value), {
    section: (value) => (value === undefined ? SECTION.types : (typeOf(value)?.section ?? SECTION.types)),
    problem: (value) => typeProblem(value, requestId),
  });
  add(2, 2, "requestId", describeRequestId, {
    section: (value) => (value === NULL_REQUEST_ID ? SECTION.management : SECTION.header),
    problem: (value) => requestIdProblem(bytes[1] as number, value),
  });
  add(4, 2, "contentLength", (value) =>
    value === 0 ? describeEmpty(bytes[1] as number) : `${value} bytes of content follow`,
  );
  add(6, 1, "paddingLength", (value) =>
    value === 0 ? "no padding" : `${value} bytes of padding behind the content, to be ignored`,
  );
  const whole = add(7, 1, "reserved", () => "kept for the future; 0", {
    problem: (value) => (value === 0 ? undefined : `reserved byte ${value} instead of 0`),
  });
  if (!whole) {
    note(fields, `the header is cut: ${bytes.length} of ${HEADER_LENGTH} bytes`);
    return undefined;
  }
  return {
    type: number(1, 1),
    requestId: number(2, 2),
    contentLength: number(4, 2),
    paddingLength: number(6, 1),
  };
}

interface Extra {
  readonly section?: (value: number | undefined) => string;
  readonly problem?: (value: number) => string | undefined;
}

const MANAGEMENT_TYPES: readonly number[] = [
  RecordType.GET_VALUES,
  RecordType.GET_VALUES_RESULT,
  RecordType.UNKNOWN_TYPE,
];

const STREAM_TYPES: readonly number[] = [
  RecordType.PARAMS,
  RecordType.STDIN,
  RecordType.STDOUT,
  RecordType.STDERR,
  RecordType.DATA,
];

function describeType(code: number): string {
  const known = typeOf(code);
  return known === undefined ? `type ${code}, unknown to FastCGI 1.0` : `${known.name}: ${known.meaning}`;
}

/** An unknown management type is no fault: section 4.2 has an answer to it. */
function typeProblem(code: number, requestId: number | undefined): string | undefined {
  if (typeOf(code) !== undefined || requestId === NULL_REQUEST_ID) return undefined;
  return `record type ${code} for a request; known are 1 to 11`;
}

function describeRequestId(id: number): string {
  return id === NULL_REQUEST_ID
    ? "a management record: about the connection, not about a request"
    : `belongs to request ${id} of this connection`;
}

function requestIdProblem(type: number, id: number): string | undefined {
  const management = MANAGEMENT_TYPES.includes(type);
  if (management && id !== NULL_REQUEST_ID) return `${typeName(type)} must have request id 0, not ${id}`;
  if (!management && typeOf(type) !== undefined && id === NULL_REQUEST_ID) {
    return `${typeName(type)} must have a request id from 1 to 65535, not 0`;
  }
  return undefined;
}

function describeEmpty(type: number): string {
  return STREAM_TYPES.includes(type) ? `no content: this ends the stream ${typeName(type)}` : "no content";
}

/** Returns the pair that is cut at the end of the content. */
function annotateContent(
  header: Header,
  content: Uint8Array,
  cut: boolean,
  before: PairRest | undefined,
  fields: AnnotatedField[],
  inFull: boolean,
): PairRest | undefined {
  let rest: PairRest | undefined;
  switch (header.type) {
    case RecordType.BEGIN_REQUEST:
      annotateBegin(content, cut, fields);
      break;
    case RecordType.END_REQUEST:
      annotateEnd(content, cut, fields);
      break;
    case RecordType.UNKNOWN_TYPE:
      annotateUnknownType(content, cut, fields);
      break;
    case RecordType.PARAMS:
    case RecordType.GET_VALUES:
    case RecordType.GET_VALUES_RESULT:
      rest = annotatePairContent(header, content, cut, before, fields, inFull);
      break;
    default:
      if (content.length > 0) fields.push(plainContent(header.type, content, inFull));
      if (header.type === RecordType.ABORT_REQUEST && header.contentLength > 0) {
        note(fields, `ABORT_REQUEST with ${header.contentLength} bytes of content; it has none`);
      }
  }
  if (cut) note(fields, `the content is cut: ${content.length} of ${header.contentLength} bytes`);
  return rest;
}

function annotatePairContent(
  header: Header,
  content: Uint8Array,
  cut: boolean,
  before: PairRest | undefined,
  fields: AnnotatedField[],
  inFull: boolean,
): PairRest | undefined {
  const stream = header.type === RecordType.PARAMS;
  const pairs = annotatePairs(content, stream ? before : undefined, inFull);
  if (!inFull && content.length > 0) fields.push(plainContent(header.type, content, false));
  for (const { start, end, ...field } of pairs.fields) {
    const place = { start: HEADER_LENGTH + start, end: HEADER_LENGTH + end };
    fields.push({ ...place, part: "content", section: SECTION.pairs, ...field });
  }
  const { rest } = pairs;
  if (rest === undefined || (stream && header.contentLength > 0 && !cut)) return rest;
  note(fields, `the name-value pairs end inside a pair: ${rest.length} bytes of at least ${rest.needed}`);
  return undefined;
}

function annotateBegin(content: Uint8Array, cut: boolean, fields: AnnotatedField[]): void {
  const body = new Body(content, cut, "BEGIN_REQUEST", SECTION.beginRequest, fields);
  body.add(2, "role", (value) => {
    const [name, section] = roleOf(value) ?? [`role ${value}, unknown to FastCGI 1.0`, SECTION.roles];
    return {
      meaning:
        roleOf(value) === undefined ? name : `the application shall be ${name === "authorizer" ? "an" : "a"} ${name}`,
      section,
      ...(roleOf(value) === undefined ? { problem: `role ${value}; known are 1 to 3` } : {}),
    };
  });
  body.add(1, "flags", (value) => ({
    meaning:
      (value & KEEP_CONN) === 0
        ? "the application shall close the connection after the answer"
        : "KEEP_CONN: the application shall leave the connection open after the answer",
    ...(value > KEEP_CONN ? { problem: `flags 0x${value.toString(16)}; only bit 0 (KEEP_CONN) is defined` } : {}),
  }));
  body.reserved(5);
  body.finish();
}

function annotateEnd(content: Uint8Array, cut: boolean, fields: AnnotatedField[]): void {
  const body = new Body(content, cut, "END_REQUEST", SECTION.endRequest, fields);
  body.add(4, "appStatus", (value) => ({ meaning: `the application's exit status is ${value}` }));
  body.add(1, "protocolStatus", (value) => {
    const known = protocolStatusOf(value);
    return known === undefined
      ? { meaning: `protocol status ${value}, unknown`, problem: `protocol status ${value}; known are 0 to 3` }
      : { meaning: `${known[0]}: ${known[1]}` };
  });
  body.reserved(3);
  body.finish();
}

function annotateUnknownType(content: Uint8Array, cut: boolean, fields: AnnotatedField[]): void {
  const body = new Body(content, cut, "UNKNOWN_TYPE", SECTION.unknownType, fields);
  body.add(1, "type", (value) => ({ meaning: `${describeType(value)}; this type is not understood` }));
  body.reserved(7);
  body.finish();
}

/** Writes the fields of a body of 8 bytes, as far as the content reaches. */
class Body {
  readonly #content: Uint8Array;
  readonly #cut: boolean;
  readonly #name: string;
  readonly #section: string;
  readonly #fields: AnnotatedField[];
  #at = 0;

  constructor(content: Uint8Array, cut: boolean, name: string, section: string, fields: AnnotatedField[]) {
    this.#content = content;
    this.#cut = cut;
    this.#name = name;
    this.#section = section;
    this.#fields = fields;
  }

  add(
    length: number,
    name: string,
    explain: (value: number) => { readonly meaning: string; readonly section?: string; readonly problem?: string },
  ): void {
    const start = this.#at;
    const part = this.#content.subarray(start, start + length);
    this.#at += part.length;
    if (part.length === 0) return;
    const value = part.length < length ? undefined : part.reduce((sum, byte) => sum * 256 + byte, 0);
    const explained =
      value === undefined ? { meaning: `the start of ${name}`, problem: `${name} is cut` } : explain(value);
    this.#push(start, name, value, { section: this.#section, ...explained });
  }

  reserved(length: number): void {
    const start = this.#at;
    const part = this.#content.subarray(start, start + length);
    this.#at += part.length;
    if (part.length === 0) return;
    // php-fpm leaves stale memory here, so another value is no fault.
    const meaning = part.every((byte) => byte === 0)
      ? "kept for the future; 0"
      : "kept for the future; not 0, to be ignored";
    this.#push(start, "reserved", undefined, { meaning, section: this.#section });
  }

  finish(): void {
    if (!this.#cut && this.#at < 8) {
      note(this.#fields, `${this.#name} with ${this.#content.length} bytes of content; it must have 8`);
    }
    if (this.#content.length > this.#at) {
      const start = this.#at;
      this.#at = this.#content.length;
      this.#push(start, "extra", undefined, {
        meaning: `${this.#at - start} bytes more than the body has`,
        section: this.#section,
        problem: `${this.#name} with ${this.#content.length} bytes of content; it has 8`,
      });
    }
  }

  #push(
    start: number,
    name: string,
    value: number | undefined,
    rest: { readonly meaning: string; readonly section: string; readonly problem?: string },
  ): void {
    this.#fields.push({
      start: HEADER_LENGTH + start,
      end: HEADER_LENGTH + this.#at,
      part: "content",
      name,
      value,
      ...rest,
    });
  }
}

function plainContent(type: number, content: Uint8Array, inFull: boolean): AnnotatedField {
  const known = typeOf(type);
  return {
    start: HEADER_LENGTH,
    end: HEADER_LENGTH + content.length,
    part: "content",
    name: "contentData",
    value: inFull ? byteStringToUtf8(bytesToByteString(content)) : undefined,
    meaning: known === undefined ? `${content.length} bytes` : `${known.meaning}: ${content.length} bytes`,
    section: known?.section ?? SECTION.header,
  };
}

function unread(start: number, end: number, meaning: string): AnnotatedField {
  return { start, end, part: "trailing", name: "unread", value: undefined, meaning, section: SECTION.header };
}

/** Adds a problem to the last field. */
function note(fields: AnnotatedField[], problem: string): void {
  const last = fields.pop();
  if (last === undefined) return;
  fields.push({ ...last, problem: last.problem === undefined ? problem : `${last.problem}; ${problem}` });
}

function finish(fields: readonly AnnotatedField[], bytes: Uint8Array, rest: PairRest | undefined): Annotation {
  const problems = fields.flatMap(({ problem }) => (problem === undefined ? [] : [problem]));
  if (bytes.length === 0) problems.push("there are no bytes");
  return { fields, summary: summarize(bytes, fields), problems, rest };
}

function summarize(bytes: Uint8Array, fields: readonly AnnotatedField[]): string {
  if (bytes[0] !== VERSION) return "no FastCGI record";
  if (bytes.length < HEADER_LENGTH) return `the first ${bytes.length} bytes of a record header`;
  const id = word(bytes, 2);
  const type = typeName(bytes[1] as number);
  const of = id === NULL_REQUEST_ID ? type : `${type} of request ${id}`;
  const said = fields.filter(
    ({ part, name }) => part === "content" && ["role", "flags", "appStatus", "protocolStatus"].includes(name),
  );
  const detail = said.length > 0 ? said.map(({ meaning }) => meaning).join("; ") : `${word(bytes, 4)} bytes`;
  return `${of}: ${word(bytes, 4) === 0 ? describeEmpty(bytes[1] as number) : detail}`;
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}
