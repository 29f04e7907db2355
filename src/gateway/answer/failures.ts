// What a visitor learns of a failure: a status and a plain page that gives nothing away. The cause goes to the operator.

import type { Reply } from "./reply.ts";

/** Seconds after which an overloaded pool may be tried again. */
const RETRY_AFTER = "1";

/** The HTTP status for whatever was thrown on the way of a request. */
export function failureStatus(error: unknown): number {
  if (typeof error !== "object" || error === null) return 500;
  const { code, status } = error as { code?: unknown; status?: unknown };
  switch (code) {
    case "EXCHANGE_CONNECT":
    case "EXCHANGE_BROKEN":
    case "EXCHANGE_PROTOCOL":
      return 502;
    case "EXCHANGE_OVERLOADED":
    case "EXCHANGE_STOPPING":
      return 503;
    case "EXCHANGE_TIMEOUT":
      return 504;
    default:
  }
  if (typeof code === "string" && code.startsWith("CGI_")) return 502;
  if (typeof code === "string" && code.startsWith("GATEWAY_") && typeof status === "number") return status;
  return 500;
}

const REASONS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  410: "Gone",
  411: "Length Required",
  412: "Precondition Failed",
  413: "Content Too Large",
  414: "URI Too Long",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

const encoder = new TextEncoder();

/**
 * The page for a status: the same few lines for everybody.
 * @param cause told in a header, where the operator has asked for it
 */
export function failureReply(status: number, method: string, cause?: unknown): Reply {
  const reason = REASONS[status] ?? "Error";
  const page = encoder.encode(`<!doctype html>\n<title>${status} ${reason}</title>\n<h1>${status} ${reason}</h1>\n`);
  const headers: [string, string][] = [
    ["Content-Type", "text/html; charset=utf-8"],
    ["Content-Length", String(page.length)],
    ["Cache-Control", "no-store"],
  ];
  if (status === 503) headers.push(["Retry-After", RETRY_AFTER]);
  if (status === 405) headers.push(["Allow", "GET, HEAD"]);
  if (cause !== undefined && status >= 502 && status <= 504) headers.push(["X-Edge-FPM-Cause", causeOf(cause)]);
  return { status, statusText: reason, headers, body: method === "HEAD" ? null : page };
}

/** Code and message, as they may stand in a header. */
function causeOf(error: unknown): string {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  const text = typeof code === "string" ? `${code}: ${String(message)}` : String(message ?? error);
  return text.replace(/[^\x20-\x7e]+/g, " ").slice(0, 500);
}
