// What the pool shows of a request, taken from its params.

import type { Pair } from "../codec/index.ts";

/** The request as the pool's scoreboard and logs show it: byte strings, "" where unknown. */
export interface PoolRequest {
  readonly method: string;
  readonly uri: string;
  readonly query: string;
  readonly script: string;
  readonly user: string;
  readonly contentLength: number;
}

/**
 * Of a name sent twice the last counts, as in php-fpm. The URI is SCRIPT_NAME, as php-fpm shows it on its status page
 * and in its logs: behind a front controller that is the controller, and REQUEST_URI is a param like others.
 */
export function describeRequest(params: readonly Pair[]): PoolRequest {
  const values = new Map(params);
  const value = (name: string) => values.get(name) ?? "";
  const length = value("CONTENT_LENGTH");
  return {
    method: value("REQUEST_METHOD"),
    uri: value("SCRIPT_NAME") || (value("REQUEST_URI").split("?", 1)[0] ?? ""),
    query: value("QUERY_STRING"),
    script: value("SCRIPT_FILENAME"),
    user: basicUser(value("HTTP_AUTHORIZATION")) || value("REMOTE_USER"),
    contentLength: /^\d{1,15}$/.test(length) ? Number(length) : 0,
  };
}

/** The name that a visitor gave by basic authentication: the user php-fpm shows. "" when there is none. */
function basicUser(authorization: string): string {
  if (!/^basic /i.test(authorization)) return "";
  try {
    return atob(authorization.slice(6).trim()).split(":", 1)[0] ?? "";
  } catch {
    return "";
  }
}
