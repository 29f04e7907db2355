// The web server's side of one connection, without I/O: what a gateway speaks to a child or a php-fpm.

import {
  decodeEndRequest,
  decodeParams,
  decodeUnknownType,
  encodeAbortRequest,
  encodeBeginRequest,
  encodeParams,
  LocalProtocolError,
  MAX_REQUEST_ID,
  NULL_REQUEST_ID,
  type Pair,
  type ProtocolStatus,
  RecordDecoder,
  type RecordHandler,
  RecordType,
  RemoteProtocolError,
  type Role,
} from "../codec/index.ts";
import { Output } from "./output.ts";
import {
  advanceWebServerRequest,
  isAnswered,
  isSilent,
  type WebServerRequestInput,
  type WebServerRequestState,
} from "./web-server-request.ts";

/** What the application's bytes mean. */
export type WebServerEvent =
  /** A piece of output, never empty. `content` is a view: it is valid as long as the chunk given to `receive`. */
  | { readonly type: "stdout" | "stderr"; readonly requestId: number; readonly content: Uint8Array }
  /** END_REQUEST. Comes once for every request, an aborted one too, unless the connection ends before. */
  | {
      readonly type: "end";
      readonly requestId: number;
      readonly applicationStatus: number;
      /** A status, or the number of one that the specification does not know. */
      readonly protocolStatus: ProtocolStatus | number;
    }
  /** GET_VALUES_RESULT, asked for or not. */
  | { readonly type: "values"; readonly values: readonly Pair[] }
  /** The application does not know a management record that we sent. */
  | { readonly type: "unknown-type"; readonly unknownType: number };

/** An application can fill nothing here but one record (65,535 bytes); these bound the rest. */
export interface WebServerLimits {
  /** Requests open at the same time. Default 65,535, all the ids there are; one more is FCGI_INVALID_CALL. */
  readonly maxRequests: number;
  /** Pairs in one GET_VALUES_RESULT. Default 1024; more is FCGI_LIMIT. */
  readonly maxValues: number;
}

/** The limits of a connection unless others are given. */
export const DEFAULT_WEB_SERVER_LIMITS: WebServerLimits = { maxRequests: MAX_REQUEST_ID, maxValues: 1024 };

/** A request as `begin` takes it. */
export interface BeginRequest {
  readonly role: Role;
  /** Asks the application to leave the connection open after the answer. */
  readonly keepConnection: boolean;
  /** Byte strings, in the order sent. */
  readonly params: readonly Pair[];
}

/**
 * The web server's side of one FastCGI connection. Calls in, bytes out (`takeOutput`); bytes in, events out. It never
 * waits, reads a clock or logs.
 *
 * It takes every habit of the applications that are around: no empty STDOUT record, or several; stale reserved bytes;
 * END_REQUEST before STDIN was read; records after END_REQUEST or for ids that are not open, which are ignored and
 * never delivered; GET_VALUES_RESULT at any time.
 *
 * What breaks the connection with a `RemoteProtocolError`: bytes that are no FastCGI 1, a short END_REQUEST, malformed
 * pairs in GET_VALUES_RESULT, and record types that an application does not send for an open request.
 */
export class WebServerConnection {
  readonly #limits: WebServerLimits;
  readonly #decoder = new RecordDecoder();
  readonly #output = new Output();
  readonly #requests = new Map<number, WebServerRequestState>();
  /** No id below this one is free. */
  #lowestFree = 1;
  #active = 0;
  #events: WebServerEvent[] = [];

  readonly #spread: number;
  #lastId = 0;
  #strays = 0;

  /**
   * @param options `spreadIds`: gives the ids from 1 to this number in turn, so that what an application sends too late
   *   has the id of nobody, and is dropped. Default 1: always the lowest free id
   */
  constructor(options: { readonly limits?: Partial<WebServerLimits>; readonly spreadIds?: number } = {}) {
    this.#limits = { ...DEFAULT_WEB_SERVER_LIMITS, ...options.limits };
    this.#spread = options.spreadIds ?? 1;
  }

  /** Records that came for requests which are not open, or have ended: dropped, but no sign of a sound application. */
  get strays(): number {
    return this.#strays;
  }

  /** Requests begun whose END_REQUEST has not come, aborted ones included. */
  get active(): number {
    return this.#active;
  }

  /**
   * Begins a request: queues BEGIN_REQUEST, the params and their end. STDIN must be ended too (`endStdin`), empty or
   * not; for a filter, DATA as well.
   *
   * @returns its id, the lowest free one from 1. It is taken until END_REQUEST has come and the streams are ended
   * @throws {LocalProtocolError} `FCGI_INVALID_CALL` when all ids are taken, or a param is no byte string; `FCGI_LIMIT`
   *   when a param takes more than 65,528 bytes. Nothing is queued then
   */
  begin(request: BeginRequest): number {
    if (this.#requests.size >= Math.min(this.#limits.maxRequests, MAX_REQUEST_ID)) {
      throw new LocalProtocolError(
        "FCGI_INVALID_CALL",
        `${this.#requests.size} requests are open on this connection, and no more are allowed; use another connection`,
      );
    }
    const id = this.#freeId();
    try {
      this.#output.request(encodeBeginRequest(id, request.role, request.keepConnection), id, request.params);
    } catch (error) {
      this.#lowestFree = Math.min(this.#lowestFree, id);
      throw error;
    }
    this.#requests.set(id, request.role === "filter" ? "sending-stdin-and-data" : "sending-stdin");
    this.#active += 1;

    return id;
  }

