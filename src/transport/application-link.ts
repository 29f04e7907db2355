// The application's side of a link: a transport joined to an ApplicationConnection, with a handler for its requests.
// It runs a listener's connections and, inside every child, the child's only one.

import { type Pair, type ProtocolStatus, VERSION } from "../codec/index.ts";
import { ApplicationConnection, type ApplicationEvent, type ApplicationOptions } from "../connection/index.ts";
import { type ApplicationRequest, IncomingRequest, type RequestOwner } from "./application-request.ts";
import { Countdown } from "./countdown.ts";
import type { ExchangeEnd } from "./exchange.ts";
import { Gate } from "./gate.ts";
import type { Transport } from "./transport.ts";

/** Bounds in time (milliseconds; 0 or infinite: none) and memory (bytes) of what a web server may keep open. */
export interface ApplicationLinkLimits {
  /** A connection without a request, before its first one too. Default 60 s; php-fpm has none. */
  readonly idleTimeout: number;
  /** All of a request's BEGIN and PARAMS, from their first byte; and the time between two pieces of its input. 60 s. */
  readonly receiveTimeout: number;
  /** How long one request may hold the connection up by not reading its input. Default 60 s, then OVERLOADED. */
  readonly stallTimeout: number;
  /** How long output may wait for a web server that takes none. Default 60 s, then the link is reset. */
  readonly sendTimeout: number;
  /** Input that waits for one handler. Default 256 KiB; the piece that passes it is still kept. */
  readonly inputBuffer: number;
}

export const DEFAULT_APPLICATION_LINK_LIMITS: ApplicationLinkLimits = {
  idleTimeout: 60_000,
  receiveTimeout: 60_000,
  stallTimeout: 60_000,
  sendTimeout: 60_000,
  inputBuffer: 256 * 1024,
};

/** Options of an `ApplicationLink`. */
export interface ApplicationLinkOptions {
  readonly connection?: ApplicationOptions;
  readonly limits?: Partial<ApplicationLinkLimits>;
  /** A handler failed, or the web server broke the protocol or a deadline: for the log. */
  readonly onError?: (error: unknown, request: ApplicationRequest | undefined) => void;
  /** One of the limits in time was reached: for statistics. */
  readonly onTimeout?: (why: LinkTimeout) => void;
}

/**
 * Which limit of a link was reached: `idleTimeout`, `receiveTimeout` by a request's params or by its input,
 * `stallTimeout`, `sendTimeout`.
 */
export type LinkTimeout = "idle" | "params" | "input" | "stall" | "send";

/**
 * Answers a request. Resolving sends END_REQUEST; the handler may go on in the background. Rejecting sends END_REQUEST
 * with application status 1.
 */
export type ApplicationHandler = (request: ApplicationRequest) => Promise<ExchangeEnd>;

/** Output that more will follow is sent at this size without waiting for it, in bytes. */
const MOST_HELD_BACK = 32 * 1024;

/** When to look for a web server that ended its sending side: first, and at most, in milliseconds. */
const PROBE_FIRST = 50;
const PROBE_MOST = 5_000;

// Runs after all that the present turn of the event loop has caused, promises included.
const soon: (run: () => void) => void =
  typeof setImmediate === "function" ? setImmediate : (run) => void setTimeout(run, 0);

/**
 * Runs requests over one transport, several at once.
 *
 * A web server that ends only its sending side (`shutdown(SHUT_WR)`, as some command line clients do) still gets its
 * answers; one that is gone aborts them. Where the transport cannot tell the two at once, as TCP cannot, the first byte
 * of the next record, which is always the version, is sent ahead: a host whose process is gone answers it with a reset,
 * which the next probe sees; a web server that still reads notices nothing.
 */
export class ApplicationLink {
  /** Settles when the link has ended, for whatever reason. Never rejects. */
  readonly closed: Promise<void>;
  readonly #transport: Transport;
  readonly #handler: ApplicationHandler;
  readonly #limits: ApplicationLinkLimits;
  readonly #onError: (error: unknown, request: ApplicationRequest | undefined) => void;
  readonly #onTimeout: (why: LinkTimeout) => void;
  readonly #connection: ApplicationConnection;
  readonly #owner: RequestOwner;
  readonly #requests = new Map<number, IncomingRequest>();
  #state: "open" | "input-ended" | "closed" = "open";
  #draining = false;
  #settleClosed: () => void = () => {};

