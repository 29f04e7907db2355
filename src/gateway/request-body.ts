// The request body with a known length, which CGI must have before it begins (RFC 3875, section 4.1.2): php-fpm waits
// for exactly CONTENT_LENGTH bytes.
//
//   declared, up to the memory bound       gathered, so that a slow visitor holds no child
//   declared, longer                       streamed through, counted
//   not declared (chunked)                 gathered; beyond the memory bound spooled, or 411 where there is no spool

import type { Body } from "../transport/exchange.ts";
import { GatewayError } from "./errors.ts";
import { Watchdog } from "./watchdog.ts";

/** A place for bytes on their way, such as a temporary file. */
export interface SpooledBody {
  append(chunk: Uint8Array): Promise<void>;
  /** All that was appended, from the beginning. A chunk is valid until the next is asked for. */
  read(): AsyncIterable<Uint8Array>;
  /** Removes it. Safe to call twice and at any time. */
  discard(): Promise<void>;
}

/** Makes an empty place. */
export type Spool = () => Promise<SpooledBody>;

export interface BodyOptions {
  /** Longest body, in bytes. */
  readonly maxBody: number;
  /** Bytes of one body held in memory. */
  readonly maxBodyInMemory: number;
  /** Longest silence of the visitor inside the body, in milliseconds; 0 for no limit. */
  readonly bodyTimeout: number;
  readonly spool?: Spool | undefined;
}

/** A body ready for an exchange. */
export interface PreparedBody {
  /** Bytes; `undefined` when the request has no body. */
  readonly length: number | undefined;
  readonly stdin: Body | undefined;
  /** Lets go of whatever holds the body. Safe to call twice. */
  discard(): Promise<void>;
}

const nothing = () => Promise.resolve();
const NO_BODY: PreparedBody = { length: undefined, stdin: undefined, discard: nothing };

/**
 * @param begin called before the first byte is read: "100 Continue" belongs there
 * @param failed told of an error in a body that streams through, before the reader of `stdin` sees it
 * @throws {GatewayError} 400, 408, 411, 413
 */
export async function prepareBody(
  request: Pick<Request, "method" | "headers" | "body">,
  options: BodyOptions,
  begin: () => void,
  failed: (error: unknown) => void,
): Promise<PreparedBody> {
  if (request.method === "GET" || request.method === "HEAD") return NO_BODY;
  const declared = declaredLength(request.headers);
  if (declared !== undefined && declared > options.maxBody) throw tooLong(options);
  if (declared === 0) return { length: 0, stdin: undefined, discard: nothing };
  const { body } = request;
  if (body === null) {
    if (declared !== undefined) throw wrongLength(declared, 0);
    return NO_BODY;
  }

  begin();
  const chunks = readChunks(body, options.bodyTimeout);
  if (declared === undefined) return gatherOrSpool(chunks, options);
  if (declared > options.maxBodyInMemory) {
    return { length: declared, stdin: counted(chunks, declared, failed), discard: nothing };
  }
  const whole = new Gathered(declared);
  for await (const chunk of chunks) {
    if (!whole.add(chunk)) throw wrongLength(declared, whole.length + chunk.length);
  }
  if (whole.length !== declared) throw wrongLength(declared, whole.length);
  return { length: declared, stdin: whole.bytes(), discard: nothing };
}

/** @throws {GatewayError} `GATEWAY_BAD_REQUEST` when Content-Length is no number */
function declaredLength(headers: Headers): number | undefined {
  const value = headers.get("content-length");
  if (value === null) return undefined;
  // 15 digits: a JavaScript number holds them exactly.
  if (!/^[0-9]{1,15}$/.test(value)) {
    throw new GatewayError("GATEWAY_BAD_REQUEST", 400, `Content-Length is ${JSON.stringify(value)}, no number`);
  }
  return Number(value);
}

