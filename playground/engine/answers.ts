// Answers on their way from the server Worker, as the page reads them.

import { RESPONSE_WINDOW, type ToServer } from "./protocol.ts";
import type { EngineError, EngineResponse, RequestEnd, RequestInput } from "./types.ts";

type Post = (message: ToServer, transfer: Transferable[]) => void;
type Head = Pick<EngineResponse, "request" | "status" | "statusText" | "headers">;

/** One request of the page. */
export class PendingAnswer {
  readonly response: Promise<EngineResponse>;
  readonly #id: number;
  readonly #post: Post;
  readonly #end = Promise.withResolvers<RequestEnd>();
  readonly #head = Promise.withResolvers<EngineResponse>();
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Bytes in the stream that its reader has not taken, and that the Worker has not been told of. */
  #queued = 0;

  constructor(id: number, post: Post) {
    this.#id = id;
    this.#post = post;
    this.response = this.#head.promise;
    this.#head.promise.catch(() => {});
    this.#end.promise.catch(() => {});
  }

  send(input: RequestInput): void {
    this.#post({ type: "request", id: this.#id, input }, []);
  }

  abort(reason: unknown): void {
    this.#post({ type: "abort", id: this.#id }, []);
    this.#head.reject(reason);
    this.#controller?.error(reason);
    this.#controller = undefined;
  }

  head({ request, status, statusText, headers }: Head): void {
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#tellTaken(),
        cancel: () => {
          this.#controller = undefined;
          this.#post({ type: "abort", id: this.#id }, []);
        },
      },
      { highWaterMark: RESPONSE_WINDOW / 4, size: (chunk) => chunk.length },
    );
    const bytes = async () => new Uint8Array(await new Response(body as ReadableStream<BufferSource>).arrayBuffer());
    this.#head.resolve({
      request,
      status,
      statusText,
      headers,
      body,
      end: this.#end.promise,
      bytes,
      text: async () => new TextDecoder().decode(await bytes()),
    });
  }

  chunk(bytes: Uint8Array): void {
    this.#queued += bytes.length;
    this.#controller?.enqueue(bytes);
    this.#tellTaken();
  }

  end(end: RequestEnd, broken: boolean): void {
    if (broken) this.#controller?.error(new Error(end.error?.message ?? "the answer broke off"));
    else this.#controller?.close();
    this.#controller = undefined;
    this.#end.resolve(end);
  }

  fail(error: EngineError): void {
    this.#head.reject(error);
    this.#controller?.error(error);
    this.#controller = undefined;
    this.#end.reject(error);
  }

  /** Once the stream wants more, all that came before counts as taken. */
  #tellTaken(): void {
    if (this.#queued === 0 || (this.#controller?.desiredSize ?? 1) <= 0) return;
    this.#post({ type: "taken", id: this.#id, bytes: this.#queued }, []);
    this.#queued = 0;
  }
}
