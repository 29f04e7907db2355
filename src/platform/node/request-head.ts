// What Node's HTTP parser lets pass in the head of a request and must not: a proxy in front might read it otherwise, and
// then take part of one request for the next (RFC 9112, section 11.2).

import { isHost } from "../../gateway/request/target.ts";

/** A request that is answered by the server itself, after which the connection ends. */
export interface Refusal {
  /** HTTP status. */
  readonly status: 400 | 431 | 505;
  /** For the operator. */
  readonly reason: string;
}

/** What Node knows of a request's head. */
export interface RequestHead {
  readonly httpVersion: string;
  readonly url?: string | undefined;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
}

/**
 * Why a request is refused; `undefined` when it is not. One pass over the headers, which looks at the length of a name
 * before its letters.
 *
 * The parser has refused before: Content-Length beside Transfer-Encoding, twice, or no plain number; folded lines, bare
 * line feeds and carriage returns, control characters, names that are no token.
 *
 * @param maxHeaders header lines allowed
 */
export function refusalOf(head: RequestHead, maxHeaders: number): Refusal | undefined {
  const { rawHeaders: raw, httpVersion } = head;
  // The parser knows 0.9 and 2.0, and serves them as if they were 1.x.
  if (httpVersion !== "1.1" && httpVersion !== "1.0") {
    return { status: 505, reason: `HTTP version ${httpVersion}; 1.0 and 1.1 are served` };
  }
  if (raw.length / 2 > maxHeaders) {
    return { status: 431, reason: `${raw.length / 2} request headers; ${maxHeaders} are allowed` };
  }
  let host: string | undefined;
  let coding: string | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string;
    if (name.length === 4 && name.toLowerCase() === "host") {
      if (host !== undefined) return bad("two Host headers");
      host = raw[i + 1] as string;
    } else if (name.length === 17 && name.toLowerCase() === "transfer-encoding") {
      if (coding !== undefined) return bad("two Transfer-Encoding headers");
      coding = raw[i + 1] as string;
    }
  }
  if (coding !== undefined) {
    if (httpVersion === "1.0") return bad("Transfer-Encoding in HTTP/1.0");
    // What else it may hold (`gzip, chunked`, `,chunked`) nobody here decodes.
    if (coding.length !== 7 || coding.toLowerCase() !== "chunked") {
      return bad(`Transfer-Encoding ${JSON.stringify(coding.slice(0, 40))}; "chunked" alone is allowed`);
    }
  }
  if (host !== undefined || httpVersion === "1.1") {
    if (host === undefined || !isHost(host)) return bad("the Host header names no host");
  }
  const { url } = head;
  return url !== undefined && url.charCodeAt(0) !== 0x2f ? targetProblem(url, host) : undefined;
}

/** Absolute form (RFC 9112, section 3.2.2) must name the host of the Host header: whoever is in front took one of them. */
function targetProblem(url: string, host: string | undefined): Refusal | undefined {
  const authority = /^https?:\/\/([^/?#]*)/i.exec(url)?.[1];
  if (authority === undefined) return url === "*" ? undefined : bad("the request target is neither a path nor a URL");
  if (!isHost(authority)) return bad("the request target names no host");
  if (host !== undefined && authority.toLowerCase() !== host.toLowerCase()) {
    return bad("the request target names another host than the Host header");
  }
  return undefined;
}

function bad(reason: string): Refusal {
  return { status: 400, reason };
}
