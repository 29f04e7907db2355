// A request of a script, asked by `fetch`: what must be left out, where redirects go, and why there is no answer.

import type { HttpRequest } from "./http-request.ts";

/** The server that a connection leads to. */
export interface Destination {
  readonly scheme: "http" | "https";
  /** A name, or an address. */
  readonly host: string;
  readonly port: number;
}

/** What is needed of a page, or of its Worker. */
export interface Browser {
  readonly fetch: typeof fetch;
  /** Whether the page came over https: then it may not load http. */
  readonly secure: boolean;
}

/** An answer: the server's, or one of ours that says why there is none. */
export interface Answer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Iterable<readonly [name: string, value: string]>;
  readonly body: ReadableStream<Uint8Array> | null;
}

/** Where `fetch` sends its own, what would only ask servers for a permission that few give, and what is of the connection. */
const DROPPED = new Set([
  "accept-encoding",
  "connection",
  "content-length",
  "cookie",
  "expect",
  "host",
  "keep-alive",
  "te",
  "transfer-encoding",
  "upgrade",
  "user-agent",
]);

/** Methods that no page may use (Fetch, "forbidden method"), and one that is for proxies. */
const FORBIDDEN = /^(?:CONNECT|TRACE|TRACK)$/i;

/** How long an answer waits for the script that was sent to it, in milliseconds: after that it may have changed. */
const KEPT = 5000;

/** How long the second look at a server that gave no answer may take, in milliseconds. */
const PROBE = 3000;

/** An answer that waits for the script to ask for it. */
interface Fetched {
  readonly response: Response;
  /** Whose end is to be its end from now on. */
  follow(signal: AbortSignal): void;
}

/** A signal that aborts with another one, which may be changed. */
class FollowingAbort {
  readonly #controller = new AbortController();
  #followed: AbortSignal | undefined;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  follow(signal: AbortSignal | undefined): void {
    this.#followed?.removeEventListener("abort", this.#abort);
    this.#followed = signal;
    signal?.addEventListener("abort", this.#abort);
    if (signal?.aborted) this.#abort();
  }

  readonly #abort = (): void => this.#controller.abort(this.#followed?.reason);
}

/** Asks for one interpreter. */
export class Asker {
  readonly #browser: Browser;
  /** Where a redirect led, with what was there: the script asks for it next. One at a time. */
  #redirected: Fetched | undefined;

  constructor(browser: Browser) {
    this.#browser = browser;
  }

  /**
   * Never rejects but when `signal` aborts.
   *
   * A page is told of a redirect only where it led in the end: the script gets a redirect to there, and then, if it follows,
   * the answer that came. Other methods than GET and HEAD, whose redirects may change the method, get that answer at once.
   */
  async ask(request: HttpRequest, to: Destination, signal: AbortSignal): Promise<Answer> {
    if (FORBIDDEN.test(request.method)) {
      return problem(405, "Method not allowed in a page", `A page may not send ${request.method}.`);
    }
    const url = urlOf(request, to, this.#browser.secure);
    if (url === undefined) return problem(400, "No such address", "The address of the request is none.");
    const repeats = request.method === "GET" || request.method === "HEAD";
    const kept = this.#redirected;
    if (request.method === "GET" && kept?.response.url === url) {
      this.#redirected = undefined;
      kept.follow(signal);
      return kept.response;
    }
    const abort = new FollowingAbort();
    abort.follow(signal);
    try {
      const response = await this.#browser.fetch(url, {
        method: request.method,
        headers: headersOf(request),
        ...(request.body.length > 0 && { body: request.body }),
        signal: abort.signal,
        ...PRIVATELY,
      });
      if (!repeats || !response.redirected || response.url === url) return response;
      // The script may close this connection, and ask on another one for where it was led.
      abort.follow(undefined);
      this.#keep({ response, follow: (next) => abort.follow(next) });
      return redirect(url, response.url);
    } catch (error) {
      signal.throwIfAborted();
      return await this.#explain(url, to, error, signal);
    }
  }

  #keep(fetched: Fetched): void {
    this.#drop(this.#redirected);
    this.#redirected = fetched;
    setTimeout(() => this.#drop(fetched), KEPT);
  }

  #drop(fetched: Fetched | undefined): void {
    if (fetched === undefined || fetched !== this.#redirected) return;
    this.#redirected = undefined;
    fetched.response.body?.cancel().catch(() => {});
  }

  /** `fetch` says the same of everything that goes wrong: a second look tells what did. */
  async #explain(url: string, to: Destination, error: unknown, signal: AbortSignal): Promise<Answer> {
    const { origin, protocol } = new URL(url);
    if (protocol === "http:" && this.#browser.secure && !isLoopback(to.host)) {
      return problem(502, "An https page may not load http (mixed content)", `Ask for https instead of ${origin}.`);
    }
    const reachable = await this.#browser
      .fetch(`${origin}/`, {
        method: "HEAD",
        mode: "no-cors",
        signal: AbortSignal.any([signal, AbortSignal.timeout(PROBE)]),
        ...PRIVATELY,
      })
      .then(
        () => true,
        () => false,
      );
    signal.throwIfAborted();
    const said = error instanceof Error ? error.message : String(error);
    return reachable
      ? problem(
          502,
          "The server does not let this page read its answer (CORS)",
          `${origin} answers, but not with the headers Access-Control-Allow-* that let a page of another origin send this request and read the answer.`,
        )
      : problem(502, "The server cannot be reached", `${origin} does not answer (the browser says: ${said}).`);
  }
}

/** The script is a program of its own, and not the visitor: no cookies, nothing from the browser's cache, no referrer. */
const PRIVATELY = { credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer" } as const;

const TEXT = ["Content-Type", "text/plain; charset=utf-8"] as const;

/** @param text for whoever reads the body; the reason is what PHP's warning shows */
export function problem(status: number, reason: string, text: string): Answer {
  return { status, statusText: reason, headers: [TEXT], body: bodyOf(`${reason}. ${text}\n`) };
}

function redirect(from: string, to: string): Answer {
  const body = bodyOf(`${from} leads to ${to}\n`);
  return { status: 302, statusText: "", headers: [["Location", to], TEXT], body };
}

function bodyOf(text: string): ReadableStream<Uint8Array> | null {
  return new Response(text).body;
}

/** `http:` on its own port is `https:` in an https page, as browsers ask for it in other places. */
function urlOf({ target }: HttpRequest, { scheme, host, port }: Destination, secure: boolean): string | undefined {
  const upgraded = secure && scheme === "http" && port === 80 && !isLoopback(host);
  const origin = upgraded ? `https://${host}` : `${scheme}://${host}:${port}`;
  // Bytes above ASCII, as a script may send them bare.
  const path = target.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16)}`);
  return URL.canParse(origin + path) ? new URL(origin + path).href : undefined;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function headersOf({ headers }: HttpRequest): [string, string][] {
  return headers.filter(([name]) => !DROPPED.has(name.toLowerCase())).map(([name, value]) => [name, value]);
}
