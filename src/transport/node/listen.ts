// Listening for web servers on Node, over TCP or a Unix socket.

import { chmodSync, existsSync, lstatSync, unlinkSync } from "node:fs";
import { createConnection, createServer, type ListenOptions, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { type Address, formatAddress } from "../address.ts";
import type { Transport } from "../transport.ts";
import type { NodeListener, NodeListenOptions } from "./listener.ts";
import { socketTransport } from "./socket.ts";

export type { NodeListener, NodeListenOptions };

/** How long a process behind an existing socket file may take to accept, in milliseconds. */
const ANSWER_TIMEOUT = 1_000;

/**
 * Listens and calls back with a transport for every connection, and with the IP address of its other end (none on a
 * Unix socket). A socket file left by a dead process is removed, but
 * only when it is a socket and nobody answers on it.
 *
 * Rejects with an `Error` that names the address and the cause (its `code` is the system's, such as EADDRINUSE).
 */
export function listen(
  address: Address,
  accept: (transport: Transport, remote: string | undefined) => void,
  options: NodeListenOptions = {},
): Promise<NodeListener> {
  return listenSockets(
    address,
    (socket) => accept(socketTransport(socket), socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/i, "")),
    options,
  );
}

/** `listen` for those who need the sockets themselves. They allow half-open connections. */
export async function listenSockets(
  address: Address,
  accept: (socket: Socket) => void,
  options: NodeListenOptions = {},
): Promise<NodeListener> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    if (options.allow !== undefined && !options.allow(socket.remoteAddress)) {
      socket.destroy();
      return;
    }
    accept(socket);
  });
  const where = address.type === "unix" ? { path: address.path } : { host: address.host, port: address.port };
  const target: ListenOptions = { ...where, backlog: options.backlog ?? 511 };
  const mode = address.type === "unix" ? options.mode : undefined;
  try {
    await bind(server, target, mode).catch(async (error: NodeJS.ErrnoException) => {
      if (address.type !== "unix") throw error;
      // Node tells a folder that is not there as one that may not be written to.
      if (error.code === "EACCES" && !existsSync(dirname(address.path))) throw Object.assign(error, { code: "ENOENT" });
      if (error.code !== "EADDRINUSE") throw error;
      await removeStale(address.path);
      await bind(server, target, mode);
    });
    if (address.type === "unix" && options.mode !== undefined) chmodSync(address.path, options.mode);
  } catch (error) {
    if (server.listening) server.close();
    throw explain(address, error as NodeJS.ErrnoException);
  }
  // From here on, errors are failed accepts (such as EMFILE): the connection is lost, the listener goes on.
  server.on("error", () => {});

  const bound = server.address();
  const actual: Address =
    address.type === "tcp" && typeof bound === "object" && bound !== null ? { ...address, port: bound.port } : address;
  return {
    address: actual,
    async close() {
      if (server.listening) server.close();
    },
  };
}

/** @param mode permissions of the socket file: it must not be open to more for a moment, so chmod afterwards is late */
function bind(server: Server, target: ListenOptions, mode: number | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    // Node makes the file within this call.
    const umask = mode === undefined ? undefined : process.umask(0o777 & ~mode);
    try {
      server.listen(target, () => {
        server.removeListener("error", reject);
        resolve();
      });
    } finally {
      if (umask !== undefined) process.umask(umask);
    }
  });
}

/**
 * Deletes the socket file of a process that is gone.
 *
 * @throws {Error} with `code` EADDRINUSE: somebody listens there; EEXIST: it is no socket
 */
export async function removeStale(path: string): Promise<void> {
  if (!lstatSync(path).isSocket()) {
    throw Object.assign(new Error("there is a file of that name which is no socket"), { code: "EEXIST" });
  }
  const answered = await new Promise<boolean>((resolve) => {
    const socket = createConnection({ path });
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => done(true));
    socket.once("error", (error: NodeJS.ErrnoException) => done(error.code !== "ECONNREFUSED"));
    socket.setTimeout(ANSWER_TIMEOUT, () => done(true));
  });
  if (answered) throw Object.assign(new Error("another process listens there"), { code: "EADDRINUSE" });
  unlinkSync(path);
}

function explain(address: Address, error: NodeJS.ErrnoException): Error {
  const name = formatAddress(address);
  let reason = error.message;
  if (error.code === "EADDRINUSE") reason = "another process listens there (EADDRINUSE)";
  if (error.code === "EACCES") reason = "this user may not (EACCES)";
  if (error.code === "EADDRNOTAVAIL") reason = "this machine does not have that address (EADDRNOTAVAIL)";
  if (error.code === "ENOENT") reason = "the folder of the socket file does not exist (ENOENT)";
  const explained = new Error(`cannot listen on ${name}: ${reason}`, { cause: error });
  return Object.assign(explained, { code: error.code });
}
