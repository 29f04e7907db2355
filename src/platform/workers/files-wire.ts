// Messages about files over a socket that a child opens to its pool's object when its life begins, and keeps. A call of
// the object for each message would have to go through an entry point in between, and costs several times as much.

import { encodeFrame, FrameReader, type SendToStore, type StoreAnswer } from "../../fs/index.ts";
import { type Dial, type StreamSocket, socketTransport } from "../../transport/streams-socket.ts";
import type { Transport } from "../../transport/transport.ts";
import type { Envelope } from "./file-store.ts";

/** What the object sees as its own address when a child opens a socket for messages about files. */
export const FILES_ADDRESS = "files:9000";

/** Bytes of one message: the longest tells the tree of 50,000 files of one build, about 11 MB. */
const MOST_BYTES = 32 * 1024 * 1024;

interface Question extends Envelope {
  /** Given back with the answer. Grows also from one socket of the child to its next. */
  readonly turn: number;
}

interface Answer {
  readonly turn: number;
  readonly answer: StoreAnswer;
}

/** A child's end. */
export class FilesWire {
  readonly #dial: Dial;
  #transport: Transport | undefined;
  #lastTurn = 0;
  readonly #asked = new Map<number, PromiseWithResolvers<StoreAnswer>>();
  #closed = false;

  /** @param dial opens a socket: at the first message, and anew at the next one when it has broken */
  constructor(dial: Dial) {
    this.#dial = dial;
  }

  /** Rejects when the socket breaks before the answer: the message may have arrived. */
  readonly send: SendToStore = ({ life, message }) => {
    if (this.#closed) return Promise.reject(new Error("the child's life is over"));
    const asked = Promise.withResolvers<StoreAnswer>();
    this.#transport ??= this.#open();
    const turn = ++this.#lastTurn;
    this.#asked.set(turn, asked);
    const question: Question = { life, message, turn };
    void this.#transport.write([encodeFrame(question)]);
    return asked.promise;
  };

  /** The child's life is over. Safe to call twice. */
  close(): void {
    this.#closed = true;
    this.#transport?.close();
    this.#over();
  }

  #open(): Transport {
    const transport = letGo(this.#dial());
    receiveFrames(
      transport,
      (message) => {
        const { turn, answer } = message as Answer;
        this.#asked.get(turn)?.resolve(answer);
        this.#asked.delete(turn);
      },
      () => {
        transport.close();
        if (this.#transport === transport) this.#over();
      },
    );
    return transport;
  }

  #over(): void {
    this.#transport = undefined;
    for (const { reject } of this.#asked.values()) reject(new Error("the socket to the pool's files has ended"));
    this.#asked.clear();
  }
}

/** The object's end: answers until the child closes. Settles then; never rejects. */
export function answerFiles(socket: StreamSocket, answer: (envelope: Envelope) => Promise<StoreAnswer>): Promise<void> {
  const transport = letGo(socket);
  return new Promise((resolve) => {
    receiveFrames(
      transport,
      (message) => {
        const question = message as Question;
        const { turn } = question;
        void answer(question).then((given) => transport.write([encodeFrame({ turn, answer: given } satisfies Answer)]));
      },
      () => {
        transport.close();
        resolve();
      },
    );
  });
}

/** An end of both streams is not enough: the runtime would take the two for connected. */
function letGo(socket: StreamSocket): Transport {
  const transport = socketTransport(socket);
  return {
    ...transport,
    close() {
      transport.close();
      socket.close().catch(() => {});
    },
  };
}

/** What is no message breaks the socket. */
function receiveFrames(transport: Transport, onMessage: (message: unknown) => void, onEnd: () => void): void {
  const reader = new FrameReader(MOST_BYTES);
  transport.start({
    onChunk(chunk) {
      try {
        for (const message of reader.push(chunk)) onMessage(message);
      } catch {
        transport.reset();
      }
    },
    onEnd,
  });
}
