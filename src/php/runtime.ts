// One resident PHP interpreter as its caller sees it: platform-neutral, and knowing neither FastCGI records nor HTTP.

import type { Pair } from "../codec/index.ts";

/** A request as PHP takes it. */
export interface PhpRequest {
  /** Absolute path of the script in the interpreter's file system, a byte string. It must exist: see `lookup`. */
  readonly scriptFilename: string;
  /** CGI params as byte strings: every character is one byte. When a name is there twice, the last one wins. */
  readonly params: readonly Pair[];
  /** PHP_SELF, a byte string. Default: SCRIPT_NAME and PATH_INFO. */
  readonly self?: string;
  /** The whole request body. PHP reads exactly these bytes. */
  readonly body: Uint8Array;
}

/**
 * Where a script's output goes. Chunks belong to the receiver. The calls come in the middle of the running script, so
 * they must not start another request, and what they return is not waited for.
 */
export interface PhpOutput {
  /**
   * Once, before any `stdout`, and at a flush without one: the status code and the header lines (byte strings,
   * "Name: value") in their order. `more`: output or the end follows at once. `reason`: the reason phrase, when the
   * script gave one with a status line of its own.
   */
  headers(status: number, lines: readonly string[], more: boolean, reason?: string): void;
  /** A part of the body, at every flush of PHP at the latest. `last`: the end follows at once. */
  stdout(chunk: Uint8Array, last: boolean): void;
  /** What the script wrote to `php://stderr`, as it came. */
  stderr(chunk: Uint8Array): void;
  /** One message of PHP's error log, without a line end. A byte string. */
  log(message: string): void;
  /** `fastcgi_finish_request()`: the visitor's answer is complete, the script goes on. Called at most once. */
  finishRequest(): void;
}

/** How a script ended. */
export interface PhpExit {
  /** 0, the number given to `exit()`, or 255 after a fatal error. */
  readonly status: number;
}

/** What a path leads to. An unreadable file is one that the operating system would not let us open. */
export type PathKind = "file" | "directory" | "unreadable";

/** One interpreter. It runs one request at a time and keeps the others waiting in their order. */
export interface PhpRuntime {
  /**
   * Runs a script to its end. Aborting `signal` tells PHP that the visitor went away: the next output ends the
   * script, unless it asked for `ignore_user_abort`. A script that prints nothing is not ended by it.
   *
   * @throws {PhpError} `PHP_TRAP` when the interpreter broke; `PHP_UNUSABLE` when it was broken before;
   *   `PHP_NO_MEMORY` when the request did not fit, `PHP_OPEN_BASEDIR` when it must not open the script (the interpreter
   *   stays usable)
   */
  run(request: PhpRequest, output: PhpOutput, signal?: AbortSignal): Promise<PhpExit>;
  /** What is at a path (a byte string) of the interpreter's file system, links followed. `undefined`: nothing. */
  lookup(path: string): PathKind | undefined;
  /** Bytes of linear memory that the interpreter holds. It never shrinks. */
  readonly memory: number;
  /** False once the interpreter broke: it must be replaced and never be used again. */
  readonly usable: boolean;
  /** For example "8.4.25". */
  readonly version: string;
}
