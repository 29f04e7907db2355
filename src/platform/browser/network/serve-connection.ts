// What answers a connection of PHP in a page: HTTP, or TLS with HTTP in it, told apart by the first byte. Loaded when a script
// first connects.

import { Asker, type Browser } from "./ask.ts";
import { type BytePipe, PeekedPipe } from "./byte-pipe.ts";
import { RequestError } from "./http-request.ts";
import { refuse, serveHttp } from "./http-server.ts";
import { acceptTls } from "./tls/accept.ts";
import { Authority } from "./tls/authority.ts";

/** First byte of a TLS connection: a handshake record. No method of HTTP begins with it. */
const TLS_HANDSHAKE = 22;

/**
 * A client of HTTP and of TLS speaks first, and at once. Who is silent for so long waits for a greeting that will not come.
 * Milliseconds.
 */
const SILENCE = 2000;

/** Answers the connections of one interpreter. */
export class Servers {
  /** The certificate that the interpreter must trust, PEM; `undefined`: this page has no Web Crypto, so there is no https. */
  readonly trusted: string | undefined;
  readonly #asker: Asker;
  readonly #authority: Authority | undefined;

  private constructor(browser: Browser, authority: Authority | undefined) {
    this.#asker = new Asker(browser);
    this.#authority = authority;
    this.trusted = authority?.pem;
  }

  static async create(browser: Browser): Promise<Servers> {
    // Absent in pages that came over http from another machine.
    const authority = globalThis.crypto?.subtle === undefined ? undefined : await Authority.create();
    return new Servers(browser, authority);
  }

  /**
   * Serves one connection to its end.
   *
   * @param host the name or the address that the script connected to
   */
  async serve(wire: BytePipe, host: string, port: number, signal: AbortSignal): Promise<void> {
    const pipe = new PeekedPipe(wire);
    const first = await firstBytes(pipe);
    if (first === "silence") {
      await refuse(pipe, new RequestError(400, "PHP in a page reaches HTTP and HTTPS servers only"));
      await pipe.close();
    } else if (first?.[0] !== TLS_HANDSHAKE) {
      await serveHttp(pipe, { scheme: "http", host, port }, this.#asker, signal);
    } else {
      const authority = this.#authority;
      if (authority === undefined) throw new Error("https needs Web Crypto, which this page lacks: it came over http");
      const inner = await acceptTls(pipe, (name = host) => authority.identity(name));
      if (inner !== undefined) await serveHttp(inner, { scheme: "https", host, port }, this.#asker, signal);
    }
  }
}

async function firstBytes(pipe: PeekedPipe): Promise<Uint8Array | "silence" | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<"silence">((resolve) => {
    timer = setTimeout(() => resolve("silence"), SILENCE);
  });
  try {
    return await Promise.race([pipe.peek(), silence]);
  } finally {
    clearTimeout(timer);
  }
}
