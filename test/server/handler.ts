// A fetch handler that does what tests of the server ask of one.

import type { FastCgiContext } from "../../src/server/index.ts";

const encoder = new TextEncoder();

export class Handler {
  /** What must not have happened. */
  readonly problems: string[] = [];
  /** Whether the last `/forever` was aborted. */
  aborted = false;
  #goOn: () => void = () => {};

  /** Lets the last `/stream` end. */
  goOn(): void {
    this.#goOn();
  }

  readonly fetch = async (request: Request, context: FastCgiContext): Promise<Response> => {
    const url = new URL(request.url);
    const argument = url.search.slice(1);
    switch (url.pathname.replace(/^\/app\.php/, "")) {
      case "/hello": {
        const headers = new Headers({ "content-type": "application/json" });
        headers.append("set-cookie", "a=1; Path=/");
        headers.append("set-cookie", "b=2");
        const body = {
          method: request.method,
          url: request.url,
          asked: request.headers.get("x-asked"),
          proxy: request.headers.get("proxy"),
          role: context.role,
        };
        return new Response(JSON.stringify(body), { status: 201, headers });
      }
      case "/status":
        return new Response(null, { status: Number(argument) });
      case "/number":
        return new Response(argument);
      case "/echo":
        return new Response(request.body);
      case "/refuse":
        return new Response("too large", { status: 413 });
      case "/throw":
        throw new Error("thrown on purpose");
      case "/stream":
        return new Response(this.#stream());
      case "/forever":
        return new Response(this.#forever(request.signal));
      default:
        this.problems.push(`unknown path ${request.url}`);
        return new Response("unknown path", { status: 404 });
    }
  };

  #stream(): ReadableStream<Uint8Array> {
    const goneOn = new Promise<void>((resolve) => {
      this.#goOn = resolve;
    });
    return new ReadableStream({
      async start(controller) {
        controller.enqueue(encoder.encode("first\n"));
        await goneOn;
        controller.enqueue(encoder.encode("last\n"));
        controller.close();
      },
    });
  }

  #forever(signal: AbortSignal): ReadableStream<Uint8Array> {
    this.aborted = false;
    signal.addEventListener("abort", () => {
      this.aborted = true;
    });
    let timer: ReturnType<typeof setTimeout> | undefined;
    return new ReadableStream({
      async pull(controller) {
        controller.enqueue(encoder.encode("more\n"));
        await new Promise((resolve) => {
          timer = setTimeout(resolve, 20);
        });
      },
      cancel() {
        clearTimeout(timer);
      },
    });
  }
}
