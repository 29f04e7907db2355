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
import { connectFetch, FASTCGI_TYPE, type FetchBinding } from "./fetch.ts";

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
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  // The handler sees its answer cancelled: that aborts the request there.
  const abort = () => {
    if (reader === undefined) unanswered.abort(signal.reason);
    else void reader.cancel(signal.reason).catch(() => {});
  };
  const unanswered = new AbortController();
  signal.addEventListener("abort", abort);
  try {
    const response = await binding().fetch(url, {
      method: "POST",
      body: concat(connection.takeOutput()),
      headers: { "content-type": FASTCGI_TYPE },
      signal: unanswered.signal,
    });
    if (!response.ok || response.body === null) throw new Error(`it answered ${response.status}`);
    reader = response.body.getReader();
    signal.throwIfAborted();
    return await readAnswer(connection, reader, sink, signal);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof ExchangeError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const code = reader === undefined ? "EXCHANGE_CONNECT" : "EXCHANGE_BROKEN";
    throw new ExchangeError(code, `the pool failed before END_REQUEST: ${reason}`, { cause });
  } finally {
    signal.removeEventListener("abort", abort);
    reader?.cancel().catch(() => {});
  }
}

async function readAnswer(
  connection: WebServerConnection,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  sink: ExchangeSink,
  signal: AbortSignal,
): Promise<ExchangeEnd> {
  for (;;) {
    const { value, done } = await reader.read();
    signal.throwIfAborted();
    if (done) throw new ExchangeError("EXCHANGE_BROKEN", "the pool closed the connection before END_REQUEST");
    for (const event of receive(connection, value)) {
      if (event.type === "end") {
        return { applicationStatus: event.applicationStatus, protocolStatus: event.protocolStatus };
      }
      if (event.type !== "stdout" && event.type !== "stderr") continue;
      const held = sink[event.type](event.content);
      if (held !== undefined) await held;
      signal.throwIfAborted();
    }
  }
}

function receive(connection: WebServerConnection, chunk: Uint8Array): ReturnType<WebServerConnection["receive"]> {
  try {
    return connection.receive(chunk);
  } catch (cause) {
    const message = `the application broke the protocol: ${(cause as Error).message}`;
    throw new ExchangeError("EXCHANGE_PROTOCOL", message, { cause });
  }
}
