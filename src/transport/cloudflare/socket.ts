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

/** Connects to a FastCGI application elsewhere over TCP. Hosts of the platform's own network cannot be reached so. */
export function connectTcp(address: { readonly host: string; readonly port: number }): Connect {
  const { host, port } = address;
  return (signal) =>
    opened(signal, `${host}:${port}`, () => connect({ hostname: host, port }, { allowHalfOpen: true }));
}

/**
 * Connects to the `connect` handler behind a binding.
 *
 * @param binding called for each connection: a stub belongs to the request that made it
 * @param address what the handler sees as its own address
 */
export function connectBinding(binding: () => ConnectBinding, address: string): Connect {
  return (signal) => opened(signal, address, () => binding().connect(address));
}

async function opened(signal: AbortSignal, name: string, open: () => Socket): Promise<Transport> {
  signal.throwIfAborted();
  let socket: Socket | undefined;
  const abort = () => void socket?.close().catch(ignore);
  signal.addEventListener("abort", abort);
  try {
    socket = open();
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
}

function ignore(): void {}
