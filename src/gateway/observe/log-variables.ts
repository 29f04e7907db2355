// The `$variables` of a log format: nginx's names, and what they are of a request. `undefined` is what nginx calls not
// found, and writes as a hyphen.

import { cookieOf } from "../config/cookie.ts";
import { type AccessEntry, joinedHeader, type UpstreamAttempt } from "./entry.ts";
import { isoTime, localTime } from "./log-time.ts";

/** Reads one variable. */
export type Variable = (entry: AccessEntry) => string | undefined;

/** Milliseconds as seconds with three decimals. */
function seconds(milliseconds: number): string {
  return (Math.max(0, Math.round(milliseconds)) / 1000).toFixed(3);
}

/** One value an attempt, in nginx's punctuation: commas between servers, colons between locations. */
function attempts(read: (attempt: UpstreamAttempt) => string | undefined): Variable {
  return ({ upstream }) => {
    if (upstream.length === 0) return undefined;
    let text = "";
    for (const [index, attempt] of upstream.entries()) {
      if (index > 0) text += attempt.redirected === true ? " : " : ", ";
      text += read(attempt) ?? "-";
    }
    return text;
  };
}

const time = (milliseconds: number | undefined) => (milliseconds === undefined ? undefined : seconds(milliseconds));
const number = (value: number | undefined) => (value === undefined ? undefined : String(value));

function query(entry: AccessEntry): string | undefined {
  const question = entry.target.indexOf("?");
  // An empty one is none, as in nginx.
  return question === -1 ? undefined : entry.target.slice(question + 1).replace(/#.*$/s, "") || undefined;
}

function path(entry: AccessEntry): string {
  return entry.uri ?? entry.target.replace(/[?#].*$/s, "");
}

const VARIABLES: Readonly<Record<string, Variable>> = {
  args: query,
  body_bytes_sent: (entry) => String(entry.bodyBytesSent),
  bytes_sent: (entry) => String(entry.bytesSent ?? entry.bodyBytesSent),
  connection: (entry) => number(entry.connection),
  connection_requests: (entry) => number(entry.connectionRequests),
  content_length: (entry) => joinedHeader(entry.requestHeaders, "content-length"),
  content_type: (entry) => joinedHeader(entry.requestHeaders, "content-type"),
  document_root: (entry) => entry.documentRoot,
  document_uri: path,
  fastcgi_path_info: (entry) => entry.pathInfo,
  fastcgi_script_name: (entry) => entry.scriptName,
  host: (entry) => entry.host,
  https: (entry) => (entry.scheme === "https" ? "on" : ""),
  is_args: (entry) => (query(entry) ? "?" : ""),
  msec: (entry) => seconds(entry.time),
  query_string: query,
  remote_addr: (entry) => entry.remoteAddress ?? "unix:",
  remote_port: (entry) => number(entry.remotePort),
  remote_user: (entry) => entry.remoteUser,
  request: (entry) => `${entry.method} ${entry.target} ${entry.protocol}`.trim(),
  request_completion: (entry) => (entry.aborted === true ? "" : "OK"),
  request_filename: (entry) => entry.scriptFilename,
  request_id: (entry) => entry.requestId,
  request_length: (entry) => number(entry.requestLength),
  // Empty of requests that nobody could read.
  request_method: (entry) => entry.method || undefined,
  request_time: (entry) => seconds(entry.requestTime),
  request_uri: (entry) => entry.target || undefined,
  scheme: (entry) => entry.scheme,
  server_addr: (entry) => entry.serverAddress,
  server_name: (entry) => entry.serverName ?? "",
  server_port: (entry) => number(entry.serverPort),
  server_protocol: (entry) => entry.protocol || undefined,
  status: (entry) => String(entry.status).padStart(3, "0"),
  time_iso8601: (entry) => isoTime(entry.time),
  time_local: (entry) => localTime(entry.time),
  upstream_addr: attempts(({ address }) => address),
  upstream_bytes_received: attempts(({ bytesReceived }) => String(bytesReceived ?? 0)),
  upstream_bytes_sent: attempts(({ bytesSent }) => String(bytesSent ?? 0)),
  upstream_cache_status: (entry) => entry.cacheStatus,
  upstream_connect_time: attempts(({ connectTime }) => time(connectTime)),
  upstream_header_time: attempts(({ headerTime }) => time(headerTime)),
  upstream_response_length: attempts(({ responseLength }) => String(responseLength ?? 0)),
  upstream_response_time: attempts(({ responseTime }) => time(responseTime)),
  upstream_status: attempts(({ status }) => number(status)),
  uri: path,

  // Ours.
  error_code: (entry) => entry.error,
  location_name: (entry) => entry.location,
  trace_id: (entry) => entry.traceId,
};

/** Names that end in a header, an argument or a cookie of any name. */
const FAMILIES: readonly (readonly [prefix: string, variable: (name: string) => Variable])[] = [
  ["http_", (name) => (entry) => joinedHeader(entry.requestHeaders, name.replaceAll("_", "-"))],
  ["sent_http_", (name) => (entry) => joinedHeader(entry.responseHeaders, name.replaceAll("_", "-"))],
  ["upstream_http_", (name) => (entry) => joinedHeader(entry.upstreamHeaders ?? [], name.replaceAll("_", "-"))],
  ["arg_", (name) => (entry) => argument(query(entry), name)],
  ["cookie_", (name) => (entry) => cookieOf(joinedHeader(entry.requestHeaders, "cookie"), name)],
];

/** Every name that is not the beginning of a family's. */
export const variableNames: readonly string[] = Object.keys(VARIABLES);

/** @returns `undefined` for a name that nobody knows */
export function variableOf(name: string): Variable | undefined {
  if (Object.hasOwn(VARIABLES, name)) return VARIABLES[name];
  for (const [prefix, variable] of FAMILIES) {
    if (name.startsWith(prefix) && name.length > prefix.length)
      return variable(name.slice(prefix.length).toLowerCase());
  }
  return undefined;
}

/** The first argument of that name, whatever its case, still encoded. */
function argument(text: string | undefined, name: string): string | undefined {
  if (text === undefined) return undefined;
  for (const pair of text.split("&")) {
    if (pair.charAt(name.length) === "=" && pair.slice(0, name.length).toLowerCase() === name) {
      return pair.slice(name.length + 1);
    }
  }
  return undefined;
}
