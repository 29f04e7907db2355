// Sockets of the Workers runtime as transports: those that `connect()` opens, to a host or to another Worker, and those
// that a `connect` handler is given.

import { connect } from "cloudflare:sockets";
import type { Dial, StreamSocket } from "../streams-socket.ts";

export { connectSocket, type Dial, socketTransport, untilClosed } from "../streams-socket.ts";

/** Anything with a `connect` handler behind it: a service binding, a Durable Object's stub, a Dynamic Worker. */
export interface ConnectBinding {
  connect(address: string): StreamSocket;
}

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

/** Passes the bytes of two sockets on to each other, each direction until it ends. Never rejects. */
export async function splice(one: StreamSocket, other: StreamSocket): Promise<void> {
  for (const { opened, closed } of [one, other]) {
    opened.catch(ignore);
    closed.catch(ignore);
  }
  await Promise.allSettled([one.readable.pipeTo(other.writable), other.readable.pipeTo(one.writable)]);
}

function ignore(): void {}
