// Errors of the protocol layer: who is at fault is the class, what happened is the code.

/** Every way the codec and a connection can fail, by stable code. Explained in docs/errors.md. */
export type FastCgiErrorCode =
  /** A record header with another version than 1. */
  | "FCGI_BAD_VERSION"
  /** A discrete record whose content is too short, or a name-value stream that ends inside a pair. */
  | "FCGI_BAD_BODY"
  /** A limit of ours was passed before memory was taken. */
  | "FCGI_LIMIT"
  /** A record that is not allowed in the present state, or from this side. */
  | "FCGI_UNEXPECTED_RECORD"
  /** The byte stream ended inside a record or inside a request. */
  | "FCGI_UNEXPECTED_END"
  /** Our own caller asked for what the protocol forbids. */
  | "FCGI_INVALID_CALL";

/**
 * Base of the errors of the codec and the connection. Test `error.code`, not `instanceof`: two copies of the package
 * can meet in one bundle.
 */
export class FastCgiError extends Error {
  override readonly name: string = "FastCgiError";
  readonly code: FastCgiErrorCode;

  constructor(code: FastCgiErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The peer broke the protocol. Close the connection; the bytes cannot be made sense of by trying again. */
export class RemoteProtocolError extends FastCgiError {
  override readonly name = "RemoteProtocolError";
}

/** Our caller asked for something the protocol forbids: a bug on our side. */
export class LocalProtocolError extends FastCgiError {
  override readonly name = "LocalProtocolError";
}
