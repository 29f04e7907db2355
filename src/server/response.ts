// A Response as CGI output (RFC 3875, section 6): Status, headers, a blank line, the body.

import { byteStringToBytes } from "../codec/index.ts";
import type { ApplicationRequest } from "../transport/application-request.ts";

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
 * Rejects when the body fails or is not as long as its Content-Length. `begun` is called before the first byte is sent:
 * what fails later must not look complete.
 */
export async function sendResponse(
  response: Response,
  method: string,
  request: ApplicationRequest,
  begun: () => void,
): Promise<void> {
  const head = encodeHead(response);
  const { body } = response;
  begun();
  void request.stdout(head, true);
  if (body === null) return;
  if (method === "HEAD" || BODYLESS.has(response.status)) {
    await body.cancel().catch(() => {});
    return;
  }
  const reader = body.getReader();
  const aborted = (): void => void reader.cancel(request.signal.reason).catch(() => {});
  request.signal.addEventListener("abort", aborted);
  let length = 0;
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done || request.signal.aborted) break;
      length += value.length;
      // It may travel in one write with what follows in this turn, the end included.
      const blocked = request.stdout(value, true);
      if (blocked !== undefined) await blocked;
    }
  } finally {
    request.signal.removeEventListener("abort", aborted);
  }
  const declared = response.headers.get("content-length");
  if (declared !== null && Number(declared) !== length && !request.signal.aborted) {
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
