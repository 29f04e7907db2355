import { MessageChannel, Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { messagePortTransport, PORT_WINDOW } from "../../src/transport/message-port.ts";
import { Recorder, transportContract } from "./contract.ts";

transportContract("message port", {
  pair: async () => {
    const { port1, port2 } = new MessageChannel();
    return [messagePortTransport(port1), messagePortTransport(port2)];
  },
  mostUnderWay: PORT_WINDOW + 256 * 1024,
  tellsReset: true,
});

describe("messagePortTransport", () => {
  test("never transfers a caller's buffer", async () => {
    const { port1, port2 } = new MessageChannel();
    const [left, right] = [messagePortTransport(port1), messagePortTransport(port2)];
    const recorder = new Recorder(right);
    const pooled = Buffer.from("pooled");
    left.write([pooled, new Uint8Array(1000)]);
    await recorder.until(({ length }) => length === 1006);
    expect(pooled.toString()).toBe("pooled");
    left.reset();
  });

  test("sends the chunks of a write in one message", async () => {
    const { port1, port2 } = new MessageChannel();
    const messages: unknown[] = [];
    port2.on("message", (message) => messages.push(message));
    messagePortTransport(port1).write([Uint8Array.of(1), Uint8Array.of(2, 3), Uint8Array.of(4)]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(messages).toEqual([Uint8Array.of(1, 2, 3, 4)]);
    port1.close();
  });

  test("keeps at most a window and a message at a receiver that reads nothing, however much is written", async () => {
    const { port1, port2 } = new MessageChannel();
    const [left, right] = [messagePortTransport(port1), messagePortTransport(port2)];
    new Recorder(right).onChunk = () => new Promise(() => {});
    left.start({ onChunk() {}, onEnd() {} });
    for (let count = 0; count < 100; count++) left.write([new Uint8Array(100_000)]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(right.buffered).toBeGreaterThan(PORT_WINDOW / 2);
    expect(right.buffered).toBeLessThanOrEqual(PORT_WINDOW + 256 * 1024);
    left.reset();
  });

  test("tells of the end of the thread behind the port", async () => {
    const { port1, port2 } = new MessageChannel();
    const worker = new Worker("require('node:worker_threads').workerData.port.on('message', () => {})", {
      eval: true,
      workerData: { port: port2 },
      transferList: [port2],
    });
    const recorder = new Recorder(messagePortTransport(port1));
    await new Promise((resolve) => worker.once("online", resolve));
    await worker.terminate();
    await recorder.until(({ ended }) => ended);
    expect(recorder.error).toBeInstanceOf(Error);
  });

  test("breaks at a message that is not its own", async () => {
    const { port1, port2 } = new MessageChannel();
    const recorder = new Recorder(messagePortTransport(port1));
    port2.postMessage({ hello: true });
    await recorder.until(({ ended }) => ended);
    expect(recorder.error?.message).toContain("foreign message");
  });
});
