// Params and STDIN as a Request: the reverse of what a web server did.

import type { Pair } from "../codec/index.ts";

/** The web server sent something that no Request can be made of. */
export class BadRequest extends Error {
  override readonly name = "BadRequest";
}

/** The params by name; of a repeated name the last, as in PHP. */
export function paramsRecord(pairs: readonly Pair[]): Readonly<Record<string, string>> {
  const params: Record<string, string> = Object.create(null);
  for (const [name, value] of pairs) params[name] = value;
  return params;
}

/**
 * Headers that are not the handler's: those of the visitor's connection (RFC 9110, section 7.6.1), as the body comes
 * decoded; and `Proxy`, which libraries take for their own proxy when it becomes HTTP_PROXY again (CVE-2016-5385).
 */
const NOT_BUILT = new Set([
  "connection",
  "keep-alive",
  "proxy",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * @param body of any request but GET and HEAD, which can have none in fetch
 * @throws {BadRequest} when the method, the host, the target or a header is malformed
 */
export function buildRequest(
  params: Readonly<Record<string, string>>,
  body: ReadableStream<Uint8Array> | null,
  signal: AbortSignal,
): Request {
  const method = params.REQUEST_METHOD || "GET";
  // `duplex` is missing in the types: a body that is a stream needs it (Fetch Standard).
  const init: RequestInit & { duplex: "half" } = { method, headers: headersOf(params), body, signal, duplex: "half" };
  try {
    return new Request(urlOf(params), init);
  } catch (cause) {
    throw new BadRequest(`no request can be made of the params: ${(cause as Error).message}`, { cause });
  }
}

/** Bytes of body that the params announce; undefined when they do not. */
export function declaredLength(params: Readonly<Record<string, string>>): number | undefined {
  const { CONTENT_LENGTH: length } = params;
  return length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
}

function headersOf(params: Readonly<Record<string, string>>): Headers {
  const headers = new Headers();
  const set = (name: string, value: string): void => {
    try {
      headers.set(name, value);
    } catch (cause) {
      throw new BadRequest(`the param for the header ${name} is no header`, { cause });
    }
  };
  for (const [param, value] of Object.entries(params)) {
    if (!param.startsWith("HTTP_") || param.length === "HTTP_".length) continue;
    const name = param.slice("HTTP_".length).toLowerCase().replaceAll("_", "-");
    if (!NOT_BUILT.has(name)) set(name, value);
  }
  const { CONTENT_TYPE: type, CONTENT_LENGTH: length } = params;
  if (type !== undefined && type !== "") set("content-type", type);
  if (length !== undefined && length !== "") set("content-length", length);
  return headers;
}

function urlOf(params: Readonly<Record<string, string>>): string {
  const https = /^(?:on|1|https)$/i.test(params.HTTPS ?? "") || params.REQUEST_SCHEME?.toLowerCase() === "https";
  const host = params.HTTP_HOST || serverHost(params, https);
  if (/[\s/?#\\@]/.test(host)) throw new BadRequest("the Host header names no host");
  return `${https ? "https" : "http"}://${host}${targetOf(params)}`;
}

function serverHost(
  { SERVER_NAME: name, SERVER_PORT: port }: Readonly<Record<string, string>>,
  https: boolean,
): string {
  // `_` is what nginx calls a server without a name.
  const host = name === undefined || name === "" || name === "_" ? "localhost" : name;
  const usual = port === undefined || port === "" || port === (https ? "443" : "80");
  return usual ? host : `${host}:${port}`;
}

function targetOf(params: Readonly<Record<string, string>>): string {
  const uri = params.REQUEST_URI;
  if (uri === undefined || uri === "") {
    const query = params.QUERY_STRING ? `?${params.QUERY_STRING}` : "";
    const path = `${params.SCRIPT_NAME ?? ""}${params.PATH_INFO ?? ""}`;
    // Decoded by the web server: what would end the path is encoded again.
    return `${path.startsWith("/") ? "" : "/"}${path.replace(/[%?#]/g, encodeURIComponent)}${query}`;
  }
  // Absolute form, as a proxy's visitor sends it.
  const path = uri.replace(/^https?:\/\/[^/?#]*/i, "");
  return path.startsWith("/") ? path : `/${path}`;
}
