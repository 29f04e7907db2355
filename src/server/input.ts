// STDIN or DATA of a request as a web stream for its handler.

/** One input stream of a request, read as its handler asks for it. */
export class Input {
  readonly stream: ReadableStream<Uint8Array>;
  /** Settles when the handler has read all of it, or wants no more. */
  readonly over: Promise<void>;
  #state: "untouched" | "reading" | "over" = "untouched";
  #settle: () => void = () => {};

  /** @param declared its length in bytes: a stream that ends sooner was cut off, and fails */
  constructor(input: AsyncIterable<Uint8Array>, declared: number | undefined) {
    const chunks = input[Symbol.asyncIterator]();
    let length = 0;
    this.over = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.stream = new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          this.#state = "reading";
          try {
            const next = await chunks.next();
            if (next.done !== true) {
              length += next.value.length;
              controller.enqueue(next.value);
              // The last byte is the end: a handler that counts does not ask again.
              if (length === declared) this.#end();
              return;
            }
          } catch (error) {
            this.#end();
            throw error;
          }
          this.#end();
          if (declared !== undefined && length < declared) {
            controller.error(new Error(`the body ended after ${length} of its ${declared} bytes`));
          } else controller.close();
        },
        cancel: async () => {
          this.#end();
          await chunks.return?.();
        },
      },
      { highWaterMark: 0 },
    );
  }

  /** Its handler has begun to read it and has not come to its end. */
  get reading(): boolean {
    return this.#state === "reading";
  }

  #end(): void {
    this.#state = "over";
    this.#settle();
  }
}
