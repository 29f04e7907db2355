// The body of a request that Node's HTTP server has, as a web stream. `Readable.toWeb` would copy each piece.

import type { IncomingMessage } from "node:http";
import { finished } from "node:stream";

/** Bytes taken from the visitor ahead of whoever reads. */
const AHEAD = 64 * 1024;

/** The body; it errors when the visitor breaks off. Cancelled, it ends the connection. To be called once. */
export function requestStream(req: IncomingMessage): ReadableStream<Uint8Array> {
  let stop = () => {};
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const take = (chunk: Uint8Array) => {
          controller.enqueue(chunk);
          if ((controller.desiredSize ?? 0) <= 0) req.pause();
        };
        const forget = finished(req, { writable: false }, (error) => {
          stop();
          if (error) controller.error(error);
          else controller.close();
        });
        stop = () => {
          forget();
          req.off("data", take);
          // Whatever else goes wrong with the connection is told to others.
          req.on("error", () => {});
        };
        req.on("data", take);
        req.pause();
      },
      pull() {
        req.resume();
      },
      cancel(reason) {
        stop();
        req.destroy(reason instanceof Error ? reason : undefined);
      },
    },
    { highWaterMark: AHEAD, size: (chunk) => chunk.length },
  );
}
