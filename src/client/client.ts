// A FastCGI client: `fetch` to a php-fpm or any other FastCGI application. It is the web server of the protocol.

import { DEFAULT_MAX_HEADER_BYTES } from "../cgi/index.ts";
import { type ConnectedExchange, type ConnectionCounts, connectExchange } from "../transport/connect-exchange.ts";
import type { Connect } from "../transport/transport.ts";
import { WebServerLink } from "../transport/web-server-link.ts";
import { type Answer, AnswerSink } from "./answer.ts";
import { ClientError } from "./errors.ts";
import { exchangeRequest, httpRequest, type RequestOptions } from "./request.ts";
import { type Dialer, isPair, type Target, targetConnect } from "./target.ts";

/** Options of `connect`. Times in milliseconds; 0: no limit. */
export interface ClientOptions {
  /**
   * Idle connections kept for later requests. Default 0: a connection a request. A kept one pins a child of a php-fpm,
   * and keeps a Node process alive until it is closed.
   */
  readonly maxIdle?: number;
  /** How long a connection is kept idle. Default 60 s. */
  readonly idleTimeout?: number;
  /** Connections at the same time; more requests wait for `connectTimeout`. Default 128. */
  readonly maxConnections?: number;
  /** Requests that wait for a connection; one more fails at once with EXCHANGE_OVERLOADED. Default: no bound. */
  readonly maxWaiting?: number;
  /** Connecting, and waiting for a connection, each. Default 10 s. */
  readonly connectTimeout?: number;
  /** How long an application may take none of a request that is being sent. Default 60 s. */
  readonly sendTimeout?: number;
  /** Silence of an application that owes an answer. Default 60 s. */
  readonly readTimeout?: number;
  /**
   * Requests share connections: a number says how many, `true` asks the application once (FCGI_MPXS_CONNS, FCGI_MAX_REQS)
   * and shares when it allows it, at most 100. php-fpm does not. Default false. An answer that nobody reads holds back
   * those that share its connection; later requests avoid it.
   */
  readonly multiplex?: boolean | number;
  /** Bytes gathered of a request body without a known length. Default 16 MiB; more is CLIENT_BODY_LENGTH. */
  readonly maxGathered?: number;
  /** Bytes of an answer's header block. Default 32 KiB. */
  readonly maxHeaderBytes?: number;
  /** Bytes of a body that may wait for their reader before the application is held back. Default 64 KiB. */
  readonly responseBuffer?: number;
  /** Characters of STDERR kept for `Answer.end`. Default 64 * 1024. */
  readonly maxStderr?: number;
}

/** A client of one FastCGI application. */
export interface Client {
  /**
   * Runs a request and resolves with the response as soon as its headers are there; its body streams. A body that is
   * not wanted must be cancelled. A 500 of the script is a response, not an error.
   *
   * Rejects with an error whose `code` is one of `ExchangeErrorCode` (no connection, broken, timeout), `CgiErrorCode`
   * (output that is no CGI response), `ClientErrorCode`; or with `signal.reason`.
   */
  fetch(input: Request | string | URL, options?: RequestOptions): Promise<Response>;
  /** As `fetch`, with the exit status and STDERR too. */
  request(input: Request | string | URL, options?: RequestOptions): Promise<Answer>;
  /**
   * Asks the application for values (GET_VALUES), on a connection of its own. The answer holds those that it knows.
   *
   * @param names default FCGI_MAX_CONNS, FCGI_MAX_REQS and FCGI_MPXS_CONNS
   */
  values(names?: readonly string[], options?: { readonly signal?: AbortSignal }): Promise<ReadonlyMap<string, string>>;
  /** Connections in use and kept idle, and requests that wait for one. */
  counts(): ConnectionCounts;
  /**
   * Takes no more requests and closes what is idle; resolves when the requests that run have ended.
   *
   * @param options `abort`: ends those too, with CLIENT_CLOSED
   */
  close(options?: { readonly abort?: boolean }): Promise<void>;
}

/** Requests on one connection when the application is asked: as many as HTTP/2 servers usually allow. */
const MOST_SHARED = 100;

/** How long an application may take to tell its values before it is taken to share nothing, in milliseconds. */
const VALUES_TIMEOUT = 2_000;

/** @throws {TypeError} for a target that is none */
export function createClient(target: Target, options: ClientOptions, dialer: Dialer): Client {
  return new FastCgiClient(target, options, dialer);
}

class FastCgiClient implements Client {
  readonly #options: Required<ClientOptions>;
  readonly #connect: Connect;
  readonly #single: boolean;
  readonly #exchange: ConnectedExchange;
  /** The requests that run: each one's abort, and its end. */
  readonly #running = new Map<AbortController, Promise<unknown>>();
  #shared = 1;
  #asked: Promise<void> | undefined;
  #closed = false;

