// Sockets made of two web streams, as `cloudflare:sockets` has them, as transports. Nothing here is of one platform.

import { ExchangeError } from "./exchange.ts";
import { fromStreams, type StreamPair } from "./streams.ts";
import type { Connect, Transport } from "./transport.ts";

/** A pair of streams that tells when it is open and closed: the shape of a `cloudflare:sockets` Socket. */
export interface StreamSocket extends StreamPair {
  /** Rejects when the connection cannot be made. */
  readonly opened: Promise<unknown>;
  /** May reject after a normal end too. */
  readonly closed: Promise<unknown>;
  /** Closes both directions. */
  close(): Promise<unknown>;
}

/** Makes a transport of a socket, whose streams it locks. */
export function socketTransport(socket: StreamSocket): Transport {
  // Both may reject after a normal end as well; what matters is told by the streams.
  socket.opened.catch(ignore);
  socket.closed.catch(ignore);
  const streams = fromStreams(socket);
  return {
    start: (handler) => streams.start(handler),
    write: (chunks) => streams.write(chunks),
    close: () => streams.close(),
    reset() {
      streams.reset();
      // An abort of the streams alone does not reach the other side.
      socket.close().catch(ignore);
    },
  };
}

/** Opens a socket. Throws, or its `opened` rejects, when it cannot. */
export type Dial = () => StreamSocket;

/**
 * Makes of what opens a socket what opens a transport.
 *
 * @param name of the application, for errors
 */
export function connectSocket(dial: Dial, name: string): Connect {
  return async (signal) => {
    signal.throwIfAborted();
    let socket: StreamSocket | undefined;
    const abort = () => void socket?.close().catch(ignore);
    signal.addEventListener("abort", abort);
    try {
      socket = dial();
      socket.closed.catch(ignore);
      await socket.opened;
    } catch (cause) {
      signal.throwIfAborted();
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ExchangeError("EXCHANGE_CONNECT", `no connection to ${name}: ${reason}`, { cause });
    } finally {
      signal.removeEventListener("abort", abort);
    }
    signal.throwIfAborted();
    return socketTransport(socket);
  };
}

/** Longest wait for the last bytes of a socket, in milliseconds: then its peer does not read. */
const LAST_BYTES = 10_000;

/**
 * What a `connect` handler awaits: its return ends the socket, with the bytes that are still on their way.
 *
 * @param over settles when nothing more is to be written
 */
export async function untilClosed(socket: StreamSocket, over: Promise<void>): Promise<void> {
  await over;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, LAST_BYTES);
  });
  await Promise.race([socket.closed.catch(ignore), late]);
  clearTimeout(timer);
}

/** Whatever somebody opened: a transport already, a socket of web streams, or any pair of them. */
export type Opened = Transport | StreamSocket | StreamPair;

/** Makes a transport of it. A socket is taken before it is open: its streams tell when it cannot be. */
export function toTransport(opened: Opened): Transport {
  if ("start" in opened) return opened;
  return "opened" in opened ? socketTransport(opened) : fromStreams(opened);
}

function ignore(): void {}
