// An answer on its way to the visitor, and how the gateway makes a `Response` of it: the platform's, or a faster one that
// the platform brings along.

/** Status, reason and headers of a response: byte strings, repeated names kept. */
export interface ReplyInit {
  readonly status: number;
  readonly statusText?: string;
  readonly headers: [string, string][];
}

/** A whole body, one that comes, or none. */
export type ReplyBody = Uint8Array | ReadableStream<Uint8Array> | null;

/** An answer that can still be changed: other headers, another body. */
export interface Reply {
  status: number;
  statusText?: string;
  headers: [string, string][];
  body: ReplyBody;
  /** What the script asked of the gateway in X-Accel-* headers. */
  readonly wishes?: ReplyWishes | undefined;
}

/** The X-Accel-* headers that change how an answer is sent. */
export interface ReplyWishes {
  /** X-Accel-Limit-Rate: bytes a second; 0 for no limit. */
  limitRate?: number;
}

/** Makes a `Response`. The Node server passes one that costs less than the platform's own. */
export type CreateResponse = (body: ReplyBody, init: ReplyInit) => Response;

/** The platform's own. */
export const createPlatformResponse: CreateResponse = (body, init) => new Response(body as BodyInit | null, init);

/** The value of a header, by its name in lower case; the first, where there are several. */
export function headerOf(reply: Pick<Reply, "headers">, name: string): string | undefined {
  for (const [other, value] of reply.headers) {
    if (other.length === name.length && other.toLowerCase() === name) return value;
  }
  return undefined;
}

/** Removes a header, by its name in lower case. */
export function removeHeader(reply: Reply, name: string): void {
  reply.headers = reply.headers.filter(([other]) => other.length !== name.length || other.toLowerCase() !== name);
}

/** Puts a header in the place of all of its name. */
export function setHeader(reply: Reply, name: string, value: string): void {
  removeHeader(reply, name.toLowerCase());
  reply.headers.push([name, value]);
}
