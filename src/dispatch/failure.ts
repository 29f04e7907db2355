// What a web server is told when an exchange has failed: the answer of a request that no script gave.

import type { ProtocolStatus } from "../codec/index.ts";

/** A failure in FastCGI's terms. */
export interface FailureAnswer {
  /** For STDERR, which web servers log. */
  readonly line: Uint8Array;
  /** For STDOUT: a CGI response. It does not name the cause, which is the operator's business. */
  readonly page: Uint8Array;
  readonly protocolStatus: ProtocolStatus;
}

/** Turns the error of an exchange into an answer: 503 for no child, 504 for too slow, 502 for all else. */
export function explainFailure(error: Error): FailureAnswer {
  const code = (error as { code?: unknown }).code;
  const [status, text] = statusOf(code);
  const encoder = new TextEncoder();
  const retry = code === "EXCHANGE_OVERLOADED" || code === "EXCHANGE_STOPPING" ? "Retry-After: 1\r\n" : "";
  return {
    // One line, whatever the message holds: a log is read line by line.
    line: encoder.encode(`edge-fpm: ${error.message.replace(/[\r\n]+/g, " ")} (${String(code ?? error.name)})\n`),
    page: encoder.encode(`Status: ${status}\r\nContent-Type: text/plain\r\n${retry}\r\n${text}\n`),
    protocolStatus: code === "EXCHANGE_OVERLOADED" ? "overloaded" : "request-complete",
  };
}

/** The HTTP status that stands for the error of an exchange. */
export function failureStatus(error: unknown): number {
  return Number.parseInt(statusOf((error as { code?: unknown } | undefined)?.code)[0], 10);
}

function statusOf(code: unknown): readonly [status: string, text: string] {
  switch (code) {
    case "EXCHANGE_OVERLOADED":
      return ["503 Service Unavailable", "No PHP process became free in time."];
    case "EXCHANGE_STOPPING":
      return ["503 Service Unavailable", "The server is stopping."];
    case "EXCHANGE_TIMEOUT":
      return ["504 Gateway Timeout", "The script ran too long."];
    default:
      return ["502 Bad Gateway", "The script ended without an answer."];
  }
}
