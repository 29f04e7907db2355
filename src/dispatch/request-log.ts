// The access log's line of one request: gathered while it runs, written when it is over.

import type { Pair } from "../codec/index.ts";
import type { AccessLog } from "../fpm/access-log.ts";
import type { ExchangeRequest, ExchangeSink } from "../transport/exchange.ts";
import { failureStatus } from "./failure.ts";
import type { PoolRequest } from "./request-info.ts";
import { ResponseMeter } from "./response-meter.ts";

/** Where the lines go, and what every one of them tells. */
export interface RequestLogOptions {
  readonly log: AccessLog;
  /** Name of the pool. */
  readonly pool: string;
  /** Process id of the master. */
  readonly masterPid: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The visitor left before there was an answer: nginx's number for it. */
const CLIENT_CLOSED_REQUEST = 499;

/** One request on its way into the access log. */
export class RequestLog {
  readonly #options: RequestLogOptions;
  readonly #request: ExchangeRequest;
  readonly #info: PoolRequest;
  readonly #meter: ResponseMeter;
  #acceptedAt: number;
  #pid: number;
  #failed: number | undefined;

  constructor(options: RequestLogOptions, request: ExchangeRequest, info: PoolRequest, sink: ExchangeSink) {
    this.#options = options;
    this.#request = request;
    this.#info = info;
    this.#meter = new ResponseMeter(sink);
    this.#acceptedAt = options.now();
    this.#pid = options.masterPid;
  }

  /** Takes the place of the request's sink. */
  get sink(): ExchangeSink {
    return this.#meter;
  }

  /** A child has taken the request. */
  taken(pid: number): void {
    this.#acceptedAt = this.#options.now();
    this.#pid = pid;
  }

  /** The request got no whole answer from a script. */
  failed(error: unknown, aborted: boolean): void {
    this.#failed = aborted ? CLIENT_CLOSED_REQUEST : failureStatus(error);
  }

  /** The request is over, and so is what the script did after its answer. */
  ended(memory?: number): void {
    const { log, pool, masterPid, now } = this.#options;
    const params = this.#request.params;
    log.log({
      pool,
      pid: this.#pid,
      masterPid,
      request: this.#info,
      remote: this.#request.remote ?? "",
      acceptedAt: this.#acceptedAt,
      endedAt: now(),
      memory,
      status: this.#meter.status ?? this.#failed ?? 200,
      bytes: this.#meter.bytes,
      header: (name) => this.#meter.header(name),
      param: (name) => lastParam(params, name),
    });
  }
}

function lastParam(params: readonly Pair[], name: string): string | undefined {
  return params.findLast(([other]) => other === name)?.[1];
}
