// HTTP on Node in front of a fetch-style handler. `srvx` makes the Request and sends the Response, both without
// building more of them than is used; connections, limits and the end of the server are seen to here.

import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { AddressInfo } from "node:net";
import { type Duplex, Readable } from "node:stream";
import { NodeRequest, NodeResponse, sendNodeResponse } from "srvx/node";
import type { CreateResponse, RequestInfo } from "../../gateway/index.ts";
import { type Refusal, refusalOf } from "./request-head.ts";

/** Answers one request. Should not reject; when it does, the visitor gets an empty 500. */
export type Handler = (request: Request, info: RequestInfo) => Promise<Response>;

/** A handler and the bounds of its connections. Sizes in bytes, times in milliseconds. */
export interface HttpServerOptions {
  readonly handler: Handler;
  /** Bytes of a request's head; beyond it 431. Above the gateway's limit, so that the gateway's page is seen. 64 KiB. */
  readonly maxHeaderSize?: number;
  /** Header lines of a request; beyond it 431. 200: browsers send 30, and the lines cost more than their bytes. */
  readonly maxHeaders?: number;
  /** Milliseconds for the head of a request to arrive; then 408. 60,000, as nginx's `client_header_timeout`. */
  readonly headersTimeout?: number;
  /** Milliseconds that an idle connection stays open. 65,000: longer than the 60 of the usual proxy in front. */
  readonly keepAliveTimeout?: number;
  /**
   * Milliseconds that an answer waits for a visitor who takes none of it; 60,000, as nginx's `send_timeout`. Node looks
   * once in that time whether anything was taken, so it can be twice as long.
   */
  readonly sendTimeout?: number;
  /** Connections at once. No limit when absent. */
  readonly maxConnections?: number;
  /** Told what the handler or the sending of a response threw. */
  readonly onError?: (error: unknown) => void;
  /** Told of a request that no handler has seen: malformed, too long, too slow. Must not throw. */
  readonly onRefuse?: (refusal: RefusedRequest) => void;
}

/** A request that the server refused by itself. */
export interface RefusedRequest {
  readonly status: number;
  /** For the operator; the visitor learns the status only. */
  readonly reason: string;
  readonly remoteAddress: string | undefined;
}

/** Where to listen. Port 0 takes a free one. */
export type ListenAddress = { readonly port: number; readonly host?: string } | { readonly path: string };

/** Node's HTTP server in front of a handler. */
export interface HttpServer {
  /** For whatever is not foreseen here. */
  readonly server: Server;
  /** @throws what `listen` fails with, such as EADDRINUSE */
  listen(address: ListenAddress): Promise<ListenAddress>;
  /**
   * Takes no new connections, lets the requests under way finish, then ends. What is still there after `grace`
   * milliseconds is cut off. Safe to call twice.
   */
  close(grace?: number): Promise<void>;
}

