// The web server's side of a link: a transport joined to a WebServerConnection. It speaks to a child or to a php-fpm.

import type { Pair } from "../codec/index.ts";
import { WebServerConnection, type WebServerEvent } from "../connection/index.ts";
import { Countdown } from "./countdown.ts";
import {
  type Body,
  type Exchange,
  type ExchangeEnd,
  ExchangeError,
  type ExchangeRequest,
  type ExchangeSink,
} from "./exchange.ts";
import { OutgoingRequest } from "./outgoing-request.ts";
import type { Transport } from "./transport.ts";

/** Options of a `WebServerLink`. */
export interface WebServerLinkOptions {
  /** Asks the application to leave the connection open after the answer. Default true. */
  readonly keepConnection?: boolean;
  /**
   * The application is not ours: an aborted request, or one answered before its body was read, ends the connection.
   * php-fpm does not heed ABORT_REQUEST, and takes a rest of a body for what it is not. Default false.
   */
  readonly abortByClosing?: boolean;
  /** Milliseconds that the application may be silent while it owes an answer; 0: for ever. Default 0. */
  readonly readTimeout?: number;
  /** Milliseconds that the application may leave what was written unread; 0: for ever. Default 0. */
  readonly sendTimeout?: number;
  /** Request ids are given from 1 to this number in turn. Default 1: the lowest free one. See `WebServerConnection`. */
  readonly spreadIds?: number;
}

/** Body bytes framed and written at a time: four of the largest records. */
const SLICE = 4 * 65_528;

interface Asker {
  readonly names: readonly string[];
  readonly answer: (values: ReadonlyMap<string, string>) => void;
  readonly fail: (error: unknown) => void;
}

/** Runs requests over one transport, several at once if the application allows it. */
export class WebServerLink {
  /** Settles when the link has ended, for whatever reason. Never rejects. */
  readonly closed: Promise<void>;
  /** Told of values that nobody asked for. */
  onValues: ((values: readonly Pair[]) => void) | undefined;
  /** Told when END_REQUEST has come, also for a request that was aborted and whose exchange settled before. */
  onRequestEnd: (() => void) | undefined;
  readonly #transport: Transport;
  readonly #options: Required<WebServerLinkOptions>;
  readonly #connection: WebServerConnection;
  readonly #requests = new Map<number, OutgoingRequest>();
  #askers: Asker[] = [];
  #state: "open" | "closing" | "closed" = "open";
  #held = false;
  #received = 0;
  #settleClosed: () => void = () => {};
  readonly #silence = new Countdown(() => this.#silent());
  readonly #unread = new Countdown(() => this.#leftUnread());
  /** Writes that wait until the application has read what came before. */
  #blocked = 0;

