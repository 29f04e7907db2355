// A fetch `Response` to a visitor of Node's HTTP server.

import { type ServerResponse, STATUS_CODES } from "node:http";
import { NodeResponse } from "srvx/node";
import type { CreateResponse, ReplyBody, ReplyInit } from "../../gateway/index.ts";

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
  readonly body: ReplyBody;
}

/** A response that is sent as it was made, as long as nobody took it for more than what it was made of. */
class ReplyResponse extends NodeResponse {
  /** `undefined` once somebody may have changed it, or taken its body. */
  made: { readonly body: ReplyBody; readonly init: Required<ReplyInit> } | undefined;

  constructor(body: ReplyBody, { status, statusText = STATUS_CODES[status] ?? "", headers }: ReplyInit) {
    const init = { status, statusText, headers };
    super(body as BodyInit | null, init);
    this.made = { body, init };
  }

  override get headers(): Headers {
    this.made = undefined;
    return super.headers;
  }

  /** What `srvx` makes of it for all else that is asked of a Response. */
  get _response(): Response {
    this.made = undefined;
    return Reflect.get(NodeResponse.prototype, "_response", this) as Response;
  }
}

/** A Response that costs little to make and to send: give it to the gateway as `createResponse`. */
export const createNodeResponse: CreateResponse = (body, init) => new ReplyResponse(body, init);

function parts(response: Response): Parts {
  // Not `instanceof`, which `srvx` has made slow.
  const made = (response as Partial<ReplyResponse>).made;
  if (made !== undefined) {
    const { status, statusText, headers } = made.init;
    return { status, statusText: printable(statusText), headers: flat(headers), body: made.body };
  }
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

function flat(pairs: readonly (readonly [string, string])[]): string[] {
  const list: string[] = [];
  for (const [name, value] of pairs) list.push(name, value);
  return list;
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
