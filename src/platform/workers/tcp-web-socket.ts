// PHP's sockets in a Worker. The glue speaks WebSocket; this class has that face and is a plain TCP connection behind
// it: PHP's own OpenSSL does TLS, so curl, https:// and database drivers work as anywhere.

import { connect, type Socket } from "cloudflare:sockets";
import { isNoName, NameTable, type ResolveName } from "../../php/names.ts";
import { SocketFace } from "../../php/socket-face.ts";

/** Milliseconds to wait for a connection, whatever PHP would wait: as on Node. */
const CONNECT_TIMEOUT = 10_000;

/** Bytes that PHP has not read yet, before the peer must wait. */
const WINDOW = 1024 * 1024;

/** Bytes on their way to a peer that reads slowly, before the connection is given up: PHP cannot be told to wait. */
const MOST_UNSENT = 16 * 1024 * 1024;

const names = new NameTable();

/** Names are the platform's to resolve, when it connects: an address stands for each. */
export const resolveName: ResolveName = async (name) => (isNoName(name) ? undefined : names.addressFor(name));

/** A TCP connection with the members of a WebSocket that the glue uses. */
export class TcpWebSocket extends SocketFace {
  bufferedAmount = 0;
  readonly url: string;
  #socket: Socket | undefined;
  #writer: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #unread = 0;
  /** Of a reader that waits until PHP has read. */
  #room: (() => void) | undefined;

  /** @param url `ws://host:port/` */
  constructor(url: string) {
    super();
    this.url = url;
    // Not by `new URL`: it drops a port that is the scheme's default.
    const [, hostname = "", port = ""] = /^\w+:\/\/(.+):(\d+)\//.exec(url) ?? [];
    try {
      const socket = connect({ hostname: names.nameFor(hostname), port: Number(port) }, { allowHalfOpen: true });
      socket.closed.catch(() => {});
      this.#socket = socket;
      this.#writer = socket.writable.getWriter();
      const late = setTimeout(() => this.#fail(new Error("connection timed out")), CONNECT_TIMEOUT);
      socket.opened.finally(() => clearTimeout(late)).catch(() => {});
      socket.opened.then(
        () => {
          if (this.readyState !== this.CONNECTING) return;
          this.readyState = this.OPEN;
          this.emit("open", {});
          void this.#read(socket);
        },
        (error: unknown) => this.#fail(error),
      );
    } catch (error) {
      queueMicrotask(() => this.#fail(error));
    }
  }

  async #read(socket: Socket): Promise<void> {
    try {
      for await (const chunk of socket.readable) {
        this.#unread += chunk.length;
        this.emit("message", { data: chunk.slice().buffer });
        while (this.#unread >= WINDOW && this.readyState === this.OPEN) {
          await new Promise<void>((resolve) => {
            this.#room = resolve;
          });
        }
      }
      this.#end();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Sends bytes; they are copied, because they lie in the interpreter's memory. */
  send(data: Uint8Array | ArrayBuffer): void {
    const bytes = new Uint8Array(data).slice();
    this.bufferedAmount += bytes.length;
    if (this.bufferedAmount > MOST_UNSENT) {
      this.#fail(new Error("the peer reads slower than the script sends"));
      return;
    }
    this.#writer?.write(bytes).then(
      () => {
        this.bufferedAmount -= bytes.length;
      },
      (error: unknown) => this.#fail(error),
    );
  }

  /** PHP has read this many bytes of what came: told by `connect.ts`. */
  taken(bytes: number): void {
    this.#unread -= bytes;
    if (this.#unread < WINDOW) this.#room?.();
  }

  close(): void {
    if (this.readyState >= this.CLOSING) return;
    this.readyState = this.CLOSING;
    this.#room?.();
    const done = () => this.#end();
    const socket = this.#socket;
    Promise.resolve(this.#writer?.close())
      .then(() => socket?.close())
      .then(done, done);
  }

  #fail(error: unknown): void {
    if (this.readyState === this.CLOSED) return;
    this.readyState = this.CLOSED;
    this.#room?.();
    this.#socket?.close().catch(() => {});
    this.emit("error", error instanceof Error ? error : new Error(String(error)));
    this.emit("close", { code: 1006 });
  }

  #end(): void {
    if (this.readyState === this.CLOSED) return;
    this.readyState = this.CLOSED;
    this.#room?.();
    this.#socket?.close().catch(() => {});
    this.emit("close", { code: 1000 });
  }
}
