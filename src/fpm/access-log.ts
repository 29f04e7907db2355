// The access log of one pool: which requests are written, and how.

import { type AccessFormat, type AccessRecord, compileAccessFormat, DEFAULT_ACCESS_FORMAT } from "./access-format.ts";

/** Takes one line, without its end: a byte string. Must not throw. */
export type WriteLine = (line: string) => void;

/** How the access log of a pool is written. */
export interface AccessLogOptions {
  /** `access.format`. Default: php-fpm's. */
  readonly format?: string | undefined;
  /** `access.suppress_path[]`: successful plain requests for these paths are not written. */
  readonly suppressPaths?: readonly string[] | undefined;
  readonly write: WriteLine;
}

/** The access log of a pool: a line a request, in php-fpm's `access.format`. */
export class AccessLog {
  readonly #format: AccessFormat;
  readonly #suppressed: ReadonlySet<string>;
  readonly #write: WriteLine;

  /** @throws {AccessFormatError} `CONFIG_ACCESS_FORMAT` */
  constructor(options: AccessLogOptions) {
    this.#format = compileAccessFormat(options.format ?? DEFAULT_ACCESS_FORMAT);
    this.#suppressed = new Set(options.suppressPaths);
    this.#write = options.write;
  }

  /** Writes the line of a request that is over. */
  log(record: AccessRecord): void {
    if (!this.#isSuppressed(record)) this.#write(this.#format(record));
  }

  /** As php-fpm: whatever may be an attack is written all the same. */
  #isSuppressed({ request, status }: AccessRecord): boolean {
    return (
      this.#suppressed.has(request.uri) &&
      (request.method === "GET" || request.method === "HEAD") &&
      request.contentLength === 0 &&
      request.query === "" &&
      status >= 200 &&
      status <= 299
    );
  }
}
