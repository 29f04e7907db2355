// Answers of HTTP/1.1 as PHP and curl read them. Pure: what `fetch` knows of an answer in, bytes out.

import { REASONS } from "../../../php/response-head.ts";
import { concat } from "./byte-pipe.ts";

/** How the end of a body is told (RFC 9112, section 6). */
export type Framing = "chunked" | "until-closed" | "no-body";

export interface AnswerHead {
  readonly status: number;
  /** Empty where the server spoke HTTP/2: then the usual words. */
  readonly statusText: string;
  readonly headers: Iterable<readonly [name: string, value: string]>;
}

/** Those of the connection that the browser had; and those of a body that it has unpacked since. */
const DROPPED = new Set([
  "connection",
  "content-encoding",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** @param keepAlive whether another request may follow */
export function answerHead(
  { status, statusText, headers }: AnswerHead,
  framing: Framing,
  keepAlive: boolean,
): Uint8Array<ArrayBuffer> {
  let text = `HTTP/1.1 ${status} ${statusText || (REASONS.get(status) ?? "")}\r\n`;
  for (const [name, value] of headers) {
    // Of an answer without a body the length is what it would be: that is what HEAD asks for.
    const kept = !DROPPED.has(name.toLowerCase()) || (framing === "no-body" && /^content-length$/i.test(name));
    if (kept) text += `${name}: ${value}\r\n`;
  }
  if (framing === "chunked") text += "Transfer-Encoding: chunked\r\n";
  if (!keepAlive) text += "Connection: close\r\n";
  return latin1(`${text}\r\n`);
}

/** A piece of a body: as it is, or as a chunk. Not empty: that would be the end. */
export function bodyPiece(bytes: Uint8Array, framing: Framing): Uint8Array {
  return framing === "chunked" ? concat(latin1(`${bytes.length.toString(16)}\r\n`), bytes, CRLF) : bytes;
}

export function bodyEnd(framing: Framing): Uint8Array {
  return latin1(framing === "chunked" ? "0\r\n\r\n" : "");
}

export const CONTINUE: Uint8Array = latin1("HTTP/1.1 100 Continue\r\n\r\n");

const CRLF = latin1("\r\n");

/** Header values of `fetch` are byte strings. */
function latin1(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
