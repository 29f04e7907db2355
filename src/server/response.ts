// A Response as CGI output (RFC 3875, section 6): Status, headers, a blank line, the body.

import { byteStringToBytes } from "../codec/index.ts";
import type { HeldOutput } from "./held-output.ts";

/** Headers of one connection (RFC 9110, section 7.6.1): the web server has its own. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Status codes whose responses have no body (RFC 9110, section 6.4.1). */
const BODYLESS = new Set([204, 205, 304]);

/**
 * Sends a response. Resolves when its body has been handed over, at the pace of the web server.
 *
 * Rejects when the body fails or is not as long as its Content-Length.
 */
export async function sendResponse(response: Response, method: string, output: HeldOutput): Promise<void> {
  const head = encodeHead(response);
  const { body } = response;
  if (body === null || method === "HEAD" || BODYLESS.has(response.status)) {
    void output.write(head);
    await body?.cancel().catch(() => {});
    return;
  }
  const { signal } = output;
  const reader = body.getReader();
  const aborted = (): void => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", aborted);
  let length = 0;
  try {
    let next = reader.read();
    await output.settled(next);
    void output.write(head);
    for (;;) {
      const { value, done } = await next;
      if (done || signal.aborted) break;
      length += value.length;
      const blocked = output.write(value);
      if (blocked !== undefined) await blocked;
      next = reader.read();
    }
  } finally {
    signal.removeEventListener("abort", aborted);
  }
  const declared = response.headers.get("content-length");
  if (declared !== null && Number(declared) !== length && !signal.aborted) {
    throw new Error(`the response has Content-Length ${declared}, but a body of ${length} bytes`);
  }
}

/** @throws {RangeError} for a status that CGI does not have */
function encodeHead(response: Response): Uint8Array {
  const { status, statusText, headers } = response;
  if (!(status >= 200 && status <= 599)) {
    throw new RangeError(`a response with the status ${status}; CGI has those from 200 to 599`);
  }
  let head = `Status: ${status}${statusText === "" ? "" : ` ${statusText}`}\r\n`;
  for (const [name, value] of headers) {
    if (name !== "set-cookie" && !HOP_BY_HOP.has(name)) head += `${name}: ${value}\r\n`;
  }
  for (const cookie of headers.getSetCookie()) head += `set-cookie: ${cookie}\r\n`;
  return byteStringToBytes(`${head}\r\n`);
}

/** A short page of ours. */
export function page(status: number, text: string): Response {
  return new Response(`${text}\n`, {
    status,
    statusText: text,
    headers: { "content-type": "text/plain; charset=utf-8" },
  });
}