  #freeId(): number {
    if (this.#spread > 1) {
      this.#lastId = (this.#lastId % this.#spread) + 1;
      if (!this.#requests.has(this.#lastId)) return this.#lastId;
    }
    let id = this.#lowestFree;
    while (this.#requests.has(id)) id += 1;
    this.#lowestFree = id + 1;
    return id;
  }

  /**
   * Queues a piece of the request body; empty content is nothing. Content up to 16 KiB is copied, more is kept: leave it
   * unchanged until it is sent. Dropped when the request is aborted or END_REQUEST has come.
   *
   * @throws {LocalProtocolError} `FCGI_INVALID_CALL` when no such request is open, or its STDIN has ended
   */
  writeStdin(requestId: number, content: Uint8Array): void {
    if (this.#advance(requestId, "stdin")) this.#output.stream(RecordType.STDIN, requestId, content);
  }

  /** Ends STDIN. Call it even when END_REQUEST has come first: only then is the id free. */
  endStdin(requestId: number): void {
    if (this.#advance(requestId, "stdin-end")) this.#output.streamEnd(RecordType.STDIN, requestId);
  }

  /** Queues a piece of a filter's file, with the rules of `writeStdin`. */
  writeData(requestId: number, content: Uint8Array): void {
    if (this.#advance(requestId, "data")) this.#output.stream(RecordType.DATA, requestId, content);
  }

  /** Ends DATA, with the rules of `endStdin`. */
  endData(requestId: number): void {
    if (this.#advance(requestId, "data-end")) this.#output.streamEnd(RecordType.DATA, requestId);
  }

  /**
   * Gives a request up: queues ABORT_REQUEST. Its output is dropped from now on, its end event still comes. The
   * caller writes no more for it. Safe to call twice, and when the request has ended: then it does nothing.
   *
   * php-fpm does not heed ABORT_REQUEST while a script runs; closing the connection is what stops it.
   */
  abort(requestId: number): void {
    const state = this.#requests.get(requestId);
    if (state === undefined) return;
    if (!isSilent(state)) this.#output.record(encodeAbortRequest(requestId));
    this.#advance(requestId, "abort");
  }

  /** Queues GET_VALUES (section 4.1). php-fpm may close the connection after its answer: use one of its own. */
  getValues(names: readonly string[]): void {
    for (const content of encodeParams(names.map((name) => [name, ""] as const))) {
      this.#output.stream(RecordType.GET_VALUES, NULL_REQUEST_ID, content);
    }
  }

  /**
   * Feeds bytes from the application, cut anywhere. Returns what they completed, in order. Content of the events may
   * point into `chunk`.
   *
   * @throws {RemoteProtocolError} the connection is dead: every open request has failed, close. What came before in the
   *   same chunk is lost. Every further call of `receive` throws the same error
   */
  receive(chunk: Uint8Array): readonly WebServerEvent[] {
    this.#events = [];
    this.#decoder.decode(chunk, this.#onRecord);
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /**
   * The application sends no more.
   *
   * @returns the requests left without END_REQUEST: they have failed
   * @throws {RemoteProtocolError} `FCGI_UNEXPECTED_END` when the bytes ended inside a record
   */
  end(): readonly number[] {
    this.#decoder.end();
    return [...this.#requests].filter(([, state]) => !isAnswered(state)).map(([id]) => id);
  }

  /** Takes the bytes to be sent, in order. They are not written to again, and must not be changed by the taker. */
  takeOutput(): readonly Uint8Array[] {
    return this.#output.take();
  }

  readonly #onRecord: RecordHandler = (type, requestId, buffer, start, end) => {
    if (requestId === NULL_REQUEST_ID) return this.#receiveManagement(type, buffer, start, end);
    const state = this.#requests.get(requestId);
    if (state === undefined || isAnswered(state)) {
      this.#strays += 1;
      return;
    }

    switch (type) {
      case RecordType.STDOUT:
      case RecordType.STDERR: {
        // An empty record ends the stream, which END_REQUEST does as well: there is nothing to tell.
        if (start === end || isSilent(state)) return;
        const stream = type === RecordType.STDOUT ? "stdout" : "stderr";
        this.#events.push({ type: stream, requestId, content: buffer.subarray(start, end) });
        return;
      }
      case RecordType.END_REQUEST: {
        const how = decodeEndRequest(buffer, start, end);
        this.#active -= 1;
        this.#advance(requestId, "end-request");
        this.#events.push({ type: "end", requestId, ...how });
        return;
      }
      default:
        throw new RemoteProtocolError(
          "FCGI_UNEXPECTED_RECORD",
          `a record of type ${type} for request ${requestId}; an application sends only types 3, 6 and 7 for a request`,
        );
    }
  };

  #receiveManagement(type: number, buffer: Uint8Array, start: number, end: number): void {
    if (type === RecordType.GET_VALUES_RESULT) {
      const values = decodeParams(buffer.subarray(start, end), { maxPairs: this.#limits.maxValues });
      this.#events.push({ type: "values", values });
    } else if (type === RecordType.UNKNOWN_TYPE) {
      this.#events.push({ type: "unknown-type", unknownType: decodeUnknownType(buffer, start, end) });
    }
  }

  /** Moves a request on. Returns whether what belongs to the move is to be sent. */
  #advance(requestId: number, input: WebServerRequestInput): boolean {
    const state = this.#requests.get(requestId);
    if (state === undefined) {
      throw new LocalProtocolError(
        "FCGI_INVALID_CALL",
        `${input}: request ${requestId} is not open: it never began, or has ended`,
      );
    }
    const next = advanceWebServerRequest(state, input, requestId);
    if (next === "ended") {
      this.#requests.delete(requestId);
      this.#lowestFree = Math.min(this.#lowestFree, requestId);
    } else {
      this.#requests.set(requestId, next);
    }
    return !isSilent(state);
  }
}
