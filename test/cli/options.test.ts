// Options that change what scripts see or how the command behaves, with real PHP.

import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { runEdgeFpm, startServe } from "../peers/edge-fpm.ts";
import type { Program } from "../peers/program.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { run } from "./run.ts";
import { writeScripts } from "./scripts.ts";

let scratch: Scratch;
const running: Program[] = [];
beforeAll(() => {
  scratch = makeScratch("options");
  writeScripts(scratch.path);
});
afterEach(async () => {
  for (const program of running.splice(0)) await program.stop("SIGKILL");
});
afterAll(() => scratch.remove());

async function serve(...args: string[]) {
  const server = await startServe(scratch.path, { children: 1, args });
  running.push(server.program);
  return server;
}

async function text(url: string): Promise<string> {
  return (await fetch(url)).text();
}

describe("edge-fpm serve", () => {
  test("tells its address, folder, version and children on starting", async () => {
    const server = await serve();
    await server.program.waitFor(/Ctrl-C stops it/);
    expect(server.log()).toContain(`  serves ${scratch.path} with PHP 8.2 (1 child, pm = static)`);
    expect(server.log()).toContain("Preparing PHP 8.2 ...");
  });

  test("--define, --php-ini, --env and --data reach the scripts", async () => {
    const ini = join(scratch.path, "my.ini");
    const data = join(scratch.path, "data");
    writeFileSync(ini, "memory_limit = 77M\nprecision = 5\n");
    const server = await serve("--php-ini", ini, "-d", "precision=9", "-e", "FROM_ENV=a=b", "--data", data);
    const settings = JSON.parse(await text(`${server.baseUrl}/settings.php`));
    expect(settings).toMatchObject({ memory_limit: "77M", precision: "9", from_env: "a=b", outside: true });
    expect(readdirSync(data)).toEqual(["www"]);
    expect(readdirSync(join(data, "www")).sort()).toEqual(["sessions", "tmp", "uploads"]);
  });

  test("--mount hides the rest of the machine; the served folder stays", async () => {
    const shown = join(scratch.path, "shown");
    mkdirSync(shown, { recursive: true });
    const server = await serve("--mount", shown);
    expect(JSON.parse(await text(`${server.baseUrl}/settings.php`))).toMatchObject({ outside: false });
  });

  test("--no-network keeps PHP from connecting", async () => {
    const other = createServer((socket) => socket.end("reached\n"));
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const address = other.address();
    const path = `/connect.php?port=${typeof address === "object" && address !== null ? address.port : 0}`;
    try {
      const open = await serve();
      expect(await text(open.baseUrl + path)).toBe("reached\n");
      const closed = await serve("--no-network");
      expect(await text(closed.baseUrl + path)).toBe("no network");
    } finally {
      other.close();
    }
  });

  test("--front runs for every path that does not exist", async () => {
    const server = await serve("--front", "/front.php");
    expect(await text(`${server.baseUrl}/no/such?x=1`)).toBe("front /no/such?x=1");
    expect(await text(`${server.baseUrl}/hello.php?who=file`)).toBe("hello file");
  });

  test("--max-requests replaces a child, --verbose tells of it and of what scripts log", async () => {
    const server = await serve("--max-requests", "2", "--verbose");
    const pids: number[] = [];
    for (let i = 0; i < 4; i++) pids.push(JSON.parse(await text(`${server.baseUrl}/settings.php`)).pid);
    expect(pids).toEqual([pids[0], pids[0], pids[2], pids[2]]);
    expect(pids[2]).not.toBe(pids[0]);
    await server.program.waitFor(/NOTICE: .*child/);
    await text(`${server.baseUrl}/notice.php`);
    await server.program.waitFor(/GET \/notice\.php stderr: .*a line for the log/);
  });

  test("without --verbose the children's lives are not told", async () => {
    const server = await serve("--max-requests", "1");
    for (let i = 0; i < 3; i++) expect(await text(`${server.baseUrl}/hello.php`)).toBe("hello nobody");
    expect(server.log()).not.toContain("NOTICE");
  });

  test("--terminate-timeout answers 504 and the child is replaced", async () => {
    const server = await serve("--terminate-timeout", "1");
    const response = await fetch(`${server.baseUrl}/forever.php`);
    expect(response.status).toBe(504);
    expect(await text(`${server.baseUrl}/hello.php`)).toBe("hello nobody");
    expect(server.log()).toMatch(/GET \/forever\.php 504: .*request_terminate_timeout/);
  });

  test("--queue-timeout and --backlog answer 503", async () => {
    const server = await serve("--backlog", "1", "--queue-timeout", "1");
    const asked = Array.from({ length: 3 }, () => fetch(`${server.baseUrl}/sleep.php?ms=2500`));
    const statuses = (await Promise.all(asked)).map((response) => response.status).sort();
    expect(statuses).toEqual([200, 503, 503]);
  });

  test.each(["dynamic", "ondemand"])("--pm %s serves and is named", async (pm) => {
    const server = await serve("--pm", pm);
    expect(await text(`${server.baseUrl}/hello.php`)).toBe("hello nobody");
    expect(server.log()).toContain(`pm = ${pm}`);
  });
});

describe("edge-fpm fpm", () => {
  test("listens at several addresses with the mode asked for, and removes its socket", async () => {
    const socket = join(scratch.path, "edge.sock");
    const program = runEdgeFpm(
      ["fpm", "-l", "127.0.0.1:0", "-l", socket, "--listen-mode", "0640", "--root", scratch.path, "-c", "1"],
      {},
    );
    running.push(program);
    await program.waitFor(/Ctrl-C stops it/);
    const tcp = /(tcp:\/\/\S+) {2}speaks FastCGI with PHP/.exec(program.output())?.[1] ?? "";
    expect(program.output()).toContain(`unix:${socket}  speaks FastCGI with PHP`);
    expect(statSync(socket).mode & 0o777).toBe(0o640);
    for (const address of [tcp, socket]) {
      const answer = await run(["request", address, join(scratch.path, "hello.php"), "-q", "who=me"]);
      expect(answer).toEqual({ status: 0, stdout: "hello me", stderr: "" });
    }
    expect(await program.stop("SIGINT")).toEqual({ code: 0, signal: null });
    expect(readdirSync(scratch.path)).not.toContain("edge.sock");
  });

  test("replaces the socket file that a killed one left, and refuses that of a live one", async () => {
    const socket = join(scratch.path, "stale.sock");
    const start = async () => {
      const program = runEdgeFpm(["fpm", "-l", socket, "--root", scratch.path, "-c", "1"]);
      running.push(program);
      await program.waitFor(/Ctrl-C stops it/);
      return program;
    };
    const first = await start();
    await first.stop("SIGKILL");
    expect(readdirSync(scratch.path)).toContain("stale.sock");
    await start();
    const refused = await run(["fpm", "-l", socket, "--root", scratch.path, "-c", "1"]);
    expect(refused.stderr).toContain(`unix:${socket} is taken by another program.`);
    expect(refused.status).toBe(1);
    const answer = await run(["request", socket, join(scratch.path, "hello.php")]);
    expect(answer.stdout).toBe("hello nobody");
  });
});
