// What a responder is told when it is made.

import type { Pair } from "../codec/index.ts";

/** Options of a `Responder`. */
export interface ResponderOptions {
  /** `security.limit_extensions`. Default `.php` and `.phar`. */
  readonly extensions?: readonly string[];
  /** `cgi.fix_pathinfo`. Default true, as in PHP. */
  readonly fixPathInfo?: boolean;
  /** Most bytes of a request body. Default 128 MiB: above `post_max_size`, so that PHP's own answer comes first. */
  readonly maxBodyLength?: number;
  /**
   * Called after each output of a running script, in the middle of it: a platform that can wait there waits for room on
   * its way out, and looks whether the web server gave the request up.
   */
  afterOutput?(): void;
  /** The interpreter broke in a script that went on after its answer, where `respond` can tell nobody. */
  onBroken?(error: unknown): void;
  /** Tells the master, in band, what it must know of this child. */
  announce?(values: readonly Pair[]): void;
}
