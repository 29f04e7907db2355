// What is looked at before anything is done with a request: its target and the length of its headers.

import { decodePath, type NameValue } from "../cgi/index.ts";
import { GatewayError } from "./errors.ts";
import type { GatewayLimits, RequestInfo } from "./options.ts";
import { parseTarget, type Target } from "./target.ts";
import type { Visit } from "./visit.ts";

/** @throws {GatewayError} 400, 414, 431 */
export function beginVisit(request: Request, info: RequestInfo, limits: GatewayLimits): Visit {
  const raw = info.target ?? request.url;
  const target = parseTarget(raw, limits.maxUri + (info.target === undefined ? originLength(raw) : 0));
  const headers = info.headers ?? request.headers;
  checkHeaders(headers, limits.maxRequestHeaders);
  const { method } = request;
  const path = blame(400, () => decodePath(target.path));
  return { request, info, headers, requestUri: target.uri, method, target, path, hasBody: true };
}

/** Where a script sends a request: path and query. @throws {GatewayError} 502 */
export function scriptTarget(text: string, limits: GatewayLimits): { target: Target; path: string } {
  return blame(502, () => {
    const target = parseTarget(text, limits.maxUri);
    return { target, path: decodePath(target.path) };
  });
}

/** What is malformed has one status when the visitor wrote it (400) and another when a script did (502). */
function blame<T>(status: 400 | 502, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    const malformed = typeof code === "string" && /^(?:CGI|GATEWAY)_/.test(code);
    if (!malformed || (status === 400 && code.startsWith("GATEWAY_"))) throw error;
    const blamed = status === 400 ? "GATEWAY_BAD_REQUEST" : "GATEWAY_BAD_OUTPUT";
    throw new GatewayError(blamed, status, String(message), { cause: error });
  }
}

/** Bytes, and not only characters of names and values: two for the colon and the space, two for the line end. */
function checkHeaders(headers: Iterable<NameValue>, limit: number): void {
  let length = 0;
  for (const [name, value] of headers) length += name.length + value.length + 4;
  if (length > limit) {
    throw new GatewayError("GATEWAY_HEADER_LIMIT", 431, `${length} bytes of request headers; ${limit} are allowed`);
  }
}

/** Scheme and host of a URL do not count against the length of a target. */
export function originLength(url: string): number {
  return Math.max(0, url.indexOf("/", url.indexOf("://") + 3));
}
