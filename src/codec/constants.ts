// Numbers of FastCGI 1.0 (section 8) and the few of ours beside them.

/** The only protocol version there is (`FCGI_VERSION_1`). */
export const VERSION = 1;

/** Record types (FastCGI 1.0, section 8). Names follow the specification without `FCGI_`. */
export const RecordType = {
  BEGIN_REQUEST: 1,
  ABORT_REQUEST: 2,
  END_REQUEST: 3,
  PARAMS: 4,
  STDIN: 5,
  STDOUT: 6,
  STDERR: 7,
  DATA: 8,
  GET_VALUES: 9,
  GET_VALUES_RESULT: 10,
  UNKNOWN_TYPE: 11,
} as const;
export type RecordType = (typeof RecordType)[keyof typeof RecordType];

/** Role numbers of BEGIN_REQUEST (section 5.1). */
export const RoleCode = { RESPONDER: 1, AUTHORIZER: 2, FILTER: 3 } as const;

/** Protocol status numbers of END_REQUEST (section 5.5). */
export const ProtocolStatusCode = { REQUEST_COMPLETE: 0, CANT_MPX_CONN: 1, OVERLOADED: 2, UNKNOWN_ROLE: 3 } as const;

/** Flag of BEGIN_REQUEST: the application leaves the connection open after the answer (section 5.1). */
export const KEEP_CONN = 1;

/** Request id of management records (section 3.3). */
export const NULL_REQUEST_ID = 0;

/** Bytes in a record header (section 3.3). */
export const HEADER_LENGTH = 8;

/** Most content bytes the format allows: the length is a 16-bit number (section 3.3). */
export const MAX_CONTENT_LENGTH = 65535;

/**
 * Most content bytes in one record that we send. php-fpm refuses a PARAMS record whose content plus padding
 * exceeds 65,535, and 65,528 is the largest multiple of 8 below it, so it never needs padding.
 */
export const MAX_CONTENT_LENGTH_SENT = 65528;

/** Highest request id: a 16-bit number (section 3.3). */
export const MAX_REQUEST_ID = 65535;
