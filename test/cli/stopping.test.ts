// The end of the command: signals while a request runs.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { runEdgeFpm, startFpm, startServe } from "../peers/edge-fpm.ts";
import type { Program } from "../peers/program.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { writeScripts } from "./scripts.ts";

let scratch: Scratch;
const running: Program[] = [];
beforeAll(() => {
  scratch = makeScratch("stopping");
  writeScripts(scratch.path);
});
afterEach(async () => {
  for (const program of running.splice(0)) await program.stop("SIGKILL");
});
afterAll(() => scratch.remove());

describe.each(["SIGINT", "SIGTERM", "SIGQUIT"] as const)("edge-fpm serve and %s", (signal) => {
  test("ends at once with 0 when nothing runs, a kept connection or not", async () => {
    const server = await startServe(scratch.path, { children: 1 });
    running.push(server.program);
    expect(await (await fetch(`${server.baseUrl}/hello.php`)).text()).toBe("hello nobody");
    const started = performance.now();
    expect(await server.program.stop(signal)).toEqual({ code: 0, signal: null });
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(server.log()).toContain("Stopping: finishing the requests under way");
    expect(server.log()).toMatch(/Stopped\.\n$/);
  });

  test("lets a request under way finish and takes no new one", async () => {
    const server = await startServe(scratch.path, { children: 1 });
    running.push(server.program);
    const response = await fetch(`${server.baseUrl}/begin.php?ms=1500`);
    server.program.signal(signal);
    await server.program.waitFor(/Stopping/);
    await expect(fetch(`${server.baseUrl}/hello.php`)).rejects.toThrow();
    expect(await response.text()).toBe("begun done");
    expect(await server.program.exited).toEqual({ code: 0, signal: null });
  });

  test("a second one stops at once with 130", async () => {
    const server = await startServe(scratch.path, { children: 1 });
    running.push(server.program);
    const response = await fetch(`${server.baseUrl}/begin.php?ms=60000`);
    const rest = response.text().catch(() => "broken off");
    server.program.signal(signal);
    await server.program.waitFor(/Stopping/);
    server.program.signal(signal);
    expect(await server.program.exited).toEqual({ code: 130, signal: null });
    expect(await rest).toBe("broken off");
    expect(server.log()).toMatch(/Stopped at once\.\n$/);
  });
});

describe("edge-fpm fpm and Ctrl-C", () => {
  const start = async () => {
    const socket = join(scratch.path, "stop.sock");
    const fpm = await startFpm(scratch.path, { kind: "unix", path: socket }, { children: 1 });
    running.push(fpm.program);
    return { fpm, socket };
  };

  test("lets a request under way finish, ends with 0 and removes the socket", async () => {
    const { fpm, socket } = await start();
    const asked = runEdgeFpm(["request", socket, join(scratch.path, "begin.php"), "-q", "ms=2000"]);
    running.push(asked);
    await asked.waitFor(/begun/);
    fpm.program.signal("SIGINT");
    await fpm.program.waitFor(/Stopping/);
    expect(await asked.exited).toEqual({ code: 0, signal: null });
    expect(asked.output()).toBe("begun done");
    expect(await fpm.program.exited).toEqual({ code: 0, signal: null });
    expect(readdirSync(scratch.path)).not.toContain("stop.sock");
  });

  test("a second one stops at once with 130 and removes the socket too", async () => {
    const { fpm, socket } = await start();
    const asked = runEdgeFpm(["request", socket, join(scratch.path, "begin.php"), "-q", "ms=60000"]);
    running.push(asked);
    await asked.waitFor(/begun/);
    fpm.program.signal("SIGINT");
    await fpm.program.waitFor(/Stopping/);
    fpm.program.signal("SIGINT");
    expect(await fpm.program.exited).toEqual({ code: 130, signal: null });
    expect(await asked.exited).toEqual({ code: 1, signal: null });
    expect(asked.output()).toMatch(/^begunedge-fpm: /);
    expect(readdirSync(scratch.path)).not.toContain("stop.sock");
  });
});
