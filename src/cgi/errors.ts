// Errors of the CGI layer: what a visitor or a script sent that has no meaning in RFC 3875.

/** Every way the CGI layer can fail, by stable code. Explained in docs/errors.md. */
export type CgiErrorCode =
  /** The header block of a response is longer than allowed. */
  | "CGI_HEADER_LIMIT"
  /** A header of a request or a response is malformed. */
  | "CGI_BAD_HEADER"
  /** `Status` is no number from 200 to 599, or is there twice. */
  | "CGI_BAD_STATUS"
  /** The output ended before, or without, a header block. */
  | "CGI_NO_HEADER"
  /** A request path that no file can have, or that tries to leave the document root. */
  | "CGI_BAD_PATH";

/** Test `error.code`, not `instanceof`: two copies of the package can meet in one bundle. */
export class CgiError extends Error {
  override readonly name = "CgiError";
  readonly code: CgiErrorCode;

  constructor(code: CgiErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
