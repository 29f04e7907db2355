// What is looked at before anything is done with a request: its target and the length of its headers.

import { decodePath, type NameValue } from "../../cgi/index.ts";
import { GatewayError } from "../errors.ts";
import { traceOf, withTrace } from "../observe/trace-context.ts";
import type { GatewayLimits, RequestInfo } from "../options.ts";
import { parseTarget, type Target } from "./target.ts";
import type { Visit } from "./visit.ts";

/** @throws {GatewayError} 400, 414, 431 */
export function beginVisit(request: Request, info: RequestInfo, limits: GatewayLimits): Visit {
  const raw = info.target ?? request.url;
  const target = parseTarget(raw, limits.maxUri + (info.target === undefined ? originLength(raw) : 0));
  const sent = info.headers ?? request.headers;
  // Applications take these names for their own tracer's word: what is malformed does not reach them.
  const headers = checkHeaders(sent, limits.maxRequestHeaders) ? [...withTrace(sent, undefined)] : sent;
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

/**
 * Bytes, and not only characters of names and values: two for the colon and the space, two for the line end.
 * @returns whether there is a traceparent that is none
 */
function checkHeaders(headers: Iterable<NameValue>, limit: number): boolean {
  let length = 0;
  let traced = false;
  for (const [name, value] of headers) {
    length += name.length + value.length + 4;
    if (name.length === 11 && name.toLowerCase() === "traceparent") traced = true;
  }
  if (length > limit) {
    throw new GatewayError("GATEWAY_HEADER_LIMIT", 431, `${length} bytes of request headers; ${limit} are allowed`);
  }
  return traced && traceOf(headers) === undefined;
}

/** Scheme and host of a URL do not count against the length of a target. */
export function originLength(url: string): number {
  return Math.max(0, url.indexOf("/", url.indexOf("://") + 3));
}
