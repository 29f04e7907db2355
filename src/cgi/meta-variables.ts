// An HTTP request as meta-variables (RFC 3875, section 4.1), seen from the web server: what nginx's `fastcgi_params`
// sends, and HTTP_* for the headers.

import { CgiError } from "./errors.ts";
import type { ScriptPath } from "./script-path.ts";

/** Name and value, both byte strings: every character is one byte, as in fetch headers. */
export type NameValue = readonly [name: string, value: string];

/** What is known of a request. All strings are byte strings. */
export interface CgiRequest {
  readonly method: string;
  /** The request target as the visitor sent it: path and query, still encoded. */
  readonly requestUri: string;
  /** Behind the `?`, still encoded; empty when there is none. */
  readonly queryString: string;
  readonly script: ScriptPath;
  readonly documentRoot: string;
  /** Repeated names included, in their order. */
  readonly headers: Iterable<NameValue>;
  /** Bytes of the request body; absent when there is no body. */
  readonly contentLength?: number;
  readonly scheme: "http" | "https";
  /** `HTTP/1.1` when absent. */
  readonly protocol?: string;
  readonly serverName: string;
  readonly serverAddress?: string;
  readonly serverPort?: number;
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  /** Name and version of the web server. */
  readonly serverSoftware: string;
  /**
   * Passes headers that have an underscore in their name. Off, because `X_Foo` and `X-Foo` become the same
   * meta-variable and a proxy in front vouches for one of them only.
   */
  readonly underscoresInHeaders?: boolean;
  /** More params. One with the name of a meta-variable takes its place. */
  readonly extra?: readonly NameValue[];
}

/**
 * Headers that do not become HTTP_*. Content-Type and Content-Length have names of their own; a body reaches the
 * application decoded; `Proxy` would become HTTP_PROXY, which libraries take for their own proxy (httpoxy,
 * CVE-2016-5385).
 */
const NOT_PASSED = new Set(["content-type", "content-length", "transfer-encoding", "trailer", "proxy"]);

/** The name of a header to its meta-variable, or "" when it is not passed. Bounded: visitors choose the names. */
const names = new Map<string, string>();
const MAX_NAMES = 512;

/**
 * The meta-variables of a request, in nginx's order. CONTENT_TYPE and CONTENT_LENGTH are there but empty when there is
 * no body, as from nginx; PATH_INFO and PATH_TRANSLATED are absent when there is no path info.
 *
 * @throws {CgiError} `CGI_BAD_HEADER` for a value with a NUL or a line break: PHP would see another value than the rest
 */
export function metaVariables(request: CgiRequest): NameValue[] {
  const { script } = request;
  const params: NameValue[] = [];
  const headers = joinHeaders(request.headers, request.underscoresInHeaders === true);

  params.push(
    ["QUERY_STRING", request.queryString],
    ["REQUEST_METHOD", request.method],
    ["CONTENT_TYPE", headers.contentType],
    ["CONTENT_LENGTH", request.contentLength === undefined ? "" : String(request.contentLength)],
    ["SCRIPT_NAME", script.scriptName],
    ["REQUEST_URI", request.requestUri],
    ["DOCUMENT_URI", script.scriptName + script.pathInfo],
    ["DOCUMENT_ROOT", request.documentRoot],
    ["SERVER_PROTOCOL", request.protocol ?? "HTTP/1.1"],
    ["REQUEST_SCHEME", request.scheme],
  );
  if (request.scheme === "https") params.push(["HTTPS", "on"]);
  params.push(
    ["GATEWAY_INTERFACE", "CGI/1.1"],
    ["SERVER_SOFTWARE", request.serverSoftware],
    ["REMOTE_ADDR", request.remoteAddress ?? ""],
    ["REMOTE_PORT", request.remotePort === undefined ? "" : String(request.remotePort)],
    ["SERVER_ADDR", request.serverAddress ?? ""],
    ["SERVER_PORT", request.serverPort === undefined ? "" : String(request.serverPort)],
    ["SERVER_NAME", request.serverName],
    // php-cgi's `cgi.force_redirect` asks for it; php-fpm does not, nginx sends it all the same.
    ["REDIRECT_STATUS", "200"],
    ["SCRIPT_FILENAME", script.scriptFilename],
  );
  if (script.pathInfo !== "") {
    params.push(["PATH_INFO", script.pathInfo], ["PATH_TRANSLATED", script.pathTranslated ?? ""]);
  }
  for (const entry of headers.variables) params.push(entry);

  const { extra } = request;
  if (extra === undefined || extra.length === 0) return params;
  const replaced = new Set(extra.map(([name]) => name));
  return [...params.filter(([name]) => !replaced.has(name)), ...extra];
}

/** HTTP_* of all headers: one variable a name, repeated headers joined (RFC 3875, section 4.1.18). */
function joinHeaders(
  headers: Iterable<NameValue>,
  underscores: boolean,
): { contentType: string; variables: Iterable<NameValue> } {
  let contentType = "";
  const variables = new Map<string, string>();
  for (const [name, value] of headers) {
    const variable = variableName(name);
    if (variable === "") {
      if (contentType === "" && name.toLowerCase() === "content-type") contentType = checked(name, value);
      continue;
    }
    if (!underscores && name.includes("_")) continue;
    const before = variables.get(variable);
    if (before === undefined) variables.set(variable, checked(name, value));
    else variables.set(variable, before + (variable === "HTTP_COOKIE" ? "; " : ", ") + checked(name, value));
  }
  return { contentType, variables };
}

/**
 * `HTTP_ACCEPT` for `Accept`; "" for what is not passed. Names with other characters than letters, digits, hyphens and
 * underscores are dropped, as nginx does (`ignore_invalid_headers`).
 */
function variableName(name: string): string {
  const known = names.get(name);
  if (known !== undefined) return known;
  // `Proxy` and its like are looked up with hyphens only: with underscores passed on, `Content_Length` is a name too.
  const passed = /^[A-Za-z0-9_-]+$/.test(name) && !NOT_PASSED.has(name.toLowerCase().replaceAll("_", "-"));
  const variable = passed ? `HTTP_${name.toUpperCase().replaceAll("-", "_")}` : "";
  if (names.size < MAX_NAMES && name.length <= 64) names.set(name, variable);
  return variable;
}

function checked(name: string, value: string): string {
  if (/[\0\r\n]/.test(value)) {
    throw new CgiError("CGI_BAD_HEADER", `NUL or line break in the value of the request header ${name}`);
  }
  return value;
}
