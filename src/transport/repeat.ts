// Whether a request may be sent a second time, when nobody knows what became of the first.

import type { Body, ExchangeRequest } from "./exchange.ts";

/**
 * Methods that mean the same when they are sent twice (RFC 9110, section 9.2.2, and the registry of methods for those of
 * WebDAV). POST, PATCH and LOCK are not among them, nor is a method that nobody knows.
 */
const REPEATABLE: ReadonlySet<string> = new Set(
  (
    "GET HEAD OPTIONS TRACE PUT DELETE QUERY " +
    "PROPFIND PROPPATCH MKCOL COPY MOVE UNLOCK REPORT SEARCH ACL MKCALENDAR BIND UNBIND REBIND LINK UNLINK"
  ).split(" "),
);

/** Whether the request's method means the same when it is sent twice. */
export function isRepeatable(request: ExchangeRequest): boolean {
  const method = request.params.find(([name]) => name === "REQUEST_METHOD")?.[1];
  return method !== undefined && REPEATABLE.has(method);
}

/** The request, with a look at whether a streamed body was asked for a chunk: it cannot be sent again then. */
export function watchBody(request: ExchangeRequest): { request: ExchangeRequest; touched: () => boolean } {
  let touched = false;
  const watch = (body: Body): Body => {
    if (body instanceof Uint8Array) return body;
    return {
      [Symbol.asyncIterator]() {
        touched = true;
        return body[Symbol.asyncIterator]();
      },
    };
  };
  const { stdin, data } = request;
  const streamed = (stdin && !(stdin instanceof Uint8Array)) || (data && !(data instanceof Uint8Array));
  if (!streamed) return { request, touched: () => false };
  const watched: ExchangeRequest = {
    ...request,
    ...(stdin === undefined ? {} : { stdin: watch(stdin) }),
    ...(data === undefined ? {} : { data: watch(data) }),
  };
  return { request: watched, touched: () => touched };
}
