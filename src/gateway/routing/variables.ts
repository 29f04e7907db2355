// nginx's variables, for one request. Each is worked out when a template asks for it, and not before.

import { type NameValue, toByteString } from "../../cgi/index.ts";
import { cookieOf } from "../config/cookie.ts";
import type { Variables } from "../config/variables.ts";
import { requestId } from "./request-id.ts";

/** What is known of a request however it is routed. Byte strings. */
export interface RequestFacts {
  readonly method: string;
  /** As the visitor sent it, encoded. */
  readonly requestUri: string;
  /** Repeated names kept; read anew for each header that is asked for. */
  readonly headers: Iterable<NameValue>;
  /** From the Host header, without its port. */
  readonly host: string | undefined;
  readonly scheme: "http" | "https";
  readonly protocol?: string | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly serverAddress?: string | undefined;
  readonly serverPort?: number | undefined;
  /** Made once, when asked for. */
  readonly requestId?: (() => string) | undefined;
}

/** Those variables that stay the same from the first byte of a request to the last. */
export function requestVariables(facts: RequestFacts): Variables {
  const headers = headersOf(facts.headers);
  let id: string | undefined;
  return (name) => {
    switch (name) {
      case "request_uri":
        return facts.requestUri;
      case "request_method":
        return facts.method;
      case "scheme":
        return facts.scheme;
      case "https":
        return facts.scheme === "https" ? "on" : "";
      case "host":
        return facts.host?.toLowerCase();
      case "remote_addr":
        return facts.remoteAddress;
      case "remote_port":
        return facts.remotePort?.toString();
      case "server_addr":
        return facts.serverAddress;
      case "server_port":
        return facts.serverPort?.toString();
      case "server_protocol":
        return facts.protocol ?? "HTTP/1.1";
      case "content_type":
        return headers("content-type");
      case "content_length":
        return headers("content-length");
      case "remote_user":
        return userOf(headers("authorization"));
      case "request_id":
        id ??= facts.requestId?.() ?? requestId();
        return id;
      default:
    }
    if (name.startsWith("http_")) return headers(name.slice(5).replaceAll("_", "-"));
    if (name.startsWith("cookie_")) return cookieOf(headers("cookie"), name.slice(7));
    return undefined;
  };
}

/** A header by its name in lower case; several of one name are joined, cookies by semicolons. */
function headersOf(headers: Iterable<NameValue>): (name: string) => string | undefined {
  return (wanted) => {
    let value: string | undefined;
    for (const [name, one] of headers) {
      if (name.length !== wanted.length || name.toLowerCase() !== wanted) continue;
      value = value === undefined ? one : `${value}${wanted === "cookie" ? "; " : ", "}${one}`;
    }
    return value;
  };
}

function userOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  const encoded = /^basic ([A-Za-z0-9+/]+=*)$/i.exec(authorization)?.[1];
  if (encoded === undefined || encoded.length % 4 === 1) return undefined;
  try {
    const pair = atob(encoded);
    const colon = pair.indexOf(":");
    return colon === -1 ? undefined : pair.slice(0, colon);
  } catch {
    return undefined;
  }
}

/** The value of a query argument as it stands there, encoded; names are compared without regard to case, as in nginx. */
export function argumentOf(query: string, name: string): string | undefined {
  const wanted = toByteString(name).toLowerCase();
  for (const pair of query.split("&")) {
    const equals = pair.indexOf("=");
    if (equals !== -1 && pair.slice(0, equals).toLowerCase() === wanted) return pair.slice(equals + 1);
  }
  return undefined;
}
