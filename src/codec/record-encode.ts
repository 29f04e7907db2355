// From records to bytes, as every peer accepts them: padded to 8 bytes, never more than 65,528 bytes of content in a
// stream record, no padding on an empty record (php-fpm does not skip it, and loses the request body).

import { viewOf } from "./bytes.ts";
import {
  HEADER_LENGTH,
  KEEP_CONN,
  MAX_CONTENT_LENGTH,
  MAX_CONTENT_LENGTH_SENT,
  MAX_REQUEST_ID,
  NULL_REQUEST_ID,
  ProtocolStatusCode,
  RecordType,
  RoleCode,
  VERSION,
} from "./constants.ts";
import { LocalProtocolError } from "./errors.ts";
import type { FastCgiRecord, ProtocolStatus, Role, StreamType } from "./record.ts";

/** Records are padded to a multiple of this many bytes, as the specification recommends (section 3.3). */
const ALIGNMENT = 8;

/** Content up to this many bytes is copied behind its header; beyond, three chunks cost less than the copy. */
const MAX_COPIED = 16 * 1024;

const ROLE_CODES: Readonly<Record<Role, number>> = {
  responder: RoleCode.RESPONDER,
  authorizer: RoleCode.AUTHORIZER,
  filter: RoleCode.FILTER,
};

const PROTOCOL_STATUS_CODES: Readonly<Record<ProtocolStatus, number>> = {
  "request-complete": ProtocolStatusCode.REQUEST_COMPLETE,
  "cannot-multiplex": ProtocolStatusCode.CANT_MPX_CONN,
  overloaded: ProtocolStatusCode.OVERLOADED,
  "unknown-role": ProtocolStatusCode.UNKNOWN_ROLE,
};

const STREAM_CODES: Readonly<Record<StreamType, number>> = {
  params: RecordType.PARAMS,
  stdin: RecordType.STDIN,
  stdout: RecordType.STDOUT,
  stderr: RecordType.STDERR,
  data: RecordType.DATA,
};

/**
 * Padding bytes that bring `contentLength` to a multiple of 8. None for content beyond 65,528 bytes: with padding it
 * would pass the 65,535 bytes that php-fpm accepts.
 */
export function paddingFor(contentLength: number): number {
  return contentLength > MAX_CONTENT_LENGTH_SENT ? 0 : -contentLength & (ALIGNMENT - 1);
}

/**
 * Writes a record header (section 3.3) at `offset`, where 8 bytes of room must be. Numbers are taken as they are:
 * `requestId` and `contentLength` 0-65535, `paddingLength` 0-255.
 * @returns the offset after the header
 */
export function encodeHeader(
  target: Uint8Array,
  offset: number,
  type: number,
  requestId: number,
  contentLength: number,
  paddingLength: number,
): number {
  target[offset] = VERSION;
  target[offset + 1] = type;
  target[offset + 2] = requestId >>> 8;
  target[offset + 3] = requestId;
  target[offset + 4] = contentLength >>> 8;
  target[offset + 5] = contentLength;
  target[offset + 6] = paddingLength;
  target[offset + 7] = 0;
  return offset + HEADER_LENGTH;
}

/**
 * One record in a new buffer, its content copied.
 *
 * @param options `padding: false` leaves the padding out; by default the record is padded to 8 bytes
 * @throws {LocalProtocolError} `FCGI_LIMIT` when the content is longer than 65,535 bytes, `FCGI_INVALID_CALL` when a
 *   number does not fit its field
 */
export function encodeRecord(
  record: FastCgiRecord,
  options: { readonly padding?: boolean } = {},
): Uint8Array<ArrayBuffer> {
  const pad = options.padding ?? true;
  const id = record.requestId;
  switch (record.type) {
    case "begin-request":
      return encodeBeginRequest(id, record.role, record.keepConnection);
    case "abort-request":
      return encodeAbortRequest(id);
    case "end-request":
      return encodeEndRequest(id, record.applicationStatus, record.protocolStatus);
    case "get-values":
      return encodeContent(RecordType.GET_VALUES, id, record.content, pad);
    case "get-values-result":
      return encodeContent(RecordType.GET_VALUES_RESULT, id, record.content, pad);
    case "unknown-type":
      return encodeUnknownType(record.unknownType);
    case "other":
      return encodeContent(checkNumber("record type", record.typeCode, 0xff), id, record.content, pad);
    default:
      return encodeContent(STREAM_CODES[record.type satisfies StreamType], id, record.content, pad);
  }
}

