// Why the gateway itself refused a request or gave up on it.

/** Every way the gateway can fail of its own accord, by stable code. Explained in docs/errors.md. */
export type GatewayErrorCode =
  /** 400: the request target, Host or Content-Length is malformed. */
  | "GATEWAY_BAD_REQUEST"
  /** 400: the request body ended before, or went on after, its Content-Length. */
  | "GATEWAY_BODY_LENGTH"
  /** 403: the file exists and is not for visitors. */
  | "GATEWAY_FORBIDDEN"
  /** Whatever status the configuration answers with: `deny`, `return`, the end of `tryFiles`. */
  | "GATEWAY_DENIED"
  /** 404: there is no such file, and no front controller. */
  | "GATEWAY_NOT_FOUND"
  /** 405: a static file was asked for with another method than GET or HEAD. */
  | "GATEWAY_METHOD"
  /** 408: the visitor stopped in the middle of the request body. */
  | "GATEWAY_BODY_TIMEOUT"
  /** 411: the body has no declared length, is too long for memory, and there is nowhere to spool it. */
  | "GATEWAY_LENGTH_REQUIRED"
  /** 413: the request body is longer than allowed. */
  | "GATEWAY_BODY_LIMIT"
  /** 414: the request target is longer than allowed. */
  | "GATEWAY_URI_LIMIT"
  /** 431: the request headers are longer than allowed. */
  | "GATEWAY_HEADER_LIMIT"
  /** 500: local redirects without end. */
  | "GATEWAY_REDIRECT_LOOP"
  /** 502: the script sent less than its Content-Length, or a Content-Length that is no number. */
  | "GATEWAY_BAD_OUTPUT"
  /** 502: the application wrote to STDERR what the configuration takes for a failure (`catchStderr`). */
  | "GATEWAY_CAUGHT_STDERR"
  /** 412: the file is another version than the request was made for. */
  | "GATEWAY_PRECONDITION"
  /** 502 or 503: the application ended the request with another protocol status than "request complete". */
  | "GATEWAY_REFUSED"
  /** 504: the application was silent for too long. */
  | "GATEWAY_TIMEOUT";

/** Test `error.code`. `status` is what the visitor gets; the message is for the operator only. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly code: GatewayErrorCode;
  /** HTTP status. */
  readonly status: number;

  constructor(code: GatewayErrorCode, status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.status = status;
  }
}
