// The access log's formats: compiled once into a function from a request to its line.

import { nearest } from "../config/nearest.ts";
import { type AccessEntry, joinedHeader } from "./entry.ts";
import { escapeDefault, escapeJson, type LogEscape, textOf } from "./escape.ts";
import { isoTime } from "./log-time.ts";
import { type Variable, variableNames, variableOf } from "./log-variables.ts";

/** A line without its line end. One line, whatever the visitor sent. */
export type LogFormat = (entry: AccessEntry) => string;

const COMMON = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent';

/** Formats that have a name. `combined` is nginx's own. */
const NAMED: Readonly<Record<string, string>> = {
  common: COMMON,
  combined: `${COMMON} "$http_referer" "$http_user_agent"`,
};

/** A format that cannot be compiled: a mistake of the operator. */
export class LogFormatError extends Error {
  override readonly name = "LogFormatError";
  readonly code = "LOG_FORMAT";
}

/**
 * @param format `common`, `combined`, `json`, or a template with nginx's `$variables`; `$$` is a dollar
 * @param escaping how values stand in a template; nginx's `escape=`. `json` and the named formats see to themselves
 * @throws {LogFormatError} for a variable that nobody knows; the message says which was most likely meant
 */
export function logFormat(format: string, escaping: LogEscape = "default"): LogFormat {
  if (format === "json") return jsonLine;
  const named = NAMED[format];
  if (named !== undefined) return compile(named, "default");
  if (/^[a-z_]+$/.test(format)) {
    throw new LogFormatError(
      `There is no log format ${JSON.stringify(format)}; there are common, combined and json, or a template with $variables.`,
    );
  }
  return compile(format, escaping);
}

function compile(template: string, escaping: LogEscape): LogFormat {
  const literals: string[] = [];
  const variables: Variable[] = [];
  let literal = "";
  let at = 0;
  for (const match of template.matchAll(/\$(?:(\$)|([A-Za-z0-9_]+)|\{([A-Za-z0-9_]+)\}|)/g)) {
    literal += template.slice(at, match.index);
    at = match.index + match[0].length;
    if (match[1] !== undefined) {
      literal += "$";
      continue;
    }
    const name = match[2] ?? match[3];
    if (name === undefined) throw new LogFormatError("A $ in a log format must begin a variable; $$ is a dollar.");
    variables.push(known(name));
    literals.push(literal);
    literal = "";
  }
  const rest = literal + template.slice(at);
  const write = WRITERS[escaping];
  return (entry) => {
    let line = "";
    for (let i = 0; i < variables.length; i++)
      line += (literals[i] as string) + write((variables[i] as Variable)(entry));
    return line + rest;
  };
}

/** nginx: a hyphen for what is not there, but nothing inside JSON. */
const WRITERS: Readonly<Record<LogEscape, (value: string | undefined) => string>> = {
  default: (value) => (value === undefined ? "-" : escapeDefault(value)),
  json: (value) => (value === undefined ? "" : escapeJson(value)),
  // A line stays a line all the same.
  none: (value) => (value === undefined ? "" : textOf(value).replace(/[\r\n\u2028\u2029]/g, " ")),
};

function known(name: string): Variable {
  const variable = variableOf(name);
  if (variable !== undefined) return variable;
  const near = nearest(name, variableNames);
  throw new LogFormatError(
    `There is no variable $${name} in a log format${near === undefined ? "" : `; did you mean $${near}?`}`,
  );
}

const text = (value: string | undefined) => (value === undefined ? undefined : textOf(value));

/** Everything, as one object a line. Times are seconds, lengths bytes; what is not known is not there. */
function jsonLine(entry: AccessEntry): string {
  return JSON.stringify({
    time: isoTime(entry.time),
    msec: Math.round(entry.time) / 1000,
    remote_addr: entry.remoteAddress,
    remote_user: text(entry.remoteUser),
    method: text(entry.method),
    request_uri: text(entry.target),
    protocol: entry.protocol,
    scheme: entry.scheme,
    host: text(entry.host),
    status: entry.status,
    body_bytes_sent: entry.bodyBytesSent,
    bytes_sent: entry.bytesSent,
    request_length: entry.requestLength,
    request_time: inSeconds(entry.requestTime),
    referer: text(joinedHeader(entry.requestHeaders, "referer")),
    user_agent: text(joinedHeader(entry.requestHeaders, "user-agent")),
    location: entry.location,
    script: text(entry.scriptName),
    path_info: entry.pathInfo === "" ? undefined : text(entry.pathInfo),
    cache: entry.cacheStatus,
    upstream:
      entry.upstream.length === 0
        ? undefined
        : entry.upstream.map((attempt) => ({
            addr: attempt.address,
            status: attempt.status,
            connect_time: inSeconds(attempt.connectTime),
            header_time: inSeconds(attempt.headerTime),
            response_time: inSeconds(attempt.responseTime),
            bytes_sent: attempt.bytesSent,
            bytes_received: attempt.bytesReceived,
            error: attempt.error,
          })),
    request_id: entry.requestId,
    trace_id: entry.traceId,
    aborted: entry.aborted === true ? true : undefined,
    error: entry.error,
  });
}

function inSeconds(milliseconds: number | undefined): number | undefined {
  return milliseconds === undefined ? undefined : Math.round(milliseconds) / 1000;
}