/** Makes a server that does not listen yet. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  let closing: Promise<void> | undefined;
  const server = createServer({
    maxHeaderSize: options.maxHeaderSize ?? 64 * 1024,
    headersTimeout: options.headersTimeout ?? 60_000,
    // Whatever Node was told on its own command line.
    insecureHTTPParser: false,
    // The gateway has a limit on the visitor's silence; a long upload as such is no fault.
    requestTimeout: 0,
    keepAliveTimeout: options.keepAliveTimeout ?? 65_000,
    // Nothing is upgraded. Else Node drops the body, and what else came in the same packet.
    shouldUpgradeCallback: () => false,
    connectionsCheckingInterval: Math.min(5_000, options.headersTimeout ?? 5_000),
  });
  // Node would drop what is beyond its own number, in silence; `refusalOf` counts.
  server.maxHeadersCount = 0;
  const maxHeaders = options.maxHeaders ?? 200;
  if (options.maxConnections !== undefined) server.maxConnections = options.maxConnections;
  // Node counts it from the last byte in either direction.
  server.timeout = options.sendTimeout ?? 60_000;

  // Connections without a request so far: to Node they are not idle.
  const fresh = new Set<Duplex>();
  server.on("connection", (socket) => {
    fresh.add(socket);
    socket.once("close", () => fresh.delete(socket));
  });

  // Connections that end with the request they have: what follows on them is nobody's, though it may be parsed already.
  const ending = new WeakSet<Duplex>();
  // Those of them on which something followed: they must end.
  const dropped = new WeakSet<Duplex>();
  const latest = new WeakMap<Duplex, Visit>();
  const refuse = (refusal: Refusal, req: IncomingMessage, res: ServerResponse) => {
    ending.add(req.socket);
    res.shouldKeepAlive = false;
    res.writeHead(refusal.status, { "Content-Length": "0", Connection: "close" }).end();
    options.onRefuse?.({ ...refusal, remoteAddress: plainAddress(req.socket.remoteAddress) });
  };

  const answer = (req: IncomingMessage, res: ServerResponse, beginBody?: () => void) => {
    fresh.delete(req.socket);
    if (ending.has(req.socket)) {
      dropped.add(req.socket);
      return;
    }
    const before = latest.get(req.socket);
    latest.set(req.socket, { req, res, before: before?.res.writableFinished === false ? before : undefined });
    const refusal = refusalOf(req, maxHeaders);
    if (refusal !== undefined) {
      refuse(refusal, req, res);
      return;
    }
    // Older versions of Node know no `shouldUpgradeCallback`: there, the next request may begin in the middle.
    if (req.headers.upgrade !== undefined) res.shouldKeepAlive = false;
    if (!res.shouldKeepAlive) ending.add(req.socket);
    // A visitor who does not read would keep a child for ever. A quiet script is another matter: then nothing waits to
    // be sent, and the gateway has a limit of its own.
    res.on("timeout", (socket) => {
      if (socket.writableLength > 0) socket.destroy();
    });
    respond(options, req, res, beginBody, () => closing !== undefined).catch((error: unknown) => {
      options.onError?.(error);
      if (res.headersSent || res.destroyed) res.destroy();
      else res.writeHead(500, { "Content-Length": "0" }).end();
    });
  };
  server.on("request", (req, res) => answer(req, res));
  // Whether "Expect: 100-continue" gets its way is the gateway's decision: it may refuse the body unseen. Then the
  // visitor may or may not send it, and what follows on the connection is neither surely body nor surely a request.
  server.on("checkContinue", (req, res) => {
    const wanted = res.shouldKeepAlive && req.headers.upgrade === undefined;
    let begun = false;
    answer(req, res, () => {
      begun = true;
      if (wanted && closing === undefined && !dropped.has(req.socket)) {
        ending.delete(req.socket);
        res.shouldKeepAlive = true;
      }
      res.writeContinue();
    });
    if (begun) return;
    res.shouldKeepAlive = false;
    ending.add(req.socket);
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    const wasEnding = ending.has(socket);
    ending.add(socket);
    const answerNow = () => answerClientError(error, socket, options.onRefuse);
    const last = latest.get(socket);
    // What is malformed is the head of another request, or the body of the last one.
    const isBody = last?.req.complete === false;
    if (last === undefined || error.code === "ECONNRESET") answerNow();
    else if (isBody && last.res.headersSent) {
      // Half an answer and then another would be one answer to the visitor.
      if (!last.res.writableEnded) socket.destroy();
    } else if (!isBody && wasEnding) return;
    else {
      // In its turn: the visitor would take it for the answer to an earlier request.
      const before = isBody ? last.before : last;
      if (before === undefined || before.res.writableFinished) answerNow();
      else before.res.once("finish", () => setImmediate(answerNow));
    }
  });
  // A tunnel is not for a gateway. Without this, Node closes the connection and says nothing.
  server.on("connect", (req, socket) => {
    socket.end(emptyAnswer(405, "Allow: GET, HEAD, POST\r\n"));
    options.onRefuse?.({ status: 405, reason: "CONNECT", remoteAddress: plainAddress(req.socket.remoteAddress) });
  });

  return {
    server,
    listen(address) {
      return new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen(address, () => {
          server.off("error", reject);
          const bound = server.address() as AddressInfo | string;
          resolve(typeof bound === "string" ? { path: bound } : { port: bound.port, host: bound.address });
        });
      });
    },
    close(grace = 10_000) {
      closing ??= new Promise((resolve) => {
        const cutOff = setTimeout(() => server.closeAllConnections(), grace);
        server.close(() => {
          clearTimeout(cutOff);
          resolve();
        });
        server.closeIdleConnections();
        for (const socket of fresh) socket.destroy();
      });
      return closing;
    },
  };
}

/** A request on a connection, and the one before it if that is not answered yet. */
interface Visit {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly before: Visit | undefined;
}