  constructor(target: Target, options: ClientOptions, dialer: Dialer) {
    this.#single = isPair(target);
    this.#options = {
      maxIdle: this.#single ? 1 : 0,
      idleTimeout: this.#single ? 0 : 60_000,
      maxConnections: this.#single ? 1 : 128,
      maxWaiting: Number.POSITIVE_INFINITY,
      connectTimeout: 10_000,
      sendTimeout: 60_000,
      readTimeout: 60_000,
      multiplex: false,
      maxGathered: 16 * 1024 * 1024,
      maxHeaderBytes: DEFAULT_MAX_HEADER_BYTES,
      responseBuffer: 64 * 1024,
      maxStderr: 64 * 1024,
      ...options,
    };
    const { multiplex, ...pool } = this.#options;
    if (typeof multiplex === "number") this.#shared = multiplex;
    this.#connect = targetConnect(target, dialer);
    this.#exchange = connectExchange(this.#connect, { ...pool, requestsPerConnection: () => this.#shared });
  }

  async fetch(input: Request | string | URL, options: RequestOptions = {}): Promise<Response> {
    return (await this.request(input, options)).response;
  }

  async request(input: Request | string | URL, options: RequestOptions = {}): Promise<Answer> {
    if (this.#closed) throw closed();
    const http = httpRequest(input, options);
    const abort = new AbortController();
    const signals = [options.signal, typeof input === "object" && "signal" in input ? input.signal : undefined];
    const forward = signals.filter((signal) => signal !== undefined && signal !== null);
    const aborted = (): void => abort.abort(forward.find((signal) => signal.aborted)?.reason);
    for (const signal of forward) signal.addEventListener("abort", aborted);
    if (forward.some((signal) => signal.aborted)) aborted();

    const { maxHeaderBytes, responseBuffer, maxStderr } = this.#options;
    const sink = new AnswerSink({
      method: http.method,
      maxHeaderBytes,
      responseBuffer,
      maxStderr,
      onStderr: options.onStderr,
      abandon: (reason) => abort.abort(reason ?? new DOMException("the body was cancelled", "AbortError")),
    });
    const run = async (): Promise<void> => {
      try {
        if (this.#options.multiplex === true) await this.#ask();
        const request = await exchangeRequest(http, options, this.#options, abort.signal);
        sink.finish(await this.#exchange(request, sink, abort.signal));
      } catch (error) {
        sink.fail(error);
      } finally {
        for (const signal of forward) signal.removeEventListener("abort", aborted);
        this.#running.delete(abort);
      }
    };
    this.#running.set(abort, run());
    return await sink.answer;
  }

  async values(
    names: readonly string[] = ["FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS"],
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<ReadonlyMap<string, string>> {
    if (this.#closed) throw closed();
    if (this.#single)
      throw new ClientError("CLIENT_TARGET", "values need a connection of their own, and there is one only");
    const { connectTimeout } = this.#options;
    const signals = [options.signal, connectTimeout > 0 ? AbortSignal.timeout(connectTimeout) : undefined];
    const signal = AbortSignal.any(signals.filter((one) => one !== undefined));
    const link = new WebServerLink(await this.#connect(signal));
    try {
      return await link.getValues(names, signal);
    } finally {
      link.close();
    }
  }

  counts(): ConnectionCounts {
    return this.#exchange.counts();
  }

  async close(options: { readonly abort?: boolean } = {}): Promise<void> {
    this.#closed = true;
    this.#exchange.close();
    const running = [...this.#running];
    if (options.abort === true) for (const [abort] of running) abort.abort(closed());
    await Promise.all(running.map(([, end]) => end));
  }

  /** Asks once whether connections may be shared. Never rejects: an application that says nothing shares none. */
  #ask(): Promise<void> {
    this.#asked ??= this.values(["FCGI_MPXS_CONNS", "FCGI_MAX_REQS"], {
      signal: AbortSignal.timeout(VALUES_TIMEOUT),
    }).then(
      (values) => {
        if (values.get("FCGI_MPXS_CONNS") !== "1") return;
        const most = Number(values.get("FCGI_MAX_REQS") ?? MOST_SHARED);
        this.#shared = Math.max(1, Math.min(MOST_SHARED, Number.isInteger(most) ? most : 1));
      },
      () => {},
    );
    return this.#asked;
  }
}

function closed(): ClientError {
  return new ClientError("CLIENT_CLOSED", "the client is closed");
}
