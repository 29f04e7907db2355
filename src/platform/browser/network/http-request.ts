// Requests of HTTP/1 as PHP and curl write them, from the side of the server (RFC 9112). Pure: bytes in, whole requests out.

import { bytesToByteString } from "../../../codec/index.ts";

/** A request to its end. */
export interface HttpRequest {
  /** As it came: methods are case-sensitive. */
  readonly method: string;
  /** Path and query, as they came. */
  readonly target: string;
  /** Of HTTP/1.x. */
  readonly minorVersion: 0 | 1;
  /** In their order, names as they came, values as byte strings. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array<ArrayBuffer>;
  /** Whether the client may send another one on the same connection. */
  readonly keepAlive: boolean;
}

export type RequestEvent =
  /** The client waits for "100 Continue" before it sends the body. */
  { readonly type: "continue" } | { readonly type: "request"; readonly request: HttpRequest };

/** Bytes. */
export interface RequestLimits {
  /** Request line and headers. Twice what curl takes of headers in an answer is never needed. */
  readonly head: number;
  /** The body is kept whole until it is sent on: browsers cannot stream it over HTTP/1. */
  readonly body: number;
}

/** A body as large as PHP's own `post_max_size` in a page. */
export const REQUEST_LIMITS: RequestLimits = { head: 64 * 1024, body: 16 * 1024 * 1024 };

/** The client sent no request that can be answered: `status` says why. The connection is of no use any more. */
export class RequestError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Longest line with the size of a chunk, extensions included. Bytes. */
const CHUNK_LINE = 1024;

const LF = 10;

/** RFC 9110, section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const METHOD_SO_FAR = /^[!#$%&'*+.^_`|~0-9A-Za-z-]*$/;

/** Longest method, as most servers have it. */
const LONGEST_METHOD = 32;

type Head = Omit<HttpRequest, "body">;

//            head            "continue"                    request
//   head ----------> length ------------------------------> head
//         \--------> chunk-size -> chunk -> chunk-end -> chunk-size ... -> trailers -> head
type State = "head" | "length" | "chunk-size" | "chunk" | "chunk-end" | "trailers" | "broken";

export class RequestParser {
  readonly #limits: RequestLimits;
  #state: State = "head";
  /** The lines of `head` and `trailers`, or the line of a chunk, as far as they came. */
  #text = "";
  #head: Head | undefined;
  #body = new Uint8Array(0);
  /** Bytes of `#body` that came. */
  #filled = 0;
  /** Bytes that are missing of the body, or of the chunk. */
  #missing = 0;

  constructor(limits: RequestLimits = REQUEST_LIMITS) {
    this.#limits = limits;
  }

  /** Whether nothing of a request has come that is not over. */
  get idle(): boolean {
    return this.#state === "head" && this.#text === "";
  }

  /**
   * Takes bytes, which stay the caller's.
   *
   * @throws {RequestError} for what is no request, or too large; nothing may be fed after it
   */
  feed(bytes: Uint8Array): RequestEvent[] {
    const events: RequestEvent[] = [];
    let at = 0;
    try {
      while (at < bytes.length) at = this.#step(bytes, at, events);
    } catch (error) {
      this.#state = "broken";
      throw error;
    }
    return events;
  }

