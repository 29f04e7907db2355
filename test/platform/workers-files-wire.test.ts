// Messages about files over a socket, between a child and its pool's object.

import { expect, test, vi } from "vitest";
import { encodeFrame, type StoreAnswer } from "../../src/fs/index.ts";
import type { Envelope } from "../../src/platform/workers/file-store.ts";
import { answerFiles, FilesWire } from "../../src/platform/workers/files-wire.ts";
import { memoryPair } from "../../src/transport/memory.ts";
import { toStreams } from "../../src/transport/streams.ts";
import type { StreamSocket } from "../../src/transport/streams-socket.ts";

function socketPair(): [StreamSocket, StreamSocket] {
  const [left, right] = memoryPair().map((transport): StreamSocket => {
    const closed = Promise.resolve();
    return { ...toStreams(transport), opened: closed, closed, close: async () => transport.close() };
  });
  if (left === undefined || right === undefined) throw new Error("a pair is two");
  return [left, right];
}

const reserve = { life: 7, message: { type: "reserve" } } as const;
const done: StoreAnswer = { type: "done" };

/** A child, and its object's ends of the sockets that it opens. */
function child() {
  const accepted: StreamSocket[] = [];
  const wire = new FilesWire(() => {
    const [mine, theirs] = socketPair();
    accepted.push(theirs);
    return mine;
  });
  return { wire, accepted };
}

test("each message gets its answer, whichever comes first, over one socket", async () => {
  const { wire, accepted } = child();
  const held = Promise.withResolvers<StoreAnswer>();
  const seen: Envelope[] = [];
  const first = wire.send(reserve);
  const second = wire.send({ life: 8, message: { type: "read", ino: 1, version: 2, offset: 3, length: 4 } });
  const [theirs] = accepted;
  const over =
    theirs &&
    answerFiles(theirs, async (envelope) => {
      seen.push(envelope);
      return envelope.life === 7 ? held.promise : { type: "bytes", bytes: new Uint8Array(200_000).fill(5) };
    });
  expect(await second).toEqual({ type: "bytes", bytes: new Uint8Array(200_000).fill(5) });
  held.resolve(done);
  expect(await first).toEqual(done);
  expect(seen.map(({ life, message, turn }) => [life, message.type, turn])).toEqual([
    [7, "reserve", 1],
    [8, "read", 2],
  ]);
  expect(accepted.length).toBe(1);
  wire.close();
  await over;
});

test("a message whose socket breaks is rejected, and the next one goes over a new socket", async () => {
  const { wire, accepted } = child();
  const lost = wire.send(reserve);
  await accepted[0]?.close();
  await expect(lost).rejects.toThrow("has ended");
  const again = wire.send(reserve);
  const [, theirs] = accepted;
  const turns: unknown[] = [];
  const over =
    theirs &&
    answerFiles(theirs, async ({ turn }) => {
      turns.push(turn);
      return done;
    });
  expect(await again).toEqual(done);
  // The pool's object knows by it what came before, over whichever socket.
  expect(turns).toEqual([2]);
  wire.close();
  await over;
});

test("nothing is sent any more when the life is over", async () => {
  const { wire, accepted } = child();
  const asked = wire.send(reserve);
  wire.close();
  await expect(asked).rejects.toThrow("has ended");
  await expect(wire.send(reserve)).rejects.toThrow("over");
  wire.close();
  expect(accepted.length).toBe(1);
});

test("what is no message, or too long a one, breaks the socket", async () => {
  const tooLong = new Uint8Array(8);
  new DataView(tooLong.buffer).setUint32(0, 33 * 1024 * 1024);
  const noText = encodeFrame({ id: 1 });
  noText[8] = 0;
  for (const bytes of [tooLong, noText]) {
    const [mine, theirs] = socketPair();
    const answer = vi.fn(async () => done);
    const over = answerFiles(theirs, answer);
    const writer = mine.writable.getWriter();
    writer.write(bytes).catch(() => {});
    await over;
    expect(answer).not.toHaveBeenCalled();
  }
});
