// Errors of the interpreter's host. A script's own errors are not among them: PHP answers those itself.

/** Every way the host can fail, by stable code. Explained in docs/errors.md. */
export type PhpErrorCode =
  /** The interpreter could not be started. */
  | "PHP_BOOT"
  /** The interpreter broke in the middle of a request (a WebAssembly trap): it is unusable from now on. */
  | "PHP_TRAP"
  /** A request for an interpreter that broke before. */
  | "PHP_UNUSABLE"
  /** The request did not fit into the interpreter's memory. */
  | "PHP_NO_MEMORY"
  /** `open_basedir` keeps the interpreter from opening the script. */
  | "PHP_OPEN_BASEDIR"
  /** The package with this version of PHP is not installed. */
  | "PHP_NOT_INSTALLED"
  /** A version of PHP that this release does not know. */
  | "PHP_UNKNOWN_VERSION"
  /** php.ini asks for an extension that cannot be had here. */
  | "PHP_EXTENSION"
  /** A warmed interpreter could not be copied, or not be started from its copy. */
  | "PHP_SNAPSHOT";

/** A failure of the host. Test `error.code`, not `instanceof`: two copies of the package can meet in one bundle. */
export class PhpError extends Error {
  override readonly name = "PhpError";
  readonly code: PhpErrorCode;

  constructor(code: PhpErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