  readonly #room = new Gate();
  #full = 0;
  /** The transport's promise while it can take no more. */
  #blocked: Promise<void> | undefined;
  #heldBack = 0;
  #flushPlanned = false;
  /** The version byte of the next record was sent ahead. */
  #sentAhead = false;
  #probeDelay = PROBE_FIRST;

  readonly #idle = new Countdown(() => this.#endIdle());
  readonly #begin = new Countdown(() => this.#late("params", "a request's params were not complete"));
  readonly #input = new Countdown(() => this.#checkInput());
  readonly #stall = new Countdown(() => this.#dropStalled());
  readonly #send = new Countdown(() => this.#late("send", "the web server took no output"));
  readonly #probe = new Countdown(() => this.#lookForPeer());

  constructor(transport: Transport, handler: ApplicationHandler, options: ApplicationLinkOptions = {}) {
    this.#transport = transport;
    this.#handler = handler;
    this.#limits = { ...DEFAULT_APPLICATION_LINK_LIMITS, ...options.limits };
    this.#owner = {
      inputBuffer: this.#limits.inputBuffer,
      inputChanged: (full) => this.#inputChanged(full),
      output: (stream, requestId, chunk, more) => this.#output(stream, requestId, chunk, more),
    };
    this.#onError = options.onError ?? (() => {});
    this.#onTimeout = options.onTimeout ?? (() => {});
    this.#connection = new ApplicationConnection(options.connection);
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.#idle.start(this.#limits.idleTimeout);
    transport.start({
      onChunk: (chunk) => this.#receive(chunk),
      onEnd: (error) => this.#inputEnded(error),
      onGone: (error) => this.#gone(error ?? new Error("the web server closed the connection")),
    });
  }

  /** Requests whose handler has not ended. */
  get active(): number {
    return this.#requests.size;
  }

  /** Sends GET_VALUES_RESULT unasked, soon: in one write with the end of a request that ends now. */
  announce(values: readonly Pair[]): void {
    if (this.#state === "closed") return;
    this.#connection.announce(values);
    this.#planFlush();
  }

  /** Answers new requests with OVERLOADED and closes when the last of the present ones has ended. */
  drain(): void {
    this.#draining = true;
    this.#closeWhenDone();
  }

  /** Closes after what was written; requests that run are aborted. Safe to call twice. */
  close(): void {
    if (this.#state === "closed") return;
    this.#flush();
    this.#transport.close();
    this.#stop(new Error("the connection was closed"));
  }

  /** Breaks the link at once; requests that run are aborted. Safe to call twice. */
  reset(): void {
    if (this.#state === "closed") return;
    this.#transport.reset();
    this.#stop(new Error("the connection was reset"));
  }

  /**
   * A reset that no web server takes for the end of a whole answer. nginx takes a mere end for one, and a Unix socket
   * has nothing else: so bytes that are no record go first when an answer has begun.
   */
  breakOff(): void {
    const begun = [...this.#requests.values()].some((request) => request.answerBegun);
    if (begun && this.#state !== "closed") void this.#transport.write([new Uint8Array(8)]);
    this.reset();
  }

  // --- input

  #receive(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#state === "closed") return undefined;
    let events: readonly ApplicationEvent[];
    try {
      events = this.#connection.receive(chunk);
    } catch (error) {
      this.#violated(error);
      return undefined;
    }
    const began: IncomingRequest[] = [];
    for (const event of events) this.#handle(event, began);
    // Handlers start when the whole chunk is read: a small request's input is complete by then.
    for (const request of began) this.#run(request);
    this.#flush();
    this.#closeWhenDone();
    this.#watchInput();
    return this.#full > 0 ? this.#waitForRoom() : undefined;
  }

  #handle(event: ApplicationEvent, began: IncomingRequest[]): void {
    if (event.type === "request") {
      if (this.#draining) {
        this.#connection.endRequest(event.requestId, 0, "overloaded");
        return;
      }
      const request = new IncomingRequest(event, this.#owner);
      this.#requests.set(event.requestId, request);
      began.push(request);
      return;
    }
    const request = this.#requests.get(event.requestId);
    if (request === undefined) return;
    switch (event.type) {
      case "stdin":
        request.stdin.push(event.content);
        break;
      case "data":
        request.data.push(event.content);
        break;
      case "stdin-end":
        request.stdin.end();
        break;
      case "data-end":
        request.data.end();
        break;
      case "abort":
        request.abort(aborted(`the web server aborted request ${event.requestId}`));
        break;
      default:
        event satisfies never;
    }
    request.inputAt = performance.now();
  }

  #inputChanged(full: boolean): void {
    this.#full += full ? 1 : -1;
    if (this.#full > 0) return;
    this.#stall.stop();
    this.#room.open();
  }

  async #waitForRoom(): Promise<void> {
    while (this.#full > 0 && this.#state === "open") {
      if (!this.#stall.running) this.#stall.start(this.#limits.stallTimeout);
      await this.#room.wait();
    }
    // What did not come while nothing was read is not the web server's fault.
    const now = performance.now();
    for (const request of this.#requests.values()) request.inputAt = now;
    this.#watchInput();
  }

  #dropStalled(): void {
    for (const request of [...this.#requests.values()]) {
      if (!request.full) continue;
      const message = `request ${request.requestId} did not read its input for ${this.#limits.stallTimeout} ms`;
      this.#onTimeout("stall");
      this.#fail(request, new Error(message), "overloaded");
    }
  }

  /** Keeps the three receiving deadlines in step with what is under way. */
  #watchInput(): void {
    if (this.#state !== "open") return;
    const { receiveTimeout } = this.#limits;
    const known = this.#requests.size;
    if (known > 0) this.#idle.stop();
    // Bytes that completed no request: a header or params that are half there. Their time runs on, however they drip.
    const halfBegun = this.#connection.active > known || (known === 0 && this.#connection.inRecord);
    if (!halfBegun) this.#begin.stop();
    else if (!this.#begin.running) this.#begin.start(receiveTimeout);
    let complete = true;
    for (const request of this.#requests.values()) complete &&= request.inputComplete || !request.open;
    if (complete) this.#input.stop();
    else if (!this.#input.running) this.#input.start(receiveTimeout);
  }

  #checkInput(): void {
    const { receiveTimeout } = this.#limits;
    const now = performance.now();
    let oldest = now;
    for (const request of [...this.#requests.values()]) {
      if (request.inputComplete || request.signal.aborted || this.#full > 0) continue;
      if (now - request.inputAt >= receiveTimeout) {
        const message = `no input for request ${request.requestId} came within ${receiveTimeout} ms`;
        this.#onTimeout("input");
        this.#fail(request, new Error(message), "request-complete");
      } else oldest = Math.min(oldest, request.inputAt);
    }
    if (this.#requests.size > 0) this.#input.start(Math.max(1, oldest + receiveTimeout - now));
  }

  // --- handlers and their answers

  #run(request: IncomingRequest): void {
    let answer: Promise<ExchangeEnd>;
    try {
      answer = this.#handler(request);
    } catch (error) {
      answer = Promise.reject(error);
    }
    answer.then(
      ({ applicationStatus, protocolStatus }) => {
        this.#end(request, applicationStatus, typeof protocolStatus === "number" ? "request-complete" : protocolStatus);
      },
      (error: unknown) => {
        if (!request.signal.aborted) this.#onError(error, request);
        this.#end(request, 1, "request-complete");
      },
    );
  }

  #end(request: IncomingRequest, applicationStatus: number, protocolStatus: ProtocolStatus): void {
    if (!request.open) return;
    request.close();
    if (this.#state === "closed") return;
    this.#requests.delete(request.requestId);
    this.#connection.endRequest(request.requestId, applicationStatus >>> 0, protocolStatus);
    this.#flush();
    this.#closeWhenDone();
    if (this.#requests.size === 0 && this.#state === "open") this.#idle.start(this.#limits.idleTimeout);
  }

  /** Ends a request on the link's own account. */
  #fail(request: IncomingRequest, error: Error, protocolStatus: ProtocolStatus): void {
    this.#onError(error, request);
    request.stderr(new TextEncoder().encode(`edge-fpm: ${error.message}\n`), true);
    request.abort(error);
    this.#end(request, 1, protocolStatus);
  }

  #output(stream: "stdout" | "stderr", requestId: number, chunk: Uint8Array, more: boolean): void | Promise<void> {
    if (this.#state === "closed") return;
    if (stream === "stdout") this.#connection.writeStdout(requestId, chunk);
    else this.#connection.writeStderr(requestId, chunk);
    this.#heldBack += chunk.length;
    if (!more || this.#heldBack >= MOST_HELD_BACK) return this.#flush();
    this.#planFlush();
    return this.#blocked;
  }

  #planFlush(): void {
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    soon(() => {
      this.#flushPlanned = false;
      this.#flush();
    });
  }

  #flush(): Promise<void> | undefined {
    this.#heldBack = 0;
    if (this.#state === "closed") return undefined;
    let chunks = this.#connection.takeOutput();
    const [first] = chunks;
    if (first === undefined) return this.#blocked;
    if (this.#sentAhead) {
      this.#sentAhead = false;
      chunks = [first.subarray(1), ...chunks.slice(1)];
    }
    const blocked = this.#transport.write(chunks);
    if (blocked !== undefined && blocked !== this.#blocked) {
      this.#blocked = blocked;
      this.#send.start(this.#limits.sendTimeout);
      void blocked.then(() => {
        if (this.#blocked !== blocked) return;
        this.#blocked = undefined;
        this.#send.stop();
      });
    }
    return blocked;
  }

  // --- the end

  #closeWhenDone(): void {
    if (this.#state === "closed" || this.#requests.size > 0) return;
    if (this.#connection.closeWanted || this.#draining || this.#state === "input-ended") this.close();
  }

  #inputEnded(error: Error | undefined): void {
    if (this.#state !== "open") return;
    if (error !== undefined) {
      this.#gone(error);
      return;
    }
    this.#state = "input-ended";
    this.#room.open();
    for (const countdown of [this.#idle, this.#begin, this.#input, this.#stall]) countdown.stop();
    try {
      this.#connection.end();
    } catch (violation) {
      this.#onError(violation, undefined);
    }
    for (const request of [...this.#requests.values()]) {
      if (!request.inputComplete) request.abort(aborted("the web server ended the connection before its request"));
    }
    if (this.#requests.size === 0) this.close();
    else if (this.#transport.probe !== undefined) this.#probe.start(PROBE_FIRST);
  }

  #lookForPeer(): void {
    if (!this.#sentAhead) {
      this.#sentAhead = true;
      void this.#transport.write([Uint8Array.of(VERSION)]);
    } else this.#transport.probe?.();
    this.#probe.start(this.#probeDelay);
    this.#probeDelay = Math.min(PROBE_MOST, this.#probeDelay * 2);
  }

  /** The web server broke the protocol: what was answered so far is sent, then the link ends. */
  #violated(error: unknown): void {
    this.#onError(error, undefined);
    this.#flush();
    if (this.#requests.size > 0) this.breakOff();
    else this.close();
  }

  #endIdle(): void {
    this.#onTimeout("idle");
    this.close();
  }

  #late(why: LinkTimeout, what: string): void {
    this.#onTimeout(why);
    this.#onError(new Error(`${what} in time`), undefined);
    this.breakOff();
  }

  #gone(error: Error): void {
    if (this.#state === "closed") return;
    this.#transport.reset();
    this.#stop(error);
  }

  #stop(reason: Error): void {
    this.#state = "closed";
    for (const countdown of [this.#idle, this.#begin, this.#input, this.#stall, this.#send, this.#probe]) {
      countdown.dispose();
    }
    this.#room.open();
    for (const request of this.#requests.values()) {
      request.abort(aborted(reason.message, reason));
      request.close();
    }
    this.#requests.clear();
    this.#settleClosed();
  }
}

/** The reason of an abort, named `AbortError` as the platform's own. */
function aborted(message: string, cause?: Error): Error {
  return Object.assign(new Error(message, { cause }), { name: "AbortError" });
}
