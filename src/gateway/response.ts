// A script's output as a Response, seen from the gateway: the sink of an exchange.

import { type CgiHead, CgiHeadParser } from "../cgi/index.ts";
import type { ExchangeEnd, ExchangeSink } from "../transport/exchange.ts";
import { GatewayError } from "./errors.ts";
import type { CreateResponse, ReplyInit } from "./reply.ts";
import { StderrLines } from "./stderr.ts";

/** What a script's output came to. */
export type Outcome =
  | { readonly type: "response"; readonly response: Response }
  /** The script asks for another resource of this server; path and query. */
  | { readonly type: "redirect"; readonly target: string };

export interface OutputOptions {
  readonly method: string;
  /** Longest header block of a script, in bytes. */
  readonly maxHeaderBytes: number;
  /** Body bytes held before a response begins, and held again while the visitor does not take them. */
  readonly bufferBytes: number;
  /**
   * Milliseconds that a response with a known head waits for its end: most scripts end at once, and a whole body costs
   * far less to send than a stream. The price is that much delay of the first byte of a slow script.
   */
  readonly holdBack: number;
  readonly create: CreateResponse;
  /** Takes one line of STDERR. */
  readonly stderr: (line: string) => void;
  /** The rest of the output is of no use: the visitor left, or the output is broken. */
  readonly abandon: (reason: unknown) => void;
  /** The response had begun, so the visitor sees a broken transfer; this is why. */
  readonly broken: (error: unknown) => void;
}

//   head -> holding -> streaming -> done        holding: head known, body short so far, nothing handed out
//     |        |           |
//     +--------+-----------+-> discarding -> done    no body wanted (HEAD, 204, 304), or nobody left to take it
type State = "head" | "holding" | "streaming" | "discarding" | "done";

