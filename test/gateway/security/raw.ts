// Raw bytes to a server, and what comes back: a visitor who keeps to no rule.

import { connect } from "node:net";

export interface RawAnswer {
  /** Of each answer, in their order. */
  readonly statuses: readonly number[];
  /** Everything, as Latin-1. */
  readonly text: string;
  /** Whether the server ended the connection. */
  readonly closed: boolean;
}

/** Milliseconds without a byte after which a connection that stays open is given up. */
const QUIET = 300;
/** Longest wait for the first byte: a server that starts a child for it takes a while. */
const PATIENCE = 5_000;

/**
 * Sends bytes (Latin-1) as they are, and reads until the server closes or has been quiet for a while after an answer.
 *
 * @param pieces sent one after the other, each in a packet of its own
 */
export function raw(port: number, ...pieces: readonly string[]): Promise<RawAnswer> {
  return rawWithin(PATIENCE, port, ...pieces);
}

/** The same, with another wait for the first byte, in milliseconds. */
export async function rawWithin(patience: number, port: number, ...pieces: readonly string[]): Promise<RawAnswer> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.on("error", () => {});
  socket.setEncoding("latin1");
  let text = "";
  let closed = false;
  await new Promise<void>((resolve) => {
    let timer = setTimeout(resolve, patience);
    socket.on("data", (chunk: string) => {
      text += chunk;
      clearTimeout(timer);
      timer = setTimeout(resolve, QUIET);
    });
    socket.once("close", () => {
      clearTimeout(timer);
      closed = true;
      resolve();
    });
    const send = async () => {
      for (const piece of pieces) {
        if (socket.destroyed) return;
        socket.write(piece, "latin1");
        if (pieces.length > 1) await new Promise((done) => setTimeout(done, 20));
      }
    };
    void send();
  });
  socket.destroy();
  const statuses = [...text.matchAll(/HTTP\/1\.[01] ([0-9]{3}) /g)].map((match) => Number(match[1]));
  return { statuses, text, closed };
}
