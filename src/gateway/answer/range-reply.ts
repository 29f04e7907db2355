// A part of a script's answer, where the configuration wants ranges served though the script does not offer them.

import { rangeOf } from "../static/conditional.ts";
import { headerOf, type Reply, removeHeader, setHeader } from "./reply.ts";

/** Cuts an answer of known length down to the one range that was asked for. */
export function applyRange(reply: Reply, request: Pick<Request, "method" | "headers">): void {
  const length = Number(headerOf(reply, "content-length") ?? Number.NaN);
  if (reply.status !== 200 || Number.isNaN(length) || headerOf(reply, "content-range") !== undefined) return;
  setHeader(reply, "Accept-Ranges", "bytes");
  const { body } = reply;
  if (request.method !== "GET" || body === null) return;
  const version = { etag: headerOf(reply, "etag"), modified: headerOf(reply, "last-modified") };
  const range = rangeOf(request.headers, length, version);
  if (range === undefined) return;
  delete reply.statusText;
  removeHeader(reply, "content-length");
  if (range === "unsatisfiable") {
    if (body instanceof ReadableStream) void body.cancel();
    reply.status = 416;
    reply.body = null;
    reply.headers.push(["Content-Range", `bytes */${length}`], ["Content-Length", "0"]);
    return;
  }
  const { start, end } = range;
  reply.status = 206;
  reply.headers.push(["Content-Range", `bytes ${start}-${end - 1}/${length}`], ["Content-Length", String(end - start)]);
  reply.body = body instanceof Uint8Array ? body.subarray(start, end) : partOf(body, start, end);
}

/** The bytes from `start` up to `end` of a stream; what is behind them is not waited for. */
function partOf(body: ReadableStream<Uint8Array>, start: number, end: number): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let at = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return controller.close();
          const from = Math.max(0, start - at);
          const piece = value.subarray(Math.min(from, value.length), Math.min(value.length, Math.max(0, end - at)));
          at += value.length;
          if (piece.length > 0) controller.enqueue(piece);
          if (at >= end) {
            controller.close();
            await reader.cancel();
            return;
          }
          if (piece.length > 0) return;
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
