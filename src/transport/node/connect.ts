// Connecting to a FastCGI application from Node, over TCP or a Unix socket.

import { createConnection, type NetConnectOpts } from "node:net";
import { type Address, formatAddress } from "../address.ts";
import { ExchangeError } from "../exchange.ts";
import type { Connect } from "../transport.ts";
import { type SocketTransport, socketTransport } from "./socket.ts";

/** Bytes read at a time, as Node does; and of a connection that had as many at once, which is what a Unix socket holds. */
const READ_LENGTH = 64 * 1024;
const LONG_READ_LENGTH = 256 * 1024;

/** Connects over TCP. `host` is a name or an address, without brackets. */
export function connectTcp(host: string, port: number): Connect {
  return connectAddress({ type: "tcp", host, port });
}

/** Connects to a Unix socket. */
export function connectUnix(path: string): Connect {
  return connectAddress({ type: "unix", path });
}

/**
 * Connects to an address as `parseAddress` gives it.
 *
 * The promise rejects with an `ExchangeError` `EXCHANGE_CONNECT` that names the address and the cause, or with
 * `signal.reason`.
 */
export function connectAddress(address: Address): Connect {
  return (signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const target: NetConnectOpts =
        address.type === "unix" ? { path: address.path } : { host: address.host, port: address.port };
      // One buffer for all that comes: a fresh one for each piece costs more than what is done with it.
      let transport: SocketTransport | undefined;
      let buffer = new Uint8Array(READ_LENGTH);
      const onread = {
        buffer: () => buffer,
        callback(length: number, read: Uint8Array) {
          transport?.received(read.subarray(0, length));
          if (length === buffer.length && length === READ_LENGTH) buffer = new Uint8Array(LONG_READ_LENGTH);
          return true;
        },
      };
      const socket = createConnection({ ...target, allowHalfOpen: true, onread });
      const aborted = () => {
        socket.destroy();
        reject(signal.reason);
      };
      const failed = (error: NodeJS.ErrnoException) => {
        signal.removeEventListener("abort", aborted);
        const message = `cannot connect to ${formatAddress(address)}: ${explain(error)}`;
        reject(new ExchangeError("EXCHANGE_CONNECT", message, { cause: error }));
      };
      signal.addEventListener("abort", aborted, { once: true });
      socket.once("error", failed);
      socket.once("connect", () => {
        signal.removeEventListener("abort", aborted);
        if (signal.aborted) return;
        transport = socketTransport(socket);
        socket.removeListener("error", failed);
        resolve(transport);
      });
    });
}

function explain(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "ECONNREFUSED":
      return "nothing accepts connections there (ECONNREFUSED); is the application running?";
    case "ENOENT":
      return "there is no such socket file (ENOENT); is the application running?";
    case "EACCES":
    case "EPERM":
      return `this user may not open it (${error.code}); see listen.mode and listen.owner of the application`;
    case "EAGAIN":
      return "its backlog is full (EAGAIN); the application takes connections too slowly";
    case "ENOTFOUND":
      return "the host name is not known (ENOTFOUND)";
    default:
      return error.message === "" ? (error.code ?? "unknown error") : error.message;
  }
}
