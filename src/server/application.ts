// A fetch handler as a FastCGI application: connections in, requests to the handler, responses out.

import type { Role } from "../codec/index.ts";
import { ApplicationLink, type ApplicationLinkOptions } from "../transport/application-link.ts";
import type { ApplicationRequest } from "../transport/application-request.ts";
import type { ExchangeEnd } from "../transport/exchange.ts";
import { type Opened, toTransport, untilClosed } from "../transport/streams-socket.ts";
import { HeldOutput } from "./held-output.ts";
import { Input } from "./input.ts";
import {
  type ApplicationServerOptions,
  DEFAULT_SERVER_LIMITS,
  type FastCgiContext,
  type ServerLimits,
} from "./options.ts";
import { BadRequest, buildRequest, declaredLength, paramsRecord } from "./request.ts";
import { page, sendResponse } from "./response.ts";

/** A connection that is being served. */
export interface ServedConnection {
  /** Resolves when it has ended, for whatever reason, and a socket has sent its last bytes. */
  readonly closed: Promise<void>;
  /** Answers new requests with OVERLOADED, and ends the connection after those that run. */
  drain(): void;
  /** Ends it at once; requests that run are aborted. Safe to call twice. */
  close(): void;
}

/** Time for requests that run when a server closes, in milliseconds. */
const DEFAULT_GRACE = 30_000;

const encoder = new TextEncoder();

/** A fetch handler with connections of web servers, wherever they come from. */
export class FastCgiApplication {
  readonly #options: ApplicationServerOptions;
  readonly #limits: Partial<ServerLimits> & typeof DEFAULT_SERVER_LIMITS;
  readonly #linkOptions: ApplicationLinkOptions;
  readonly #links = new Set<ApplicationLink>();
  #requests = 0;
  #closing = false;

  constructor(options: ApplicationServerOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_SERVER_LIMITS, ...options.limits };
    const { maxRequests, maxConnections, ...limits } = this.#limits;
    const roles: readonly Role[] = options.roles ?? ["responder"];
    this.#linkOptions = {
      connection: {
        roles,
        limits: { ...limits, maxRequests },
        values: { maxConns: maxConnections, maxReqs: maxRequests },
      },
      limits,
      onError: (error) => this.#tell(error, undefined),
    };
  }

  /** Connections, and requests whose handler has not ended. */
  counts(): { readonly connections: number; readonly requests: number } {
    return { connections: this.#links.size, requests: this.#requests };
  }

  /**
   * Serves one connection until it ends.
   *
   * @param remote IP address of the web server
   */
  serve(opened: Opened, remote?: string): ServedConnection {
    const transport = toTransport(opened);
    if (this.#closing || this.#links.size >= this.#limits.maxConnections) {
      transport.close();
      return { closed: Promise.resolve(), drain() {}, close() {} };
    }
    let begun = 0;
    const most = this.#limits.maxRequestsPerConnection;
    const link: ApplicationLink = new ApplicationLink(
      transport,
      (request) => {
        begun += 1;
        const answer = this.#answer(request, link, remote);
        // The connection ends with this request's END_REQUEST.
        if (begun === most) link.drain();
        return answer;
      },
      this.#linkOptions,
    );
    this.#links.add(link);
    void link.closed.then(() => this.#links.delete(link));
    // A Worker's `connect` handler awaits this: its return would take the last bytes with it.
    const closed = "opened" in opened ? untilClosed(opened, link.closed) : link.closed;
    return { closed, drain: () => link.drain(), close: () => link.close() };
  }

  /**
   * Takes no more requests, and ends when those that run have ended; after `grace` milliseconds (default 30,000) they are
   * aborted. Safe to call twice: a shorter grace counts.
   */
  async close(options: { readonly grace?: number } = {}): Promise<void> {
    this.#closing = true;
    const links = [...this.#links];
    for (const link of links) link.drain();
    const timer = setTimeout(() => {
      for (const link of links) link.breakOff();
    }, options.grace ?? DEFAULT_GRACE);
    await Promise.all(links.map((link) => link.closed));
    clearTimeout(timer);
  }

  async #answer(request: ApplicationRequest, link: ApplicationLink, remote: string | undefined): Promise<ExchangeEnd> {
    if (this.#requests >= this.#limits.maxRequests) return { applicationStatus: 0, protocolStatus: "overloaded" };
    this.#requests += 1;
    const params = paramsRecord(request.params);
    const method = params.REQUEST_METHOD || "GET";
    const body = bodyOf(request, method, params);
    const output = new HeldOutput(request, body, this.#limits.heldOutput);
    let http: Request | undefined;
    try {
      http = buildRequest(params, body?.stream ?? null, request.signal);
      const response = await this.#options.fetch(http, contextOf(request, params, remote));
      await sendResponse(response, method, output);
      output.flush();
      return { applicationStatus: 0, protocolStatus: "request-complete" };
    } catch (error) {
      if (request.signal.aborted) return { applicationStatus: 1, protocolStatus: "request-complete" };
      this.#tell(error, http);
      void request.stderr(
        encoder.encode(`edge-fpm: ${error instanceof Error ? error.message : String(error)}\n`),
        true,
      );
      if (output.begun) {
        // What was cut off must not look complete. On a connection of its own, only an end in the middle tells that.
        if (link.active === 1) link.breakOff();
      } else {
        output.drop();
        await sendResponse(
          error instanceof BadRequest ? page(400, "Bad Request") : page(500, "Internal Server Error"),
          method,
          output,
        );
        output.flush();
      }
      return { applicationStatus: 1, protocolStatus: "request-complete" };
    } finally {
      this.#requests -= 1;
    }
  }

  #tell(error: unknown, request: Request | undefined): void {
    this.#options.onError?.(error, request);
  }
}

/**
 * Serves one connection that exists already: a `cloudflare:sockets` socket given to a Worker's `connect` handler, a pair
 * of streams, a transport.
 *
 * @param options `remote`: IP address of the web server, for the handler
 */
export function handleConnection(
  opened: Opened,
  options: ApplicationServerOptions & { readonly remote?: string },
): ServedConnection {
  return new FastCgiApplication(options).serve(opened, options.remote);
}

/** GET and HEAD have no body in fetch, an authorizer has none at all, and one of no bytes is none. */
function bodyOf(
  request: ApplicationRequest,
  method: string,
  params: Readonly<Record<string, string>>,
): Input | undefined {
  const length = declaredLength(params);
  if (method === "GET" || method === "HEAD" || request.role === "authorizer" || length === 0) return undefined;
  return new Input(request.stdin, length);
}

function contextOf(
  request: ApplicationRequest,
  params: Readonly<Record<string, string>>,
  remote: string | undefined,
): FastCgiContext {
  return {
    params,
    role: request.role,
    remote,
    data: request.role === "filter" ? new Input(request.data, undefined).stream : undefined,
    stderr: (text) => void request.stderr(encoder.encode(text), true),
  };
}
