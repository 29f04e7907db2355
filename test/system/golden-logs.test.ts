// The same requests to a real php-fpm and to ours with the same configuration: what both write into their logs.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../fpm/php-fpm-golden.ts";
import type { FastCgiAddress } from "../peers/address.ts";
import { runEdgeFpm } from "../peers/edge-fpm.ts";
import { describePeers } from "../peers/peer.ts";
import { startPhpFpm } from "../peers/php-fpm.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { until } from "./live-pool.ts";

const FORMAT = [
  "%% %m %r%Q%q %s n=%n l=%l u=%u f=%f R=%R",
  "[%{X-Foo}o] [%{Nope}o] [%{HTTP_HOST}e] [%{NOPE}e] %{%Y}t %{%d/%b}T",
  "C=%C p=%p P=%P d=%d %{milli}d %{micro}d M=%M %{kilo}M %{mega}M",
].join(" ");

/** Numbers that are nobody's business: who, how long, how much. */
function masked(line: string): string {
  return line.replace(/\b([CpPdM])=[\d. ]+/g, "$1=N ").replace(/N (?=[A-Za-z])/g, "N ");
}

const POOL = [
  "pm.status_path = /status",
  "ping.path = /ping",
  "ping.response = pong",
  `access.format = "${FORMAT}"`,
  "access.suppress_path[] = /quiet.php",
  "catch_workers_output = yes",
];

let scratch: Scratch;
beforeAll(() => {
  scratch = makeScratch("golden");
  writeFileSync(join(scratch.path, "a.php"), "<?php header('X-Foo: bar'); header('X-Foo: baz', false); echo 'a';");
  writeFileSync(join(scratch.path, "quiet.php"), "<?php if (isset($_GET['fail'])) http_response_code(500);");
  writeFileSync(join(scratch.path, "status.php"), "<?php http_response_code(418); echo 'x';");
  writeFileSync(join(scratch.path, "away.php"), "<?php header('Location: /elsewhere');");
  writeFileSync(join(scratch.path, "secret.txt"), "x");
  writeFileSync(
    join(scratch.path, "warn.php"),
    "<?php error_log('a <quoted> word'); trigger_error('look out', E_USER_WARNING); error_log(str_repeat('y', 3000));",
  );
});
afterAll(() => scratch.remove());

function requests(): Record<string, string>[] {
  const script = (path: string, more: Record<string, string> = {}) => ({
    SCRIPT_NAME: path,
    SCRIPT_FILENAME: join(scratch.path, path),
    ...more,
  });
  return [
    script("/a.php", { HTTP_HOST: "example.org" }),
    script("/a.php", { REQUEST_URI: "/pretty/url?x=1", QUERY_STRING: "x=1&y=%20" }),
    script("/a.php", { REQUEST_METHOD: "HEAD" }),
    script("/a.php", { HTTP_AUTHORIZATION: "Basic dXNlcjpwdw==" }),
    script("/quiet.php"),
    script("/quiet.php", { QUERY_STRING: "shown" }),
    script("/quiet.php", { QUERY_STRING: "fail" }),
    script("/quiet.php", { REQUEST_METHOD: "POST" }),
    script("/status.php"),
    script("/away.php"),
    script("/secret.txt"),
    script("/warn.php"),
    { SCRIPT_NAME: "/ping", SCRIPT_FILENAME: "/nowhere" },
    { SCRIPT_NAME: "/status", SCRIPT_FILENAME: "/nowhere", QUERY_STRING: "json&full" },
  ];
}

/** What children said, without time and child. A long message ends as each side has it. */
function said(log: string): string[] {
  return log
    .split("\n")
    .filter((line) => line.includes("said into"))
    .map((line) => line.replace(/^\[[^\]]*\]/, "[time]").replace(/child \d+/, "child N"))
    .filter((line) => !line.includes("yyy"));
}

async function visit(address: FastCgiAddress, log: string): Promise<string[]> {
  const wanted = requests();
  for (const params of wanted) await ask(address, params);
  await until("the log", () => existsSync(log) && readFileSync(log, "latin1").split("\n").length >= wanted.length);
  return readFileSync(log, "latin1").trimEnd().split("\n").map(masked);
}

describePeers(["php-fpm8.2"], "beside php-fpm", () => {
  test("the access log has the same lines, and children are heard to say the same", { timeout: 60_000 }, async () => {
    const realLog = join(scratch.path, "real.log");
    const real = await startPhpFpm({ listen: "unix", children: 1, poolLines: [...POOL, `access.log = ${realLog}`] });
    let expected: string[];
    let heard: string[];
    try {
      expected = await visit(real.address, realLog);
      heard = said(real.log());
    } finally {
      await real.stop();
    }
    const ourLog = join(scratch.path, "ours.log");
    const socket = join(scratch.path, "ours.sock");
    const config = join(scratch.path, "ours.conf");
    const owner = process.getuid?.() === 0 ? ["user = root", "group = root"] : [];
    const pool = [`listen = ${socket}`, "pm = static", "pm.max_children = 1", `access.log = ${ourLog}`, ...owner];
    const log = join(scratch.path, "error.log");
    writeFileSync(
      config,
      ["[global]", `error_log = ${log}`, "daemonize = no", "[www]", ...pool, ...POOL, ""].join("\n"),
    );
    const ours = runEdgeFpm(["fpm", "-y", config, "-F", "-R", "--php", "8.2"]);
    try {
      await until("ready", () => existsSync(log) && readFileSync(log, "utf8").includes("ready to handle"));
      expect(await visit({ kind: "unix", path: socket }, ourLog)).toEqual(expected);
      expect(heard.length).toBeGreaterThan(2);
      expect(said(readFileSync(log, "utf8"))).toEqual(heard);
    } finally {
      await ours.stop();
    }
  });
});
