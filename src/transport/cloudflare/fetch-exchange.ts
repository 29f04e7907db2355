// Exchanges with a pool behind a `fetch` handler: one fetch a request. A small request travels as one body of known
// length, which costs the runtime less than a stream; a larger one as a stream.

import { concat } from "../../codec/index.ts";
import { WebServerConnection } from "../../connection/index.ts";
import { connectExchange } from "../connect-exchange.ts";
import {
  type Exchange,
  type ExchangeEnd,
  ExchangeError,
  type ExchangeRequest,
  type ExchangeSink,
} from "../exchange.ts";
import { connectFetch, FASTCGI_TYPE, type FetchBinding, NOTE_HEADER } from "./fetch.ts";

/** Largest body that travels whole, in bytes. */
const SMALL = 64 * 1024;

/**
 * Exchanges with a FastCGI handler behind a binding's `fetch`: short requests as whole bodies, longer ones as streams.
 *
 * @param binding called for each request: a stub belongs to the request that made it
 * @param url what the handler sees
 */
export function fetchExchange(binding: () => FetchBinding, url: string): Exchange {
  const streamed = connectExchange(connectFetch(binding, url), { heedsAbort: true, readTimeout: 0 });
  return (request, sink, signal) => {
    const { role, stdin } = request;
    const small =
      role === "responder" && (stdin === undefined || (stdin instanceof Uint8Array && stdin.length <= SMALL));
    return small ? exchangeWhole(binding, url, request, sink, signal) : streamed(request, sink, signal);
  };
}

async function exchangeWhole(
  binding: () => FetchBinding,
  url: string,
  { role, params, stdin }: ExchangeRequest,
  sink: ExchangeSink,
  signal: AbortSignal,
): Promise<ExchangeEnd> {
  signal.throwIfAborted();
  const connection = new WebServerConnection();
  const id = connection.begin({ role, params, keepConnection: false });
  if (stdin instanceof Uint8Array) connection.writeStdin(id, stdin);
  connection.endStdin(id);
  let answered = false;
  try {
    const response = await binding().fetch(url, {
      method: "POST",
      body: concat(connection.takeOutput()),
      headers: { "content-type": FASTCGI_TYPE },
      signal,
    });
    signal.throwIfAborted();
    if (!response.ok || response.body === null) throw new Error(`it answered ${response.status}`);
    answered = true;
    if (response.headers.get("content-length") === null)
      return await readAnswer(connection, response.body, sink, signal);
    const whole = new Uint8Array(await response.arrayBuffer());
    const end = await passOn(connection, whole, sink, signal, response.headers.get(NOTE_HEADER));
    if (end === undefined) throw unended();
    return end;
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof ExchangeError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const code = answered ? "EXCHANGE_BROKEN" : "EXCHANGE_CONNECT";
    throw new ExchangeError(code, `the pool failed before END_REQUEST: ${reason}`, { cause });
  }
}

/** Reads an answer that comes in pieces. */
async function readAnswer(
  connection: WebServerConnection,
  body: ReadableStream<Uint8Array>,
  sink: ExchangeSink,
  signal: AbortSignal,
): Promise<ExchangeEnd> {
  const reader = body.getReader();
  // The handler sees its answer cancelled: that aborts the request there.
  const abort = () => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", abort);
  try {
    for (;;) {
      const { value, done } = await reader.read();
      signal.throwIfAborted();
      if (done) throw unended();
      const end = await passOn(connection, value, sink, signal);
      if (end !== undefined) return end;
    }
  } finally {
    signal.removeEventListener("abort", abort);
    reader.cancel().catch(() => {});
  }
}

/** Hands a piece of the answer to the sink. Gives the request's end, if it is in it. */
async function passOn(
  connection: WebServerConnection,
  chunk: Uint8Array,
  sink: ExchangeSink,
  signal: AbortSignal,
  note: string | null = null,
): Promise<ExchangeEnd | undefined> {
  for (const event of receive(connection, chunk)) {
    if (event.type === "end") {
      const { applicationStatus, protocolStatus } = event;
      const end = { applicationStatus, protocolStatus, ...(note !== null && { note }) };
      sink.ended?.(end);
      return end;
    }
    if (event.type !== "stdout" && event.type !== "stderr") continue;
    const held = sink[event.type](event.content);
    if (held !== undefined) await held;
    signal.throwIfAborted();
  }
  return undefined;
}

function unended(): ExchangeError {
  return new ExchangeError("EXCHANGE_BROKEN", "the pool closed the connection before END_REQUEST");
}

function receive(connection: WebServerConnection, chunk: Uint8Array): ReturnType<WebServerConnection["receive"]> {
  try {
    return connection.receive(chunk);
  } catch (cause) {
    const message = `the application broke the protocol: ${(cause as Error).message}`;
    throw new ExchangeError("EXCHANGE_PROTOCOL", message, { cause });
  }
}
