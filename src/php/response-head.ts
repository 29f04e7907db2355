// The header block of a CGI response, line by line as php-fpm's SAPI writes it (php-src sapi/fpm/fpm/fpm_main.c).

import { byteStringToBytes } from "../codec/index.ts";

/** Reason phrases as php-fpm sends them (php-src main/http_status_codes.h). */
export const REASONS: ReadonlyMap<number, string> = new Map([
  [100, "Continue"],
  [101, "Switching Protocols"],
  [102, "Processing"],
  [103, "Early Hints"],
  [200, "OK"],
  [201, "Created"],
  [202, "Accepted"],
  [203, "Non-Authoritative Information"],
  [204, "No Content"],
  [205, "Reset Content"],
  [206, "Partial Content"],
  [207, "Multi-Status"],
  [208, "Already Reported"],
  [226, "IM Used"],
  [300, "Multiple Choices"],
  [301, "Moved Permanently"],
  [302, "Found"],
  [303, "See Other"],
  [304, "Not Modified"],
  [305, "Use Proxy"],
  [307, "Temporary Redirect"],
  [308, "Permanent Redirect"],
  [400, "Bad Request"],
  [401, "Unauthorized"],
  [402, "Payment Required"],
  [403, "Forbidden"],
  [404, "Not Found"],
  [405, "Method Not Allowed"],
  [406, "Not Acceptable"],
  [407, "Proxy Authentication Required"],
  [408, "Request Timeout"],
  [409, "Conflict"],
  [410, "Gone"],
  [411, "Length Required"],
  [412, "Precondition Failed"],
  [413, "Request Entity Too Large"],
  [414, "Request-URI Too Long"],
  [415, "Unsupported Media Type"],
  [416, "Requested Range Not Satisfiable"],
  [417, "Expectation Failed"],
  [421, "Misdirected Request"],
  [422, "Unprocessable Entity"],
  [423, "Locked"],
  [424, "Failed Dependency"],
  [426, "Upgrade Required"],
  [428, "Precondition Required"],
  [429, "Too Many Requests"],
  [431, "Request Header Fields Too Large"],
  [451, "Unavailable For Legal Reasons"],
  [500, "Internal Server Error"],
  [501, "Not Implemented"],
  [502, "Bad Gateway"],
  [503, "Service Unavailable"],
  [504, "Gateway Timeout"],
  [505, "HTTP Version Not Supported"],
  [506, "Variant Also Negotiates"],
  [507, "Insufficient Storage"],
  [508, "Loop Detected"],
  [511, "Network Authentication Required"],
]);

/**
 * The header block: a `Status:` line when the status is not 200 and the script gave none itself, the lines in their
 * order, an empty line. A 304 loses its `Content-Type`, as with php-fpm.
 *
 * @param lines byte strings, "Name: value"
 * @param ownReason the script's own reason phrase
 */
export function responseHead(status: number, lines: readonly string[], ownReason?: string): Uint8Array {
  let head = "";
  const ownStatus = lines.some((line) => /^status:/i.test(line));
  if (status !== 200 && !ownStatus) {
    const reason = ownReason ?? REASONS.get(status);
    head += reason === undefined ? `Status: ${status}\r\n` : `Status: ${status} ${reason}\r\n`;
  }
  for (const line of lines) {
    if (line === "" || (status === 304 && /^content-type:/i.test(line))) continue;
    head += `${line}\r\n`;
  }
  return byteStringToBytes(`${head}\r\n`);
}
