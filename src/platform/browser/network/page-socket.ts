// PHP's sockets in a page. The glue speaks WebSocket; this class has that face, and hands what PHP writes to a server in this
// same Worker.

import { SocketFace } from "../../../php/socket-face.ts";
import type { BytePipe } from "./byte-pipe.ts";

/** Bytes that PHP has not read yet, before the server waits. */
const WINDOW = 256 * 1024;

/** Bytes of PHP that the server has not read yet, before the connection is given up: a script does not wait for it. */
const MOST_UNREAD = 32 * 1024 * 1024;

/** Largest message, in bytes: the glue hands out a part of one at the cost of the rest. */
const MESSAGE = 64 * 1024;

/** Ports of protocols whose servers speak first, which is never heard here: FTP, SSH, SMTP, POP, IMAP, MySQL. */
const REFUSED = new Set([21, 22, 25, 110, 143, 465, 587, 993, 995, 3306]);

/** Serves one connection to its end. `signal` aborts when PHP closed it. */
export type ServePage = (pipe: BytePipe, host: string, port: number, signal: AbortSignal) => Promise<void>;

export class PageSocket extends SocketFace implements BytePipe {
  readonly url: string;
  readonly #gone = new AbortController();
  /** From PHP. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** Of the server's `read`. */
  #arrived: (() => void) | undefined;
  /** Bytes on their way to PHP. */
  #unread = 0;
  #room: (() => void) | undefined;

  /**
   * @param url `ws://host:port/`
   * @param serve settles when whoever answers is there
   */
  constructor(url: string, serve: Promise<ServePage>) {
    super();
    this.url = url;
    const [, host = "", port = ""] = /^\w+:\/\/(.+):(\d+)\//.exec(url) ?? [];
    void this.#open(host, Number(port), serve);
  }

  async #open(host: string, port: number, wanted: Promise<ServePage>): Promise<void> {
    try {
      const serve = await wanted;
      if (this.readyState !== this.CONNECTING) return;
      if (REFUSED.has(port)) throw new Error("Connection refused");
      this.readyState = this.OPEN;
      this.emit("open", {});
      await serve(this, host, port, this.#gone.signal);
      this.#end();
    } catch (error) {
      this.#fail(error);
    }
  }

  // --- PHP's end

  /** Sends bytes; they are copied, because they lie in the interpreter's memory. */
  send(data: Uint8Array | ArrayBuffer): void {
    const bytes = new Uint8Array(data).slice();
    this.#waitingBytes += bytes.length;
    if (bytes.length > 0) this.#waiting.push(bytes);
    if (this.#waitingBytes > MOST_UNREAD) this.#fail(new Error("the script sends faster than it is read"));
    this.#arrived?.();
  }

  /** Told by `connect.ts`. */
  taken(bytes: number): void {
    this.#unread -= bytes;
    if (this.#unread < WINDOW) this.#room?.();
  }

  // --- the server's end, and both

  async read(): Promise<Uint8Array | undefined> {
    while (this.#waiting.length === 0) {
      if (this.readyState !== this.OPEN) return undefined;
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
    const bytes = this.#waiting.shift();
    this.#waitingBytes -= bytes?.length ?? 0;
    return bytes;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += MESSAGE) {
      const piece = bytes.slice(at, at + MESSAGE);
      if (this.readyState !== this.OPEN) throw new Error("PHP closed the connection");
      this.#unread += piece.length;
      this.emit("message", { data: piece.buffer });
      while (this.#unread >= WINDOW && this.readyState === this.OPEN) {
        await new Promise<void>((resolve) => {
          this.#room = resolve;
        });
      }
    }
  }

  async close(): Promise<void> {
    this.#end();
  }

  #fail(error: unknown): void {
    if (this.readyState === this.CLOSED) return;
    const told = error instanceof Error ? error : new Error(String(error));
    this.#gone.abort(told);
    this.#leave(() => this.emit("error", told), 1006);
  }

  #end(): void {
    if (this.readyState === this.CLOSED) return;
    this.#gone.abort(new Error("the connection is closed"));
    this.#leave(() => {}, 1000);
  }

  #leave(tell: () => void, code: number): void {
    this.readyState = this.CLOSED;
    tell();
    this.emit("close", { code });
    this.#arrived?.();
    this.#room?.();
  }
}
