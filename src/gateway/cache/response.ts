// Replies and responses: the cache works on replies, whoever calls it may have either.

import type { Reply, ReplyBody } from "../answer/reply.ts";
import type { Head } from "./entry.ts";
import type { CacheResponse } from "./options.ts";

/** A reply made of a response: handed on as that response when nothing is changed. */
export interface ResponseReply extends Reply {
  readonly original?: Response;
}

export function replyOf(response: Response): ResponseReply {
  const { status, statusText, body } = response;
  return { status, ...(statusText !== "" && { statusText }), headers: [...response.headers], body, original: response };
}

/** The same with another body. */
export function withBody({ original: _, ...reply }: ResponseReply, body: ReplyBody): Reply {
  return { ...reply, body };
}

/** Nobody takes it. */
export async function cancel(body: ReplyBody): Promise<void> {
  if (body instanceof ReadableStream) await body.cancel();
}

/** For `noCache`. */
export function viewOf({ status, joined }: Head): CacheResponse {
  return { status, headers: { get: (name) => joined[name.toLowerCase()] ?? null } };
}
