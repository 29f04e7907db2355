// How the gateway makes its responses: the platform's `Response`, or a faster one that the platform brings along.

/** Status, reason and headers of a response: byte strings, repeated names kept. */
export interface ReplyInit {
  readonly status: number;
  readonly statusText?: string;
  readonly headers: [string, string][];
}

/** Makes a `Response`. The Node server passes one that costs less than the platform's own. */
export type CreateResponse = (body: Uint8Array | ReadableStream<Uint8Array> | null, init: ReplyInit) => Response;

/** The platform's own. */
export const createPlatformResponse: CreateResponse = (body, init) => new Response(body as BodyInit | null, init);
