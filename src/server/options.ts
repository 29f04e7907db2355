// What a FastCGI application made of a fetch handler can be told, and what its handler is given.

import type { Role } from "../codec/index.ts";
import type { ApplicationLimits } from "../connection/index.ts";
import type { ApplicationLinkLimits } from "../transport/application-link.ts";

/** What a handler is given beside the request. Frameworks take it as their environment (`c.env` in hono). */
export interface FastCgiContext {
  /**
   * The params as the web server sent them, byte strings: one character a byte. Of a repeated name the last. Made by the
   * web server, but HTTP_* is the visitor's.
   */
  readonly params: Readonly<Record<string, string>>;
  readonly role: Role;
  /** IP address of the web server; undefined on a Unix socket. */
  readonly remote: string | undefined;
  /** The file of the role `filter` (FCGI_DATA_LENGTH bytes); undefined for other roles. */
  readonly data: ReadableStream<Uint8Array> | undefined;
  /** Writes to the web server's error log. */
  stderr(text: string): void;
}

/** A fetch handler. `request.signal` aborts when the web server gives the request up or its connection ends. */
export type FetchHandler = (request: Request, context: FastCgiContext) => Response | Promise<Response>;

/** How much of web servers' input is accepted. Sizes in bytes, times in milliseconds (0: no limit). */
export interface ServerLimits extends ApplicationLinkLimits, Omit<ApplicationLimits, "maxRequests"> {
  /** Requests at the same time, all connections together. Default 1024; one more is answered OVERLOADED. */
  readonly maxRequests: number;
  /** Connections at the same time. Default 1024; one more is closed at once. */
  readonly maxConnections: number;
  /** Requests in the life of one connection, which then ends. Default 0: no limit. */
  readonly maxRequestsPerConnection: number;
  /**
   * Bytes of an answer that are held back while its handler still reads the request's body: nginx sends no more of that
   * once it has seen the answer. What is more is sent. Default 16 MiB; 0 answers at once, for other web servers.
   */
  readonly heldOutput: number;
}

/** How a fetch handler is served, wherever its connections come from. */
export interface ApplicationServerOptions {
  /** Answers requests. */
  readonly fetch: FetchHandler;
  /**
   * Roles that the handler plays; a request for another is answered UNKNOWN_ROLE. Default `["responder"]`: a handler that
   * does not know of the authorizer role would let everybody in.
   */
  readonly roles?: readonly Role[];
  readonly limits?: Partial<ServerLimits>;
  /** A handler failed, or a web server broke the protocol or a deadline. Default: nothing is told but to the web server. */
  readonly onError?: (error: unknown, request: Request | undefined) => void;
}

/** The limits of a server unless others are given; those of a connection are in `edge-fpm/connection`. */
export const DEFAULT_SERVER_LIMITS: Pick<
  ServerLimits,
  "maxRequests" | "maxConnections" | "maxRequestsPerConnection" | "heldOutput"
> = { maxRequests: 1024, maxConnections: 1024, maxRequestsPerConnection: 0, heldOutput: 16 * 1024 * 1024 };
