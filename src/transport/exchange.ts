// One request and its response, as every layer above the records passes it on: the gateway to a child or a php-fpm,
// the listener to a child, a child to PHP.

import type { Pair, ProtocolStatus, Role } from "../codec/index.ts";

/** A request body: whole, or in chunks as they come. Bytes must not be changed once they are handed over. */
export type Body = Uint8Array | AsyncIterable<Uint8Array>;

/** A request as the web server side sends it. */
export interface ExchangeRequest {
  readonly role: Role;
  /** Byte strings, in the order sent. */
  readonly params: readonly Pair[];
  /** STDIN. Its length must agree with CONTENT_LENGTH in `params`. Absent: empty. */
  readonly stdin?: Body;
  /** DATA, for the filter role (FastCGI 1.0, section 6.4). */
  readonly data?: Body;
  /** IP address of the web server that sent the request, for the logs. Absent: none, or not known. */
  readonly remote?: string;
}

/** Where the application's output goes. A returned promise holds the application back (backpressure). */
export interface ExchangeSink {
  /** A connection to the application is there, and the request goes out. Not every exchange can tell. */
  connected?(): void;
  /** A chunk of STDOUT: valid during the call and until the returned promise settles; copy what lives longer. */
  stdout(chunk: Uint8Array): void | Promise<void>;
  /** A chunk of STDERR, with the same rule. */
  stderr(chunk: Uint8Array): void | Promise<void>;
  /**
   * END_REQUEST has come: told at once, while the exchange's promise settles a moment later. Not every exchange tells, and
   * none tells of a failure.
   */
  ended?(end: ExchangeEnd): void;
}

/** How the application ended the request (END_REQUEST). */
export interface ExchangeEnd {
  /** Exit status, an unsigned 32-bit number. */
  readonly applicationStatus: number;
  readonly protocolStatus: ProtocolStatus | number;
  /** What the application's host said beside the records, where a whole answer can carry it (`answerFetch`). */
  readonly note?: string;
}

/**
 * Runs one request against some application: a child, a pool of them, a php-fpm elsewhere.
 *
 * Settles at END_REQUEST. Rejects with an `ExchangeError` when the application cannot be reached, breaks off or breaks
 * the protocol. When `signal` aborts, ABORT_REQUEST is sent, output is dropped from then on, and it rejects
 * with `signal.reason`.
 */
export type Exchange = (request: ExchangeRequest, sink: ExchangeSink, signal: AbortSignal) => Promise<ExchangeEnd>;

/** Every way an exchange can fail, by stable code. Explained in docs/errors.md. */
export type ExchangeErrorCode =
  /** No connection to the application could be made. */
  | "EXCHANGE_CONNECT"
  /** The connection ended or broke before END_REQUEST: a crash, a kill, a terminate timeout at the other side. */
  | "EXCHANGE_BROKEN"
  /** The application broke the protocol; `cause` is the RemoteProtocolError. */
  | "EXCHANGE_PROTOCOL"
  /** No child became free in time, or the listen queue is full. */
  | "EXCHANGE_OVERLOADED"
  /** The request ran longer than allowed and was ended. */
  | "EXCHANGE_TIMEOUT"
  /** The pool is stopping and takes no new requests. */
  | "EXCHANGE_STOPPING";

/** Failures that come before a byte of the request has left. */
const NEVER_SENT: ReadonlySet<ExchangeErrorCode> = new Set([
  "EXCHANGE_CONNECT",
  "EXCHANGE_OVERLOADED",
  "EXCHANGE_STOPPING",
]);

/** An exchange failed on the application's side or on the way to it. Test `error.code`. */
export class ExchangeError extends Error {
  override readonly name = "ExchangeError";
  readonly code: ExchangeErrorCode;
  /** Whether the application may have seen a part of the request: then only an idempotent one may be sent again. */
  readonly sent: boolean;

  /** @param options `sent`, where the code alone does not tell */
  constructor(code: ExchangeErrorCode, message: string, options: ErrorOptions & { readonly sent?: boolean } = {}) {
    super(message, options);
    this.code = code;
    this.sent = options.sent ?? !NEVER_SENT.has(code);
  }
}
