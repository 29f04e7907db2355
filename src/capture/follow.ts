// The requests of a connection, followed through its records: params, streams, end, times, and the state of each side.

import {
  concat,
  decodeRecord,
  FastCgiError,
  HEADER_LENGTH,
  NULL_REQUEST_ID,
  type Pair,
  ParamsDecoder,
  type ProtocolStatus,
  RecordType,
  type Role,
} from "../codec/index.ts";
import { inspect } from "./annotate.ts";
import type { PairRest } from "./annotate-pairs.ts";
import type { Capture, CapturedConnection } from "./capture.ts";
import type { CapturedItem, CapturedRecord } from "./records.ts";
import { contentOf, MAX_ITEMS, recordsOf } from "./records.ts";
import { NO_REQUEST, type RequestStates, type Step, step } from "./states.ts";

/** A stream of a request: counted whole, kept to a limit. */
export interface FollowedStream {
  /** Bytes that passed. */
  readonly length: number;
  readonly records: number;
  /** The first `length` bytes, at most `maxKept`. */
  readonly content: Uint8Array;
  /** Its empty record has passed. */
  readonly ended: boolean;
}

/** One request and its answer. Times are milliseconds since 1970, `undefined` if unknown or not yet. */
export interface FollowedRequest {
  /** From 1 in the order of BEGIN_REQUEST, unless told otherwise: ids are used again. */
  readonly number: number;
  readonly requestId: number;
  readonly role: Role | number;
  readonly keepConnection: boolean;
  /** Byte strings, once the params are complete; until then what is there. */
  readonly params: readonly Pair[];
  readonly stdin: FollowedStream;
  readonly data: FollowedStream;
  readonly stdout: FollowedStream;
  readonly stderr: FollowedStream;
  readonly end: { readonly applicationStatus: number; readonly protocolStatus: ProtocolStatus | number } | undefined;
  readonly aborted: boolean;
  readonly states: RequestStates;
  readonly times: {
    readonly begin: number | undefined;
    /** When the params were complete. */
    readonly params: number | undefined;
    /** When the first byte of STDOUT came. */
    readonly firstByte: number | undefined;
    readonly end: number | undefined;
  };
  /** Places of its records among the items. */
  readonly items: readonly number[];
  readonly problems: readonly string[];
}

/** An item with what it did. */
export interface FollowedItem {
  /** Place among the items of the connection, from 0. */
  readonly index: number;
  readonly item: CapturedItem;
  /** `number` of its request; `undefined` for management records and for ids that are not in use. */
  readonly request: number | undefined;
  readonly before: RequestStates;
  readonly after: RequestStates;
  readonly webServerInput: Step["webServerInput"];
  readonly applicationInput: Step["applicationInput"];
  /** What is wrong with it, in itself and in its place. */
  readonly problems: readonly string[];
  /** What `annotate` needs to explain it: the start of a pair that the records before have left. */
  readonly paramsBefore: PairRest | undefined;
}

/** The items of a connection with the requests they belong to. */
export interface FollowedConnection {
  readonly items: readonly FollowedItem[];
  readonly requests: readonly FollowedRequest[];
}

/** How much is kept while a connection is followed. */
export interface FollowOptions {
  /** Bytes kept of each stream. Default 1 MiB. */
  readonly maxKept?: number;
  /** `number` of the first request. Default 1; a capture of several connections counts on. */
  readonly firstNumber?: number;
  /** Bytes kept of all streams of all requests that are remembered. Default 64 MiB. */
  readonly maxKeptInAll?: number;
  /** Requests that have ended are forgotten: for connections that live long. Default false. */
  readonly forgetEnded?: boolean;
}

/** Follows the items of one connection. Never throws. */
export function follow(items: Iterable<CapturedItem>, options: FollowOptions = {}): FollowedConnection {
  const follower = new Follower(options);
  const followed: FollowedItem[] = [];
  for (const item of items) followed.push(follower.push(item));
  return { items: followed, requests: follower.requests };
}

/** A connection of a capture, followed. */
export interface CapturedAndFollowed extends FollowedConnection {
  readonly connection: CapturedConnection;
}

/** Follows every connection of a capture. Requests are numbered throughout. Never throws. */
export function followCapture(capture: Capture, options: FollowOptions = {}): readonly CapturedAndFollowed[] {
  let firstNumber = options.firstNumber ?? 1;
  let room = MAX_ITEMS;
  return capture.connections.map((connection) => {
    const followed = follow(recordsOf(connection, room), { ...options, firstNumber });
    room = Math.max(0, room - followed.items.length);
    firstNumber += followed.requests.length;
    return { connection, ...followed };
  });
}