/** Headers of one connection (RFC 9110, section 7.6.1); what follows them is the HTTP server's business. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

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
  #init: ReplyInit = { status: 200, headers: [] };
  #redirect: string | undefined;
  #held: Uint8Array[] = [];
  /** Body bytes taken so far. */
  #length = 0;
  /** The script's Content-Length. */
  #declared: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #room: { readonly promise: Promise<void>; readonly open: () => void } | undefined;

  constructor(options: OutputOptions) {
    this.#options = options;
    this.#parser = new CgiHeadParser(options.maxHeaderBytes);
    this.#errors = new StderrLines(options.stderr);
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
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
    const problem = this.#problemAtEnd(end);
    if (problem !== undefined) {
      this.fail(problem);
      return;
    }
    this.#errors.end();
    if (this.#redirect !== undefined) this.#resolve({ type: "redirect", target: this.#redirect });
    if (this.#state === "holding") this.#handOut(this.#takeHeld(), this.#length);
    else if (this.#state === "streaming") this.#close();
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
    this.#errors.end();
    const state = this.#state;
    this.#state = "done";
    this.#held = [];
    if (state === "streaming") {
      this.#controller?.error(error);
      this.#controller = undefined;
      this.#options.broken(error);
    }
    this.#room?.open();
    // Without effect when an outcome was given before.
    this.#reject(error);
  }

  /** The head is known: decides what becomes of the body. */
  #begin(head: CgiHead): void {
    if (head.localRedirect !== undefined) {
      this.#redirect = head.localRedirect;
      this.#state = "discarding";
      return;
    }
    const { headers, contentLength } = endToEnd(head);
    this.#init = { status: head.status, ...(head.reason && { statusText: head.reason }), headers };
    const bodyless = this.#options.method === "HEAD" || [204, 205, 304].includes(head.status);
    if (bodyless) {
      // A 204 has no length (RFC 9110, section 8.6); of a HEAD it says what a GET would get.
      if (
        contentLength !== undefined &&
        (head.status === 200 || this.#options.method === "HEAD") &&
        head.status !== 204
      ) {
        headers.push(["Content-Length", String(contentLength)]);
      }
      this.#state = "discarding";
      this.#resolve({ type: "response", response: this.#options.create(null, this.#init) });
      return;
    }
    this.#declared = contentLength;
    this.#state = "holding";
    this.#timer = setTimeout(() => this.#stream(), this.#options.holdBack);
  }

  #body(chunk: Uint8Array): void | Promise<void> {
    if (this.#state !== "holding" && this.#state !== "streaming") return;
    // More than Content-Length is cut, as nginx does: the visitor would take it for the next response.
    const wanted = this.#declared === undefined ? chunk.length : Math.min(chunk.length, this.#declared - this.#length);
    if (wanted <= 0) return;
    this.#length += wanted;
    // The chunk is the sender's again when this returns.
    const copy = chunk.slice(0, wanted);
    if (this.#state === "holding") {
      this.#held.push(copy);
      // Thousands of tiny chunks cost more than their bytes.
      if (this.#held.length >= 256) this.#held = [concat(this.#held)];
      if (this.#length <= this.#options.bufferBytes) return;
      this.#stream();
    } else {
      this.#controller?.enqueue(copy);
    }
    if (this.#controller === undefined || (this.#controller.desiredSize ?? 1) > 0) return;
    this.#room ??= makeRoom();
    return this.#room.promise;
  }

  /** Hands out the response with what there is; the rest follows as it comes. */
  #stream(): void {
    if (this.#state !== "holding") return;
    const stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => {
          this.#room?.open();
          this.#room = undefined;
        },
        cancel: (reason) => {
          this.#controller = undefined;
          if (this.#state === "streaming") this.#state = "discarding";
          this.#room?.open();
          this.#room = undefined;
          this.#options.abandon(reason);
        },
      },
      { highWaterMark: this.#options.bufferBytes, size: (chunk) => chunk.byteLength },
    );
    this.#state = "streaming";
    const held = this.#takeHeld();
    if (held.length > 0) this.#controller?.enqueue(held);
    this.#handOut(stream, this.#declared);
  }

  #close(): void {
    this.#controller?.close();
    this.#controller = undefined;
    this.#room?.open();
  }

  #handOut(body: Uint8Array | ReadableStream<Uint8Array>, length: number | undefined): void {
    clearTimeout(this.#timer);
    if (length !== undefined) this.#init.headers.push(["Content-Length", String(length)]);
    this.#resolve({ type: "response", response: this.#options.create(body, this.#init) });
  }

  #takeHeld(): Uint8Array {
    const held = this.#held;
    this.#held = [];
    return held.length === 1 && held[0] !== undefined ? held[0] : concat(held);
  }
}

/** The headers for the visitor, without those of a connection; Content-Length apart, because it must be true. */
function endToEnd(head: CgiHead): { headers: [string, string][]; contentLength: number | undefined } {
  const headers: [string, string][] = [];
  let contentLength: number | undefined;
  let named: Set<string> | undefined;
  for (const [name, value] of head.headers) {
    if (name.toLowerCase() === "connection") {
      named ??= new Set();
      for (const token of value.split(",")) named.add(token.trim().toLowerCase());
    }
  }
  for (const [name, value] of head.headers) {
    const lower = name.toLowerCase();
    if (lower === "content-length") {
      const length = /^[0-9]{1,15}$/.test(value) ? Number(value) : undefined;
      if (length === undefined || (contentLength !== undefined && contentLength !== length)) {
        throw badOutput(`the script's Content-Length is ${JSON.stringify(value)}; one number is allowed`);
      }
      contentLength = length;
    } else if (!HOP_BY_HOP.has(lower) && !named?.has(lower)) {
      headers.push([name, value]);
    }
  }
  return { headers, contentLength };
}

function badOutput(message: string): GatewayError {
  return new GatewayError("GATEWAY_BAD_OUTPUT", 502, message);
}

function refused(end: ExchangeEnd): GatewayError {
  const status = end.protocolStatus === "overloaded" ? 503 : 502;
  return new GatewayError("GATEWAY_REFUSED", status, `the application ended the request as ${end.protocolStatus}`);
}

function concat(chunks: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function makeRoom(): { promise: Promise<void>; open: () => void } {
  let open = () => {};
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}
