// A fetch `Response` to a visitor of Node's HTTP server.

import type { ServerResponse } from "node:http";
import type { NodeResponse } from "srvx/node";

/** Whole bodies up to this many bytes go out in one piece with the head: beyond, the copy costs more than a second piece. */
const ONE_PIECE = 4 * 1024;

/**
 * Writes a whole answer at once, and a stream as the visitor takes it.
 *
 * @returns for a stream, a promise: it settles when the answer is over, one way or another
 * @throws what Node has against status or headers
 */
export function sendResponse(res: ServerResponse, response: Response): Promise<void> | undefined {
  const { status, statusText, headers, body } = parts(response);
  res.writeHead(status, statusText, headers);
  if (body instanceof ReadableStream) return sendStream(res, body);
  if (body === null) res.end();
  // A string is put behind the head before it is written: one write of one piece.
  else if (body.length <= ONE_PIECE) res.end(latin1(body), "latin1");
  else res.end(body);
  return undefined;
}

interface Parts {
  readonly status: number;
  readonly statusText: string;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body: Uint8Array | ReadableStream<Uint8Array> | null;
}

function parts(response: Response): Parts {
  const prepared = (response as Partial<NodeResponse>)._toNodeResponse?.();
  if (prepared !== undefined) {
    const { status, statusText, headers, body } = prepared;
    if (body === null || body === undefined || body instanceof Uint8Array || body instanceof ReadableStream) {
      return { status, statusText: printable(statusText), headers, body: body ?? null };
    }
    // Whatever else a handler may have put into it: the platform makes bytes of it.
    return parts(new Response(body as BodyInit, { status, statusText, headers: pairsOf(headers) }));
  }
  const headers: string[] = [];
  for (const [name, value] of response.headers) headers.push(name, value);
  return { status: response.status, statusText: printable(response.statusText), headers, body: response.body };
}

function pairsOf(flat: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) pairs.push([flat[i] as string, flat[i + 1] as string]);
  return pairs;
}

/** Without what a status line cannot hold (RFC 9112, section 4). */
function printable(reason: string): string {
  return /[^\t\x20-\x7e\x80-\xff]/.test(reason) ? reason.replace(/[^\t\x20-\x7e\x80-\xff]/g, "") : reason;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** Never rejects: a stream that breaks breaks the answer, and a visitor who leaves ends the stream. */
async function sendStream(res: ServerResponse, body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.getReader();
  let open = () => {};
  const closed = () => {
    reader.cancel().catch(() => {});
    open();
  };
  const drained = () => open();
  res.once("close", closed);
  res.on("drain", drained);
  try {
    if (res.destroyed || res.req.method === "HEAD") {
      await reader.cancel();
      res.end();
      return;
    }
    for (;;) {
      const { done, value } = await reader.read();
      if (done || res.destroyed) break;
      if (res.write(value)) continue;
      await new Promise<void>((resolve) => {
        open = resolve;
        if (res.destroyed) resolve();
      });
    }
    if (!res.destroyed) await new Promise<void>((resolve) => res.end(resolve));
  } catch (error) {
    reader.cancel(error).catch(() => {});
    res.destroy(error as Error);
  } finally {
    res.off("close", closed);
    res.off("drain", drained);
  }
}
