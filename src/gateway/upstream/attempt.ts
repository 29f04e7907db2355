// One attempt at one server: holds its output back until the header block is whole, because until then another server
// can be tried.

import { type CgiHead, CgiHeadParser } from "../../cgi/index.ts";
import { concat } from "../../codec/index.ts";
import type { Exchange, ExchangeEnd, ExchangeRequest, ExchangeSink } from "../../transport/exchange.ts";
import type { AttemptOutcome, Attempt as AttemptRecord } from "./observer.ts";
import type { NextCondition } from "./options.ts";

/** Why an answer may not be good enough to be passed on. */
export interface Failure {
  readonly outcome: "error" | "timeout" | "invalid-header" | "overloaded" | "refused-status";
  readonly condition: NextCondition;
  /** For the log: what a visitor would get. */
  readonly status: number;
  /** The application may have begun to run the request. */
  readonly sent: boolean;
  readonly error?: unknown;
}

export interface AttemptOptions {
  readonly sink: ExchangeSink;
  readonly maxHeaderBytes: number;
  /** Looks at the header block; without it output is passed on from the first byte. */
  readonly inspect: boolean;
  /** Statuses that `judge` is asked about. */
  readonly conditions: ReadonlySet<NextCondition>;
  /** Asked at most once. `true`: another server is tried, drop this one. */
  readonly judge: (failure: Failure) => boolean;
  readonly now: () => number;
}

//   head -> passing       head: nothing was passed on; what came is kept, up to the bound of a header block
//     |
//     +---> dropped       dropped: another server is tried
type State = "head" | "passing" | "dropped";

export class Attempt implements ExchangeSink {
  readonly #options: AttemptOptions;
  readonly #parser: CgiHeadParser;
  /** Only of an attempt that may be dropped. */
  readonly #abort: AbortController | undefined;
  readonly #started: number;
  #state: State = "head";
  /** Pieces of a header block that is not whole: copies. */
  #kept: Uint8Array[] = [];
  #outcome: AttemptOutcome | undefined;
  #status: number | undefined;
  #cause: unknown;
  #connectTime: number | undefined;
  #headerTime: number | undefined;
  #bodyLength = 0;
  #bytesReceived = 0;

  constructor(options: AttemptOptions) {
    this.#options = options;
    this.#parser = new CgiHeadParser(options.maxHeaderBytes);
    this.#abort = options.inspect ? new AbortController() : undefined;
    this.#started = options.now();
  }

  /** Bytes of STDOUT and STDERR that came. */
  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  /** Whether the answer was passed on, in whole or in part. */
  get passed(): boolean {
    return this.#state === "passing";
  }

