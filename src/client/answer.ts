// An application's output as a Response, seen from the client: STDOUT and STDERR in, head and a stream out.

import { type CgiHead, CgiHeadParser } from "../cgi/index.ts";
import type { ExchangeEnd, ExchangeSink } from "../transport/exchange.ts";
import { ClientError } from "./errors.ts";

/** How a request ended. */
export interface AnswerEnd extends ExchangeEnd {
  /** What came on STDERR as text, up to `maxStderr`. */
  readonly stderr: string;
}

/** An application's answer. */
export interface Answer {
  /**
   * Status, headers and body; the body streams. Browsers hide Set-Cookie here: see `head`. A body that is not wanted is
   * cancelled (`response.body?.cancel()`), or it holds its connection.
   */
  readonly response: Response;
  /** The headers as the script sent them, repeated ones and their order kept. */
  readonly head: CgiHead;
  /**
   * Resolves at END_REQUEST, which comes when the body was read or cancelled. Rejects as the body does. It need not be
   * awaited.
   */
  readonly end: Promise<AnswerEnd>;
}

export interface AnswerOptions {
  readonly method: string;
  /** Bytes of the script's header block. */
  readonly maxHeaderBytes: number;
  /** Body bytes that may wait for their reader. */
  readonly responseBuffer: number;
  /** Characters of STDERR that are kept. */
  readonly maxStderr: number;
  readonly onStderr: ((text: string) => void) | undefined;
  /** Nobody wants the rest. */
  readonly abandon: (reason: unknown) => void;
}

/** Takes one exchange's output, gives one answer. */
export class AnswerSink implements ExchangeSink {
  /** Settles when the head has come, or never will. */
  readonly answer: Promise<Answer>;
  readonly #options: AnswerOptions;
  readonly #parser: CgiHeadParser;
  readonly #end = deferred<AnswerEnd>();
  readonly #answered = deferred<Answer>();
  readonly #decoder = new TextDecoder();
  #stderr = "";
  #state: "head" | "body" | "dropping" | "over" = "head";
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #room: Deferred<void> | undefined;
  /** Body bytes still owed by the script's Content-Length. */
  #owed: number | undefined;

  constructor(options: AnswerOptions) {
    this.#options = options;
    this.#parser = new CgiHeadParser(options.maxHeaderBytes);
    this.answer = this.#answered.promise;
    // Whoever has the answer need not look at its end.
    this.#end.promise.catch(() => {});
    this.answer.catch(() => {});
  }

  stderr(chunk: Uint8Array): void {
    this.#error(this.#decoder.decode(chunk, { stream: true }));
  }

  stdout(chunk: Uint8Array): void | Promise<void> {
    if (this.#state !== "head") return this.#body(chunk);
    const rest = this.#parser.push(chunk);
    if (rest === undefined) return;
    this.#begin(this.#parser.head as CgiHead);
    return this.#body(rest);
  }

  /** END_REQUEST has come. */
  finish(end: ExchangeEnd): void {
    this.#error(this.#decoder.decode());
    try {
      if (end.protocolStatus !== "request-complete") throw refused(end);
      if (this.#state === "head") this.#parser.end();
      if (this.#state === "body" && this.#owed !== undefined && this.#owed > 0) {
        throw new ClientError("CLIENT_BAD_ANSWER", `the body ended ${this.#owed} bytes short of its Content-Length`);
      }
    } catch (error) {
      this.fail(error);
      return;
    }
    if (this.#state === "body") this.#controller?.close();
    this.#over();
    this.#end.resolve({ ...end, stderr: this.#stderr });
  }

  /** The exchange failed. Safe to call twice. */
  fail(error: unknown): void {
    if (this.#state === "body") this.#controller?.error(error);
    this.#over();
    this.#answered.reject(error);
    this.#end.reject(error);
  }

  #over(): void {
    this.#state = "over";
    this.#controller = undefined;
    this.#room?.resolve();
  }

  #error(text: string): void {
    if (text === "") return;
    this.#stderr += text.slice(0, Math.max(0, this.#options.maxStderr - this.#stderr.length));
    this.#options.onStderr?.(text);
  }

  #begin(head: CgiHead): void {
    const bodyless = this.#options.method === "HEAD" || [204, 205, 304].includes(head.status);
    this.#state = bodyless ? "dropping" : "body";
    const length = head.headers.find(([name]) => name.toLowerCase() === "content-length")?.[1];
    if (length !== undefined && /^\d{1,15}$/.test(length)) this.#owed = Number(length);
    let response: Response;
    try {
      response = new Response(bodyless ? null : this.#stream(), {
        status: head.status,
        ...(head.reason === undefined ? {} : { statusText: head.reason }),
        headers: head.headers.map(([name, value]): [string, string] => [name, value]),
      });
    } catch (cause) {
      throw new ClientError("CLIENT_BAD_ANSWER", `the answer is no response: ${(cause as Error).message}`, { cause });
    }
    this.#answered.resolve({ response, head, end: this.#end.promise });
  }

  #stream(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => {
          this.#room?.resolve();
          this.#room = undefined;
        },
        cancel: (reason) => {
          if (this.#state === "body") this.#state = "dropping";
          this.#room?.resolve();
          this.#options.abandon(reason);
        },
      },
      { highWaterMark: this.#options.responseBuffer, size: (chunk) => chunk.byteLength },
    );
  }

  #body(chunk: Uint8Array): void | Promise<void> {
    if (this.#state !== "body" || chunk.length === 0) return;
    if (this.#owed !== undefined) this.#owed -= chunk.length;
    // The chunk is the link's own again when this returns.
    this.#controller?.enqueue(chunk.slice());
    if ((this.#controller?.desiredSize ?? 1) > 0) return;
    this.#room ??= deferred<void>();
    return this.#room.promise;
  }
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** `Promise.withResolvers`, which Node has since 22. */
function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((settle, fail) => {
    resolve = settle;
    reject = fail;
  });
  return { promise, resolve, reject };
}

function refused({ protocolStatus }: ExchangeEnd): ClientError {
  return new ClientError("CLIENT_REFUSED", `the application refused the request: ${protocolStatus}`);
}
