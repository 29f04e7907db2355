// SIGUSR2 and the other signals to a real `edge-fpm fpm` with a configuration, under load through nginx.

import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runEdgeFpm } from "../peers/edge-fpm.ts";
import { startNginx } from "../peers/nginx.ts";
import { describePeers } from "../peers/peer.ts";
import type { Program } from "../peers/program.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { startWrk } from "../peers/wrk.ts";
import { until } from "./live-pool.ts";

let scratch: Scratch;
let fpm: Program;
let errorLog: string;
let socket: string;

function configure(lines: readonly string[] = []): void {
  const asRoot = process.getuid?.() === 0;
  writeFileSync(
    join(scratch.path, "fpm.conf"),
    [
      "[global]",
      `error_log = ${errorLog}`,
      `pid = ${join(scratch.path, "fpm.pid")}`,
      "process_control_timeout = 20s",
      "daemonize = no",
      "[www]",
      ...(asRoot ? ["user = root", "group = root"] : []),
      `listen = ${socket}`,
      "listen.mode = 0666",
      "pm = static",
      "pm.max_children = 2",
      "pm.status_path = /status",
      `access.log = ${join(scratch.path, "access.log")}`,
      `slowlog = ${join(scratch.path, "slow.log")}`,
      "request_slowlog_timeout = 1s",
      "catch_workers_output = yes",
      ...lines,
      "",
    ].join("\n"),
  );
}

const log = () => (existsSync(errorLog) ? readFileSync(errorLog, "utf8") : "");
const told = (text: string) => log().split(text).length - 1;

beforeEach(async () => {
  scratch = makeScratch("reload");
  errorLog = join(scratch.path, "error.log");
  socket = join(scratch.path, "fpm.sock");
  writeFileSync(join(scratch.path, "work.php"), "<?php usleep((int) $_GET['ms'] * 1000); echo getenv('WHO');");
  configure(["env[WHO] = first"]);
  fpm = runEdgeFpm(["fpm", "-y", join(scratch.path, "fpm.conf"), "-F", "-R", "--php", "8.2"]);
  await until("ready", () => {
    if (fpm.exit !== undefined) throw fpm.problem("ended early", log());
    return told("ready to handle connections") > 0;
  });
});
afterEach(async () => {
  await fpm.stop("SIGKILL");
  scratch.remove();
});

describePeers(["nginx", "wrk"], "signals", () => {
  const withNginx = async (work: (baseUrl: string) => Promise<void>): Promise<void> => {
    const nginx = await startNginx({
      root: scratch.path,
      fastcgi: { kind: "unix", path: socket },
      locationLines: [],
    });
    try {
      await work(nginx.baseUrl);
    } finally {
      await nginx.stop();
    }
  };

  test(
    "SIGUSR2 ten times under load: no request fails, and children and configuration are new",
    {
      timeout: 180_000,
    },
    () =>
      withNginx(async (baseUrl) => {
        const wrk = startWrk(`${baseUrl}/work.php?ms=30`, { connections: 6, seconds: 40 });
        for (let round = 1; round <= 10; round++) {
          configure([`env[WHO] = reload ${round}`]);
          fpm.signal(round % 2 === 0 ? "SIGHUP" : "SIGUSR2");
          await until(`reload ${round}`, () => told("ready to handle connections") > round, 60_000);
          const answer = await fetch(`${baseUrl}/work.php?ms=0`);
          expect(await answer.text()).toBe(`reload ${round}`);
        }
        const report = await wrk.report;
        expect([report.refused, report.socketErrors]).toEqual([0, 0]);
        expect(report.requests).toBeGreaterThan(100);
        expect(told("Reloading in progress ...")).toBe(10);
        process.stdout.write(`\nten reloads, ${report.requests} requests, none failed\n`);
      }),
  );

  test("SIGUSR2 with a broken configuration changes nothing", () =>
    withNginx(async (baseUrl) => {
      configure(["pm.max_children = many"]);
      fpm.signal("SIGUSR2");
      await until("the refusal", () => told("failed to reload, the old configuration stays") > 0);
      expect(await (await fetch(`${baseUrl}/work.php?ms=0`)).text()).toBe("first");
    }));

  test("SIGUSR1 opens the logs again", () =>
    withNginx(async (baseUrl) => {
      const access = join(scratch.path, "access.log");
      await (await fetch(`${baseUrl}/work.php?ms=0`)).text();
      await until("the access log", () => existsSync(access) && readFileSync(access, "utf8").includes("/work.php"));
      renameSync(access, `${access}.1`);
      renameSync(errorLog, `${errorLog}.1`);
      fpm.signal("SIGUSR1");
      await until("the new logs", () => told("access log file re-opened") === 1);
      await (await fetch(`${baseUrl}/work.php?ms=1`)).text();
      await until("a new line", () => readFileSync(access, "utf8").includes('"GET /work.php" 200'));
      expect(readFileSync(`${access}.1`, "utf8").split("\n")).toHaveLength(2);
    }));

  test("SIGQUIT lets a request finish, SIGTERM does not", { timeout: 60_000 }, () =>
    withNginx(async (baseUrl) => {
      const answer = fetch(`${baseUrl}/work.php?ms=2000`);
      await until("a request under way", () => fpm.exit === undefined);
      await new Promise((resolve) => setTimeout(resolve, 500));
      fpm.signal("SIGQUIT");
      expect(await (await answer).text()).toBe("first");
      expect(await fpm.exited).toEqual({ code: 0, signal: null });
      expect(log()).toContain("NOTICE: Finishing ...");
      expect(log()).toContain("NOTICE: exiting, bye-bye!");
      expect(existsSync(join(scratch.path, "fpm.pid"))).toBe(false);
    }),
  );

  test.each(["SIGTERM", "SIGINT"] as const)("%s stops at once", (signal) =>
    withNginx(async (baseUrl) => {
      const answer = fetch(`${baseUrl}/work.php?ms=20000`);
      await new Promise((resolve) => setTimeout(resolve, 500));
      const began = performance.now();
      fpm.signal(signal);
      expect(await fpm.exited).toEqual({ code: 0, signal: null });
      expect(performance.now() - began).toBeLessThan(5_000);
      expect((await answer).status).toBe(502);
      expect(log()).toContain("NOTICE: Terminating ...");
    }),
  );

  test("a slow request stands in the slowlog with its backtrace", () =>
    withNginx(async (baseUrl) => {
      await (await fetch(`${baseUrl}/work.php?ms=1500`)).text();
      const slow = join(scratch.path, "slow.log");
      await until("the entry", () => existsSync(slow) && readFileSync(slow, "utf8").includes("usleep"));
      expect(readFileSync(slow, "utf8")).toMatch(
        /^\n\[\d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d\] {2}\[pool www\] pid \d+\nscript_filename = \S+\/work\.php\n\[0x[0-9a-f]{16}\] usleep\(\) \S+\/work\.php:1\n$/,
      );
      expect(log()).toMatch(/executing too slow \(1\.\d{6} sec\), logging/);
    }));
});
