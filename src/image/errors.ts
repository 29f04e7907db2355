// Errors of everything that is done before an application runs at the edge: images, archives, bundles.

/** Every way a build can fail, by stable code. Explained in docs/errors.md. */
export type ImageErrorCode =
  /** What should be a WebAssembly module is none. */
  | "IMAGE_NOT_WASM"
  /** A WebAssembly module that ends too early or contradicts itself. */
  | "IMAGE_WASM_MALFORMED"
  /** A WebAssembly module that lacks what is to be changed, or uses what this rewriter does not know. */
  | "IMAGE_WASM_UNSUPPORTED"
  /** The glue of a release of PHP does not read as expected: it needs a release of edge-fpm that knows it. */
  | "IMAGE_GLUE_CHANGED"
  /** An option has no meaning or contradicts another one. */
  | "IMAGE_OPTION"
  /** A symbolic link of the application leads out of its folder, or in a circle. */
  | "IMAGE_LINK"
  /** A name that an archive or a URL cannot hold. */
  | "IMAGE_NAME"
  /** Something of the application or of its bundle is larger than the platform takes. */
  | "IMAGE_LIMIT"
  /** A script of the warm-up does not end. */
  | "IMAGE_WARM_UP"
  /** PHP does not start with the application's php.ini. */
  | "IMAGE_PHP_START"
  /** The entry points of the Workers could not be bundled. */
  | "IMAGE_BUNDLE";

/** A failed build. Test `error.code`, not `instanceof`. */
export class ImageError extends Error {
  override readonly name = "ImageError";
  readonly code: ImageErrorCode;

  constructor(code: ImageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
