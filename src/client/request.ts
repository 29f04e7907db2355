// What a caller asks for as what is sent: params and a body of known length.

import {
  decodePath,
  metaVariables,
  type NameValue,
  type ScriptPath,
  scriptPath,
  splitScript,
  toByteString,
} from "../cgi/index.ts";
import type { Role } from "../codec/index.ts";
import type { Body, ExchangeRequest } from "../transport/exchange.ts";
import { type BodySource, type LengthLimits, type Measured, measured, streamed } from "./body.ts";

/** A filter's file (FastCGI 1.0, section 6.4). */
export interface FilterData {
  readonly content: Body;
  /** In bytes. Needed unless `content` is a Uint8Array. */
  readonly length?: number;
  readonly lastModified?: Date;
}

/** What a FastCGI application is told beyond the HTTP request. */
export interface FastCgiInit {
  /** The file to run, an absolute path on the application's side (SCRIPT_FILENAME). */
  readonly scriptFilename?: string | undefined;
  /**
   * DOCUMENT_ROOT, absolute, on the application's side. Without `scriptFilename`, the script is the URL's path below it,
   * cut behind `.php` as nginx does.
   */
  readonly documentRoot?: string | undefined;
  /** SCRIPT_NAME. Default: the part of the URL's path that names the script. */
  readonly scriptName?: string | undefined;
  /** PATH_INFO. Default: what follows the script in the URL's path. */
  readonly pathInfo?: string | undefined;
  /** More params, or others in place of those made from the request. Text beyond ASCII is sent as UTF-8. */
  readonly params?: Readonly<Record<string, string>> | Iterable<readonly [string, string]> | undefined;
  /** REMOTE_ADDR. Default `127.0.0.1`. */
  readonly remoteAddress?: string | undefined;
  /** Default `responder`. */
  readonly role?: Role | undefined;
  /** For the role `filter`. */
  readonly data?: FilterData | undefined;
  /** Gives the request up: its connection is closed, or ABORT_REQUEST is sent where the application heeds it. */
  readonly signal?: AbortSignal | null | undefined;
  /** Called with each piece of STDERR as it comes, as text. */
  readonly onStderr?: ((text: string) => void) | undefined;
}

/** The HTTP part, as for `fetch`; headers that browsers forbid there, such as Cookie and Host, are sent. */
export interface HttpInit {
  readonly method?: string | undefined;
  readonly headers?: RequestInit["headers"] | undefined;
  readonly body?: RequestInit["body"] | undefined;
}

export interface RequestOptions extends HttpInit, FastCgiInit {}

/** What the request was made of, before its body is looked at. */
export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: BodySource | undefined;
}

/** Methods whose case does not matter (Fetch Standard, "normalize a method"). */
const NORMALIZED = /^(?:delete|get|head|options|post|put)$/i;

/**
 * Reads input and options as `fetch` does, but without its forbidden headers and methods. A path alone is taken to be on
 * `http://localhost`.
 */
export function httpRequest(input: Request | string | URL, init: RequestOptions): HttpRequest {
  const request = typeof input === "object" && "url" in input ? input : undefined;
  const url = new URL(request?.url ?? String(input), "http://localhost");
  const method = init.method ?? request?.method ?? "GET";
  const headers = new Headers(init.headers ?? request?.headers ?? {});
  let body: BodySource | undefined;
  if (init.body !== undefined && init.body !== null) {
    body = measured(init.body);
    if (body.type !== undefined && !headers.has("content-type")) headers.set("content-type", body.type);
  } else if (request !== undefined && init.body !== null && request.body !== null) {
    body = { stream: request.body };
  }
  if (!headers.has("host")) headers.set("host", url.host);
  return { method: NORMALIZED.test(method) ? method.toUpperCase() : method, url, headers, body };
}

/** @throws {ClientError} `CLIENT_BODY_LENGTH`; {CgiError} for a path or a header that no application must see */
export async function exchangeRequest(
  http: HttpRequest,
  init: FastCgiInit,
  limits: LengthLimits,
  signal: AbortSignal,
): Promise<ExchangeRequest> {
  const role = init.role ?? "responder";
  const body =
    role === "authorizer" ? undefined : await streamed(http.body, http.headers.get("content-length"), limits, signal);
  const params = paramsOf(http, init, role, body);
  return {
    role,
    params,
    ...(body === undefined ? {} : { stdin: body.stdin }),
    ...(init.data === undefined ? {} : { data: init.data.content }),
  };
}

/** What the web server does not tell an authorizer (section 6.3). */
const NOT_FOR_AUTHORIZERS = new Set(["CONTENT_LENGTH", "PATH_INFO", "PATH_TRANSLATED", "SCRIPT_NAME"]);

function paramsOf(http: HttpRequest, init: FastCgiInit, role: Role, body: Measured | undefined): readonly NameValue[] {
  const { url, method, headers } = http;
  const https = url.protocol === "https:";
  const params = metaVariables({
    method,
    requestUri: url.pathname + url.search,
    queryString: url.search.slice(1),
    script: scriptOf(url, init),
    documentRoot: toByteString(init.documentRoot ?? ""),
    headers,
    ...(body === undefined ? {} : { contentLength: body.length }),
    scheme: https ? "https" : "http",
    serverName: url.hostname,
    serverPort: Number(url.port || (https ? 443 : 80)),
    remoteAddress: init.remoteAddress ?? "127.0.0.1",
    serverSoftware: "edge-fpm",
    extra: extraOf(init),
  });
  return role === "authorizer" ? params.filter(([name]) => !NOT_FOR_AUTHORIZERS.has(name)) : params;
}

function scriptOf(url: URL, init: FastCgiInit): ScriptPath {
  const path = decodePath(url.pathname);
  const root = toByteString(init.documentRoot ?? "").replace(/\/$/, "");
  const filename = init.scriptFilename === undefined ? undefined : toByteString(init.scriptFilename);
  const inUrl = splitScript(path)[0] ?? { scriptName: path, pathInfo: "" };
  const inRoot =
    filename !== undefined && root !== "" && filename.startsWith(`${root}/`) ? filename.slice(root.length) : undefined;
  const scriptName = init.scriptName === undefined ? (inRoot ?? inUrl.scriptName) : toByteString(init.scriptName);
  const rest = path.startsWith(`${scriptName}/`) ? path.slice(scriptName.length) : "";
  const pathInfo = init.pathInfo === undefined ? rest : toByteString(init.pathInfo);
  const script = scriptPath(root, { scriptName, pathInfo });
  return filename === undefined ? script : { ...script, scriptFilename: filename };
}

function extraOf({ params = [], data }: FastCgiInit): NameValue[] {
  const pairs = Symbol.iterator in params ? [...params] : Object.entries(params);
  const extra = pairs.map(([name, value]): NameValue => [toByteString(name), toByteString(value)]);
  if (data === undefined) return extra;
  const length = data.length ?? (data.content instanceof Uint8Array ? data.content.length : undefined);
  if (length === undefined) throw new TypeError("the length of a filter's data must be given when it is no Uint8Array");
  // Seconds since 1970 (section 6.4).
  const modified = Math.floor((data.lastModified?.getTime() ?? 0) / 1000);
  return [...extra, ["FCGI_DATA_LAST_MOD", String(modified)], ["FCGI_DATA_LENGTH", String(length)]];
}
