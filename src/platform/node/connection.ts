// What the HTTP server knows of one connection, and of the requests on it.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** A connection of a visitor. */
export class Connection {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly serverAddress: string | undefined;
  readonly serverPort: number | undefined;
  /** It had no request so far. */
  fresh = true;
  /** It ends with the request it has: what follows is nobody's, though it may be parsed already. */
  ending = false;
  /** Something followed on one that ends: it must end. */
  dropped = false;
  /** The last request that is answered, or was. */
  latest: Visit | undefined;

  constructor(socket: Socket) {
    this.remoteAddress = plainAddress(socket.remoteAddress);
    this.remotePort = socket.remotePort;
    this.serverAddress = plainAddress(socket.localAddress);
    this.serverPort = socket.localPort;
  }

  /** Whether an answer is under way. */
  get answering(): boolean {
    return this.latest?.res.writableFinished === false;
  }

  /** A request has come. */
  begin(req: IncomingMessage, res: ServerResponse): Visit {
    const before = this.answering ? this.latest : undefined;
    // Whoever sends without waiting would make a chain of all requests so far.
    if (before?.before?.res.writableFinished === true) before.before = undefined;
    const visit = new Visit(req, res, before);
    this.latest = visit;
    return visit;
  }

  /** The connection is gone: so is whoever waits for an answer on it. */
  closed(): void {
    for (let visit = this.latest; visit !== undefined; visit = visit.before) visit.closed();
  }
}

/** A request on a connection, and the one before it if that was not answered when it came. */
export class Visit {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  before: Visit | undefined;
  #callbacks: ((reason: unknown) => void)[] = NOBODY;
  #gone = false;

  constructor(req: IncomingMessage, res: ServerResponse, before: Visit | undefined) {
    this.req = req;
    this.res = res;
    this.before = before;
  }

  /** Calls back when the visitor is gone before the answer was written. @returns what forgets the callback */
  whenGone(callback: (reason: unknown) => void): () => void {
    if (this.#gone) {
      callback(goneError());
      return () => {};
    }
    if (this.#callbacks.length === 0) this.#callbacks = [callback];
    else this.#callbacks.push(callback);
    return () => {
      if (this.#callbacks.length === 1 && this.#callbacks[0] === callback) this.#callbacks = NOBODY;
      else this.#callbacks = this.#callbacks.filter((other) => other !== callback);
    };
  }

  closed(): void {
    if (this.res.writableEnded) return;
    this.#gone = true;
    const callbacks = this.#callbacks;
    this.#callbacks = NOBODY;
    for (const callback of callbacks) callback(goneError());
  }
}

const NOBODY: ((reason: unknown) => void)[] = [];

/** As the signal of a `Request` has it. */
function goneError(): DOMException {
  return new DOMException("The visitor has left.", "AbortError");
}

/** An IPv4 address as such, also where it arrived on a socket for both families. */
export function plainAddress(address: string | undefined): string | undefined {
  return address?.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}