const NOTHING = new Uint8Array(0);

/** Request ids named in one problem. */
const MOST_NAMED = 10;

/** Follows one connection as its items come. */
export class Follower {
  readonly #maxKept: number;
  readonly #forgetEnded: boolean;
  #keepLeft: number;
  #requests: Request[] = [];
  readonly #active = new Map<number, Request>();
  #nextNumber: number;
  #index = 0;

  constructor(options: FollowOptions = {}) {
    this.#maxKept = options.maxKept ?? 1024 * 1024;
    this.#keepLeft = options.maxKeptInAll ?? 64 * 1024 * 1024;
    this.#forgetEnded = options.forgetEnded ?? false;
    this.#nextNumber = options.firstNumber ?? 1;
  }

  /** In the order of BEGIN_REQUEST. The objects stay the same and grow. */
  get requests(): readonly FollowedRequest[] {
    return this.#requests;
  }

  /** Takes the next item. */
  push(item: CapturedItem): FollowedItem {
    const index = this.#index++;
    if (item.type !== "record") return this.#other(index, item);
    if (item.requestId === NULL_REQUEST_ID) return plain(index, item, inspect(item.bytes).problems);

    const begins = item.recordType === RecordType.BEGIN_REQUEST;
    const known = this.#active.get(item.requestId);
    const before = known?.states ?? NO_REQUEST;
    const paramsBefore = known?.pairRest;
    const note = inspect(item.bytes, paramsBefore);
    const problems = [...note.problems];
    const role = begins && item.contentLength >= 2 ? word(item.bytes, HEADER_LENGTH) : (known?.roleCode ?? 0);
    const made = step(before, { recordType: item.recordType, empty: item.contentLength === 0, role });
    if (made.problem !== undefined) problems.push(made.problem);

    let request = known;
    if (begins && made.applicationInput === "begin") {
      request = this.#begin(item, role);
    }
    if (request !== undefined) {
      request.states = made.after;
      request.items.push(index);
      this.#take(request, item, note.rest, problems);
      request.problems.push(...problems);
    }
    return {
      index,
      item,
      request: request?.number,
      before,
      after: made.after,
      webServerInput: made.webServerInput,
      applicationInput: made.applicationInput,
      problems,
      paramsBefore,
    };
  }

  #other(index: number, item: CapturedItem): FollowedItem {
    const problems: string[] = [];
    if (item.type === "fragment") problems.push(item.problem);
    if (item.type === "gap") problems.push(`${item.missing} bytes are missing from the capture`);
    if (item.type === "end") {
      const open = [...this.#active.values()].filter(({ end }) => end === undefined);
      const ids = `${open
        .slice(0, MOST_NAMED)
        .map(({ requestId }) => requestId)
        .join(", ")}${open.length > MOST_NAMED ? " and others" : ""}`;
      if (open.length > 0 && (item.how === "reset" || item.direction === "to-web-server")) {
        const who = item.direction === "to-web-server" ? "the application" : "the web server";
        problems.push(
          `${who} ${item.how === "reset" ? "broke" : "closed"} the connection without END_REQUEST for request ${ids}`,
        );
      }
    }
    return plain(index, item, problems);
  }

