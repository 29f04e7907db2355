// A script's output on its way to becoming an answer, seen from the gateway: the sink of an exchange.

import { type CgiHead, CgiHeadParser } from "../../cgi/index.ts";
import { concat } from "../../codec/index.ts";
import type { ExchangeEnd, ExchangeSink } from "../../transport/exchange.ts";
import { microtask } from "../../transport/microtask.ts";
import type { Reply } from "../answer/reply.ts";
import { GatewayError } from "../errors.ts";
import { BodyStream } from "./body-stream.ts";
import { badOutput, responseHead } from "./response-head.ts";
import { isEventStream, type Outcome, type OutputOptions, outcomeInstead, refused } from "./script-outcome.ts";
import { StderrLines } from "./stderr.ts";

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
    const instead = outcomeInstead(sorted, reply, this.#options.intercepted);
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
    // Behind what came in the same piece: most often it is all, and the end too.
    if (this.#buffering) microtask(() => this.#holdBack());
    else this.#beginStream();
  }

  #holdBack(): void {
    if (this.#state !== "holding") return;
    this.#timer = setTimeout(() => this.#beginStream(), this.#options.holdBack);
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
