// A fetch between two Workers as a byte stream: the request's body goes there, the response's body comes back, both
// while the other is open. The same bytes as over a socket, for less (docs/decisions/0010).

import { concat } from "../../codec/index.ts";
import { ExchangeError } from "../exchange.ts";
import { Gate } from "../gate.ts";
import { Inbox } from "../inbox.ts";
import { microtask } from "../microtask.ts";
import type { Connect, Transport, TransportHandler } from "../transport.ts";

/** Media type of a body that holds FastCGI records. */
export const FASTCGI_TYPE = "application/fastcgi";

/** Header of a whole answer with what its sender says beside the records: `ExchangeEnd.note`. */
export const NOTE_HEADER = "edge-fpm-note";

/** Bytes written and not yet taken by the runtime before a write waits. */
const WINDOW = 64 * 1024;

/** What takes a fetch: a service binding or a Durable Object's stub. */
export interface FetchBinding {
  fetch(url: string, init?: RequestInit): Promise<Response>;
}

/** A transport that reads one body and is itself the other. */
export class BodyTransport implements Transport {
  /** What this side writes: to be sent as a body. */
  readonly outgoing: ReadableStream<Uint8Array>;
  readonly #inbox = new Inbox(() => {});
  readonly #room = new Gate();
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #incoming: Promise<ReadableStream<Uint8Array> | null>;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #handler: TransportHandler | undefined;
  /** Sending is over, whoever ended it. */
  #ended = false;
  #closed = false;

