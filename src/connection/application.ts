// The application's side of one connection, without I/O: what a child or a pool's listener speaks.

import {
  decodeParams,
  decodeRecord,
  encodeEndRequest,
  encodeParams,
  encodeRecord,
  encodeUnknownType,
  LocalProtocolError,
  NULL_REQUEST_ID,
  type Pair,
  ParamsDecoder,
  type ProtocolStatus,
  RecordDecoder,
  type RecordHandler,
  RecordType,
  RemoteProtocolError,
  type Role,
} from "../codec/index.ts";
import { type ApplicationLimits, type ApplicationOptions, DEFAULT_APPLICATION_LIMITS } from "./application-options.ts";
import {
  type ApplicationRequestInput,
  type ApplicationRequestState,
  advanceApplicationRequest,
} from "./application-request.ts";
import { Output } from "./output.ts";

/** What the web server's bytes mean. */
export type ApplicationEvent =
  /** A request whose params are complete. */
  | {
      readonly type: "request";
      readonly requestId: number;
      readonly role: Role;
      readonly keepConnection: boolean;
      readonly params: readonly Pair[];
    }
  /** A piece of a stream, never empty. `content` is a view: it is valid as long as the chunk given to `receive`. */
  | { readonly type: "stdin" | "data"; readonly requestId: number; readonly content: Uint8Array }
  | { readonly type: "stdin-end" | "data-end"; readonly requestId: number }
  /** The web server has lost interest. `endRequest` is still owed; output is dropped from now on. */
  | { readonly type: "abort"; readonly requestId: number };

/** What a param costs beyond its bytes, in bytes: two strings and an array. */
const PAIR_OVERHEAD = 64;

/** Application status of a request that the connection refuses: no script has run. */
const REFUSED_STATUS = 1;

interface ActiveRequest {
  readonly id: number;
  readonly role: Role;
  readonly keepConnection: boolean;
  state: ApplicationRequestState;
  /** Until the params are complete. */
  params: ParamsDecoder | undefined;
  /** What its params count towards `maxConnectionParamsBytes`. */
  paramsHeld: number;
}

/**
 * The application's side of one FastCGI connection. Bytes in, events out; calls in, bytes out (`takeOutput`). It never
 * waits, reads a clock or logs.
 *
 * What it answers itself: GET_VALUES, unknown management records (UNKNOWN_TYPE), requests that cannot be taken
 * (OVERLOADED, CANT_MPX_CONN, UNKNOWN_ROLE), an abort before the params are complete, and requests whose params are
 * malformed, beyond a limit, or followed by STDIN before their end: these get a line on STDERR and END_REQUEST with
 * application status 1, and other requests go on.
 *
 * What breaks the connection with a `RemoteProtocolError`: bytes that are no FastCGI 1, a short BEGIN_REQUEST, one for
 * an active id or for id 0, and records that an active request cannot have: a stream after its end, DATA for another
 * role than filter, records that only applications send, unknown types. The same records for an inactive id are
 * ignored (section 3.3), which covers the empty STDIN that some web servers send after the answer has come.
 */
export class ApplicationConnection {
  readonly #limits: ApplicationLimits;
  readonly #multiplex: boolean;
  readonly #roles: readonly Role[];
  readonly #values: ReadonlyMap<string, string>;
  readonly #decoder = new RecordDecoder();
  readonly #output = new Output();
  readonly #requests = new Map<number, ActiveRequest>();
  #paramsHeld = 0;
  #events: ApplicationEvent[] = [];
  /** A request without KEEP_CONN has ended. */
  #closing = false;

