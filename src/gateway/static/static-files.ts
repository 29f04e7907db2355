// A file as an answer: type and validators (RFC 9110, section 8), conditional requests and ranges.

import { lookup } from "mrmime";
import type { Reply } from "../answer/reply.ts";
import { GatewayError } from "../errors.ts";
import type { FileEntry } from "../files.ts";
import { isFresh, rangeOf, type Validators } from "./conditional.ts";
import { multipart, severalRanges } from "./multipart-ranges.ts";
import { isOtherVersion } from "./preconditions.ts";

/**
 * Answers GET and HEAD with a file.
 *
 * @param path its name, for the type
 * @param whole heeds no condition and no range: the file is the page of an error
 * @throws {GatewayError} `GATEWAY_METHOD` for any other method; `GATEWAY_PRECONDITION`
 */
export async function fileReply(
  request: Pick<Request, "method" | "headers">,
  path: string,
  file: FileEntry,
  whole = false,
): Promise<Reply> {
  const { method } = request;
  if (method !== "GET" && method !== "HEAD") {
    throw new GatewayError("GATEWAY_METHOD", 405, `${method} for a static file; GET and HEAD are allowed`);
  }
  const validators = { etag: etagOf(file), modified: new Date(file.modified).toUTCString() };
  const headers: [string, string][] = [
    ["Content-Type", contentType(path)],
    ["ETag", validators.etag],
    ["Last-Modified", validators.modified],
  ];
  if (!whole) {
    headers.push(["Accept-Ranges", "bytes"]);
    if (isOtherVersion(request.headers, validators)) {
      throw new GatewayError("GATEWAY_PRECONDITION", 412, "the file is another version than the request was made for");
    }
    if (isFresh(request.headers, validators)) {
      return { status: 304, headers: headers.slice(1, 3), body: null };
    }
    const part = method === "GET" ? await partReply(request.headers, file, headers, validators) : undefined;
    if (part !== undefined) return part;
  }
  headers.push(["Content-Length", String(file.size)]);
  return { status: 200, headers, body: method === "HEAD" ? null : await file.read(0, file.size) };
}

/** The answer to a request for ranges; `undefined` when the whole file is. */
async function partReply(
  request: Headers,
  file: FileEntry,
  headers: [string, string][],
  validators: Validators,
): Promise<Reply | undefined> {
  const several = severalRanges(request.get("range"), file.size);
  if (several !== undefined && isForThis(request, validators)) {
    const type = headers[0]?.[1] ?? "";
    const parts = multipart(file, type, several, boundary());
    return {
      status: 206,
      headers: [["Content-Type", parts.type], ...headers.slice(1, 3), ["Content-Length", String(parts.length)]],
      body: parts.body(),
    };
  }
  const range = rangeOf(request, file.size, validators);
  if (range === undefined) return undefined;
  if (range === "unsatisfiable") {
    return {
      status: 416,
      headers: [
        ["Content-Range", `bytes */${file.size}`],
        ["Content-Length", "0"],
      ],
      body: null,
    };
  }
  const { start, end } = range;
  headers.push(["Content-Length", String(end - start)], ["Content-Range", `bytes ${start}-${end - 1}/${file.size}`]);
  return { status: 206, headers, body: await file.read(start, end) };
}

/** If-Range names this version, or there is none. */
function isForThis(request: Headers, { etag, modified }: Validators): boolean {
  const ifRange = request.get("if-range");
  return ifRange === null || (!ifRange.startsWith("W/") && (ifRange === etag || ifRange === modified));
}

/** Twenty digits, as nginx's. */
function boundary(): string {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return String(high).padStart(10, "0") + String(low).padStart(10, "0");
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
