// A file as a response: type, validators, conditional requests and ranges (RFC 9110, sections 8, 13 and 14).

import fresh from "fresh";
import { lookup } from "mrmime";
import parseRange from "range-parser";
import { GatewayError } from "./errors.ts";
import type { FileEntry } from "./files.ts";
import type { CreateResponse } from "./reply.ts";

/**
 * Answers GET and HEAD with a file.
 *
 * @param path its name, for the type
 * @throws {GatewayError} `GATEWAY_METHOD` for any other method
 */
export async function fileResponse(
  request: Pick<Request, "method" | "headers">,
  path: string,
  file: FileEntry,
  create: CreateResponse,
): Promise<Response> {
  const { method } = request;
  if (method !== "GET" && method !== "HEAD") {
    throw new GatewayError("GATEWAY_METHOD", 405, `${method} for a static file; GET and HEAD are allowed`);
  }

  const etag = etagOf(file);
  const modified = new Date(file.modified).toUTCString();
  const headers: [string, string][] = [
    ["Content-Type", contentType(path)],
    ["ETag", etag],
    ["Last-Modified", modified],
    ["Accept-Ranges", "bytes"],
  ];

  if (isFresh(request.headers, etag, modified)) {
    return create(null, { status: 304, headers: [headers[1], headers[2]].filter((header) => header !== undefined) });
  }

  const range = method === "GET" ? rangeOf(request.headers, file.size, etag, modified) : undefined;
  if (range === "unsatisfiable") {
    return create(null, {
      status: 416,
      headers: [
        ["Content-Range", `bytes */${file.size}`],
        ["Content-Length", "0"],
      ],
    });
  }
  const { start, end } = range ?? { start: 0, end: file.size };
  headers.push(["Content-Length", String(end - start)]);
  if (range !== undefined) headers.push(["Content-Range", `bytes ${start}-${end - 1}/${file.size}`]);

  const body = method === "HEAD" ? null : await file.read(start, end);
  return create(body, { status: range === undefined ? 200 : 206, headers });
}

/** Modification time and size in hexadecimal, as nginx makes them. */
function etagOf(file: FileEntry): string {
  return `"${Math.floor(file.modified).toString(16)}-${file.size.toString(16)}"`;
}

/** Types of text say UTF-8, but HTML, which can name its own encoding. */
function contentType(path: string): string {
  const type = lookup(path) ?? "application/octet-stream";
  return type.startsWith("text/") && type !== "text/html" ? `${type}; charset=utf-8` : type;
}

function isFresh(headers: Headers, etag: string, modified: string): boolean {
  const noneMatch = headers.get("if-none-match");
  const modifiedSince = headers.get("if-modified-since");
  if (noneMatch === null && modifiedSince === null) return false;
  return fresh(
    {
      "if-none-match": noneMatch ?? undefined,
      "if-modified-since": modifiedSince ?? undefined,
      "cache-control": headers.get("cache-control") ?? undefined,
    },
    { etag, "last-modified": modified },
  );
}

/**
 * The range to send, `end` excluded. `undefined` for the whole file: no range, one that makes no sense, several ranges
 * (a server may ignore them), or an If-Range that names another version.
 */
function rangeOf(
  headers: Headers,
  size: number,
  etag: string,
  modified: string,
): { start: number; end: number } | "unsatisfiable" | undefined {
  const header = headers.get("range");
  if (header === null) return undefined;
  const ifRange = headers.get("if-range");
  if (ifRange !== null && ifRange !== etag && ifRange !== modified) return undefined;

  const ranges = parseRange(size, header, { combine: true });
  if (ranges === -1) return header.startsWith("bytes=") ? "unsatisfiable" : undefined;
  if (ranges === -2 || ranges.type !== "bytes" || ranges.length !== 1) return undefined;
  const [range] = ranges;
  return range && { start: range.start, end: range.end + 1 };
}
