// Sockets of the Workers runtime as transports: those that `connect()` opens, to a host or to another Worker, and those
// that a `connect` handler is given.

import { connect, type Socket } from "cloudflare:sockets";
import { ExchangeError } from "../exchange.ts";
import { fromStreams } from "../streams.ts";
import type { Connect, Transport } from "../transport.ts";

/** Anything with a `connect` handler behind it: a service binding, a Durable Object's stub, a Dynamic Worker. */
export interface ConnectBinding {
  connect(address: string): Socket;
}

/** Makes a transport of a socket, whose streams it locks. */
export function socketTransport(socket: Socket): Transport {
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

/** Longest wait for the last bytes of a socket, in milliseconds: then its peer does not read. */
const LAST_BYTES = 10_000;

/**
 * What a `connect` handler awaits: its return ends the socket, with the bytes that are still on their way.
 *
 * @param over settles when nothing more is to be written
 */
export async function untilClosed(socket: Socket, over: Promise<void>): Promise<void> {
  await over;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, LAST_BYTES);
  });
  await Promise.race([socket.closed.catch(ignore), late]);
  clearTimeout(timer);
}

/** Opens a socket. Throws, or its `opened` rejects, when it cannot. */
export type Dial = () => Socket;

/** Dials a FastCGI application elsewhere over TCP. Hosts of the platform's own network cannot be reached so. */
export function dialTcp({ host, port }: { readonly host: string; readonly port: number }): Dial {
  return () => connect({ hostname: host, port }, { allowHalfOpen: true });
}

/**
 * Dials the `connect` handler behind a binding.
 *
 * @param binding called for each connection: a stub belongs to the request that made it
 * @param address what the handler sees as its own address
 */
export function dialBinding(binding: () => ConnectBinding, address: string): Dial {
  return () => binding().connect(address);
}

/** @param name of the application, for errors */
export function connectSocket(dial: Dial, name: string): Connect {
  return async (signal) => {
    signal.throwIfAborted();
    let socket: Socket | undefined;
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

/** Passes the bytes of two sockets on to each other, each direction until it ends. Never rejects. */
export async function splice(one: Socket, other: Socket): Promise<void> {
  for (const { opened, closed } of [one, other]) {
    opened.catch(ignore);
    closed.catch(ignore);
  }
  await Promise.allSettled([one.readable.pipeTo(other.writable), other.readable.pipeTo(one.writable)]);
}

function ignore(): void {}
