import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, connect as netConnect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Address } from "../../src/transport/address.ts";
import { connectAddress, connectTcp, connectUnix } from "../../src/transport/node/connect.ts";
import { listen, type NodeListener } from "../../src/transport/node/listen.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { Recorder, transportContract } from "./contract.ts";

const folder = mkdtempSync(join(tmpdir(), "edge-fpm-socket-"));
const listeners: NodeListener[] = [];
let count = 0;
afterAll(async () => {
  for (const listener of listeners) await listener.close();
  rmSync(folder, { recursive: true, force: true });
});

const never = new AbortController().signal;

async function socketPair(where: Address): Promise<readonly [Transport, Transport]> {
  const accepted = Promise.withResolvers<Transport>();
  const listener = await listen(where, accepted.resolve);
  listeners.push(listener);
  const left = await connectAddress(listener.address)(never);
  return [left, await accepted.promise];
}

function unixPath(): string {
  count += 1;
  return join(folder, `${count}.sock`);
}

const TCP: Address = { type: "tcp", host: "127.0.0.1", port: 0 };

// The kernel buffers on both sides, and Node's own: several megabytes on the loopback, whatever the reader does.
transportContract("TCP socket", { pair: () => socketPair(TCP), mostUnderWay: 16 * 1024 * 1024, tellsReset: true });
transportContract("Unix socket", {
  pair: () => socketPair({ type: "unix", path: unixPath() }),
  mostUnderWay: 4 * 1024 * 1024,
  tellsReset: false,
});

test("what comes in plenty is read in longer pieces, and is the same", async () => {
  const content = Uint8Array.from({ length: 4_000_000 }, (_, at) => (at * 31 + (at >> 8)) & 255);
  const path = unixPath();
  const server = createServer((socket) => socket.end(content));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const transport = await connectUnix(path)(never);
  const ended = Promise.withResolvers<unknown>();
  const pieces: Uint8Array[] = [];
  transport.start({
    onChunk(chunk) {
      pieces.push(chunk.slice());
      // Meanwhile the kernel takes as much as it holds.
      return new Promise((resolve) => setTimeout(resolve, 1));
    },
    onEnd: ended.resolve,
  });
  expect(await ended.promise).toBeUndefined();
  transport.close();
  server.close();
  expect(Buffer.concat(pieces).equals(content)).toBe(true);
  expect(Math.max(...pieces.map(({ length }) => length))).toBeGreaterThan(64 * 1024);
});

describe.each(["tcp", "unix"])("half-close on %s", (type) => {
  async function rawClient(): Promise<{ client: Socket; server: Recorder }> {
    const accepted = Promise.withResolvers<Transport>();
    const listener = await listen(type === "tcp" ? TCP : { type: "unix", path: unixPath() }, accepted.resolve);
    listeners.push(listener);
    const { address } = listener;
    const client = netConnect({
      ...(address.type === "unix" ? { path: address.path } : { host: address.host, port: address.port }),
      allowHalfOpen: true,
    });
    client.on("error", () => {});
    return { client, server: new Recorder(await accepted.promise) };
  }

  test("an end that comes while the last chunk is held is told after it", async () => {
    const accepted = Promise.withResolvers<Transport>();
    const listener = await listen(type === "tcp" ? TCP : { type: "unix", path: unixPath() }, accepted.resolve);
    listeners.push(listener);
    const { address } = listener;
    const client = netConnect(
      address.type === "unix" ? { path: address.path } : { host: address.host, port: address.port },
    );
    client.on("error", () => {});
    const told: string[] = [];
    const held = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    const transport = await accepted.promise;
    transport.start({
      onChunk(chunk) {
        told.push(`chunk of ${chunk.length}`);
        return held.promise;
      },
      onEnd() {
        told.push("end");
        ended.resolve();
      },
    });
    client.end("the last");
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(told).toEqual(["chunk of 8"]);
    held.resolve();
    await ended.promise;
    expect(told).toEqual(["chunk of 8", "end"]);
    transport.close();
  });

  test("a peer that ended its sending side still receives", async () => {
    const { client, server } = await rawClient();
    client.end("request");
    await server.until(({ ended }) => ended);
    server.transport.probe?.();
    server.transport.write([Buffer.from("answer")]);
    server.transport.probe?.();
    server.transport.close();
    let got = "";
    for await (const chunk of client) got += chunk;
    expect(got).toBe("answer");
    expect(server.gone).toBe(false);
  });

  test("a peer that is gone is found by a byte and a probe", async () => {
    const { client, server } = await rawClient();
    client.end("request", () => client.destroy());
    await server.until(({ ended }) => ended);
    server.transport.write([Uint8Array.of(1)]);
    for (let tries = 0; tries < 100 && !server.gone && server.error === undefined; tries++) {
      server.transport.probe?.();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(server.gone || server.error !== undefined).toBe(true);
  });
});

describe("connecting", () => {
  test("names the address and the cause", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    await expect(connectTcp("127.0.0.1", port)(never)).rejects.toMatchObject({
      code: "EXCHANGE_CONNECT",
      message: expect.stringContaining(`tcp://127.0.0.1:${port}: nothing accepts connections`),
    });
    await expect(connectUnix("/nowhere/x.sock")(never)).rejects.toMatchObject({
      code: "EXCHANGE_CONNECT",
      message: expect.stringContaining("unix:/nowhere/x.sock: there is no such socket file"),
    });
  });

  test("rejects with the signal's reason", async () => {
    const reason = new Error("enough");
    await expect(connectTcp("127.0.0.1", 1)(AbortSignal.abort(reason))).rejects.toBe(reason);
    const abort = new AbortController();
    const connecting = connectTcp("127.0.0.1", 1)(abort.signal);
    abort.abort(reason);
    await expect(connecting).rejects.toBe(reason);
  });
});

