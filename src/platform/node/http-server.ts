// HTTP on Node in front of a fetch-style handler. `srvx` makes the Request and keeps the Response, both without
// building more of them than is used; connections, limits and the end of the server are seen to here.

import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { NodeRequest } from "srvx/node";
import type { RequestInfo } from "../../gateway/index.ts";
import { Connection, plainAddress, type Visit } from "./connection.ts";
import { type Refusal, refusalOf } from "./request-head.ts";
import { requestStream } from "./request-stream.ts";
import { sendResponse } from "./send-response.ts";

export { createNodeResponse } from "./send-response.ts";

/** Answers one request. Should not reject or throw; when it does, the visitor gets an empty 500. */
export type Handler = (request: Request, info: RequestInfo) => Response | Promise<Response>;

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

  const connections = new Map<Duplex, Connection>();
  server.on("connection", (socket) => {
    connections.set(socket, new Connection(socket));
    socket.once("close", () => {
      const connection = connections.get(socket);
      connections.delete(socket);
      connection?.closed();
    });
  });
  const connectionOf = (socket: Socket): Connection => connections.get(socket) ?? new Connection(socket);

  const refuse = (refusal: Refusal, connection: Connection, res: ServerResponse) => {
    connection.ending = true;
    res.shouldKeepAlive = false;
    res.writeHead(refusal.status, { "Content-Length": "0", Connection: "close" }).end();
    options.onRefuse?.({ ...refusal, remoteAddress: connection.remoteAddress });
  };

  const answer = (req: IncomingMessage, res: ServerResponse, beginBody?: () => void) => {
    const connection = connectionOf(req.socket);
    connection.fresh = false;
    if (connection.ending) {
      connection.dropped = true;
      return;
    }
    const visit = connection.begin(req, res);
    const refusal = refusalOf(req, maxHeaders);
    if (refusal !== undefined) {
      refuse(refusal, connection, res);
      return;
    }
    // Older versions of Node know no `shouldUpgradeCallback`: there, the next request may begin in the middle.
    if (req.headers.upgrade !== undefined) res.shouldKeepAlive = false;
    if (!res.shouldKeepAlive) connection.ending = true;
    const failed = (error: unknown) => {
      options.onError?.(error);
      if (res.headersSent || res.destroyed) res.destroy();
      else res.writeHead(500, { "Content-Length": "0" }).end();
    };
    const send = (response: Response) => {
      if (res.destroyed) {
        response.body?.cancel().catch(() => {});
        return;
      }
      if (closing !== undefined) res.shouldKeepAlive = false;
      const sent = sendResponse(res, response);
      // Whatever was not read of the request must not be taken for the next one. Node reads it to its end, however long
      // that is; it is better to end the connection.
      if (req.complete || req.readableEnded) return sent;
      const check = () => {
        if (!req.complete && !req.readableEnded) lingeringClose(req);
      };
      if (sent !== undefined) return sent.then(check);
      if (res.writableFinished) check();
      else res.once("finish", check);
    };
    try {
      const info = infoOf(req, connection, visit, beginBody);
      const response = options.handler(new NodeRequest({ req, res }), info);
      if (response instanceof Promise) response.then(send).catch(failed);
      else Promise.resolve(send(response)).catch(failed);
    } catch (error) {
      failed(error);
    }
  };
  server.on("request", (req, res) => answer(req, res));
  // A visitor who does not read would keep a child for ever. A quiet script is another matter: then nothing waits to be
  // sent, and the gateway has a limit of its own.
  server.on("timeout", (socket) => {
    if (connections.get(socket)?.answering !== true || socket.writableLength > 0) socket.destroy();
  });
  // Whether "Expect: 100-continue" gets its way is the gateway's decision: it may refuse the body unseen. Then the
  // visitor may or may not send it, and what follows on the connection is neither surely body nor surely a request.
  server.on("checkContinue", (req, res) => {
    const connection = connectionOf(req.socket);
    const wanted = res.shouldKeepAlive && req.headers.upgrade === undefined;
    let begun = false;
    answer(req, res, () => {
      begun = true;
      if (wanted && closing === undefined && !connection.dropped) {
        connection.ending = false;
        res.shouldKeepAlive = true;
      }
      res.writeContinue();
    });
    if (begun) return;
    res.shouldKeepAlive = false;
    connection.ending = true;
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    const connection = connectionOf(socket as Socket);
    const wasEnding = connection.ending;
    connection.ending = true;
    const answerNow = () => answerClientError(error, socket, options.onRefuse);
    const last = connection.latest;
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
        // To Node, connections without a request so far are not idle.
        for (const [socket, { fresh }] of connections) if (fresh) socket.destroy();
      });
      return closing;
    },
  };
}

function infoOf(
  req: IncomingMessage,
  connection: Connection,
  visit: Visit,
  beginBody: (() => void) | undefined,
): RequestInfo {
  return {
    remoteAddress: connection.remoteAddress,
    remotePort: connection.remotePort,
    serverAddress: connection.serverAddress,
    serverPort: connection.serverPort,
    protocol: req.httpVersionMinor === 1 ? "HTTP/1.1" : "HTTP/1.0",
    scheme: "http",
    target: req.url,
    headers: headerPairs(req.rawHeaders),
    beginBody,
    body: bodyOf(req),
    whenGone: (callback) => visit.whenGone(callback),
  };
}

/** A `Request` of `srvx` copies the body, and with GET it has none. */
function bodyOf(req: IncomingMessage): (() => ReadableStream<Uint8Array>) | undefined {
  if (req.method === "GET" || req.method === "HEAD") {
    const { "content-length": length, "transfer-encoding": coding } = req.headers;
    if (coding === undefined && (length === undefined || length === "0")) return undefined;
  }
  return () => requestStream(req);
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
