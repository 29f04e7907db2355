// Two sockets joined byte for byte: what one side does, the other sees, its end and its reset included.

import type { Socket } from "node:net";
import type { Direction } from "../capture/capture.ts";

/** Sees everything that passes. */
export interface Tap {
  /** A returned promise holds the sender back. */
  bytes(direction: Direction, chunk: Uint8Array): Promise<void> | undefined;
  /** The sender of this direction ended its side. */
  end(direction: Direction): void;
  /** The sender of this direction broke the connection. */
  reset(direction: Direction, error: Error): void;
}

/** Joins two connected, paused sockets that allow half-open connections. Settles when both are closed; never rejects. */
export async function relay(webServer: Socket, application: Socket, tap: Tap): Promise<void> {
  // Either side may break while the other is being told: only the first break is a fact of the peers.
  let broken = false;
  const join = (from: Socket, to: Socket, direction: Direction) => {
    from.setNoDelay(true);
    from.on("data", (chunk: Buffer) => {
      const seen = tap.bytes(direction, chunk);
      const taken = !to.writable || to.write(chunk);
      if (taken && seen === undefined) return;
      from.pause();
      const room = taken ? undefined : drained(to);
      void Promise.all([seen, room]).then(() => from.resume());
    });
    const ended = () => {
      tap.end(direction);
      to.end();
    };
    // What happened while the other side was being connected has been told already.
    if (from.readableEnded) ended();
    else from.on("end", ended);
    from.on("error", (error) => {
      if (!broken) tap.reset(direction, error);
      broken = true;
      breakOff(to);
    });
    from.on("close", () => {
      // A socket that is destroyed tells no end: the other one would wait for ever.
      if (!to.writableEnded && !to.destroyed) to.end();
    });
    if (from.destroyed && !to.destroyed) breakOff(to);
    return closed(from);
  };
  const both = [join(webServer, application, "to-application"), join(application, webServer, "to-web-server")];
  webServer.resume();
  application.resume();
  await Promise.all(both);
}

/** TCP has a reset, a Unix socket only an end: `remoteAddress` tells them apart. */
export function breakOff(socket: Socket): void {
  if (socket.destroyed) return;
  if (socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.removeListener("drain", done);
      socket.removeListener("close", done);
      resolve();
    };
    socket.once("drain", done);
    socket.once("close", done);
  });
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once("close", () => resolve());
  });
}
