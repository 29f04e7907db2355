// The load generator: as many requests at a time as told, each sent when the one before has ended.

import { CgiHeadParser } from "../cgi/response.ts";
import type { Pair } from "../codec/index.ts";
import { type ConnectExchangeOptions, connectExchange } from "../transport/connect-exchange.ts";
import type { Connect } from "../transport/transport.ts";
import { codeOf } from "./failure.ts";
import { Latencies } from "./load-latency.ts";

export interface LoadOptions {
  readonly connect: Connect;
  readonly params: readonly Pair[];
  readonly stdin: Uint8Array | undefined;
  /** Requests at a time. */
  readonly concurrency: number;
  /** Ends after this many requests, or milliseconds, whichever comes first. */
  readonly requests: number;
  readonly duration: number;
  /** Connections are used again. Default: a connection a request. */
  readonly keep: boolean;
  /** Longest wait for one answer, in milliseconds. */
  readonly timeout: number;
}

/** What has happened so far. Grows while the load runs. */
export interface LoadFigures {
  /** Answers that came to their end, whatever they said. */
  readonly latencies: Latencies;
  /** Answers by HTTP status. */
  readonly statuses: Map<number, number>;
  /** Requests that failed, by kind. */
  readonly errors: Map<string, number>;
  /** Bytes of STDOUT. */
  bytes: number;
  /** Bytes of STDERR. */
  stderrBytes: number;
  readonly started: number;
  ended: number | undefined;
}

/** Most kinds of errors told apart. */
const MAX_KINDS = 64;

/** Runs the load until its end, or until `signal` aborts: requests under way are given up then. Never rejects. */
export async function runLoad(options: LoadOptions, figures: LoadFigures, signal: AbortSignal): Promise<void> {
  const settings: ConnectExchangeOptions = {
    maxIdle: options.keep ? options.concurrency : 0,
    keepConnection: options.keep,
    connectTimeout: options.timeout,
    readTimeout: options.timeout,
  };
  const exchange = connectExchange(options.connect, settings);
  const ends = new AbortController();
  const timer = Number.isFinite(options.duration) ? setTimeout(() => ends.abort(), options.duration) : undefined;
  const over = () => ends.signal.aborted || signal.aborted;
  let begun = 0;
  const worker = async () => {
    while (begun < options.requests && !over()) {
      begun += 1;
      const at = performance.now();
      const answer = new Answer(figures);
      try {
        const end = await exchange(
          {
            role: "responder",
            params: options.params,
            ...(options.stdin === undefined ? {} : { stdin: options.stdin }),
          },
          answer,
          signal,
        );
        if (end.protocolStatus === "request-complete") {
          figures.latencies.add(performance.now() - at);
          answer.finish();
        } else {
          count(figures.errors, `refused: ${end.protocolStatus}`);
        }
      } catch (error) {
        if (signal.aborted) return;
        count(figures.errors, codeOf(error) ?? (error instanceof Error ? error.name : "unknown"));
        // A server that refuses at once must not be asked as fast as the machine can.
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, worker));
  clearTimeout(timer);
  exchange.close();
  figures.ended = performance.now();
}

export function newFigures(): LoadFigures {
  return {
    latencies: new Latencies(),
    statuses: new Map(),
    errors: new Map(),
    bytes: 0,
    stderrBytes: 0,
    started: performance.now(),
    ended: undefined,
  };
}

/** Reads the status of one answer, and counts its bytes. */
class Answer {
  readonly #figures: LoadFigures;
  readonly #parser = new CgiHeadParser();
  #state: "head" | "body" | "broken" = "head";

  constructor(figures: LoadFigures) {
    this.#figures = figures;
  }

  stdout(chunk: Uint8Array): void {
    this.#figures.bytes += chunk.length;
    if (this.#state !== "head") return;
    try {
      if (this.#parser.push(chunk) !== undefined) this.#state = "body";
    } catch {
      // Not a CGI response: counted as such at the end.
      this.#state = "broken";
    }
  }

  stderr(chunk: Uint8Array): void {
    this.#figures.stderrBytes += chunk.length;
  }

  finish(): void {
    const status = this.#parser.head?.status;
    if (status === undefined) count(this.#figures.errors, "no CGI response");
    else count(this.#figures.statuses, status);
  }
}

function count<K>(counts: Map<K, number>, key: K): void {
  if (counts.size < MAX_KINDS || counts.has(key)) counts.set(key, (counts.get(key) ?? 0) + 1);
}
