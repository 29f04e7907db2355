// Answers of text in fewer bytes, for visitors who take them so.

import { type Coding, chooseCoding } from "./accept-encoding.ts";
import { headerOf, type Reply, removeHeader, setHeader } from "./reply.ts";

/** The platform's library. `src/platform/node/compress.ts` is one; `streamCompressor` is for runtimes without Node's. */
export interface Compressor {
  /** What it can make, the better one first. */
  readonly codings: readonly Coding[];
  /** A whole body. */
  whole(coding: Coding, body: Uint8Array): Promise<Uint8Array>;
  /** A body that comes in chunks: what goes in comes out at once, so that nobody waits for a flush of a script. */
  stream(coding: Coding, body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array>;
}

export interface CompressRules {
  /** Media types, without parameters, in lower case; `text/*` for all of a kind, `*` for all. */
  readonly types: readonly string[];
  /** Bytes below which it is not worth it. */
  readonly minLength: number;
}

/** Statuses whose body is something whole. */
const WHOLE = new Set([200, 201, 203, 300, 400, 401, 403, 404, 405, 410, 422, 429, 500, 501, 502, 503, 504]);

/**
 * Compresses an answer, if its type, its length and its visitor allow. Whoever might have got it otherwise is told in Vary.
 * Parts of something, what is compressed already and what is marked `no-transform` stay as they are.
 */
export async function compressReply(
  reply: Reply,
  request: Pick<Request, "method" | "headers">,
  rules: CompressRules,
  compressor: Compressor,
): Promise<void> {
  if (!WHOLE.has(reply.status) || !isListed(headerOf(reply, "content-type"), rules.types)) return;
  if (headerOf(reply, "content-encoding") !== undefined || headerOf(reply, "content-range") !== undefined) return;
  if (/(?:^|[\s,])no-transform(?:$|[\s,])/i.test(headerOf(reply, "cache-control") ?? "")) return;
  const length = headerOf(reply, "content-length");
  if (length !== undefined && Number(length) < rules.minLength) return;
  vary(reply);

  const coding = chooseCoding(request.headers.get("accept-encoding"), compressor.codings);
  if (coding === undefined) return;
  // Of a HEAD the length is that of what a GET would get, which nobody knows without making it.
  const { body } = reply;
  if (body === null && request.method !== "HEAD") return;
  removeHeader(reply, "content-length");
  removeHeader(reply, "accept-ranges");
  setHeader(reply, "Content-Encoding", coding);
  weaken(reply);
  if (body instanceof Uint8Array) {
    const whole = await compressor.whole(coding, body);
    reply.headers.push(["Content-Length", String(whole.length)]);
    reply.body = whole;
  } else if (body !== null) {
    reply.body = compressor.stream(coding, body);
  }
}

function isListed(type: string | undefined, types: readonly string[]): boolean {
  const plain = type?.split(";")[0]?.trim().toLowerCase();
  if (plain === undefined || plain === "" || plain === "text/event-stream") return false;
  return types.some(
    (listed) => listed === "*" || listed === plain || (listed.endsWith("/*") && plain.startsWith(listed.slice(0, -1))),
  );
}

function vary(reply: Reply): void {
  const before = reply.headers.filter(([name]) => name.toLowerCase() === "vary").map(([, value]) => value);
  if (/(?:^|[\s,])(?:accept-encoding|\*)(?:$|[\s,])/i.test(before.join(","))) return;
  setHeader(reply, "Vary", [...before, "Accept-Encoding"].join(", "));
}

/** Other bytes than the ones a strong validator stands for (RFC 9110, section 8.8.1). */
function weaken(reply: Reply): void {
  const etag = headerOf(reply, "etag");
  if (etag !== undefined && !etag.startsWith("W/")) setHeader(reply, "ETag", `W/${etag}`);
}

/** By CompressionStream, which every runtime has: gzip, and no flush between chunks. */
export const streamCompressor: Compressor = {
  codings: ["gzip"],
  async whole(_coding, body) {
    const stream = new Blob([body as BlobPart]).stream().pipeThrough(new CompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  },
  stream: (_coding, body) =>
    body.pipeThrough(new CompressionStream("gzip") as unknown as ReadableWritablePair<Uint8Array, Uint8Array>),
};
