// What one request left behind, for the access log, the metrics and Server-Timing. Written by the gateway when a request is
// over; plain data, so that it may be kept, sent or formatted later.

import type { NameValue } from "../../cgi/index.ts";

/** One try of one server of an upstream. Times are milliseconds; absent when it did not come so far. */
export interface UpstreamAttempt {
  /** `unix:/path` or `host:port`. */
  readonly address: string;
  /** Of the script's answer; absent when there was none. */
  readonly status?: number | undefined;
  /** Until the connection was open; 0 for a kept one. */
  readonly connectTime?: number | undefined;
  /** Until the script's header block was whole. */
  readonly headerTime?: number | undefined;
  /** Until the end of the request, or the failure. */
  readonly responseTime?: number | undefined;
  /** Bytes sent: params and body, with their records. */
  readonly bytesSent?: number | undefined;
  /** Bytes received, with their records. */
  readonly bytesReceived?: number | undefined;
  /** Bytes of the script's body. */
  readonly responseLength?: number | undefined;
  /** The stable code of what went wrong. */
  readonly error?: string | undefined;
  /** The first attempt of another location, after a redirect inside: `:` stands before it in the log, as in nginx. */
  readonly redirected?: boolean | undefined;
}

/** How the cache dealt with a request. nginx's words. */
export type CacheStatus = "MISS" | "BYPASS" | "EXPIRED" | "STALE" | "UPDATING" | "REVALIDATED" | "HIT";

/** A request that is over. Texts from outside are byte strings. */
export interface AccessEntry {
  /** End of the request, milliseconds since 1970. */
  readonly time: number;
  /** From the first byte of the request to the last of the answer, milliseconds. */
  readonly requestTime: number;
  /** The visitor, as far as proxies are believed. */
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  /** Who was let in. */
  readonly remoteUser?: string | undefined;
  readonly serverAddress?: string | undefined;
  readonly serverPort?: number | undefined;
  readonly serverName?: string | undefined;
  readonly scheme: "http" | "https";
  readonly method: string;
  /** As it stood in the request line. */
  readonly target: string;
  /** The path that was served in the end, decoded: after rewrites and redirects inside. */
  readonly uri?: string | undefined;
  /** `HTTP/1.1`. */
  readonly protocol: string;
  /** The host that was meant, without a port, in small letters. */
  readonly host?: string | undefined;
  readonly requestHeaders: Iterable<NameValue>;
  readonly responseHeaders: Iterable<NameValue>;
  /** The script's, hidden ones included. */
  readonly upstreamHeaders?: Iterable<NameValue> | undefined;
  readonly status: number;
  /** Bytes of the answer's body that were sent. */
  readonly bodyBytesSent: number;
  /** Those and the head's, where the server can tell. */
  readonly bytesSent?: number | undefined;
  /** Bytes of the request: line, headers and body, where the server can tell. */
  readonly requestLength?: number | undefined;
  readonly upstream: readonly UpstreamAttempt[];
  readonly cacheStatus?: CacheStatus | undefined;
  /** 32 hexadecimal digits. */
  readonly requestId?: string | undefined;
  /** 32 hexadecimal digits (W3C Trace Context). */
  readonly traceId?: string | undefined;
  readonly scriptName?: string | undefined;
  readonly pathInfo?: string | undefined;
  readonly scriptFilename?: string | undefined;
  readonly documentRoot?: string | undefined;
  /** The location that answered, as the configuration calls it. Not the visitor's choice: a label of metrics. */
  readonly location?: string | undefined;
  /** The visitor left before the end. */
  readonly aborted?: boolean | undefined;
  /** Serial number of the connection, and of the request on it. */
  readonly connection?: number | undefined;
  readonly connectionRequests?: number | undefined;
  /** The stable code of what went wrong, for JSON. */
  readonly error?: string | undefined;
}

/**
 * A request that the HTTP server refused before anybody could read it: malformed, too long, too slow.
 * @param time milliseconds since 1970
 */
export function refusedEntry(
  refusal: { readonly status: number; readonly remoteAddress: string | undefined },
  time: number,
): AccessEntry {
  return {
    time,
    requestTime: 0,
    remoteAddress: refusal.remoteAddress,
    scheme: "http",
    method: "",
    target: "",
    protocol: "",
    requestHeaders: [],
    responseHeaders: [],
    status: refusal.status,
    bodyBytesSent: 0,
    upstream: [],
  };
}

/** A header's values in their order, joined as RFC 9110 says (cookies with semicolons); `undefined` when it is absent. */
export function joinedHeader(headers: Iterable<NameValue>, name: string): string | undefined {
  let joined: string | undefined;
  for (const [seen, value] of headers) {
    if (seen.length !== name.length || seen.toLowerCase() !== name) continue;
    joined = joined === undefined ? value : `${joined}${name === "cookie" ? "; " : ", "}${value}`;
  }
  return joined;
}
