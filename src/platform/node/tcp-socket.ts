// PHP's sockets on Node. The glue speaks WebSocket; this class has that face and is a plain TCP connection behind it,
// so that curl, https:// and database drivers reach the network with no proxy in between.

import { connect, type Socket } from "node:net";
import { SocketFace } from "../../php/socket-face.ts";
import { names } from "./names.ts";

/** Bytes that PHP has not read yet, before the peer must wait. */
const WINDOW = 1024 * 1024;

/** A TCP connection with the members of a `ws` WebSocket that the glue uses. */
export class TcpSocket extends SocketFace {
  /**
   * Milliseconds to wait for a connection, whatever PHP would wait: default_socket_timeout is a minute, and curl's own five
   * minutes. What has not answered a few handshakes by then will not.
   */
  static connectTimeout = 10_000;
  /**
   * Bytes on their way to a peer that reads slowly. PHP cannot be told to wait here, as it is natively: with more the
   * connection is given up, and the script meets a broken pipe.
   */
  static mostUnsent: number = 256 * 1024 * 1024;
  /** Milliseconds in which the peer of a closed socket must read something of what is still on its way. */
  static lingerTimeout = 60_000;
  readonly #socket: Socket;
  #unread = 0;

  /** @param host the name that PHP asked for, or an address */
  constructor(host: string, port: number) {
    super();
    this.#socket = connect({ host: names.nameFor(host), port, noDelay: true });
    this.#socket.setTimeout(TcpSocket.connectTimeout, () => {
      if (this.readyState === this.CONNECTING) this.#socket.destroy(new Error("connection timed out"));
    });
    this.#socket.on("connect", () => {
      this.readyState = this.OPEN;
      this.#socket.setTimeout(0);
      this.emit("open");
    });
    this.#socket.on("data", (data) => {
      this.#unread += data.length;
      if (this.#unread >= WINDOW) this.#socket.pause();
      this.emit("message", data, true);
    });
    this.#socket.on("error", (error) => this.emit("error", error));
    this.#socket.on("end", () => {
      if (this.readyState < this.CLOSING) this.readyState = this.CLOSING;
      this.#socket.end();
    });
    this.#socket.on("close", () => {
      this.readyState = this.CLOSED;
      this.emit("close");
    });
  }

  /** Sends bytes; they are copied, because they lie in the interpreter's memory. */
  send(data: Uint8Array | ArrayBuffer): void {
    this.#socket.write(new Uint8Array(data).slice());
    if (this.#socket.writableLength > TcpSocket.mostUnsent) {
      this.#socket.destroy(new Error("the peer reads slower than the script sends"));
    }
  }

  /** PHP has read this many bytes of what came: told by `connect.ts`. */
  taken(bytes: number): void {
    this.#unread -= bytes;
    if (this.#unread < WINDOW && this.#socket.isPaused()) this.#socket.resume();
  }

  /** Nobody reads any more. What was sent still goes out, as far as the peer takes it. */
  close(): void {
    if (this.readyState < this.CLOSING) this.readyState = this.CLOSING;
    this.#socket.destroySoon();
    this.#socket.setTimeout(TcpSocket.lingerTimeout, () => this.#socket.destroy());
  }
}
