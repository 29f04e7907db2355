// What can go wrong at a client beyond the exchange itself and the script's headers.

/** Every way a client can fail on its own account, by stable code. Explained in docs/errors.md. */
export type ClientErrorCode =
  /** The target cannot be connected to from this platform, or is used up. */
  | "CLIENT_TARGET"
  /** The length of a request body is not known and it is too long to be gathered, or it is not what was declared. */
  | "CLIENT_BODY_LENGTH"
  /** The application ended the request without doing it: overloaded, unknown role, cannot multiplex. */
  | "CLIENT_REFUSED"
  /** The answer is no response: its Content-Length is not true, or its status is one that no Response can have. */
  | "CLIENT_BAD_ANSWER"
  /** The client was closed. */
  | "CLIENT_CLOSED";

/** Test `error.code`, not `instanceof`: two copies of the package can meet in one bundle. */
export class ClientError extends Error {
  override readonly name = "ClientError";
  readonly code: ClientErrorCode;

  constructor(code: ClientErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