async function respond(
  options: HttpServerOptions,
  req: IncomingMessage,
  res: ServerResponse,
  beginBody: (() => void) | undefined,
  isClosing: () => boolean,
): Promise<void> {
  const { socket } = req;
  const request = new NodeRequest({ req, res });
  const response = await options.handler(request, {
    remoteAddress: plainAddress(socket.remoteAddress),
    remotePort: socket.remotePort,
    serverAddress: plainAddress(socket.localAddress),
    serverPort: socket.localPort,
    protocol: `HTTP/${req.httpVersion}`,
    scheme: "http",
    target: req.url,
    headers: headerPairs(req.rawHeaders),
    beginBody,
    body: bodyOfGet(req),
  });
  if (res.destroyed) {
    await response.body?.cancel();
    return;
  }
  if (isClosing()) res.shouldKeepAlive = false;
  await sendNodeResponse(res, response);
  // Whatever was not read of the request must not be taken for the next one. Node reads it to its end, however long
  // that is; it is better to end the connection.
  if (!req.complete && !req.readableEnded) lingeringClose(req);
}

/** What a `Request` cannot have. */
function bodyOfGet(req: IncomingMessage): (() => ReadableStream<Uint8Array>) | undefined {
  if (req.method !== "GET" && req.method !== "HEAD") return undefined;
  const { "content-length": length, "transfer-encoding": coding } = req.headers;
  if (coding === undefined && (length === undefined || length === "0")) return undefined;
  return () => Readable.toWeb(req) as ReadableStream<Uint8Array>;
}

/** Bytes and milliseconds that are still taken from a visitor who was answered before the end of the request. */
const LINGER_BYTES = 8 * 1024 * 1024;
const LINGER_TIME = 5_000;

/**
 * Ends a connection with unread request bytes. Closing it at once would reset it, and the visitor, still sending, might
 * never see the answer; so some of the rest is taken first (as nginx's `lingering_close`).
 */
function lingeringClose(req: IncomingMessage): void {
  const { socket } = req;
  const until = socket.bytesRead + LINGER_BYTES;
  const stop = () => socket.destroy();
  const timer = setTimeout(stop, LINGER_TIME);
  const done = () => clearTimeout(timer);
  socket.once("close", done);
  // Whoever read the body has stopped, and may have left the stream paused.
  req.removeAllListeners("data");
  req.on("data", () => {
    if (socket.bytesRead > until) stop();
  });
  // The whole request came after all: the connection is as good as any.
  req.once("end", () => {
    done();
    socket.off("close", done);
  });
  req.resume();
}

/** An IPv4 address as such, also where it arrived on a socket for both families. */
function plainAddress(address: string | undefined): string | undefined {
  return address?.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}

function headerPairs(raw: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([raw[i] as string, raw[i + 1] as string]);
  return pairs;
}

/** What Node's parser refuses: no request was made of it, so nobody else answers. */
function answerClientError(
  error: NodeJS.ErrnoException,
  socket: Duplex & { readonly remoteAddress?: string | undefined },
  onRefuse: HttpServerOptions["onRefuse"],
): void {
  if (error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  // It was answered, and ends when that is sent.
  if (!socket.writable) return;
  let status = 400;
  if (error.code === "HPE_HEADER_OVERFLOW") status = 431;
  if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") status = 408;
  const remoteAddress = plainAddress(socket.remoteAddress);
  socket.end(emptyAnswer(status));
  onRefuse?.({ status, reason: error.code ?? error.message, remoteAddress });
}

function emptyAnswer(status: number, headers = ""): string {
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${headers}Connection: close\r\nContent-Length: 0\r\n\r\n`;
}

/** A Response that costs little to make and to send: give it to the gateway as `createResponse`. */
export const createNodeResponse: CreateResponse = (body, init) =>
  new NodeResponse(body as BodyInit | null, {
    status: init.status,
    statusText: init.statusText ?? STATUS_CODES[init.status] ?? "",
    headers: init.headers,
  });