  /** @returns `undefined` when another server is to be tried; rejects as the exchange did, or with `signal.reason` */
  async run(exchange: Exchange, request: ExchangeRequest, signal: AbortSignal): Promise<ExchangeEnd | undefined> {
    const forward = () => this.#abort?.abort(signal.reason);
    if (this.#abort !== undefined) signal.addEventListener("abort", forward);
    try {
      signal.throwIfAborted();
      const end = await exchange(request, this, this.#abort?.signal ?? signal);
      if (this.#state === "head") return this.#endedWithoutHead(end);
      if (this.#state === "dropped") return undefined;
      this.#outcome ??= "answered";
      return end;
    } catch (error) {
      if (this.#state === "dropped") return undefined;
      if (signal.aborted) {
        this.#outcome ??= "cancelled";
        this.#cause ??= signal.reason;
        throw signal.reason;
      }
      if (this.#state === "passing") {
        this.#outcome ??= "broken";
        this.#cause ??= error;
        throw error;
      }
      const failure = failureOf(error);
      if (failure === undefined) this.#outcome = "cancelled";
      else if (this.#refused(failure)) return undefined;
      throw error;
    } finally {
      if (this.#abort !== undefined) signal.removeEventListener("abort", forward);
    }
  }

  /** Whoever waits has waited long enough. @returns whether another server is tried */
  giveUp(error: unknown): boolean {
    const failure = failureOf(error);
    if (this.#abort === undefined || this.#state !== "head" || failure === undefined) return false;
    if (!this.#refused(failure)) return false;
    this.#abort.abort(error);
    return true;
  }

  connected(): void {
    this.#connectTime = this.#options.now() - this.#started;
    this.#options.sink.connected?.();
  }

  stderr(chunk: Uint8Array): void | Promise<void> {
    this.#bytesReceived += chunk.length;
    return this.#options.sink.stderr(chunk);
  }

  stdout(chunk: Uint8Array): void | Promise<void> {
    this.#bytesReceived += chunk.length;
    switch (this.#state) {
      case "passing":
        this.#bodyLength += chunk.length;
        return this.#options.sink.stdout(chunk);
      case "dropped":
        return;
      default:
        return this.#options.inspect ? this.#head(chunk) : this.#pass(chunk);
    }
  }

  #head(chunk: Uint8Array): void | Promise<void> {
    try {
      const body = this.#parser.push(chunk);
      this.#bodyLength = body?.length ?? 0;
      if (body === undefined) {
        this.#kept.push(chunk.slice());
        // Thousands of tiny chunks cost more than their bytes.
        if (this.#kept.length >= 256) this.#kept = [concat(this.#kept)];
        return;
      }
    } catch (error) {
      // Not repeated: the gateway finds the same fault, and says so in its own words.
      if (this.#refused(invalidHeader(error))) return this.#abort?.abort(error);
      return this.#pass(chunk);
    }
    const { status } = this.#parser.head as CgiHead;
    this.#status = status;
    this.#headerTime = this.#options.now() - this.#started;
    const condition = `http_${status}` as NextCondition;
    if (this.#options.conditions.has(condition)) {
      const failure = { outcome: "refused-status", condition, status, sent: status !== 429 } as const;
      if (this.#options.judge(failure)) {
        this.#drop();
        this.#outcome = "refused-status";
        return this.#abort?.abort(new Error(`status ${status}: another server is tried`));
      }
    }
    return this.#pass(chunk);
  }

  /** Passes on what was kept, and `chunk`. */
  #pass(chunk: Uint8Array): void | Promise<void> {
    this.#state = "passing";
    const whole = this.#kept.length === 0 ? chunk : concat([...this.#kept, chunk]);
    this.#kept = [];
    if (whole.length > 0) return this.#options.sink.stdout(whole);
  }

  async #endedWithoutHead(end: ExchangeEnd): Promise<ExchangeEnd | undefined> {
    const { protocolStatus } = end;
    let failure: Failure;
    if (protocolStatus === "overloaded" || protocolStatus === "cannot-multiplex") {
      // Both say that the request was not taken (FastCGI 1.0, section 5.5).
      const error = new Error(`the application ended the request as ${protocolStatus}`);
      const status = protocolStatus === "overloaded" ? 503 : 502;
      failure = { outcome: "overloaded", condition: "overloaded", status, sent: false, error };
    } else if (protocolStatus === "request-complete") {
      failure = invalidHeader(this.#missingHead());
    } else {
      failure = invalidHeader(new Error(`the application ended the request as ${protocolStatus}`));
    }
    if (this.#refused(failure)) return undefined;
    await this.#pass(EMPTY);
    return end;
  }

  #missingHead(): unknown {
    try {
      this.#parser.end();
    } catch (error) {
      return error;
    }
    return undefined;
  }

  #refused(failure: Failure): boolean {
    this.#outcome = failure.outcome;
    this.#status = failure.status;
    this.#cause = failure.error;
    const refused = this.#options.judge(failure);
    if (refused) this.#drop();
    return refused;
  }

  #drop(): void {
    this.#state = "dropped";
    this.#kept = [];
  }

  /** For the log, when it is over. @param address the server's name */
  record(address: string): AttemptRecord {
    const { code } = (this.#cause ?? {}) as { code?: unknown };
    return {
      address,
      outcome: this.#outcome ?? "cancelled",
      ...(this.#status !== undefined && { status: this.#status }),
      ...(this.#connectTime !== undefined && { connectTime: this.#connectTime }),
      ...(this.#headerTime !== undefined && { headerTime: this.#headerTime }),
      responseTime: this.#options.now() - this.#started,
      bytesReceived: this.#bytesReceived,
      responseLength: this.#bodyLength,
      ...(typeof code === "string" && { error: code }),
      ...(this.#cause !== undefined && { cause: this.#cause }),
    };
  }
}

/** What a failed exchange means for the server; `undefined`: it is not the server's failure. */
export function failureOf(error: unknown): Failure | undefined {
  const { code, sent = true } = (error ?? {}) as { code?: unknown; sent?: boolean };
  switch (code) {
    case "EXCHANGE_CONNECT":
    case "EXCHANGE_BROKEN":
      return { outcome: "error", condition: "error", status: 502, sent, error };
    // The gateway's own patience is over.
    case "GATEWAY_TIMEOUT":
    case "EXCHANGE_TIMEOUT":
      return { outcome: "timeout", condition: "timeout", status: 504, sent, error };
    case "EXCHANGE_PROTOCOL":
      return invalidHeader(error);
    case "EXCHANGE_OVERLOADED":
    case "EXCHANGE_STOPPING":
      return { outcome: "overloaded", condition: "overloaded", status: 503, sent, error };
    default:
      return undefined;
  }
}

function invalidHeader(error: unknown): Failure {
  return { outcome: "invalid-header", condition: "invalid-header", status: 502, sent: true, error };
}

const EMPTY = new Uint8Array(0);
