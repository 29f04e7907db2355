// The proxy between scripted peers: bytes, ends, resets and backpressure pass as they are; what passes is shown and
// written.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { followCapture } from "../../src/capture/follow.ts";
import { readCapture } from "../../src/capture/read.ts";
import { concat } from "../../src/codec/index.ts";
import { answer, request } from "../capture/build.ts";
import { runEdgeFpm } from "../peers/edge-fpm.ts";
import { describePeers } from "../peers/peer.ts";
import { startPhpFpm } from "../peers/php-fpm.ts";
import type { Program } from "../peers/program.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { run } from "./run.ts";

let scratch: Scratch;
const closers: (() => unknown)[] = [];
beforeAll(() => {
  scratch = makeScratch("proxy");
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
afterAll(() => scratch.remove());

/** A server whose connections the test plays itself. */
async function application(path?: string): Promise<{ address: string; next(): Promise<Socket> }> {
  const server: Server = createServer({ allowHalfOpen: true });
  const sockets: Socket[] = [];
  server.on("connection", (socket) => {
    socket.on("error", () => {});
    sockets.push(socket);
  });
  if (path === undefined) server.listen(0, "127.0.0.1");
  else server.listen(path);
  await once(server, "listening");
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const bound = server.address();
  let taken = 0;
  return {
    address: path ?? `127.0.0.1:${typeof bound === "object" ? bound?.port : 0}`,
    async next() {
      while (sockets.length <= taken) await once(server, "connection");
      return sockets[taken++] as Socket;
    },
  };
}

async function proxy(
  listen: string,
  upstream: string,
  ...args: string[]
): Promise<{ program: Program; to: { port: number; host: string } | { path: string } }> {
  const program = runEdgeFpm(["proxy", listen, upstream, ...args], { NO_COLOR: "1" });
  closers.push(() => program.stop("SIGKILL"));
  const [, port, path] = await program.waitFor(/(?:tcp:\/\/127\.0\.0\.1:(\d+)|unix:(\S+)) {2}passes on/);
  await program.waitFor(/Ctrl-C stops it/);
  return { program, to: port === undefined ? { path: path ?? "" } : { port: Number(port), host: "127.0.0.1" } };
}

async function webServer(to: { port: number; host: string } | { path: string }): Promise<Socket> {
  const socket = createConnection({ ...to, allowHalfOpen: true });
  socket.on("error", () => {});
  closers.push(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** Reads until this many bytes are there. */
async function read(socket: Socket, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let have = 0;
  while (have < length) {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) {
      await once(socket, "readable");
      continue;
    }
    chunks.push(chunk);
    have += chunk.length;
  }
  return Buffer.concat(chunks);
}

describe("edge-fpm proxy", () => {
  test("passes bytes both ways, shows each record, and writes them", async () => {
    const file = join(scratch.path, "shown.pcapng");
    const app = await application();
    const { program, to } = await proxy("127.0.0.1:0", app.address, "--write", file);
    const web = await webServer(to);
    const out = request(1, [["SCRIPT_NAME", "/x.php"]], "body");
    const back = answer(1, "Status: 200\r\n\r\nhi", "oops");
    web.write(out.subarray(0, 21));
    const behind = await app.next();
    await read(behind, 21);
    web.write(out.subarray(21));
    expect(await read(behind, out.length - 21)).toEqual(Buffer.from(out.subarray(21)));
    behind.write(back);
    expect(await read(web, back.length)).toEqual(Buffer.from(back));
    await program.waitFor(/\d\d:\d\d:\d\d\.\d{6} {3}1 <- #1 {5}END_REQUEST {13}8\+0 {2}status 0/);
    expect(program.output()).toContain('1 <- #1     STDERR                  4+4  "oops"');

    // The file is whole while the connection is open: nothing waits for the end.
    const [connection] = followCapture(readCapture(readFileSync(file)));
    expect(connection?.requests[0]).toMatchObject({ end: { applicationStatus: 0 }, problems: [] });
    web.end();
    await once(behind.resume(), "end");
    behind.end();
    await once(web.resume(), "close");
    expect(await program.stop("SIGINT")).toEqual({ code: 0, signal: null });
    expect(program.output()).toMatch(/1 connections, 1 requests, 8 records, \d+ bytes, 0 problems\./);
    const events = readCapture(readFileSync(file)).connections[0]?.events ?? [];
    expect(events.slice(-2)).toEqual([
      expect.objectContaining({ type: "end", direction: "to-application", how: "closed" }),
      expect.objectContaining({ type: "end", direction: "to-web-server", how: "closed" }),
    ]);
  });

  test("passes the end of one side on, and still the other side's bytes", async () => {
    const app = await application();
    const { to } = await proxy("127.0.0.1:0", app.address, "--quiet");
    const web = await webServer(to);
    web.end("half");
    const behind = await app.next();
    expect((await read(behind, 4)).toString()).toBe("half");
    await once(behind.resume(), "end");
    await sleep(50);
    behind.end("late answer");
    expect((await read(web, 11)).toString()).toBe("late answer");
    await once(web.resume(), "close");
  });

  test.each(["the application", "the web server"])("passes a reset of %s on", async (who) => {
    const file = join(scratch.path, `reset-${who.length}.pcapng`);
    const app = await application();
    const { program, to } = await proxy("127.0.0.1:0", app.address, "--quiet", "--write", file);
    const web = await webServer(to);
    web.write(request(1));
    const behind = await app.next();
    await read(behind, request(1).length);
    const [breaks, sees] = who === "the application" ? [behind, web] : [web, behind];
    const error = once(sees.resume(), "error").catch((reason: unknown) => [reason]);
    breaks.resetAndDestroy();
    expect((await error)[0]).toMatchObject({ code: "ECONNRESET" });
    await program.stop("SIGINT");
    expect(readCapture(readFileSync(file)).connections[0]?.events.at(-1)).toMatchObject({
      type: "end",
      how: "reset",
      direction: who === "the application" ? "to-web-server" : "to-application",
    });
  });

  test("holds a fast sender back when the receiver does not read", async () => {
    const app = await application(join(scratch.path, "slow.sock"));
    const { program, to } = await proxy(join(scratch.path, "tap.sock"), app.address, "--quiet");
    const web = await webServer(to);
    const behind = await app.next();
    const chunk = Buffer.alloc(1024 * 1024);
    let sent = 0;
    // Pauses after what the sockets and the proxy hold together; without backpressure it would go on for ever.
    while (sent < 64 && web.write(chunk)) sent += 1;
    while (sent < 64) {
      const drained = await Promise.race([once(web, "drain").then(() => true), sleep(500).then(() => false)]);
      if (!drained) break;
      while (sent < 64 && web.write(chunk)) sent += 1;
      sent += 1;
    }
    expect(sent).toBeLessThan(32);
    const memory = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${program.pid}/status`, "latin1"))?.[1]);
    expect(memory).toBeLessThan(400_000);
    const seen = new Promise<number>((resolve) => {
      let bytes = 0;
      behind.on("data", (part: Buffer) => {
        bytes += part.length;
      });
      behind.on("end", () => resolve(bytes));
    });
    web.end();
    expect(await seen).toBe(web.bytesWritten);
  });

  test("passes bytes that are no FastCGI as well, and says so", async () => {
    const app = await application();
    const { program, to } = await proxy("127.0.0.1:0", app.address);
    const web = await webServer(to);
    web.write("GET / HTTP/1.1\r\n\r\n");
    const behind = await app.next();
    expect((await read(behind, 18)).toString()).toBe("GET / HTTP/1.1\r\n\r\n");
    await program.waitFor(/not a record +18 +! version 71 where a record header should start/);
  });

  test("breaks a connection off when there is no application, and goes on", async () => {
    const { program, to } = await proxy("127.0.0.1:0", join(scratch.path, "nobody.sock"));
    // Reset so early that the system may tell of it in the place of "connect".
    const brokenOff = () =>
      new Promise((resolve) => {
        const socket = createConnection({ ...to, allowHalfOpen: true });
        socket.on("error", () => {});
        socket.resume().once("close", resolve);
      });
    await brokenOff();
    await program.waitFor(/connection 1: cannot connect to unix:.*nobody\.sock: connect ENOENT/);
    await brokenOff();
    await program.waitFor(/connection 2: cannot connect to unix:.*nobody\.sock: connect ENOENT/);
  });

  test("waits for requests under way at Ctrl-C, and not for connections that are kept idle", async () => {
    const app = await application();
    const { program, to } = await proxy("127.0.0.1:0", app.address, "--quiet");
    const idle = await webServer(to);
    const busy = await webServer(to);
    busy.write(request(1));
    const sockets = [await app.next(), await app.next()];
    const behind = await Promise.race(
      sockets.map(async (socket) => {
        await once(socket, "readable");
        return socket;
      }),
    );
    await read(behind, request(1).length);
    program.signal("SIGINT");
    await once(idle.resume(), "end");
    await sleep(100);
    expect(program.exit).toBeUndefined();
    behind.write(answer(1, "late"));
    await read(busy, answer(1, "late").length);
    expect(await program.exited).toEqual({ code: 0, signal: null });
  });

  test("leaves a file that opens when it is killed", async () => {
    const file = join(scratch.path, "killed.pcapng");
    const app = await application();
    const { program, to } = await proxy("127.0.0.1:0", app.address, "--quiet", "-w", file);
    const web = await webServer(to);
    web.write(concat([request(1), request(2)]));
    await read(await app.next(), request(1).length * 2);
    await program.stop("SIGKILL");
    const capture = readCapture(readFileSync(file));
    expect(capture.warnings).toEqual([]);
    expect(followCapture(capture)[0]?.requests).toHaveLength(2);
  });

  test("ends with 2 for a wrong command line, and 1 for an address that is taken", async () => {
    expect(await run(["proxy", "127.0.0.1:0"])).toMatchObject({ status: 2 });
    expect(await run(["proxy", "nonsense", "127.0.0.1:1"])).toMatchObject({ status: 2 });
    expect(await run(["proxy", "127.0.0.1:0", "127.0.0.1:1", "-w", "/no/such/folder/x"])).toMatchObject({ status: 2 });
    const app = await application();
    expect(await run(["proxy", app.address, "127.0.0.1:1"])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("is taken by another program"),
    });
  });
});

describePeers(["php-fpm8.2"], "edge-fpm proxy in front of php-fpm", () => {
  test("serves a request through two Unix sockets", async () => {
    const php = await startPhpFpm({ listen: "unix" });
    closers.push(() => php.stop());
    const listen = join(scratch.path, "php.sock");
    const { program } = await proxy(listen, php.address.kind === "unix" ? php.address.path : "");
    const { stdout, status } = await run(["request", listen, "/no/such.php"]);
    expect({ stdout, status }).toEqual({ stdout: "File not found.\n", status: 0 });
    await program.waitFor(/STDERR +22\+2 {2}"Primary script unknown"/);
  });
});