  constructor(transport: Transport, options: WebServerLinkOptions = {}) {
    this.#transport = transport;
    this.#options = {
      keepConnection: true,
      abortByClosing: false,
      readTimeout: 0,
      sendTimeout: 0,
      spreadIds: 1,
      ...options,
    };
    this.#connection = new WebServerConnection({ spreadIds: this.#options.spreadIds });
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    transport.start({
      onChunk: (chunk) => this.#receive(chunk),
      onEnd: (error) => this.#ended(error),
    });
  }

  /** Requests without END_REQUEST, aborted ones included: what the application may still work on. */
  get active(): number {
    return this.#state === "closed" ? 0 : this.#connection.active;
  }

  /** Whether another request may be sent. */
  get usable(): boolean {
    return this.#state === "open";
  }

  /** Whether a sink that takes nothing holds back what comes for every request of the link. */
  get held(): boolean {
    return this.#held;
  }

  /** Bytes that came so far. */
  get received(): number {
    return this.#received;
  }

  /** Records that came for no open request. See `WebServerConnection`. */
  get strays(): number {
    return this.#connection.strays;
  }

  /** Runs one request. See `Exchange`. */
  readonly exchange: Exchange = (request, sink, signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      if (this.#state !== "open") {
        const message = "the connection to the application is closed";
        return reject(new ExchangeError("EXCHANGE_BROKEN", message, { sent: false }));
      }
      this.#begin(request, sink, signal, resolve, reject);
    });

  /** Asks for values (GET_VALUES); the answer holds those that the application knows. */
  getValues(names: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      if (this.#state !== "open") throw new ExchangeError("EXCHANGE_BROKEN", "the connection is closed");
      const leave = () => {
        signal.removeEventListener("abort", aborted);
        this.#askers = this.#askers.filter((other) => other !== asker);
      };
      const aborted = () => asker.fail(signal.reason);
      const asker: Asker = {
        names,
        answer(values) {
          leave();
          resolve(values);
        },
        fail(error) {
          leave();
          reject(error);
        },
      };
      signal.addEventListener("abort", aborted);
      this.#askers.push(asker);
      this.#connection.getValues(names);
      this.#flush();
    });
  }

  /** Closes after what was written; requests that run fail with EXCHANGE_BROKEN. Safe to call twice. */
  close(): void {
    if (this.#state === "closed") return;
    this.#transport.close();
    this.#stop((request) => request.broken("the connection was closed"));
  }

  /** Breaks the link at once. Safe to call twice. */
  reset(reason = "the connection was reset"): void {
    this.#break((request) => request.broken(reason));
  }

  // --- sending

  #begin(
    request: ExchangeRequest,
    sink: ExchangeSink,
    signal: AbortSignal,
    resolve: (end: ExchangeEnd) => void,
    reject: (error: unknown) => void,
  ): void {
    const { role, params, stdin = EMPTY, data = EMPTY } = request;
    const id = this.#connection.begin({ role, params, keepConnection: this.#options.keepConnection });
    const aborted = () => this.#giveUp(outgoing, signal.reason);
    const leave = () => signal.removeEventListener("abort", aborted);
    const outgoing = new OutgoingRequest(id, role, sink, {
      end(end) {
        leave();
        resolve(end);
      },
      fail(error) {
        leave();
        reject(error);
      },
    });
    signal.addEventListener("abort", aborted);
    this.#requests.set(id, outgoing);
    if (!this.#options.keepConnection) this.#state = "closing";

    // A small body travels in one write with the params.
    const small = isSmall(stdin) && (role !== "filter" || isSmall(data));
    if (small) {
      this.#connection.writeStdin(id, stdin as Uint8Array);
      if (role === "filter") {
        this.#endStdin(outgoing);
        this.#connection.writeData(id, data as Uint8Array);
      }
      this.#endInput(outgoing);
    }
    const blocked = this.#flush();
    this.#silence.start(this.#options.readTimeout);
    if (!small) {
      this.#pump(outgoing, stdin, role === "filter" ? data : EMPTY, blocked).catch((error: unknown) => {
        this.#giveUp(outgoing, error);
      });
    }
  }

  async #pump(request: OutgoingRequest, stdin: Body, data: Body, blocked: Promise<void> | undefined): Promise<void> {
    if (blocked !== undefined) await this.#unblocked(request, blocked);
    await this.#send(request, stdin, (content) => this.#connection.writeStdin(request.id, content));
    if (request.open && request.role === "filter") {
      this.#endStdin(request);
      await this.#send(request, data, (content) => this.#connection.writeData(request.id, content));
    }
    if (!request.open) return;
    this.#endInput(request);
    this.#flush();
    this.#silence.start(this.#options.readTimeout);
  }

  async #send(request: OutgoingRequest, body: Body, write: (content: Uint8Array) => void): Promise<void> {
    const chunks = body instanceof Uint8Array ? undefined : body[Symbol.asyncIterator]();
    if (chunks === undefined) return this.#sendWhole(request, body as Uint8Array, write);
    try {
      for (;;) {
        request.waitsForBody = true;
        const next = await request.orOver(chunks.next());
        request.waitsForBody = false;
        if (next === undefined || next.done === true) return;
        this.#silence.start(this.#options.readTimeout);
        await this.#sendWhole(request, next.value, write);
      }
    } finally {
      if (!request.open) void Promise.resolve(chunks.return?.()).catch(() => {});
    }
  }

  async #sendWhole(request: OutgoingRequest, body: Uint8Array, write: (content: Uint8Array) => void): Promise<void> {
    for (let offset = 0; offset < body.length && request.open; offset += SLICE) {
      write(body.subarray(offset, offset + SLICE));
      const blocked = this.#flush();
      if (blocked === undefined) continue;
      await this.#unblocked(request, blocked);
      this.#silence.start(this.#options.readTimeout);
    }
  }

  /** Waits until the application takes more, and no longer than `sendTimeout`. */
  async #unblocked(request: OutgoingRequest, blocked: Promise<void>): Promise<void> {
    this.#blocked += 1;
    this.#unread.start(this.#options.sendTimeout);
    try {
      await request.orOver(blocked);
    } finally {
      this.#blocked -= 1;
      if (this.#blocked === 0) this.#unread.stop();
    }
  }

  /** Before a filter's DATA: libfcgi takes DATA that comes while STDIN is open for a broken protocol. */
  #endStdin(request: OutgoingRequest): void {
    this.#connection.endStdin(request.id);
    request.stdinEnded = true;
  }

  #endInput(request: OutgoingRequest): void {
    if (!request.stdinEnded) this.#endStdin(request);
    if (request.role === "filter") this.#connection.endData(request.id);
    request.inputEnded = true;
  }

  #flush(): Promise<void> | undefined {
    if (this.#state === "closed") return undefined;
    const chunks = this.#connection.takeOutput();
    return chunks.length === 0 ? undefined : this.#transport.write(chunks);
  }

  // --- receiving

  #receive(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#state === "closed") return undefined;
    this.#received += chunk.length;
    const { strays } = this.#connection;
    let events: readonly WebServerEvent[];
    try {
      events = this.#connection.receive(chunk);
    } catch (cause) {
      const message = `the application broke the protocol: ${(cause as Error).message}`;
      this.#break((request) => request.fail(new ExchangeError("EXCHANGE_PROTOCOL", message, { cause })));
      return undefined;
    }
    // Records for requests that nobody made are no sign of life.
    if (events.length === 0 && this.#connection.strays > strays) return undefined;
    return this.#deliver(events, 0);
  }

  #deliver(events: readonly WebServerEvent[], from: number): Promise<void> | undefined {
    for (let index = from; index < events.length; index++) {
      const held = this.#handle(events[index] as WebServerEvent);
      if (held === undefined) continue;
      this.#held = true;
      return held.then(() => {
        this.#held = false;
        return this.#deliver(events, index + 1);
      });
    }
    if (this.#requests.size > 0) this.#silence.start(this.#options.readTimeout);
    else this.#silence.stop();
    return undefined;
  }

  #handle(event: WebServerEvent): Promise<void> | undefined {
    switch (event.type) {
      case "stdout":
      case "stderr":
        return this.#requests
          .get(event.requestId)
          ?.output(event.type, event.content, (request, error) => this.#giveUp(request, error));
      case "end":
        this.#requestEnded(event.requestId, event);
        return undefined;
      case "values":
        this.#receiveValues(event.values);
        return undefined;
      case "unknown-type":
        // The only management record that we send is GET_VALUES.
        this.#askers[0]?.answer(new Map());
        return undefined;
      default:
        event satisfies never;
        return undefined;
    }
  }

  #requestEnded(id: number, { applicationStatus, protocolStatus }: ExchangeEnd): void {
    const request = this.#requests.get(id);
    this.#requests.delete(id);
    if (request !== undefined && !request.inputEnded) {
      if (this.#options.abortByClosing) this.#state = "closing";
      else {
        this.#endInput(request);
        this.#flush();
      }
    }
    if (this.#state === "closing" && this.#connection.active === 0) this.close();
    request?.end({ applicationStatus, protocolStatus });
    this.onRequestEnd?.();
  }

  #receiveValues(values: readonly Pair[]): void {
    const [asker] = this.#askers;
    const answers = values.length === 0 || values.some(([name]) => asker?.names.includes(name));
    if (asker !== undefined && answers) asker.answer(new Map(values));
    else this.onValues?.(values);
  }

  // --- failing

  /** Ends a request whose outcome nobody wants any more. */
  #giveUp(request: OutgoingRequest, reason: unknown): void {
    if (!request.open) return;
    this.#requests.delete(request.id);
    request.fail(reason);
    if (this.#state === "closed") return;
    if (this.#options.abortByClosing) {
      this.reset();
      return;
    }
    this.#connection.abort(request.id);
    this.#flush();
    if (this.#requests.size === 0) this.#silence.stop();
  }

  #silent(): void {
    // A reader that is held back, or a body that does not come, is not the application's silence; and what it has not
    // read has a limit of its own.
    const unread = this.#blocked > 0 && this.#options.sendTimeout > 0;
    if (this.#held || unread || [...this.#requests.values()].every((request) => request.waitsForBody)) {
      this.#silence.start(this.#options.readTimeout);
      return;
    }
    const message = `the application sent nothing for ${this.#options.readTimeout} ms`;
    this.#break((request) => request.fail(new ExchangeError("EXCHANGE_TIMEOUT", message)));
  }

  #leftUnread(): void {
    const message = `the application read nothing of the request for ${this.#options.sendTimeout} ms`;
    this.#break((request) => request.fail(new ExchangeError("EXCHANGE_TIMEOUT", message)));
  }

  #ended(error: Error | undefined): void {
    if (this.#state === "closed") return;
    const how = error === undefined ? "closed the connection" : `broke the connection (${error.message})`;
    if (error === undefined) this.#transport.close();
    this.#stop((request) => request.broken(`the application ${how} before END_REQUEST`, error));
  }

  #break(fail: (request: OutgoingRequest) => void): void {
    if (this.#state === "closed") return;
    this.#transport.reset();
    this.#stop(fail);
  }

  #stop(fail: (request: OutgoingRequest) => void): void {
    this.#state = "closed";
    this.#silence.dispose();
    this.#unread.dispose();
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    for (const request of requests) fail(request);
    const error = new ExchangeError("EXCHANGE_BROKEN", "the connection ended before the values came");
    for (const asker of this.#askers) asker.fail(error);
    this.#settleClosed();
  }
}

const EMPTY = new Uint8Array(0);

function isSmall(body: Body): boolean {
  return body instanceof Uint8Array && body.length <= SLICE;
}
