// A script's output on its way to becoming an answer, seen from the gateway: the sink of an exchange.

import { type CgiHead, CgiHeadParser } from "../cgi/index.ts";
import type { ExchangeEnd, ExchangeSink } from "../transport/exchange.ts";
import { BodyStream } from "./body-stream.ts";
import { concat } from "./bytes.ts";
import { GatewayError } from "./errors.ts";
import type { Reply } from "./reply.ts";
import { badOutput, carriedHeaders, type HeaderPolicy, type ResponseHead, responseHead } from "./response-head.ts";
import type { Spool } from "./spool.ts";
import { StderrLines } from "./stderr.ts";

/** What a script's output came to. */
export type Outcome =
  | { readonly type: "reply"; readonly reply: Reply }
  /**
   * The script asks for another resource of this server: path and query; or `@name` of a location. `unsafe`: as
   * X-Accel-Redirect has it, where a space is a space.
   */
  | {
      readonly type: "redirect";
      readonly target: string;
      readonly unsafe: boolean;
      readonly carried: readonly [string, string][];
    }
  /** The script asks for a file, which it names as it sees it. */
  | {
      readonly type: "file";
      readonly name: string;
      readonly reply: Reply;
      readonly carried: readonly [string, string][];
    }
  /** The script's own answer is not wanted (`interceptErrors`). */
  | { readonly type: "intercepted"; readonly status: number; readonly headers: [string, string][] };

export interface OutputOptions {
  readonly method: string;
  /** Longest header block of a script, in bytes. */
  readonly maxHeaderBytes: number;
  /** Body bytes held before an answer begins, and held again while the visitor does not take them. */
  readonly bufferBytes: number;
  /**
   * Milliseconds that an answer with a known head waits for its end: most scripts end at once, and a whole body costs
   * far less to send than a stream. The price is that much delay of the first byte of a slow script.
   */
  readonly holdBack: number;
  /** Off: nothing waits and nothing is spooled, each chunk goes out as it comes. The script has the last word. */
  readonly buffering: boolean;
  readonly spool?: Spool | undefined;
  /** Milliseconds and bytes, as in `BodyStreamOptions`. */
  readonly spoolAfter: number;
  readonly spoolBytes: number;
  readonly policy?: HeaderPolicy | undefined;
  /** Statuses of which the script's answer is dropped for a page of the gateway's. */
  readonly intercepted?: ((status: number) => boolean) | undefined;
  /** Text on STDERR that makes the answer an invalid one. */
  readonly catchStderr?: readonly string[] | undefined;
  /** Told the status, once the head is whole. */
  readonly head?: ((status: number) => void) | undefined;
  /** Takes one line of STDERR. */
  readonly stderr: (line: string) => void;
  /** The rest of the output is of no use: the visitor left, or the output is broken. */
  readonly abandon: (reason: unknown) => void;
  /** The answer had begun with this status, and the visitor sees a broken transfer; `error` is why. */
  readonly broken: (error: unknown, status: number) => void;
}

//   head -> holding -> streaming -> done        holding: head known, body short so far, nothing handed out
//     |        |           |
//     +--------+-----------+-> discarding -> done    no body wanted (HEAD, 204, 304), or nobody left to take it
type State = "head" | "holding" | "streaming" | "discarding" | "done";

/** Takes one exchange's output, gives one outcome. */
export class ScriptOutput implements ExchangeSink {
  /** Settles once, as soon as the visitor can be answered. Rejects when the script cannot be. */
  readonly outcome: Promise<Outcome>;

  readonly #options: OutputOptions;
  readonly #parser: CgiHeadParser;
  readonly #errors: StderrLines;
  #resolve!: (outcome: Outcome) => void;
  #reject!: (error: unknown) => void;
  #state: State = "head";
  #reply: Reply = { status: 200, headers: [], body: null };
  /** Target of a local redirect, which waits for the script's end. */
  #redirect: string | undefined;
  #buffering = true;
  #held: Uint8Array[] = [];
  /** Body bytes taken so far. */
  #length = 0;
  #failure: unknown;
  /** The script's Content-Length. */
  #declared: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stream: BodyStream | undefined;

