// Errors of reading captures: the file is at fault, or what was asked of it.

/** Every way a capture can fail to be read or written, by stable code. Explained in docs/errors.md. */
export type CaptureErrorCode =
  /** Neither pcap, pcapng, a hex dump nor FastCGI records. */
  | "CAPTURE_UNKNOWN_FORMAT"
  /** The format is known, but the bytes break its rules. */
  | "CAPTURE_MALFORMED"
  /** A correct file of a kind that is not read. */
  | "CAPTURE_UNSUPPORTED"
  /** A limit of the reader was passed, before memory was taken. */
  | "CAPTURE_LIMIT"
  /** The caller asked the writer for what TCP does not allow. */
  | "CAPTURE_INVALID_CALL";

/** A capture cannot be read or written. Test `error.code`. */
export class CaptureError extends Error {
  override readonly name = "CaptureError";
  readonly code: CaptureErrorCode;

  constructor(code: CaptureErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
