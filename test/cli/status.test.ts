// The live status: of a real php-fpm, as a table and as JSON, on a terminal and off it.

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { coloursFor } from "../../src/cli/colours.ts";
import { parseStatus, statusTable } from "../../src/cli/status-table.ts";
import { addressUrl } from "../peers/address.ts";
import { runEdgeFpm } from "../peers/edge-fpm.ts";
import { describePeers } from "../peers/peer.ts";
import { type PhpFpm, startPhpFpm } from "../peers/php-fpm.ts";
import { makeScratch } from "../peers/scratch.ts";
import { run, runProgram } from "./run.ts";

const COMMAND = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const TERMINAL = fileURLToPath(new URL("./terminal.py", import.meta.url));
const plain = coloursFor({ isTTY: false });
const ANY_SIZE = { rows: 100, columns: 200 };

describe("statusTable", () => {
  const page = {
    pool: "www",
    "process manager": "static",
    "start since": 7200,
    "accepted conn": 42,
    "listen queue": 3,
    "listen queue len": 511,
    "max listen queue": 9,
    "idle processes": 1,
    "active processes": 1,
    "total processes": 2,
    "max active processes": 2,
    "max children reached": 1,
    "slow requests": 0,
    processes: [
      {
        pid: 7,
        state: "Running",
        "start since": 60,
        requests: 5,
        "request duration": 1_500_000,
        "request method": "GET",
        "request uri": "/slow\u001b[2J",
        "last request cpu": 12.5,
        "last request memory": 2_097_152,
      },
      {
        pid: 12,
        state: "Idle",
        "start since": 60,
        requests: 37,
        "request duration": 250,
        "request method": "POST",
        "request uri": "/x",
        "last request cpu": 0,
        "last request memory": 0,
      },
    ],
  };

  test("shows the pool and its children, peers' text made safe", () => {
    expect(statusTable(page, plain, ANY_SIZE)).toEqual([
      "www  static  up 2 h  42 requests",
      "children 2: 1 active (most 2), 1 idle",
      "queue 3 of 511 (most 9)  max children reached 1  slow requests 0",
      "",
      "PID  STATE     AGE  REQUESTS    TIME   CPU  MEMORY  REQUEST",
      "  7  Running  60 s         5   1.5 s  13 %  2.0 MB  GET /slow\\x1b[2J",
      " 12  Idle     60 s        37  0.3 ms   0 %  0.0 MB  POST /x",
    ]);
  });

  test("shows as many children as there is room for", () => {
    const lines = statusTable(page, plain, { rows: 7, columns: 20 });
    expect(lines.slice(-2)).toEqual(["  7  Running  60 s  ", "... 1 more"]);
  });

  test("bears a page that lacks everything or holds nonsense", () => {
    expect(statusTable({ pool: "x", processes: [null, 1, {}] }, plain, ANY_SIZE).at(-1)).toContain("-");
    expect(statusTable({ pool: {}, processes: "no" }, plain, ANY_SIZE)[0]).toContain("-");
    expect(() => parseStatus("[]")).toThrow(/no status page/);
    expect(() => parseStatus("<html>")).toThrow(/no JSON/);
  });
});

describePeers(["php-fpm8.2"], "edge-fpm status", () => {
  let php: PhpFpm;
  beforeAll(async () => {
    php = await startPhpFpm({ children: 3, poolLines: ["pm.status_path = /fpm-status"] });
  });
  afterAll(() => php.stop());
  const status = (...args: string[]) => run(["status", addressUrl(php.address), "--path", "/fpm-status", ...args]);

  test("shows the table once when the output is no terminal", async () => {
    const { stdout, stderr, status: code } = await status();
    expect(stdout).toMatch(/^www {2}static {2}up \d+ s {2}\d+ requests\nchildren 3: 1 active \(most 1\), 2 idle\n/);
    expect(stdout).toMatch(/Running .* GET \/fpm-status\?json&full/);
    expect(stdout).not.toContain("\u001b");
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
  });

  test("prints the page as JSON", async () => {
    const { stdout } = await status("--json", "--once");
    expect(JSON.parse(stdout)).toMatchObject({ pool: "www", "total processes": 3 });
  });

  test("says what is wrong when there is no status page", async () => {
    expect(await run(["status", addressUrl(php.address)])).toEqual({
      status: 1,
      stdout: "",
      stderr:
        'edge-fpm: No status page at /status: status 404\nThe pool must have "pm.status_path = /status"; --path names another.\n',
    });
    expect(await run(["status"])).toMatchObject({ status: 2 });
    expect(await run(["status", "127.0.0.1:1", "--path", "x"])).toMatchObject({ status: 2 });
    expect(await run(["status", "/no/such.sock"])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("ENOENT"),
    });
  });

  test("shows our own pool as well", async () => {
    const scratch = makeScratch("status");
    const socket = join(scratch.path, "pool.sock");
    const conf = join(scratch.path, "fpm.conf");
    writeFileSync(conf, `[ours]\nlisten = ${socket}\npm = static\npm.max_children = 1\npm.status_path = /status\n`);
    const ours = runEdgeFpm(["fpm", "-y", conf, "-F", ...(process.getuid?.() === 0 ? ["-R"] : [])]);
    try {
      await ours.waitForSocket({ path: socket });
      // The socket is there before the child is.
      const ready = async () => {
        const { stdout, status: code } = await run(["status", socket]);
        expect(stdout).toMatch(/^ours {2}static {2}up \d+ s {2}0 requests\nchildren 1: 0 active \(most 0\), 1 idle\n/);
        expect(code).toBe(0);
      };
      await vi.waitFor(ready, { timeout: 20_000, interval: 200 });
    } finally {
      await ours.stop("SIGTERM");
      scratch.remove();
    }
  });

  const hasTerminals = (() => {
    try {
      execFileSync("python3", ["-c", "import os, pty; os.waitstatus_to_exitcode"], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  })();

  test.runIf(hasTerminals).each([
    ["q", "q"],
    ["Ctrl-C", "\u0003"],
  ])("moves on a terminal until %s, and leaves it as it was", async (_name, key) => {
    const command = [
      "env",
      "-u",
      "NO_COLOR",
      "TERM=xterm",
      process.execPath,
      COMMAND,
      "status",
      addressUrl(php.address),
    ];
    const { stdout } = await runProgram("python3", [TERMINAL, "q ends", key, ...command, "--path", "/fpm-status"]);
    expect(stdout).toContain("\u001b[?1049h");
    expect(stdout).toContain("\u001b[H\u001b[1mwww");
    expect(stdout).toContain("\u001b[32m1 active");
    expect(stdout).toContain("\u001b[?25h\u001b[?1049l");
    expect(stdout).toMatch(/\nstatus 0\n$/);
  });
});