async function gatherOrSpool(chunks: AsyncIterable<Uint8Array>, options: BodyOptions): Promise<PreparedBody> {
  const whole = new Gathered(Math.min(options.maxBodyInMemory, options.maxBody));
  let spooled: SpooledBody | undefined;
  let length = 0;
  try {
    for await (const chunk of chunks) {
      length += chunk.length;
      if (length > options.maxBody) throw tooLong(options);
      if (spooled !== undefined) await spooled.append(chunk);
      else if (!whole.add(chunk)) {
        if (options.spool === undefined) {
          throw new GatewayError(
            "GATEWAY_LENGTH_REQUIRED",
            411,
            `a body without Content-Length is longer than ${options.maxBodyInMemory} bytes, and there is no spool`,
          );
        }
        spooled = await options.spool();
        await spooled.append(whole.bytes());
        await spooled.append(chunk);
      }
    }
  } catch (error) {
    await spooled?.discard();
    throw error;
  }
  if (spooled === undefined) return { length, stdin: length > 0 ? whole.bytes() : undefined, discard: nothing };
  const place = spooled;
  return { length, stdin: place.read(), discard: () => place.discard() };
}

/** Passes chunks on and sees to it that they are `declared` bytes together. */
async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  declared: number,
  failed: (error: unknown) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let length = 0;
  try {
    for await (const chunk of chunks) {
      length += chunk.length;
      if (length > declared) throw wrongLength(declared, length);
      yield chunk;
    }
    if (length < declared) throw wrongLength(declared, length);
  } catch (error) {
    failed(error);
    throw error;
  }
}

/**
 * The chunks of a stream. Left early, the stream is not cancelled: on Node that would close the connection before the
 * visitor has the answer. What to do with the rest is the HTTP server's business.
 */
async function* readChunks(
  body: ReadableStream<Uint8Array>,
  timeout: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = body.getReader();
  let expire = (_error: GatewayError) => {};
  const late = new Promise<never>((_, reject) => {
    expire = reject;
  });
  late.catch(() => {});
  const watchdog = new Watchdog(timeout, () => {
    expire(new GatewayError("GATEWAY_BODY_TIMEOUT", 408, `no byte of the request body for ${timeout} ms`));
  });
  try {
    for (;;) {
      watchdog.resume();
      const { done, value } = await Promise.race([reader.read().catch(brokenOff), late]);
      if (done) return;
      watchdog.suspend();
      if (value.length > 0) yield value;
    }
  } finally {
    watchdog.stop();
    reader.releaseLock();
  }
}

function brokenOff(cause: unknown): never {
  throw new GatewayError("GATEWAY_BODY_LENGTH", 400, "the visitor broke off inside the request body", { cause });
}

/** Bytes put one behind the other, up to a bound; memory grows with what has come, not with what was announced. */
class Gathered {
  readonly #limit: number;
  #buffer = new Uint8Array(0);
  length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Copies `chunk`. False, and nothing done, when it does not fit. */
  add(chunk: Uint8Array): boolean {
    const needed = this.length + chunk.length;
    if (needed > this.#limit) return false;
    if (needed > this.#buffer.length) {
      const larger = new Uint8Array(Math.min(this.#limit, Math.max(needed, this.#buffer.length * 2, 4096)));
      larger.set(this.#buffer.subarray(0, this.length));
      this.#buffer = larger;
    }
    this.#buffer.set(chunk, this.length);
    this.length = needed;
    return true;
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.length);
  }
}

function tooLong(options: BodyOptions): GatewayError {
  return new GatewayError(
    "GATEWAY_BODY_LIMIT",
    413,
    `the request body is longer than the ${options.maxBody} bytes allowed; raise maxBody to take it`,
  );
}

function wrongLength(declared: number, seen: number): GatewayError {
  return new GatewayError(
    "GATEWAY_BODY_LENGTH",
    400,
    `the request body has ${seen} bytes${seen > declared ? " or more" : ""}; its Content-Length says ${declared}`,
  );
}