  constructor(options: OutputOptions) {
    this.#options = options;
    this.#parser = new CgiHeadParser(options.maxHeaderBytes);
    this.#errors = new StderrLines((line) => this.#line(line));
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Bytes of body that were passed on so far. */
  get length(): number {
    return this.#length;
  }

  /** Why the output is no answer, or no whole one. */
  get failure(): unknown {
    return this.#failure;
  }

  stderr(chunk: Uint8Array): void {
    this.#errors.push(chunk);
  }

  stdout(chunk: Uint8Array): void | Promise<void> {
    if (this.#state !== "head") return this.#body(chunk);
    try {
      const rest = this.#parser.push(chunk);
      if (rest === undefined) return;
      this.#begin(this.#parser.head as CgiHead);
      return this.#body(rest);
    } catch (error) {
      this.fail(error);
      this.#options.abandon(error);
    }
  }

  /** The application has ended the request. */
  finish(end: ExchangeEnd): void {
    this.#errors.end();
    const problem = this.#problemAtEnd(end);
    if (problem !== undefined) {
      this.fail(problem);
      return;
    }
    if (this.#redirect !== undefined) {
      this.#resolve({ type: "redirect", target: this.#redirect, unsafe: false, carried: [] });
    }
    if (this.#state === "holding") this.#handOut(this.#takeHeld(), this.#length);
    else if (this.#state === "streaming") this.#stream?.close();
    this.#state = "done";
  }

  /** What is wrong with output that ends here, if anything. */
  #problemAtEnd(end: ExchangeEnd): unknown {
    if (end.protocolStatus !== "request-complete") return refused(end);
    if (this.#state === "head") {
      try {
        this.#parser.end();
      } catch (error) {
        return error;
      }
    }
    const bodyWanted = this.#state === "holding" || this.#state === "streaming";
    if (bodyWanted && this.#declared !== undefined && this.#length < this.#declared) {
      return badOutput(`the script's Content-Length is ${this.#declared}, and it sent ${this.#length} bytes of body`);
    }
    return undefined;
  }

  /** The exchange failed, or its output is no CGI response. Safe to call twice. */
  fail(error: unknown): void {
    clearTimeout(this.#timer);
    const state = this.#state;
    if (state !== "done") this.#failure = error;
    this.#state = "done";
    this.#held = [];
    this.#errors.end();
    if (state === "streaming") {
      this.#stream?.error(error);
      this.#options.broken(error, this.#reply.status);
    }
    // Without effect when an outcome was given before.
    this.#reject(error);
  }

  /** The head is known: decides what becomes of the body. */
  #begin(head: CgiHead): void {
    this.#options.head?.(head.status);
    if (head.localRedirect !== undefined) {
      this.#redirect = head.localRedirect;
      this.#state = "discarding";
      return;
    }
    const sorted = responseHead(head, this.#options.policy);
    const { headers, contentLength } = sorted;
    const reply: Reply = { status: head.status, headers, body: null, wishes: sorted.wishes };
    if (head.reason) reply.statusText = head.reason;
    this.#reply = reply;
    const instead = this.#instead(sorted, head);
    if (instead !== undefined) {
      this.#state = "discarding";
      this.#resolve(instead);
      return;
    }
    if (this.#options.method === "HEAD" || head.status === 204 || head.status === 205 || head.status === 304) {
      // A 204 has no length (RFC 9110, section 8.6); of a HEAD it says what a GET would get.
      if (
        contentLength !== undefined &&
        (head.status === 200 || this.#options.method === "HEAD") &&
        head.status !== 204
      ) {
        headers.push(["Content-Length", String(contentLength)]);
      }
      this.#state = "discarding";
      this.#resolve({ type: "reply", reply });
      return;
    }
    this.#declared = contentLength;
    this.#state = "holding";
    this.#buffering = sorted.buffering ?? (this.#options.buffering && !isEventStream(headers));
    if (this.#buffering) this.#timer = setTimeout(() => this.#beginStream(), this.#options.holdBack);
    else this.#beginStream();
  }

  /** What the visitor gets in place of the script's answer, if anything. */
  #instead(sorted: ResponseHead, head: CgiHead): Outcome | undefined {
    const { accelRedirect, sendFile, headers } = sorted;
    if (accelRedirect !== undefined) {
      return { type: "redirect", target: accelRedirect, unsafe: true, carried: carriedHeaders(headers) };
    }
    if (sendFile !== undefined) {
      return { type: "file", name: sendFile, reply: this.#reply, carried: carriedHeaders(headers) };
    }
    if (this.#options.intercepted?.(head.status) !== true) return undefined;
    const kept = headers.filter(([name]) => /^(?:www-authenticate|retry-after|allow)$/i.test(name));
    return { type: "intercepted", status: head.status, headers: kept };
  }

  #body(chunk: Uint8Array): void | Promise<void> {
    if (this.#state !== "holding" && this.#state !== "streaming") return;
    // More than Content-Length is cut, as nginx does: the visitor would take it for the next response.
    const wanted = this.#declared === undefined ? chunk.length : Math.min(chunk.length, this.#declared - this.#length);
    if (wanted <= 0) return;
    this.#length += wanted;
    // The chunk is the sender's again when this returns.
    const copy = chunk.slice(0, wanted);
    if (this.#state === "streaming") return this.#stream?.write(copy);
    this.#held.push(copy);
    // Thousands of tiny chunks cost more than their bytes.
    if (this.#held.length >= 256) this.#held = [concat(this.#held)];
    if (this.#length > this.#options.bufferBytes) return this.#beginStream();
  }

  /** Hands out the answer with what there is; the rest follows as it comes. */
  #beginStream(): void | Promise<void> {
    if (this.#state !== "holding") return;
    this.#state = "streaming";
    this.#stream = new BodyStream({
      bufferBytes: this.#options.bufferBytes,
      spool: this.#buffering ? this.#options.spool : undefined,
      spoolAfter: this.#options.spoolAfter,
      spoolBytes: this.#options.spoolBytes,
      cancelled: (reason) => {
        if (this.#state === "streaming") this.#state = "discarding";
        this.#options.abandon(reason);
      },
      failed: (error) => {
        this.fail(error);
        this.#options.abandon(error);
      },
    });
    const held = this.#takeHeld();
    const room = held.length > 0 ? this.#stream.write(held) : undefined;
    this.#handOut(this.#stream.readable, this.#declared);
    return room;
  }

  #handOut(body: Uint8Array | ReadableStream<Uint8Array>, length: number | undefined): void {
    clearTimeout(this.#timer);
    const reply = this.#reply;
    if (length !== undefined) reply.headers.push(["Content-Length", String(length)]);
    reply.body = body;
    this.#resolve({ type: "reply", reply });
  }

  #takeHeld(): Uint8Array {
    const held = this.#held;
    this.#held = [];
    return held.length === 1 && held[0] !== undefined ? held[0] : concat(held);
  }

  #line(line: string): void {
    this.#options.stderr(line);
    const early = this.#state === "head" || this.#state === "holding";
    if (!early || this.#options.catchStderr?.some((text) => line.includes(text)) !== true) return;
    const error = new GatewayError("GATEWAY_CAUGHT_STDERR", 502, `the application wrote to STDERR: ${line}`);
    this.fail(error);
    this.#options.abandon(error);
  }
}

/** Whoever streams events wants each of them to arrive at once. */
function isEventStream(headers: readonly [string, string][]): boolean {
  for (const [name, value] of headers) {
    if (name.length === 12 && name.toLowerCase() === "content-type") return /^text\/event-stream\b/i.test(value);
  }
  return false;
}

function refused(end: ExchangeEnd): GatewayError {
  const status = end.protocolStatus === "overloaded" ? 503 : 502;
  return new GatewayError("GATEWAY_REFUSED", status, `the application ended the request as ${end.protocolStatus}`);
}
