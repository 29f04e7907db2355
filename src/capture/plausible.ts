// Whether bytes look like FastCGI: how connections are found in a capture, and records again behind a gap.

import { HEADER_LENGTH, NULL_REQUEST_ID, RecordType, VERSION } from "../codec/index.ts";

/** Whether a record header with a known type may stand at `at`. What the bytes are too short for is not asked. */
export function startsLikeRecord(bytes: Uint8Array, at = 0): boolean {
  const type = bytes[at + 1];
  return (
    bytes[at] === VERSION &&
    (type === undefined || (type >= RecordType.BEGIN_REQUEST && type <= RecordType.UNKNOWN_TYPE)) &&
    (bytes[at + 7] ?? 0) === 0
  );
}

/** Whether a connection that begins so is FastCGI, and this the web server: BEGIN_REQUEST or GET_VALUES. */
export function startsLikeWebServer(bytes: Uint8Array): boolean {
  if (bytes.length < HEADER_LENGTH || !startsLikeRecord(bytes)) return false;
  const requestId = word(bytes, 2);
  const contentLength = word(bytes, 4);
  if (bytes[1] === RecordType.GET_VALUES) return requestId === NULL_REQUEST_ID;
  if (bytes[1] !== RecordType.BEGIN_REQUEST || requestId === NULL_REQUEST_ID || contentLength !== 8) return false;
  // The flags have one bit, and the bytes behind them are reserved; a role may be unknown, but not any number.
  return bytes.length < HEADER_LENGTH + 3 || (word(bytes, 8) <= 0xff && (bytes[10] as number) <= 1);
}

/**
 * Where a record starts at or behind `from`: a plausible header, followed by another one or by the end of the bytes.
 * `undefined` when there is none.
 */
export function findRecord(bytes: Uint8Array, from: number): number | undefined {
  for (let at = bytes.indexOf(VERSION, from); at !== -1; at = bytes.indexOf(VERSION, at + 1)) {
    if (bytes.length - at < HEADER_LENGTH) return undefined;
    if (!startsLikeRecord(bytes, at)) continue;
    const next = at + HEADER_LENGTH + word(bytes, at + 4) + (bytes[at + 6] as number);
    if (next >= bytes.length || startsLikeRecord(bytes, next)) return at;
  }
  return undefined;
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}