describe("listening", () => {
  test("removes a stale socket file, sets the mode, and removes the file at the end", async () => {
    const path = unixPath();
    const dead = createServer().listen(path);
    await new Promise((resolve) => dead.once("listening", resolve));
    // A dead process leaves its file: renaming away what close() would remove does the same.
    const { renameSync } = await import("node:fs");
    renameSync(path, `${path}.kept`);
    await new Promise((resolve) => dead.close(resolve));
    renameSync(`${path}.kept`, path);
    const listener = await listen({ type: "unix", path }, (transport) => transport.close(), { mode: 0o600 });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await listener.close();
    await listener.close();
    expect(existsSync(path)).toBe(false);
  });

  test("leaves a socket alone on which somebody answers, and a file that is no socket", async () => {
    const path = unixPath();
    const first = await listen({ type: "unix", path }, (transport) => transport.close());
    listeners.push(first);
    await expect(listen({ type: "unix", path }, () => {})).rejects.toMatchObject({
      code: "EADDRINUSE",
      message: expect.stringContaining(path),
    });
    const file = join(folder, "plain");
    writeFileSync(file, "mine");
    chmodSync(file, 0o600);
    await expect(listen({ type: "unix", path: file }, () => {})).rejects.toMatchObject({ code: "EEXIST" });
    expect(existsSync(file)).toBe(true);
  });

  test("names the address when the port is taken", async () => {
    const first = await listen(TCP, () => {});
    listeners.push(first);
    await expect(listen(first.address, () => {})).rejects.toMatchObject({
      code: "EADDRINUSE",
      message: expect.stringContaining("cannot listen on tcp://127.0.0.1:"),
    });
  });

  test("stops accepting at close while connections that exist go on", async () => {
    const accepted = Promise.withResolvers<Transport>();
    const listener = await listen(TCP, accepted.resolve);
    const client = new Recorder(await connectAddress(listener.address)(never));
    const server = new Recorder(await accepted.promise);
    await listener.close();
    await expect(connectAddress(listener.address)(never)).rejects.toMatchObject({ code: "EXCHANGE_CONNECT" });
    server.transport.write([Uint8Array.of(7)]);
    await client.until(({ length }) => length === 1);
    client.transport.close();
  });

  test("asks before taking a connection", async () => {
    const seen: Array<string | undefined> = [];
    const listener = await listen(TCP, () => expect.unreachable(), {
      allow: (remote) => {
        seen.push(remote);
        return false;
      },
    });
    listeners.push(listener);
    const client = new Recorder(await connectAddress(listener.address)(never));
    await client.until(({ ended }) => ended);
    expect(seen).toEqual(["127.0.0.1"]);
  });
});
