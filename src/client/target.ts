// Where a client connects to: an address, or something that opens byte streams.

import type { Address } from "../transport/address.ts";
import type { StreamPair } from "../transport/streams.ts";
import { type Opened, toTransport } from "../transport/streams-socket.ts";
import type { Connect } from "../transport/transport.ts";
import { ClientError } from "./errors.ts";

/** Opens one connection: a transport, a socket of web streams such as `cloudflare:sockets` has, or any pair of streams. */
export type Opener = (signal: AbortSignal) => Opened | Promise<Opened>;

/**
 * A FastCGI application:
 * - `"tcp://127.0.0.1:9000"`, `"unix:/run/php/php8.2-fpm.sock"` and the other forms of `parseAddress`,
 * - `{ hostname, port }`,
 * - a function that opens a connection each time it is called,
 * - a pair of streams that is open already: the client's only connection.
 */
export type Target = string | { readonly hostname: string; readonly port: number } | Opener | StreamPair;

/**
 * How a platform connects to an address. It is called at once, with text as it was given, and throws a `TypeError` when
 * that is none. What it returns is called before the first connection, and throws a `ClientError` `CLIENT_TARGET` when
 * the platform cannot connect there.
 */
export type Dialer = (address: string | Address) => () => Connect | Promise<Connect>;

/** @throws {TypeError} for text that is no address, or a value that is no target */
export function targetConnect(target: Target, dialer: Dialer): Connect {
  if (typeof target === "string") return dialed(dialer(target));
  if (typeof target === "function") return opened(target);
  if (isPair(target)) return once(target);
  const { hostname, port } = target ?? {};
  if (typeof hostname !== "string" || !Number.isInteger(port) || port < 0 || port > 65535) {
    throw new TypeError(
      "a target is an address, { hostname, port }, a function that opens a connection, or two streams",
    );
  }
  return dialed(dialer({ type: "tcp", host: hostname.replace(/^\[(.*)\]$/, "$1"), port }));
}

/** Whether the target is one connection, and no way to open more. */
export function isPair(target: Target): target is StreamPair {
  return typeof target === "object" && target !== null && "readable" in target && "writable" in target;
}

function dialed(dial: () => Connect | Promise<Connect>): Connect {
  let connect: Connect | undefined;
  return async (signal) => {
    connect ??= await dial();
    return connect(signal);
  };
}

function opened(opener: Opener): Connect {
  return async (signal) => {
    signal.throwIfAborted();
    const result = await opener(signal);
    const transport = toTransport(result);
    if (signal.aborted) {
      transport.reset();
      throw signal.reason;
    }
    return transport;
  };
}

function once(pair: StreamPair): Connect {
  let used = false;
  return async () => {
    if (used) {
      throw new ClientError(
        "CLIENT_TARGET",
        "the client was given one pair of streams, and that connection has ended: give it a function that opens them",
      );
    }
    used = true;
    return toTransport(pair);
  };
}
