// The response of a CGI script (RFC 3875, section 6), seen from the web server: STDOUT in, head and body out.

import { latin1 } from "./bytes.ts";
import { CgiError } from "./errors.ts";
import type { NameValue } from "./meta-variables.ts";

/** The header block of a response, understood. */
export interface CgiHead {
  /** 200 when the script named none; 302 for a Location without Status (section 6.2.3). */
  readonly status: number;
  /** What stood behind the number, if anything. */
  readonly reason?: string;
  /** Without `Status`; repeated names and their order kept. Byte strings. */
  readonly headers: readonly NameValue[];
  /**
   * Path and query of a local redirect (section 6.2.2): the web server answers with that resource. Only when the script
   * named no Status, so that PHP's `header("Location: /x")`, which implies 302, goes to the browser.
   */
  readonly localRedirect?: string;
}

/** Bytes of header block allowed by default: room for a hundred cookies' worth; nginx gives 4 or 8 KiB, h2o 64. */
export const DEFAULT_MAX_HEADER_BYTES: number = 32 * 1024;

/** Header lines allowed: the block's bytes bound them too, but a list of tiny headers costs far more than its bytes. */
const MAX_HEADERS = 1000;

const LF = 0x0a;
const CR = 0x0d;

/**
 * Takes STDOUT, cut anywhere, until the header block is whole. It keeps no reference to a chunk.
 *
 *     const body = parser.push(chunk);     // undefined: not yet
 *     parser.head                          // there once `push` has returned bytes
 */
export class CgiHeadParser {
  readonly #limit: number;
  #kept = new Uint8Array(0);
  #length = 0;
  #head: CgiHead | undefined;

  constructor(maxHeaderBytes: number = DEFAULT_MAX_HEADER_BYTES) {
    this.#limit = maxHeaderBytes;
  }

  /** The head, once it is whole. */
  get head(): CgiHead | undefined {
    return this.#head;
  }

  /**
   * @returns `undefined` while the header block is not whole; then the part of `chunk` that is body, a view, perhaps
   *   empty. Not to be called again after that: everything that follows is body.
   * @throws {CgiError} `CGI_HEADER_LIMIT`, `CGI_BAD_HEADER`, `CGI_BAD_STATUS`, `CGI_NO_HEADER`
   */
  push(chunk: Uint8Array): Uint8Array | undefined {
    if (this.#length === 0) {
      const end = findEnd(chunk, 0, this.#limit);
      if (end !== -1) return this.#finish(chunk, end, chunk, end);
      this.#keep(chunk);
      return undefined;
    }
    const before = this.#length;
    // No more of a large chunk is copied than the header block may hold.
    this.#keep(chunk.length > this.#limit ? chunk.subarray(0, this.#limit) : chunk);
    // The blank line may have begun up to two bytes before the cut.
    const end = findEnd(this.#kept.subarray(0, this.#length), Math.max(0, before - 2), this.#limit);
    if (end !== -1) return this.#finish(this.#kept, end, chunk, end - before);
    if (this.#length >= this.#limit) this.#tooLong();
    return undefined;
  }

  /**
   * STDOUT has ended.
   * @throws {CgiError} `CGI_NO_HEADER` when there was no whole header block
   */
  end(): void {
    if (this.#head !== undefined) return;
    const seen =
      this.#length === 0 ? "no output at all" : `${this.#length} bytes without the blank line behind a header`;
    throw new CgiError("CGI_NO_HEADER", `the script's output ended with ${seen}`);
  }

  #finish(block: Uint8Array, end: number, chunk: Uint8Array, bodyAt: number): Uint8Array {
    if (end > this.#limit) this.#tooLong();
    this.#head = parseHead(latin1(block, 0, end));
    this.#kept = new Uint8Array(0);
    return chunk.subarray(bodyAt);
  }

  #keep(chunk: Uint8Array): void {
    if (this.#length === 0 && chunk.length >= this.#limit) this.#tooLong();
    const needed = this.#length + chunk.length;
    if (needed > this.#kept.length) {
      const larger = new Uint8Array(Math.max(needed, this.#kept.length * 2, 1024));
      larger.set(this.#kept.subarray(0, this.#length));
      this.#kept = larger;
    }
    this.#kept.set(chunk, this.#length);
    this.#length = needed;
  }

  #tooLong(): never {
    throw new CgiError(
      "CGI_HEADER_LIMIT",
      `the script's header block is longer than the ${this.#limit} bytes allowed: send fewer or shorter headers, or raise the limit`,
    );
  }
}

/** The offset behind the blank line that ends a header block, LF or CR LF; -1 when it is not among the first `limit` bytes. */
function findEnd(bytes: Uint8Array, from: number, limit: number): number {
  // A block that begins with a blank line has no header at all.
  if (from === 0 && bytes[0] === LF) return 1;
  if (from === 0 && bytes[0] === CR && bytes[1] === LF) return 2;
  for (let at = bytes.indexOf(LF, from); at !== -1 && at < limit; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at + 1] === LF) return at + 2;
    if (bytes[at + 1] === CR && bytes[at + 2] === LF) return at + 3;
  }
  return -1;
}

/** A header's name: a token (RFC 9110, section 5.6.2). */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** What a value cannot hold: controls but the tab. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;

function parseHead(block: string): CgiHead {
  const headers: NameValue[] = [];
  let status: string | undefined;
  let location: string | undefined;

  for (let at = 0; at < block.length; ) {
    const lf = block.indexOf("\n", at);
    const line = block.slice(at, block.charCodeAt(lf - 1) === CR && lf > at ? lf - 1 : lf);
    at = lf + 1;
    if (line === "") break;

    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon));
    // A line that begins with a space continues the one before (obsolete folding); its name is no token either.
    if (!TOKEN.test(name)) {
      throw new CgiError(
        "CGI_BAD_HEADER",
        `line ${headers.length + 1} of the script's headers is no header: ${quote(line)}`,
      );
    }
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
    if (CONTROL.test(value)) {
      throw new CgiError("CGI_BAD_HEADER", `control character in the script's header ${name}`);
    }
    if (headers.length >= MAX_HEADERS) {
      throw new CgiError("CGI_HEADER_LIMIT", `the script sent more than ${MAX_HEADERS} headers`);
    }

    const lower = name.toLowerCase();
    if (lower === "status") {
      if (status !== undefined) throw new CgiError("CGI_BAD_STATUS", "the script sent Status twice");
      status = value;
      continue;
    }
    if (lower === "location") location = value;
    headers.push([name, value]);
  }

  if (headers.length === 0 && status === undefined) {
    throw new CgiError("CGI_NO_HEADER", "the script's output begins with a blank line instead of a header");
  }
  if (status !== undefined) return { ...parseStatus(status), headers };
  if (location === undefined || location === "") return { status: 200, headers };
  // `//host/path` names another host: it is for the browser.
  const local = location.startsWith("/") && !location.startsWith("//");
  return local ? { status: 302, headers, localRedirect: location } : { status: 302, headers };
}

function parseStatus(value: string): { status: number; reason?: string } {
  const match = /^([2-5][0-9]{2})(?:[ \t]+(.*))?$/.exec(value);
  if (match?.[1] === undefined) {
    throw new CgiError("CGI_BAD_STATUS", `the script's Status is ${quote(value)}; a number from 200 to 599 is allowed`);
  }
  const status = Number(match[1]);
  return match[2] ? { status, reason: match[2] } : { status };
}

/** Something from outside as it may stand in a log line. */
function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);
}
