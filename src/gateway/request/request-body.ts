// The request body with a known length, which CGI must have before it begins (RFC 3875, section 4.1.2): php-fpm waits
// for exactly CONTENT_LENGTH bytes.
//
//   declared, up to the memory bound       gathered, so that a slow visitor holds no child
//   declared, longer                       spooled for the same reason; streamed through where there is no spool
//   not declared (chunked)                 gathered; beyond the memory bound spooled, or 411 where there is no spool
//
// Without buffering every declared body is streamed through.

import type { Body } from "../../transport/exchange.ts";
import { GatewayError } from "../errors.ts";
import type { Spool, SpooledBody } from "../spool.ts";
import { Gathered } from "./gathered.ts";
import { readChunks } from "./read-chunks.ts";

export interface BodyOptions {
  /** Longest body, in bytes. */
  readonly maxBody: number;
  /** Bytes of one body held in memory. */
  readonly maxBodyInMemory: number;
  /** Longest silence of the visitor inside the body, in milliseconds; 0 for no limit. */
  readonly bodyTimeout: number;
  readonly spool?: Spool | undefined;
  /** The whole body is here before the application is asked, as far as there is room. */
  readonly buffering: boolean;
}

/** What is read of a request. `body` is also there for a GET that has one, where the server can tell. */
export interface BodySource {
  readonly method: string;
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array> | null;
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
  request: BodySource,
  options: BodyOptions,
  begin: () => void,
  failed: (error: unknown) => void,
): Promise<PreparedBody> {
  const { body } = request;
  const declared = declaredLength(request.headers);
  if (declared !== undefined && declared > options.maxBody) throw tooLong(options);
  if (declared === 0) return { length: 0, stdin: undefined, discard: nothing };
  if (body === null) {
    if (declared !== undefined) throw wrongLength(declared, 0);
    return NO_BODY;
  }

  begin();
  const chunks = readChunks(body, options.bodyTimeout);
  if (declared === undefined) return gatherOrSpool(chunks, options);
  const whole = declared <= options.maxBodyInMemory || options.spool !== undefined;
  if (!options.buffering || !whole) {
    return { length: declared, stdin: counted(chunks, declared, failed), discard: nothing };
  }
  return gatherOrSpool(counted(chunks, declared), options, declared);
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

async function gatherOrSpool(
  chunks: AsyncIterable<Uint8Array>,
  options: BodyOptions,
  longest = options.maxBody,
): Promise<PreparedBody> {
  const whole = new Gathered(Math.min(options.maxBodyInMemory, longest));
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
  failed?: (error: unknown) => void,
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
    failed?.(error);
    throw error;
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
