import { describe, expect, test, vi } from "vitest";
import { PageSocket, type ServePage } from "../../../../src/platform/browser/network/page-socket.ts";

const KIB = 1024;

/** A socket to what `serve` does, with what it tells. */
function open(serve: ServePage, port = 80): { socket: PageSocket; told: string[] } {
  const told: string[] = [];
  const socket = new PageSocket(`ws://198.18.0.1:${port}/`, Promise.resolve(serve));
  for (const event of ["open", "error", "close"]) socket.on(event, () => told.push(event));
  socket.on("message", (message) => told.push(`${(message as { data: ArrayBuffer }).data.byteLength}`));
  return { socket, told };
}

describe("a socket of PHP in a page", () => {
  test("opens, carries bytes both ways, and ends when the server is done", async () => {
    const { socket, told } = open(async (pipe, host, port) => {
      expect([host, port]).toEqual(["198.18.0.1", 80]);
      const bytes = await pipe.read();
      await pipe.write(bytes ?? new Uint8Array(0));
    });
    expect(socket.readyState).toBe(0);
    await vi.waitFor(() => expect(told).toEqual(["open"]));
    const memory = Uint8Array.of(1, 2, 3, 4);
    socket.send(memory.subarray(1, 3));
    memory.fill(0);
    await vi.waitFor(() => expect(told).toEqual(["open", "2", "close"]));
    expect(socket.readyState).toBe(3);
  });

  test("is refused where servers speak first, and where nobody can serve", async () => {
    const refused = open(async () => {}, 25);
    await vi.waitFor(() => expect(refused.told).toEqual(["error", "close"]));
    const broken = open(async () => {
      throw new Error("no TLS here");
    });
    await vi.waitFor(() => expect(broken.told).toEqual(["open", "error", "close"]));
  });

  test("holds the server back until PHP has read", async () => {
    let written = 0;
    const { socket } = open(async (pipe) => {
      for (let i = 0; i < 10; i++) {
        await pipe.write(new Uint8Array(100 * KIB));
        written++;
      }
    });
    const settled = () =>
      new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
    await settled();
    expect(written).toBe(2);
    socket.taken(150 * KIB);
    await settled();
    expect(written).toBe(4);
    socket.taken(1024 * KIB);
    await settled();
    expect(written).toBe(10);
  });

  test("tells the server that PHP has left, wherever it waits", async () => {
    const ends: string[] = [];
    const reading = open(async (pipe, _host, _port, signal) => {
      const bytes = await pipe.read();
      ends.push(`${bytes} ${signal.aborted}`);
    });
    const writing = open(async (pipe) => {
      await pipe.write(new Uint8Array(1024 * KIB)).catch((error: Error) => ends.push(error.message));
    });
    await vi.waitFor(() => expect(writing.told.length).toBeGreaterThan(1));
    reading.socket.close();
    writing.socket.close();
    await vi.waitFor(() => expect(ends).toEqual(["undefined true", "PHP closed the connection"]));
    expect(reading.told).toEqual(["open", "close"]);
  });

  test("gives a connection up on which PHP sends more than anybody reads", async () => {
    const { socket, told } = open(() => new Promise(() => {}));
    await vi.waitFor(() => expect(told).toEqual(["open"]));
    for (let i = 0; i < 33; i++) socket.send(new Uint8Array(1024 * KIB));
    expect(told).toEqual(["open", "error", "close"]);
  });

  test("forgets listeners that are taken back, of one time too", async () => {
    const { socket } = open(async (pipe) => {
      await pipe.write(Uint8Array.of(1));
      await pipe.write(Uint8Array.of(2));
    });
    const called: string[] = [];
    const back = () => called.push("taken back");
    socket.once("message", back).removeListener("message", back);
    socket.once("message", () => called.push("once"));
    await vi.waitFor(() => expect(socket.readyState).toBe(3));
    expect(called).toEqual(["once"]);
  });
});