/**
 * A piece of a stream as chunks to send in this order: as many records as it takes, each with at most 65,528 bytes of
 * content. Content up to 16 KiB is copied. More is not: the views of it that are returned must not change until they
 * are sent. Empty content gives no chunks, because an empty record ends the stream: that is `encodeStreamEnd`.
 *
 * @param type a stream's `RecordType`
 */
export function encodeStream(type: number, requestId: number, content: Uint8Array): Uint8Array[] {
  if (content.length === 0) return [];
  if (content.length <= MAX_COPIED) return [encodeContent(type, requestId, content, true)];

  checkNumber("request id", requestId, MAX_REQUEST_ID);
  const chunks: Uint8Array[] = [];
  for (let start = 0; start < content.length; start += MAX_CONTENT_LENGTH_SENT) {
    const part = content.subarray(start, start + MAX_CONTENT_LENGTH_SENT);
    const padding = paddingFor(part.length);
    const header = new Uint8Array(HEADER_LENGTH);
    encodeHeader(header, 0, type, requestId, part.length, padding);
    chunks.push(header, part);
    if (padding > 0) chunks.push(new Uint8Array(padding));
  }
  return chunks;
}

/** The empty record that ends a stream (section 3.3). */
export function encodeStreamEnd(type: number, requestId: number): Uint8Array<ArrayBuffer> {
  return encodeContent(type, requestId, new Uint8Array(0), false);
}

/** BEGIN_REQUEST (section 5.1). */
export function encodeBeginRequest(
  requestId: number,
  role: Role | number,
  keepConnection: boolean,
): Uint8Array<ArrayBuffer> {
  const code = typeof role === "number" ? checkNumber("role", role, 0xffff) : ROLE_CODES[role];
  const body = new Uint8Array(8);
  viewOf(body).setUint16(0, code);
  body[2] = keepConnection ? KEEP_CONN : 0;
  return encodeContent(RecordType.BEGIN_REQUEST, requestId, body, false);
}

/** ABORT_REQUEST (section 5.4). */
export function encodeAbortRequest(requestId: number): Uint8Array<ArrayBuffer> {
  return encodeContent(RecordType.ABORT_REQUEST, requestId, new Uint8Array(0), false);
}

/** END_REQUEST (section 5.5). `applicationStatus` is an unsigned 32-bit number. */
export function encodeEndRequest(
  requestId: number,
  applicationStatus: number,
  protocolStatus: ProtocolStatus | number = "request-complete",
): Uint8Array<ArrayBuffer> {
  const code =
    typeof protocolStatus === "number"
      ? checkNumber("protocol status", protocolStatus, 0xff)
      : PROTOCOL_STATUS_CODES[protocolStatus];
  const body = new Uint8Array(8);
  viewOf(body).setUint32(0, checkNumber("application status", applicationStatus, 0xffffffff));
  body[4] = code;
  return encodeContent(RecordType.END_REQUEST, requestId, body, false);
}

/** UNKNOWN_TYPE (section 4.2): the answer to a management record of the type `unknownType`. */
export function encodeUnknownType(unknownType: number): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(8);
  body[0] = checkNumber("record type", unknownType, 0xff);
  return encodeContent(RecordType.UNKNOWN_TYPE, NULL_REQUEST_ID, body, false);
}

function encodeContent(type: number, requestId: number, content: Uint8Array, pad: boolean): Uint8Array<ArrayBuffer> {
  checkNumber("request id", requestId, MAX_REQUEST_ID);
  if (content.length > MAX_CONTENT_LENGTH) {
    throw new LocalProtocolError(
      "FCGI_LIMIT",
      `${content.length} content bytes in one record, at most ${MAX_CONTENT_LENGTH} fit; use encodeStream()`,
    );
  }
  const padding = pad ? paddingFor(content.length) : 0;
  const bytes = new Uint8Array(HEADER_LENGTH + content.length + padding);
  bytes.set(content, encodeHeader(bytes, 0, type, requestId, content.length, padding));
  return bytes;
}

function checkNumber(what: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new LocalProtocolError("FCGI_INVALID_CALL", `${what} ${value} is not a whole number from 0 to ${max}`);
}
