// A transport over a socket of Node: TCP or Unix.

import type { Socket } from "node:net";
import { byteLength, joinChunks } from "../bytes.ts";
import { Gate } from "../gate.ts";
import type { Transport, TransportHandler } from "../transport.ts";

/** Up to this many bytes, joining the chunks of a write is cheaper than a vectored write of many pieces. */
const JOIN_LENGTH = 16 * 1024;

/**
 * How long a closed socket still drops what the peer sends, in milliseconds (nginx's `lingering_timeout`): closing at
 * once with unread bytes would send a reset that overtakes the answer.
 */
const LINGER = 5_000;

/** How long a closed socket waits for a peer that does not read what was written, in milliseconds. */
const FLUSH_TIMEOUT = 30_000;

/**
 * Makes a transport of a connected socket. The socket must have been made with `allowHalfOpen`, else a peer that ends
 * its sending side gets no answer.
 */
export function socketTransport(socket: Socket): SocketTransport {
  return new SocketTransport(socket);
}

/** See `socketTransport`. */
export class SocketTransport implements Transport {
  readonly #socket: Socket;
  readonly #room = new Gate();
  #handler: TransportHandler | undefined;
  #held = false;
  /** The peer's end came while the handler held its last chunk: Node tells it in a paused socket too. */
  #endWaits = false;
  #closing = false;
  #ended = false;
  /** `onEnd` came with an error, or `onGone` did. */
  #goneTold = false;
  /** What came before `start`, of a socket that cannot keep it. */
  #early = new Uint8Array(0);
  /** A break that came before `start`. */
  #error: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("error", (error) => {
      this.#error ??= error;
      this.#tellBreak(error);
    });
    socket.on("drain", () => this.#room.open());
    socket.on("close", () => {
      this.#room.open();
      this.#tellBreak(this.#error ?? new Error("the connection was closed"));
    });
  }

  start(handler: TransportHandler): void {
    if (this.#handler !== undefined) throw new Error("a transport is started once");
    this.#handler = handler;
    const socket = this.#socket;
    if (socket.destroyed) {
      queueMicrotask(() => this.#tellBreak(this.#error ?? new Error("the connection was closed")));
      return;
    }
    // With `onread` there are no such events, but the stream has to flow all the same.
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    if (this.#early.length > 0) {
      const early = this.#early;
      this.#early = new Uint8Array(0);
      queueMicrotask(() => {
        this.#receive(early);
        if (!this.#held) socket.resume();
      });
    }
    socket.on("end", () => {
      if (this.#closing) return;
      if (this.#held) this.#endWaits = true;
      else this.#tellEnd();
    });
  }

  /** Bytes of a socket that was made with `onread`: its buffer is read into again when this has returned. */
  received(chunk: Uint8Array): void {
    if (this.#handler !== undefined || this.#closing) this.#receive(chunk);
    else {
      this.#early = joinChunks([this.#early, chunk], this.#early.length + chunk.length);
      this.#socket.pause();
    }
  }

  #receive(chunk: Uint8Array): void {
    if (this.#closing) return;
    const held = this.#handler?.onChunk(chunk);
    if (held === undefined) return;
    this.#held = true;
    this.#socket.pause();
    const release = () => {
      this.#held = false;
      if (this.#endWaits) this.#tellEnd();
      else this.#socket.resume();
    };
    held.then(release, release);
  }

  write(chunks: readonly Uint8Array[]): Promise<void> | undefined {
    const socket = this.#socket;
    if (this.#closing || !socket.writable) return undefined;
    const [first] = chunks;
    if (first === undefined) return undefined;
    const length = byteLength(chunks);
    if (chunks.length === 1) socket.write(first);
    else if (length <= JOIN_LENGTH) socket.write(joinChunks(chunks, length));
    else {
      socket.cork();
      for (const chunk of chunks) socket.write(chunk);
      socket.uncork();
    }
    return socket.writableNeedDrain ? this.#room.wait() : undefined;
  }

  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#room.open();
    const socket = this.#socket;
    if (socket.destroyed) {
      queueMicrotask(() => this.#tellEnd());
      return;
    }
    // Ends by one of: the peer ends too, the linger time is over, or the peer takes nothing for too long.
    socket.setTimeout(FLUSH_TIMEOUT, () => socket.destroy());
    socket.end(() => {
      this.#tellEnd();
      socket.unref();
      const timer = setTimeout(() => socket.destroy(), LINGER);
      timer.unref();
      socket.once("close", () => clearTimeout(timer));
    });
    if (this.#handler === undefined) socket.on("data", () => {});
    if (!this.#held) socket.resume();
  }

  reset(): void {
    this.#closing = true;
    const socket = this.#socket;
    if (!socket.destroyed) {
      // Only TCP has a reset; a Unix peer sees an end. `remoteAddress` is what tells them apart.
      if (socket.remoteAddress !== undefined) socket.resetAndDestroy();
      else socket.destroy();
    }
    this.#room.open();
    queueMicrotask(() => this.#tellEnd());
  }

  /** An empty write reaches the kernel, which answers with the error it knows of (EPIPE, ECONNRESET). */
  probe(): void {
    if (!this.#closing && this.#socket.writable) this.#socket.write(new Uint8Array(0));
  }

  #tellEnd(error?: Error): void {
    if (this.#handler === undefined || this.#ended) return;
    this.#ended = true;
    this.#goneTold = error !== undefined;
    this.#handler.onEnd(error);
  }

  #tellBreak(error: Error): void {
    if (this.#closing || !this.#ended) {
      this.#tellEnd(this.#closing ? undefined : error);
    } else if (!this.#goneTold) {
      this.#goneTold = true;
      this.#handler?.onGone?.(error);
    }
  }
}
