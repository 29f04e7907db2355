// connect() as PHP and curl expect it. The glue's own says "connected" before anything happened, so a refused
// connection looks open; this one says "in progress" to a socket that does not wait, and waits for one that does. Without
// a network it says so at once.

import type { GlueStream, PhpModule } from "./glue.ts";

/** "In progress" in the numbers of WASI, which Emscripten uses. */
const EINPROGRESS = 26;

/** "Network is unreachable", likewise. */
const ENETUNREACH = 40;

/** Flag of a descriptor that does not wait. */
const O_NONBLOCK = 0o4000;

type Connect = (fd: number, address: number, length: number, ...unused: number[]) => number | Promise<number>;

/** A function that may wait in the middle of WebAssembly, where the engine has promise integration. */
interface PromiseIntegration {
  readonly Suspending?: new (run: Connect) => Connect;
}

/** Lets connect() fail at once, among the imports of the module that is about to be instantiated. */
export function refuseConnect(imports: WebAssembly.Imports): void {
  const env = imports.env as Record<string, unknown> | undefined;
  if (env?.__syscall_connect !== undefined) env.__syscall_connect = () => -ENETUNREACH;
}

/** Replaces connect() among the imports of the module that is about to be instantiated. */
export function repairConnect(imports: WebAssembly.Imports, module: () => PhpModule): void {
  const { Suspending } = WebAssembly as PromiseIntegration;
  const env = imports.env as Record<string, unknown> | undefined;
  const original = env?.__syscall_connect as Connect | undefined;
  if (env === undefined || original === undefined || Suspending === undefined) return;
  env.__syscall_connect = new Suspending((fd, address, length, ...unused) => {
    repairOperations(module().FS.streams[fd]);
    const result = original(fd, address, length, ...unused);
    if (typeof result === "number") return result;
    const flags = module().FS.streams[fd]?.flags ?? 0;
    if ((flags & O_NONBLOCK) === 0) return result;
    // How it ends is told by poll() and SO_ERROR.
    result.catch(() => {});
    return -EINPROGRESS;
  });
}

/** Ready state of a WebSocket that is ending; the one after it is "closed". */
const CLOSING = 2;

/** Flag of a read that leaves what it read. */
const MSG_PEEK = 2;

/** What the glue keeps of a socket. */
interface GlueSocket {
  /** Between connect() and its outcome. */
  readonly connecting?: boolean;
  readonly type: number;
  readonly peers: Readonly<Record<string, Peer>>;
  readonly recv_queue: readonly unknown[];
  readonly sock_ops?: SocketOperations;
}

interface Peer {
  readonly socket: ReadingSocket;
}

/** What a socket's class may have beside the members of a WebSocket. */
export interface ReadingSocket {
  readonly readyState: number;
  /** Told how many bytes of its messages PHP has read: what is not yet read waits in the glue, without a limit. */
  taken?(bytes: number): void;
}

interface SocketOperations {
  removePeer(sock: GlueSocket, peer: Peer): void;
  /** Throws when nothing has come. */
  recvmsg(sock: GlueSocket, length: number, flags?: number): { readonly buffer: Uint8Array } | null;
}

/** A socket of bytes. */
const SOCK_STREAM = 1;

const repaired = new WeakSet<object>();

/** Repairs what all sockets share. The operations are reachable through a socket only. */
function repairOperations(stream: GlueStream | null | undefined): void {
  const operations = (stream?.node as { readonly sock?: GlueSocket } | undefined)?.sock?.sock_ops;
  if (operations === undefined || repaired.has(operations)) return;
  repaired.add(operations);
  const { removePeer, recvmsg } = operations;
  const read = (sock: GlueSocket, length: number, flags?: number) => recvmsg.call(operations, sock, length, flags);
  // A connection that failed before poll() asks for it must stay known: the glue forgets it, and poll(), finding nothing,
  // waits for as long as curl allows.
  operations.removePeer = (sock, peer) => {
    if (!(sock.connecting === true && peer.socket.readyState >= CLOSING)) removePeer.call(operations, sock, peer);
  };
  operations.recvmsg = (sock, length, flags) => {
    const message = read(sock, length, flags);
    if (message === null || sock.type !== SOCK_STREAM || ((flags ?? 0) & MSG_PEEK) !== 0) return message;
    const buffer = readMore(sock, message.buffer, length, (most) => read(sock, most, flags));
    for (const { socket } of Object.values(sock.peers)) socket.taken?.(buffer.length);
    return { ...message, buffer };
  };
}

/**
 * A read gives what has come, and not one message of it: curl waits anew after each, some milliseconds long.
 *
 * @param first what was read already, of at most `length` bytes
 */
function readMore(
  { recv_queue: queue }: GlueSocket,
  first: Uint8Array,
  length: number,
  read: (most: number) => { readonly buffer: Uint8Array } | null,
): Uint8Array {
  if (queue.length === 0 || first.length === length) return first;
  const whole = new Uint8Array(length);
  whole.set(first);
  let filled = first.length;
  while (queue.length > 0 && filled < length) {
    const { buffer = new Uint8Array(0) } = read(length - filled) ?? {};
    whole.set(buffer, filled);
    filled += buffer.length;
  }
  return whole.subarray(0, filled);
}
