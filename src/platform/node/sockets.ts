// Where the Node glue makes its sockets: it wants the `ws` package, and a proxy that speaks WebSocket. Neither is
// needed: the one function that makes a connection is replaced.

import type { UserSpaceContext } from "./user-space.ts";

/** A class in the manner of `ws`, made with the host and port to connect to. */
export type SocketClass = new (host: string, port: number) => { readonly readyState: number };

interface Peer {
  readonly addr: string;
  readonly port: number;
  readonly socket: { readonly readyState: number };
  readonly msg_send_queue: Uint8Array[];
}

interface Socket {
  /** Between connect() and its outcome. */
  readonly connecting?: boolean;
  readonly sock_ops: SocketOperations;
}

interface SocketOperations {
  createPeer(sock: Socket, addr: string | object, port?: number): Peer;
  addPeer(sock: Socket, peer: Peer): void;
  handlePeerEvents(sock: Socket, peer: Peer): void;
}

// socket(): AF_INET, SOCK_STREAM.
const AF_INET = 2;
const SOCK_STREAM = 1;

/** Makes all of an interpreter's outgoing connections instances of `SocketClass`. */
export function installSockets(context: UserSpaceContext, SocketClass: SocketClass): void {
  const { FS, wasmImports } = context;
  // The operations are reachable through a socket only, so one is made and closed again.
  const fd = wasmImports.__syscall_socket(AF_INET, SOCK_STREAM, 0, 0, 0, 0);
  const stream = FS.getStream(fd);
  const socket = stream?.node?.sock as Socket | undefined;
  if (stream == null || socket === undefined) throw new Error("the glue makes its sockets in a way unknown here");
  const operations = socket.sock_ops;
  FS.close(stream);
  const original = operations.createPeer;
  operations.createPeer = (sock, addr, port) => {
    if (typeof addr === "object") return original.call(operations, sock, addr, port);
    const peer: Peer = { addr, port: port ?? 0, socket: new SocketClass(addr, port ?? 0), msg_send_queue: [] };
    operations.addPeer(sock, peer);
    operations.handlePeerEvents(sock, peer);
    return peer;
  };
}
