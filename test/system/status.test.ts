// The status page of a real `edge-fpm fpm` while all of its children are busy.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../fpm/php-fpm-golden.ts";
import type { FastCgiAddress } from "../peers/address.ts";
import { runEdgeFpm } from "../peers/edge-fpm.ts";
import type { Program } from "../peers/program.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { pause, until } from "./live-pool.ts";

let scratch: Scratch;
let fpm: Program;
let scripts: FastCgiAddress;
let pages: FastCgiAddress;

beforeAll(async () => {
  scratch = makeScratch("status");
  scripts = { kind: "unix", path: join(scratch.path, "fpm.sock") };
  pages = { kind: "unix", path: join(scratch.path, "status.sock") };
  writeFileSync(join(scratch.path, "work.php"), "<?php usleep(3000000); echo 'worked';");
  const log = join(scratch.path, "error.log");
  const lines = [
    "[global]",
    `error_log = ${log}`,
    "[www]",
    ...(process.getuid?.() === 0 ? ["user = root", "group = root"] : []),
    `listen = ${join(scratch.path, "fpm.sock")}`,
    `pm.status_listen = ${join(scratch.path, "status.sock")}`,
    "pm.status_path = /status",
    "ping.path = /ping",
    "pm = static",
    "pm.max_children = 1",
    "",
  ];
  writeFileSync(join(scratch.path, "fpm.conf"), lines.join("\n"));
  fpm = runEdgeFpm(["fpm", "-y", join(scratch.path, "fpm.conf"), "-F", "-R", "--php", "8.2"]);
  await until("ready", () => existsSync(log) && readFileSync(log, "utf8").includes("ready to handle"));
});
afterAll(async () => {
  await fpm?.stop("SIGKILL");
  scratch.remove();
});

test("answers on both addresses, at once, and shows who works and who waits", async () => {
  const work = { SCRIPT_NAME: "/work.php", SCRIPT_FILENAME: join(scratch.path, "work.php") };
  const busy = [ask(scripts, work), ask(scripts, work)];
  await pause(500);
  const began = performance.now();
  for (const address of [scripts, pages]) {
    const { stdout } = await ask(address, { SCRIPT_NAME: "/status", QUERY_STRING: "json&full" });
    const status = JSON.parse(stdout.slice(stdout.indexOf("\r\n\r\n")));
    expect(status).toMatchObject({ "active processes": 1, "listen queue": 1, "max children reached": 0 });
    expect(status.processes).toMatchObject([{ state: "Running", "request uri": "/work.php" }]);
    expect((await ask(address, { SCRIPT_NAME: "/ping" })).stdout.endsWith("\r\n\r\npong")).toBe(true);
  }
  // The script had more than two seconds to go.
  expect(performance.now() - began).toBeLessThan(2_000);
  for (const { stdout } of await Promise.all(busy)) expect(stdout.endsWith("worked")).toBe(true);

  const { stdout } = await ask(pages, { SCRIPT_NAME: "/status", QUERY_STRING: "json" });
  const ours = JSON.parse(stdout.slice(stdout.indexOf("\r\n\r\n")))["edge-fpm"];
  expect(ours["listen queue served"]).toBe(1);
  expect(ours["max listen queue wait"]).toBeGreaterThan(1_000_000);
});

test("runs no script on pm.status_listen", async () => {
  const { stdout } = await ask(pages, { SCRIPT_NAME: "/work.php", SCRIPT_FILENAME: join(scratch.path, "work.php") });
  expect(stdout).toContain("Status: 404 Not Found");
});