  /** @returns the offset of the first byte that it did not use */
  #step(bytes: Uint8Array, at: number, events: RequestEvent[]): number {
    switch (this.#state) {
      case "head":
      case "trailers":
        return this.#lines(bytes, at, events);
      case "length":
      case "chunk":
        return this.#content(bytes, at, events);
      case "chunk-size":
      case "chunk-end":
        return this.#chunkLine(bytes, at);
      case "broken":
        throw new RequestError(400, "the connection is broken");
    }
  }

  #lines(bytes: Uint8Array, at: number, events: RequestEvent[]): number {
    const end = bytes.indexOf(LF, at);
    const next = end < 0 ? bytes.length : end + 1;
    if (this.#text.length + next - at > this.#limits.head) {
      throw new RequestError(431, `the head of the request is larger than ${this.#limits.head} bytes`);
    }
    const before = this.#text.length;
    this.#text += bytesToByteString(bytes.subarray(at, next));
    const isFirst = this.#state === "head" && !this.#text.slice(0, before).includes("\n");
    if (isFirst) checkStart(this.#text);
    if (end < 0 || !endsInEmptyLine(this.#text)) return next;
    const text = this.#text;
    this.#text = "";
    if (this.#state === "trailers") this.#finish(events);
    // RFC 9112, section 2.2: an empty line before a request is skipped.
    else if (/^[\r\n]*$/.test(text)) return next;
    else this.#begin(parseHead(text), events);
    return next;
  }

  #begin(head: Head & { readonly length: number | "chunked"; readonly waits: boolean }, events: RequestEvent[]): void {
    const { length, waits, ...rest } = head;
    this.#head = rest;
    this.#filled = 0;
    if (length === 0) {
      this.#finish(events);
      return;
    }
    if (length === "chunked") {
      this.#state = "chunk-size";
    } else {
      this.#checkLength(length);
      this.#body = new Uint8Array(length);
      this.#missing = length;
      this.#state = "length";
    }
    if (waits) events.push({ type: "continue" });
  }

  #content(bytes: Uint8Array, at: number, events: RequestEvent[]): number {
    const piece = bytes.subarray(at, at + this.#missing);
    this.#body.set(piece, this.#filled);
    this.#filled += piece.length;
    this.#missing -= piece.length;
    if (this.#missing === 0) {
      if (this.#state === "chunk") this.#state = "chunk-end";
      else this.#finish(events);
    }
    return at + piece.length;
  }

  #chunkLine(bytes: Uint8Array, at: number): number {
    const end = bytes.indexOf(LF, at);
    const next = end < 0 ? bytes.length : end + 1;
    if (this.#text.length + next - at > CHUNK_LINE) {
      throw new RequestError(400, `the line of a chunk is longer than ${CHUNK_LINE} bytes`);
    }
    this.#text += bytesToByteString(bytes.subarray(at, next));
    if (end < 0) return next;
    const line = this.#text.replace(/\r?\n$/, "");
    this.#text = "";
    if (this.#state === "chunk-end") {
      if (line !== "") throw new RequestError(400, "a chunk is longer than it said");
      this.#state = "chunk-size";
      return next;
    }
    const digits = /^([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?$/.exec(line)?.[1];
    if (digits === undefined) throw new RequestError(400, "the size of a chunk is no number");
    const size = Number.parseInt(digits, 16);
    this.#checkLength(this.#filled + size);
    this.#makeRoom(size);
    this.#missing = size;
    this.#state = size === 0 ? "trailers" : "chunk";
    return next;
  }

  #checkLength(length: number): void {
    if (length <= this.#limits.body) return;
    throw new RequestError(413, `the body of the request is larger than ${this.#limits.body} bytes`);
  }

  /** Doubles, so that many small chunks are not copied again and again. */
  #makeRoom(bytes: number): void {
    const needed = this.#filled + bytes;
    if (needed <= this.#body.length) return;
    const larger = new Uint8Array(Math.min(Math.max(needed, 2 * this.#body.length), this.#limits.body));
    larger.set(this.#body.subarray(0, this.#filled));
    this.#body = larger;
  }

  #finish(events: RequestEvent[]): void {
    const head = this.#head;
    if (head !== undefined) {
      events.push({ type: "request", request: { ...head, body: this.#body.slice(0, this.#filled) } });
    }
    this.#head = undefined;
    this.#body = new Uint8Array(0);
    this.#filled = 0;
    this.#state = "head";
  }
}

function endsInEmptyLine(text: string): boolean {
  return text === "\n" || text === "\r\n" || text.endsWith("\n\n") || text.endsWith("\n\r\n");
}

/** Says as early as possible that something is no HTTP: a client of another protocol may wait for an answer now. */
function checkStart(text: string): void {
  const line = /^[^\n]*\n/.exec(text)?.[0];
  if (line === undefined) {
    const [method = ""] = text.split(" ", 1);
    const possible = text === "\r" || (METHOD_SO_FAR.test(method) && method.length <= LONGEST_METHOD);
    if (!possible) throw notHttp();
  } else if (!/^\r?\n$/.test(line) && !/^[^ ]+ [^ ]+ HTTP\/\d\.\d\r?\n$/.test(line)) {
    throw notHttp();
  }
}

function notHttp(): RequestError {
  return new RequestError(400, "PHP in a page reaches HTTP and HTTPS servers only");
}

function parseHead(text: string): Head & { readonly length: number | "chunked"; readonly waits: boolean } {
  const [first = "", ...lines] = text.split(/\r?\n/).slice(0, -2);
  const [, method = "", target = "", major, minor] = /^([^ ]+) ([^ ]+) HTTP\/(\d)\.(\d)$/.exec(first) ?? [];
  if (!TOKEN.test(method)) throw new RequestError(400, "the method of the request is none");
  if (major !== "1") throw new RequestError(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  if (!/^\/[\x21-\x7e\x80-\xff]*$/.test(target))
    throw new RequestError(400, "the request asks for no path of a server");
  const headers = lines.map(parseHeader);
  const minorVersion = minor === "0" ? 0 : 1;
  const tokens = listed(headers, "connection");
  return {
    method,
    target,
    minorVersion,
    headers,
    keepAlive: minorVersion === 0 ? tokens.includes("keep-alive") : !tokens.includes("close"),
    length: bodyLength(headers),
    waits: minorVersion === 1 && listed(headers, "expect").includes("100-continue"),
  };
}

function parseHeader(line: string): readonly [string, string] {
  const colon = line.indexOf(":");
  const name = line.slice(0, Math.max(colon, 0));
  const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
  // Also the folded lines of old, which nobody sends who means well (RFC 9112, section 5.2).
  if (!TOKEN.test(name) || /[\0\r\n]/.test(value)) throw new RequestError(400, "a header of the request is malformed");
  return [name, value];
}

/** RFC 9112, section 6.3. */
function bodyLength(headers: readonly (readonly [string, string])[]): number | "chunked" {
  const codings = listed(headers, "transfer-encoding");
  const lengths = new Set(valuesOf(headers, "content-length"));
  if (codings.length > 0) {
    if (lengths.size > 0) throw new RequestError(400, "the request tells its length in two ways");
    if (codings.join() !== "chunked") throw new RequestError(501, `the transfer coding ${codings.join()} is unknown`);
    return "chunked";
  }
  const [length = "0"] = lengths;
  if (lengths.size > 1 || !/^\d{1,15}$/.test(length)) {
    throw new RequestError(400, "the length of the request is no number");
  }
  return Number(length);
}

function valuesOf(headers: readonly (readonly [string, string])[], wanted: string): string[] {
  return headers.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);
}

function listed(headers: readonly (readonly [string, string])[], wanted: string): string[] {
  return valuesOf(headers, wanted)
    .flatMap((value) => value.toLowerCase().split(","))
    .map((token) => token.trim())
    .filter((token) => token !== "");
}