  constructor(options: ApplicationOptions = {}) {
    this.#limits = { ...DEFAULT_APPLICATION_LIMITS, ...options.limits };
    this.#multiplex = options.multiplex ?? true;
    this.#roles = options.roles ?? ["responder", "authorizer", "filter"];
    const { maxConns, maxReqs } = options.values ?? {
      maxConns: 1,
      maxReqs: this.#multiplex ? this.#limits.maxRequests : 1,
    };
    this.#values = new Map([
      ["FCGI_MAX_CONNS", String(maxConns)],
      ["FCGI_MAX_REQS", String(maxReqs)],
      ["FCGI_MPXS_CONNS", this.#multiplex ? "1" : "0"],
    ]);
  }

  /** Requests begun and not ended, those still receiving params included. */
  get active(): number {
    return this.#requests.size;
  }

  /** Whether the bytes so far end inside a record: a link bounds the time for which they may. */
  get inRecord(): boolean {
    return this.#decoder.inRecord;
  }

  /**
   * A request without KEEP_CONN has ended and none is active: the link must close once the output is sent. nginx waits
   * for the close, not for END_REQUEST.
   */
  get closeWanted(): boolean {
    return this.#closing && this.#requests.size === 0;
  }

  /**
   * Feeds bytes from the web server, cut anywhere. Returns what they completed, in order; `takeOutput` may hold answers
   * afterwards. Content of the events may point into `chunk`.
   *
   * @throws {RemoteProtocolError} the connection is dead: send what is queued, then close. Every further call of
   *   `receive` throws the same error
   */
  receive(chunk: Uint8Array): readonly ApplicationEvent[] {
    try {
      this.#decoder.decode(chunk, this.#onRecord);
    } catch (error) {
      // The caller never hears of what came before in this chunk: so it owes nothing for a request begun there.
      for (const event of this.#takeEvents()) {
        if (event.type === "request") this.#requests.delete(event.requestId);
      }
      throw error;
    }
    return this.#takeEvents();
  }

  /**
   * The web server sends no more. A request whose params are not complete is forgotten. One whose input is not complete
   * is aborted: the event is returned. One whose input is complete goes on, for the web server may have closed its
   * sending side only; when it has closed both, call `abandon`.
   *
   * @throws {RemoteProtocolError} `FCGI_UNEXPECTED_END` when the bytes ended inside a record
   */
  end(): readonly ApplicationEvent[] {
    this.#decoder.end();
    this.#abort(({ state }) => state !== "responding" && state !== "aborting");
    return this.#takeEvents();
  }

  /**
   * The link is gone, so nobody reads an answer: aborts every request. Returns an abort event for each that the
   * application has seen, even when it was aborted before. Safe to call at any time, after an error too.
   */
  abandon(): readonly ApplicationEvent[] {
    this.#abort(() => true);
    return this.#takeEvents();
  }

  /**
   * Queues output; empty content is nothing. Content up to 16 KiB is copied, more is kept: leave it unchanged until it
   * is sent. Dropped when the request is aborted.
   *
   * @throws {LocalProtocolError} `FCGI_INVALID_CALL` when no such request is open
   */
  writeStdout(requestId: number, content: Uint8Array): void {
    this.#write(RecordType.STDOUT, requestId, content);
  }

  /** Queues error output, with the rules of `writeStdout`. */
  writeStderr(requestId: number, content: Uint8Array): void {
    this.#write(RecordType.STDERR, requestId, content);
  }

  /**
   * Ends a request, an aborted one too; its id is free then. END_REQUEST alone ends the streams: no empty STDOUT or
   * STDERR record is sent. We differ from section 3.3 here, as php-fpm does: every web server accepts it.
   *
   * @param applicationStatus exit status, an unsigned 32-bit number
   * @throws {LocalProtocolError} `FCGI_INVALID_CALL` when no such request is open, or the status is no such number
   */
  endRequest(requestId: number, applicationStatus: number, protocolStatus: ProtocolStatus = "request-complete"): void {
    const request = this.#announced(requestId);
    const record = encodeEndRequest(requestId, applicationStatus, protocolStatus);
    this.#advance(request, "end-request");
    this.#output.record(record);
    this.#forget(request);
  }

  /**
   * Queues GET_VALUES_RESULT without having been asked. The specification has no such message: only for a web server
   * that is known to expect it, as a master expects the state of its children.
   */
  announce(values: readonly Pair[]): void {
    this.#sendValues(values);
  }

  /** Takes the bytes to be sent, in order. They are not written to again, and must not be changed by the taker. */
  takeOutput(): readonly Uint8Array[] {
    return this.#output.take();
  }

  readonly #onRecord: RecordHandler = (type, requestId, buffer, start, end) => {
    if (requestId === NULL_REQUEST_ID) return this.#receiveManagement(type, buffer, start, end);
    const request = this.#requests.get(requestId);
    if (type === RecordType.BEGIN_REQUEST) return this.#begin(request, requestId, buffer, start, end);
    if (request === undefined) return;

    switch (type) {
      case RecordType.PARAMS:
        return this.#receiveParams(request, buffer, start, end);
      case RecordType.STDIN:
        return this.#receiveStream(request, "stdin", buffer, start, end);
      case RecordType.DATA:
        return this.#receiveStream(request, "data", buffer, start, end);
      case RecordType.ABORT_REQUEST:
        return this.#receiveAbort(request);
      default:
        throw new RemoteProtocolError(
          "FCGI_UNEXPECTED_RECORD",
          `a record of type ${type} for request ${requestId}; a web server sends only types 1, 2, 4, 5 and 8 for a request`,
        );
    }
  };

  #receiveManagement(type: number, buffer: Uint8Array, start: number, end: number): void {
    switch (type) {
      case RecordType.GET_VALUES: {
        const asked = new Set(decodeParams(buffer.subarray(start, end)).map(([name]) => name));
        const known: Pair[] = [];
        for (const name of asked) {
          const value = this.#values.get(name);
          if (value !== undefined) known.push([name, value]);
        }
        this.#sendValues(known);
        return;
      }
      case RecordType.GET_VALUES_RESULT:
      case RecordType.UNKNOWN_TYPE:
        // Answers, which we asked nobody for. An UNKNOWN_TYPE in return could go back and forth for ever.
        return;
      default:
        if (type <= RecordType.DATA) {
          throw new RemoteProtocolError(
            "FCGI_UNEXPECTED_RECORD",
            `a record of type ${type} with request id 0; requests have ids from 1 to 65535`,
          );
        }
        this.#output.record(encodeUnknownType(type));
    }
  }

  #begin(active: ActiveRequest | undefined, id: number, buffer: Uint8Array, start: number, end: number): void {
    const record = decodeRecord(RecordType.BEGIN_REQUEST, id, buffer, start, end);
    if (record.type !== "begin-request") return;
    if (active !== undefined) {
      throw new RemoteProtocolError(
        "FCGI_UNEXPECTED_RECORD",
        `BEGIN_REQUEST for request ${id}, which is active (${active.state})`,
      );
    }
    const role = this.#roles.find((played) => played === record.role);
    const rejection = this.#rejection(role);
    if (role === undefined || rejection !== undefined) {
      this.#output.record(encodeEndRequest(id, 0, rejection));
      if (!record.keepConnection) this.#closing = true;
      return;
    }
    this.#requests.set(id, {
      id,
      role,
      keepConnection: record.keepConnection,
      state: "receiving-params",
      params: new ParamsDecoder({
        maxBytes: this.#limits.maxParamsBytes,
        maxPairs: this.#limits.maxParams,
        maxNameLength: this.#limits.maxParamNameLength,
      }),
      paramsHeld: 0,
    });
  }

  #receiveParams(request: ActiveRequest, buffer: Uint8Array, start: number, end: number): void {
    const { id, role, keepConnection, params } = request;
    const last = start === end;
    const input = !last ? "params" : role === "filter" ? "filter-params-end" : "params-end";
    const next = advanceApplicationRequest(request.state, input, id);
    // Absent only once params have ended, and then the table has refused the record.
    if (params === undefined) return;
    if (this.#paramsHeld + end - start > this.#limits.maxConnectionParamsBytes) {
      this.#refuseOverloaded(request);
      return;
    }
    try {
      if (last) {
        this.#events.push({ type: "request", requestId: id, role, keepConnection, params: params.finish() });
        request.params = undefined;
      } else {
        params.push(buffer, start, end);
      }
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      this.#refuse(request, error.message, "request-complete");
      return;
    }
    request.state = next;
    this.#paramsHeld -= request.paramsHeld;
    request.paramsHeld = params.bytes + PAIR_OVERHEAD * params.count;
    this.#paramsHeld += request.paramsHeld;
  }

  #receiveStream(
    request: ActiveRequest,
    stream: "stdin" | "data",
    buffer: Uint8Array,
    start: number,
    end: number,
  ): void {
    if (request.state === "receiving-params") {
      this.#refuse(request, `${stream} came before the end of params`, "request-complete");
      return;
    }
    const last = start === end;
    this.#advance(request, last ? `${stream}-end` : stream);
    if (request.state === "aborting") return;
    const requestId = request.id;
    if (last) this.#events.push({ type: `${stream}-end`, requestId });
    else this.#events.push({ type: stream, requestId, content: buffer.subarray(start, end) });
  }

  #receiveAbort(request: ActiveRequest): void {
    const known = request.state !== "aborting";
    this.#advance(request, "abort");
    if (request.state === "ended") {
      this.#output.record(encodeEndRequest(request.id, 0));
      this.#forget(request);
    } else if (known) {
      this.#events.push({ type: "abort", requestId: request.id });
    }
  }

  #abort(chosen: (request: ActiveRequest) => boolean): void {
    for (const request of this.#requests.values()) {
      if (!chosen(request)) continue;
      this.#advance(request, "abort");
      if (request.state === "ended") this.#forget(request);
      else this.#events.push({ type: "abort", requestId: request.id });
    }
  }

  /** Why a request in this role cannot become active now, if so. */
  #rejection(role: Role | undefined): ProtocolStatus | undefined {
    if (role === undefined) return "unknown-role";
    if (!this.#multiplex && this.#requests.size > 0) return "cannot-multiplex";
    if (this.#requests.size >= this.#limits.maxRequests) return "overloaded";
    return undefined;
  }

  #refuseOverloaded(request: ActiveRequest): void {
    const limit = this.#limits.maxConnectionParamsBytes;
    this.#refuse(request, `the params of all requests on this connection exceed ${limit} bytes`, "overloaded");
  }

  /** Ends a request that the application has not seen. The line on STDERR lands in the web server's error log. */
  #refuse(request: ActiveRequest, reason: string, status: ProtocolStatus): void {
    this.#advance(request, "refuse");
    const line = new TextEncoder().encode(`FastCGI request refused: ${reason}\n`);
    this.#output.stream(RecordType.STDERR, request.id, line);
    this.#output.record(encodeEndRequest(request.id, REFUSED_STATUS, status));
    this.#forget(request);
  }

  #write(type: RecordType, requestId: number, content: Uint8Array): void {
    if (this.#announced(requestId).state === "aborting") return;
    this.#output.stream(type, requestId, content);
  }

  #sendValues(values: readonly Pair[]): void {
    const blocks = encodeParams(values);
    if (blocks.length === 0) blocks.push(new Uint8Array(0));
    for (const content of blocks) {
      this.#output.record(encodeRecord({ type: "get-values-result", requestId: NULL_REQUEST_ID, content }));
    }
  }

  #announced(requestId: number): ActiveRequest {
    const request = this.#requests.get(requestId);
    if (request !== undefined && request.state !== "receiving-params") return request;
    throw new LocalProtocolError("FCGI_INVALID_CALL", `request ${requestId} is not open: it never began, or has ended`);
  }

  #advance(request: ActiveRequest, input: ApplicationRequestInput): void {
    request.state = advanceApplicationRequest(request.state, input, request.id);
  }

  #forget(request: ActiveRequest): void {
    this.#requests.delete(request.id);
    this.#paramsHeld -= request.paramsHeld;
    if (!request.keepConnection) this.#closing = true;
  }

  #takeEvents(): readonly ApplicationEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}
