// The web server: our gateway before the site's files, with requests and answers as the page writes them.

import { utf8ToByteString } from "../../../src/codec/index.ts";
import type { ReplyInit } from "../../../src/gateway/answer/reply.ts";
import { createFolderGateway, type FileSource } from "../../../src/gateway/index.ts";
import type { Exchange } from "../../../src/transport/exchange.ts";
import { DOCUMENT_ROOT, EngineError, PING_PATH, type RequestInput, STATUS_PATH } from "../types.ts";
import type { FrontController } from "./unpacked.ts";

/** An answer. Headers as the script wrote them: the browser's own `Response` would drop Set-Cookie. */
export interface Reply extends ReplyInit {
  readonly body: Uint8Array | ReadableStream<Uint8Array> | null;
}

/** Who wants to know what beside the answer. */
export interface Visit {
  /** Number of the request. */
  readonly number: number;
  readonly signal: AbortSignal;
  readonly exchange: Exchange;
  /** Answers for paths of an application that are no files. */
  readonly frontController?: FrontController | undefined;
  onStderr?(line: string): void;
  onError?(error: unknown, status: number): void;
}

const HOST = "localhost";

/** The pages that the master answers itself: `location = /status { fastcgi_pass ...; }`. */
const MASTER_PAGES = [STATUS_PATH, PING_PATH];

/** Answers one request. Never rejects but for input that no HTTP client could send. */
export async function answer(input: RequestInput, files: FileSource, visit: Visit): Promise<Reply> {
  const path = pathOf(input);
  const page = MASTER_PAGES.find((known) => known === path);
  const { folder, script } = visit.frontController ?? {};
  const gateway = createFolderGateway({
    documentRoot: DOCUMENT_ROOT,
    ...(folder !== undefined && script !== undefined && path.startsWith(folder) && { frontController: script }),
    files: page === undefined ? files : { find: (at) => (at === page ? EMPTY_FILE : undefined) },
    ...(page === undefined ? {} : { scriptExtensions: [page.slice(1)] }),
    exchange: visit.exchange,
    createResponse: (body, init) => ({ body, ...init }) as unknown as Response,
    onStderr: (line) => visit.onStderr?.(line),
    onError: (error, _request, status) => visit.onError?.(error, status),
  });
  const headers = headersOf(input, visit.number);
  const request: Pick<Request, "method" | "url" | "headers" | "body" | "signal"> = {
    method: input.method ?? "GET",
    url: `http://${HOST}${path}`,
    headers: platformHeaders(headers),
    body: input.body === undefined ? null : streamOf(input.body),
    signal: visit.signal,
  };
  const reply = await gateway(request as Request, {
    target: input.url,
    headers,
    protocol: "HTTP/1.1",
    scheme: input.scheme ?? "http",
    remoteAddress: "127.0.0.1",
    remotePort: 49_152 + (visit.number % 16_384),
    serverAddress: "127.0.0.1",
    serverPort: input.scheme === "https" ? 443 : 80,
  });
  return reply as unknown as Reply;
}

/** Whether a request is for a script, as far as its URL tells. */
export function wantsPhp(input: RequestInput): boolean {
  const path = pathOf(input);
  return /\.php(?:\/|$)/.test(path) || path.endsWith("/");
}

/** All of an answer's body; what is beyond `limit` bytes is read and dropped. */
export async function readBody(reply: Reply, limit: number): Promise<Uint8Array> {
  if (!(reply.body instanceof ReadableStream)) return reply.body?.slice(0, limit) ?? new Uint8Array(0);
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunksOf(reply.body)) {
    const part = chunk.subarray(0, limit - length);
    if (part.length > 0) parts.push(part);
    length += part.length;
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The chunks of a stream. Not every browser's streams can be iterated. */
export async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    void reader.cancel().catch(() => {});
  }
}

/** What went wrong, as the page is told. */
export function problemOf(error: unknown): { readonly code: string; readonly message: string } {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return {
    code: typeof code === "string" ? code : "PLAYGROUND",
    message: typeof message === "string" ? message : String(error),
  };
}

const EMPTY_FILE = { type: "file", size: 0, modified: 0, read: async () => new Uint8Array(0) } as const;

function pathOf({ url }: RequestInput): string {
  return url.replace(/[?#].*$/s, "");
}

function headersOf(input: RequestInput, number: number): [string, string][] {
  const headers: [string, string][] = [];
  const given = new Set<string>();
  for (const [name, value] of input.headers ?? []) {
    given.add(name.toLowerCase());
    headers.push([name.toLowerCase(), ASCII.test(value) ? value : utf8ToByteString(value)]);
  }
  if (!given.has("host")) headers.unshift(["host", HOST]);
  if (input.body !== undefined && !given.has("content-length")) {
    headers.push(["content-length", String(input.body.length)]);
  }
  headers.push(["x-request-id", String(number)]);
  return headers;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is asked for.
const ASCII = /^[\x00-\x7f]*$/;

function platformHeaders(headers: readonly [string, string][]): Headers {
  try {
    return new Headers(headers as [string, string][]);
  } catch (error) {
    throw new EngineError("GATEWAY_BAD_REQUEST", `a header cannot be sent: ${(error as Error).message}`);
  }
}

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes as Uint8Array<ArrayBuffer>);
      controller.close();
    },
  });
}
