// The pages that php-fpm itself answers: `pm.status_path` and `ping.path`. Heads and bodies are php-fpm's to the byte,
// but for what we add to the status.

import type { PoolStatus } from "./status.ts";
import { statusHtml, statusXml } from "./status-markup.ts";
import { statusOpenmetrics } from "./status-openmetrics.ts";
import { statusJson, statusText } from "./status-text.ts";

/** A page, as a CGI response. */
export interface FpmPage {
  /** Header lines in order, without their ends. */
  readonly head: readonly string[];
  /** Empty for HEAD. */
  readonly body: string;
}

/** What of a request these pages look at. */
export interface PageRequest {
  readonly method: string;
  readonly query: string;
}

const NEVER_CACHED = [
  "Expires: Thu, 01 Jan 1970 00:00:00 GMT",
  "Cache-Control: no-cache, no-store, must-revalidate, max-age=0",
];

interface StatusFormat {
  readonly name: string;
  readonly contentType: string;
  readonly write: (status: PoolStatus, full: boolean) => string;
}

const TEXT: StatusFormat = { name: "", contentType: "Content-type: text/plain;charset=UTF-8", write: statusText };

/** In the order in which php-fpm looks for their names. */
const FORMATS: readonly StatusFormat[] = [
  { name: "html", contentType: "Content-type: text/html;charset=UTF-8", write: statusHtml },
  { name: "xml", contentType: "Content-type: text/xml;charset=UTF-8", write: statusXml },
  { name: "json", contentType: "Content-Type: application/json", write: statusJson },
  {
    name: "openmetrics",
    contentType: "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8",
    write: statusOpenmetrics,
  },
];

/**
 * The status page. The query chooses: `html`, `xml`, `json`, `openmetrics`, else text; `full` adds the children.
 *
 * @param status called only when the page needs it
 */
export function statusPage(request: PageRequest, status: () => PoolStatus): FpmPage {
  // A HEAD request ends before the format is chosen: php-fpm's default type stands.
  if (request.method === "HEAD") {
    return { head: [...NEVER_CACHED, "Content-type: text/html; charset=UTF-8"], body: "" };
  }
  const names = queryNames(request.query);
  const format = FORMATS.find(({ name }) => names.has(name)) ?? TEXT;
  return { head: [...NEVER_CACHED, format.contentType], body: format.write(status(), names.has("full")) };
}

/** The answer to `ping.path`. */
export function pingPage(request: PageRequest, response: string): FpmPage {
  const head = [TEXT.contentType, ...NEVER_CACHED];
  return { head, body: request.method === "HEAD" ? "" : response };
}

/**
 * The names of a query, as PHP finds them in `$_GET`: with a value, without, or as an array. php-fpm also takes every
 * beginning of a name for the name (`x` for `xml`); that is an oversight and not followed.
 */
function queryNames(query: string): Set<string> {
  return new Set(query.split("&").map((pair) => decoded(pair.split("=", 1)[0] ?? "").split("[", 1)[0] ?? ""));
}

function decoded(name: string): string {
  if (!/[%+]/.test(name)) return name;
  try {
    return decodeURIComponent(name.replaceAll("+", " ")).trimStart();
  } catch {
    return name;
  }
}