  #begin(item: CapturedRecord, roleCode: number): Request {
    const request = new Request(this.#nextNumber++, item.requestId, roleCode, item.time);
    try {
      const record = decodeRecord(
        item.recordType,
        item.requestId,
        item.bytes,
        HEADER_LENGTH,
        HEADER_LENGTH + item.contentLength,
      );
      if (record.type === "begin-request") {
        request.role = record.role;
        request.keepConnection = record.keepConnection;
      }
    } catch {
      // A short body: `annotate` has told of it.
    }
    if (this.#forgetEnded) {
      for (const old of this.#requests) if (old.end !== undefined) this.#keepLeft += old.release();
      this.#requests = this.#requests.filter(({ end }) => end === undefined);
    }
    this.#requests.push(request);
    this.#active.set(item.requestId, request);
    return request;
  }

  #take(request: Request, item: CapturedRecord, rest: PairRest | undefined, problems: string[]): void {
    const content = contentOf(item);
    switch (item.recordType) {
      case RecordType.PARAMS:
        request.pairRest = rest;
        if (content.length === 0) request.times.params = item.time;
        try {
          if (content.length === 0) request.decoder?.finish();
          else request.decoder?.push(content, 0, content.length);
        } catch (error) {
          // A peer that breaks the rules of pairs, or passes the limits of the codec.
          if (!(error instanceof FastCgiError)) throw error;
          problems.push(error.message);
          request.keepParams();
        }
        return;
      case RecordType.STDIN:
        this.#stream(request.stdin, content);
        return;
      case RecordType.DATA:
        this.#stream(request.data, content);
        return;
      case RecordType.STDOUT:
        if (content.length > 0) request.times.firstByte ??= item.time;
        this.#stream(request.stdout, content);
        return;
      case RecordType.STDERR:
        this.#stream(request.stderr, content);
        return;
      case RecordType.ABORT_REQUEST:
        request.aborted = true;
        return;
      case RecordType.END_REQUEST: {
        if (request.end !== undefined) return;
        request.times.end = item.time;
        const body = content.length >= 8;
        const record = body
          ? decodeRecord(item.recordType, item.requestId, item.bytes, HEADER_LENGTH, HEADER_LENGTH + content.length)
          : undefined;
        request.end =
          record?.type === "end-request"
            ? { applicationStatus: record.applicationStatus, protocolStatus: record.protocolStatus }
            : { applicationStatus: 0, protocolStatus: "request-complete" };
        const declared = request.params.find(([name]) => name === "CONTENT_LENGTH")?.[1];
        if (
          declared !== undefined &&
          /^\d+$/.test(declared) &&
          request.stdin.ended &&
          Number(declared) !== request.stdin.length
        ) {
          problems.push(`CONTENT_LENGTH is ${declared}, but STDIN had ${request.stdin.length} bytes`);
        }
      }
    }
  }

  #stream(stream: Stream, content: Uint8Array): void {
    const room = Math.max(0, Math.min(this.#maxKept - stream.kept, this.#keepLeft));
    this.#keepLeft -= stream.add(content, room);
  }
}

function plain(index: number, item: CapturedItem, problems: readonly string[]): FollowedItem {
  return {
    index,
    item,
    request: undefined,
    before: NO_REQUEST,
    after: NO_REQUEST,
    webServerInput: undefined,
    applicationInput: undefined,
    problems,
    paramsBefore: undefined,
  };
}

class Stream implements FollowedStream {
  length = 0;
  records = 0;
  ended = false;
  kept = 0;
  #chunks: Uint8Array[] = [];

  get content(): Uint8Array {
    if (this.#chunks.length > 1) this.#chunks = [concat(this.#chunks)];
    return this.#chunks[0] ?? NOTHING;
  }

  /** Keeps at most `room` bytes of `content`. Returns how many. */
  add(content: Uint8Array, room: number): number {
    this.length += content.length;
    this.records += 1;
    if (content.length === 0) this.ended = true;
    const taken = content.slice(0, room);
    this.kept += taken.length;
    if (taken.length > 0) this.#chunks.push(taken);
    return taken.length;
  }

  /** Returns how many bytes were kept. */
  forget(): number {
    const forgotten = this.kept;
    this.kept = 0;
    this.#chunks = [];
    return forgotten;
  }
}

class Request implements FollowedRequest {
  readonly number: number;
  readonly requestId: number;
  readonly roleCode: number;
  role: Role | number;
  keepConnection = false;
  decoder: ParamsDecoder | undefined = new ParamsDecoder();
  /** The start of a pair that the next PARAMS record continues. */
  pairRest: PairRest | undefined;
  readonly stdin = new Stream();
  readonly data = new Stream();
  readonly stdout = new Stream();
  readonly stderr = new Stream();
  end: FollowedRequest["end"];
  aborted = false;
  states: RequestStates = NO_REQUEST;
  readonly times: {
    begin: number | undefined;
    params: number | undefined;
    firstByte: number | undefined;
    end: number | undefined;
  };
  readonly items: number[] = [];
  readonly problems: string[] = [];
  #params: readonly Pair[] | undefined;

  constructor(number: number, requestId: number, roleCode: number, begin: number | undefined) {
    this.number = number;
    this.requestId = requestId;
    this.roleCode = roleCode;
    this.role = roleCode;
    this.times = { begin, params: undefined, firstByte: undefined, end: undefined };
  }

  get params(): readonly Pair[] {
    return this.#params ?? this.decoder?.pairs ?? [];
  }

  /** The decoder is of no use any more: what it has read so far stays. */
  keepParams(): void {
    this.#params = [...this.params];
    this.decoder = undefined;
  }

  /** Forgets what its streams held. Returns how many bytes. */
  release(): number {
    return this.stdin.forget() + this.data.forget() + this.stdout.forget() + this.stderr.forget();
  }
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}
