// From the content of one record to a record object. Reads either side's records.

import { viewOf } from "./bytes.ts";
import { KEEP_CONN, NULL_REQUEST_ID, RecordType } from "./constants.ts";
import { RemoteProtocolError } from "./errors.ts";
import type { FastCgiRecord, ProtocolStatus, Role, StreamType } from "./record.ts";

/** Bytes in the body of BEGIN_REQUEST, END_REQUEST and UNKNOWN_TYPE (sections 5.1, 5.5, 4.2). */
const BODY_LENGTH = 8;

// By their numbers, which begin at 1 and 0. Lists, so that a bundle without `decodeRecord` goes without them.
const ROLES: readonly (Role | undefined)[] = [undefined, "responder", "authorizer", "filter"];

const PROTOCOL_STATUSES: readonly ProtocolStatus[] = [
  "request-complete",
  "cannot-multiplex",
  "overloaded",
  "unknown-role",
];

/** The streams follow each other, from PARAMS on. */
const STREAMS: readonly StreamType[] = ["params", "stdin", "stdout", "stderr", "data"];

/**
 * Makes an object of what a `RecordDecoder` hands over. `content` of the result is a view of `buffer`, not a copy.
 *
 * Bodies longer than the specification's are accepted, reserved bytes are ignored: php-fpm leaves stale memory in those
 * of END_REQUEST. A management type that carries a request id comes back as `other`.
 *
 * @throws {RemoteProtocolError} `FCGI_BAD_BODY` when a discrete record is too short
 */
export function decodeRecord(
  type: number,
  requestId: number,
  buffer: Uint8Array,
  start: number,
  end: number,
): FastCgiRecord {
  switch (type) {
    case RecordType.BEGIN_REQUEST: {
      const body = bodyOf("BEGIN_REQUEST", buffer, start, end);
      const role = body.getUint16(0);
      const keepConnection = (body.getUint8(2) & KEEP_CONN) !== 0;
      return { type: "begin-request", requestId, role: ROLES[role] ?? role, keepConnection };
    }
    case RecordType.ABORT_REQUEST:
      return { type: "abort-request", requestId };
    case RecordType.END_REQUEST:
      return { type: "end-request", requestId, ...decodeEndRequest(buffer, start, end) };
    case RecordType.GET_VALUES:
    case RecordType.GET_VALUES_RESULT: {
      if (requestId !== NULL_REQUEST_ID) break;
      const name = type === RecordType.GET_VALUES ? "get-values" : "get-values-result";
      return { type: name, requestId, content: buffer.subarray(start, end) };
    }
    case RecordType.UNKNOWN_TYPE:
      if (requestId !== NULL_REQUEST_ID) break;
      return { type: "unknown-type", requestId, unknownType: decodeUnknownType(buffer, start, end) };
  }
  const content = buffer.subarray(start, end);
  const stream = STREAMS[type - RecordType.PARAMS];
  return stream === undefined
    ? { type: "other", requestId, typeCode: type, content }
    : { type: stream, requestId, content };
}

/**
 * The body of END_REQUEST (section 5.5).
 *
 * @throws {RemoteProtocolError} `FCGI_BAD_BODY` when it is too short
 */
export function decodeEndRequest(
  buffer: Uint8Array,
  start: number,
  end: number,
): Pick<Extract<FastCgiRecord, { type: "end-request" }>, "applicationStatus" | "protocolStatus"> {
  const body = bodyOf("END_REQUEST", buffer, start, end);
  const status = body.getUint8(4);
  return { applicationStatus: body.getUint32(0), protocolStatus: PROTOCOL_STATUSES[status] ?? status };
}

/**
 * The body of UNKNOWN_TYPE (section 4.2): the type that the peer does not know.
 *
 * @throws {RemoteProtocolError} `FCGI_BAD_BODY` when it is too short
 */
export function decodeUnknownType(buffer: Uint8Array, start: number, end: number): number {
  return bodyOf("UNKNOWN_TYPE", buffer, start, end).getUint8(0);
}

function bodyOf(name: string, buffer: Uint8Array, start: number, end: number): DataView {
  if (end - start < BODY_LENGTH) {
    throw new RemoteProtocolError(
      "FCGI_BAD_BODY",
      `${name} with ${end - start} content bytes, it must have ${BODY_LENGTH}`,
    );
  }
  return viewOf(buffer.subarray(start, end));
}