  /** @param incoming the body to read, once it is there; `null` is an empty one */
  constructor(incoming: Promise<ReadableStream<Uint8Array> | null>) {
    this.#incoming = incoming;
    incoming.catch(() => {});
    this.outgoing = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#room.open(),
        // The other side has gone, or wants no more: it will not be told anything either.
        cancel: (reason) => {
          this.#stopSending();
          const gone = () => {
            if (!this.#closed) this.#inbox.gone(asError(reason ?? "the peer reads no more"));
          };
          // A fetch that fails drops its body first and tells why later; `#read` hands that on.
          incoming.then(gone, () => {});
        },
      },
      { highWaterMark: WINDOW, size: (chunk) => chunk.length },
    );
  }

  start(handler: TransportHandler): void {
    this.#handler = handler;
    // Chunks go straight through, since reading waits by itself; the inbox orders the ends.
    this.#inbox.start(handler);
    void this.#read();
  }

  async #read(): Promise<void> {
    try {
      const body = await this.#incoming;
      if (this.#closed) return void body?.cancel().catch(() => {});
      this.#reader = body?.getReader();
      for (;;) {
        const next = await this.#reader?.read();
        if (next === undefined || next.done || this.#closed) break;
        const held = this.#handler?.onChunk(next.value);
        if (held !== undefined) await held;
      }
      this.#inbox.end();
    } catch (error) {
      if (this.#closed) return;
      this.#stopSending();
      this.#inbox.end(asError(error));
    }
  }

  write(chunks: readonly Uint8Array[]): Promise<void> | undefined {
    if (this.#ended) return undefined;
    const controller = this.#controller;
    for (const chunk of chunks) if (chunk.length > 0) controller?.enqueue(chunk);
    return (controller?.desiredSize ?? 1) > 0 ? undefined : this.#room.wait();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#ended) this.#controller?.close();
    this.#finish();
  }

  reset(): void {
    const error = new Error("the connection was reset");
    this.#closed = true;
    if (!this.#ended) this.#controller?.error(error);
    this.#finish(error);
  }

  #stopSending(): void {
    this.#ended = true;
    this.#room.open();
  }

  #finish(error?: Error): void {
    this.#stopSending();
    this.#reader?.cancel(error).catch(() => {});
    microtask(() => this.#inbox.close());
  }
}

/**
 * Opens a byte stream to the `fetch` handler behind a binding, which answers with `answerFetch`.
 *
 * @param binding called for each connection: a stub belongs to the request that made it
 */
export function connectFetch(binding: () => FetchBinding, url: string): Connect {
  return async (signal) => {
    signal.throwIfAborted();
    const response = Promise.withResolvers<ReadableStream<Uint8Array> | null>();
    const transport = new BodyTransport(response.promise);
    const init = { method: "POST", body: transport.outgoing, headers: { "content-type": FASTCGI_TYPE } };
    // Not awaited: the answer's body may begin only after bytes that are still to be written.
    binding()
      .fetch(url, init)
      .then((answer) => {
        if (answer.ok) return response.resolve(answer.body);
        void answer.body?.cancel().catch(() => {});
        response.reject(new ExchangeError("EXCHANGE_CONNECT", `${url} answered ${answer.status}`));
      }, response.reject);
    return transport;
  };
}

/** The other end of `connectFetch`, and of `fetchExchange`. */
export interface FetchAnswer {
  readonly transport: Transport;
  /**
   * To be returned by the handler. It waits for the first bytes: an answer that is complete with them travels whole,
   * which costs the runtime less than a stream.
   */
  readonly response: Promise<Response>;
}

/**
 * Makes a transport of a request with a body of FastCGI records.
 *
 * @param note called when the answer is whole: what is said beside its records (`ExchangeEnd.note`)
 */
export async function answerFetch(request: Request, note?: () => string | undefined): Promise<FetchAnswer> {
  const length = Number(request.headers.get("content-length") ?? Number.NaN);
  if (!(length <= WHOLE)) {
    const transport = new BodyTransport(Promise.resolve(request.body));
    return { transport, response: Promise.resolve(reply(transport.outgoing)) };
  }
  const transport = new WholeTransport(new Uint8Array(await request.arrayBuffer()), request.signal, note);
  return { transport, response: transport.response };
}

function reply(body: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer>, note?: string): Response {
  const headers: Record<string, string> = { "content-type": FASTCGI_TYPE };
  if (note !== undefined) headers[NOTE_HEADER] = note;
  // Said here, or the runtime tells nobody: who knows it reads the answer at once.
  if (body instanceof Uint8Array) headers["content-length"] = String(body.length);
  return new Response(body, { headers });
}

/** Largest body of a request that is read at once, in bytes: what `fetchExchange` sends whole, and its params. */
const WHOLE = 256 * 1024;

/** Reads bytes that are there already, and answers with the first write alone when nothing follows it. */
class WholeTransport implements Transport {
  readonly response: Promise<Response>;
  readonly #body: Uint8Array;
  /** What follows the first write: made when something does, since a stream costs the runtime more than all else here. */
  #rest: BodyTransport | undefined;
  readonly #signal: AbortSignal;
  readonly #note: (() => string | undefined) | undefined;
  #first: Uint8Array<ArrayBuffer> | undefined;
  #state: "waiting" | "first" | "streaming" | "closed" = "waiting";
  #respond: (response: Response) => void = () => {};
  #handler: TransportHandler | undefined;

  constructor(body: Uint8Array, signal: AbortSignal, note: (() => string | undefined) | undefined) {
    this.#body = body;
    this.#signal = signal;
    this.#note = note;
    this.response = new Promise((resolve) => {
      this.#respond = resolve;
    });
  }

  start(handler: TransportHandler): void {
    this.#handler = handler;
    this.#signal.addEventListener("abort", () => this.#gone());
    // Never inside the caller's own call, as with any other transport.
    microtask(() => {
      if (this.#signal.aborted) this.#gone();
      if (this.#state !== "closed") void handler.onChunk(this.#body);
    });
  }

  #gone(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#handler?.onEnd(asError(this.#signal.reason ?? "the request was aborted"));
  }

  write(chunks: readonly Uint8Array[]): Promise<void> | undefined {
    if (this.#state === "closed") return undefined;
    if (this.#rest !== undefined) return this.#rest.write(chunks);
    this.#first = concat(this.#first === undefined ? chunks : [this.#first, ...chunks]);
    if (this.#state === "waiting") {
      this.#state = "first";
      microtask(() => this.#stream());
    }
    return undefined;
  }

  #stream(): void {
    if (this.#state !== "first" || this.#first === undefined) return;
    this.#state = "streaming";
    // Nothing more is read: the body has ended, and the visitor's leaving is told by the signal.
    const rest = new BodyTransport(new Promise(() => {}));
    this.#rest = rest;
    rest.start({
      onChunk() {},
      onEnd: (error) => this.#handler?.onEnd(error),
      onGone: (error) => this.#handler?.onGone?.(error),
    });
    void rest.write([this.#first]);
    this.#respond(reply(rest.outgoing));
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    if (this.#rest !== undefined) this.#rest.close();
    else this.#whole(reply(this.#first ?? new Uint8Array(0), this.#note?.()));
  }

  reset(): void {
    if (this.#state === "closed") return;
    this.#stream();
    this.#state = "closed";
    if (this.#rest !== undefined) this.#rest.reset();
    else this.#whole(new Response(null, { status: 502 }));
  }

  /** All there is, and the end. */
  #whole(response: Response): void {
    this.#respond(response);
    microtask(() => this.#handler?.onEnd());
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
