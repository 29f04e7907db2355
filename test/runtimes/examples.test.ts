// The examples, run as whoever copies them would: beside the packed package.

import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runProgram } from "../cli/run.ts";
import { addressUrl } from "../peers/address.ts";
import { describePeers, peerPath } from "../peers/peer.ts";
import { type PhpFpm, startPhpFpm } from "../peers/php-fpm.ts";
import { startOnFreePort } from "../peers/ports.ts";
import { Program } from "../peers/program.ts";
import { installPacked, type Packed } from "./packed.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const NAMES = ["call-php-fpm", "opcache-reset", "read-status", "health-check", "hono-behind-nginx"];

let packed: Packed;
beforeAll(async () => {
  packed = await installPacked();
  for (const name of NAMES) cpSync(join(PROJECT, "examples", name), join(packed.folder, name), { recursive: true });
  symlinkSync(join(PROJECT, "node_modules/hono"), join(packed.folder, "node_modules/hono"));
}, 120_000);
afterAll(() => packed?.remove());

const example = (name: string) => join(packed.folder, name, "main.mjs");
const bin = (name: string) => join(PROJECT, "node_modules/.bin", name);

describePeers(["php-fpm8.2"], "examples of the client", () => {
  let fpm: PhpFpm;
  beforeAll(async () => {
    fpm = await startPhpFpm({
      listen: "unix",
      poolLines: ["pm.status_path = /status", "ping.path = /ping", "php_admin_value[opcache.enable] = 1"],
    });
  });
  afterAll(() => fpm?.stop());

  const run = (name: string, ...args: readonly string[]) =>
    runProgram(process.execPath, [example(name), addressUrl(fpm.address), ...args]);

  test.each([
    ["Node", process.execPath, []],
    ["Deno", bin("deno"), ["run", "--allow-all"]],
    ["Bun", bin("bun"), ["run"]],
  ])("call-php-fpm runs a script, on %s", async (_name, command, args) => {
    const script = join(packed.folder, "greet.php");
    writeFileSync(script, "<?php error_log('seen'); echo $_POST['greeting'], ' ', $_GET['name'];");
    const ended = await runProgram(command, [...args, example("call-php-fpm"), addressUrl(fpm.address), script]);
    expect(ended.stdout).toBe("200 text/html; charset=UTF-8\nhello JavaScript\n");
    expect(ended.stderr).toContain("seen");
    expect(ended.status).toBe(0);
  });

  test("opcache-reset clears the cache and leaves no script behind", async () => {
    const folder = join(packed.folder, "scripts");
    mkdirSync(folder);
    expect(await run("opcache-reset", folder)).toEqual({ status: 0, stdout: "cleared\n", stderr: "" });
    expect(readdirSync(folder)).toEqual([]);
  });

  test("read-status prints the pool's state", async () => {
    const { stdout, status } = await run("read-status");
    expect(stdout).toMatch(/^pool www, static\n1 active, 1 idle, 0 waiting\n\d+ requests since 20\d\d-/);
    expect(status).toBe(0);
  });

  test("health-check ends with 0 when php-fpm answers, and with 1 when nothing does", async () => {
    expect(await run("health-check")).toEqual({ status: 0, stdout: "200 pong\n", stderr: "" });
    const { status, stderr } = await runProgram(process.execPath, [example("health-check"), "tcp://127.0.0.1:1"]);
    expect(stderr).toMatch(/^EXCHANGE_CONNECT: cannot connect to tcp:\/\/127\.0\.0\.1:1/);
    expect(status).toBe(1);
  });
});

describePeers(["nginx"], "examples of the server", () => {
  test.each([
    ["Node", process.execPath, []],
    ["Deno", bin("deno"), ["run", "--allow-all"]],
    ["Bun", bin("bun"), ["run"]],
  ])("hono-behind-nginx answers through nginx with its snippet, on %s", async (name, command, args) => {
    const app = new Program(command, [...args, example("hono-behind-nginx"), "tcp://127.0.0.1:0"]);
    try {
      const [, port] = await app.waitFor(/listening at tcp:\/\/127\.0\.0\.1:(\d+)/);
      const snippet = readFileSync(join(packed.folder, "hono-behind-nginx/nginx.conf"), "utf8");
      const folder = join(packed.folder, `nginx-${name}`);
      const nginx = await startOnFreePort((front) => startNginx(folder, front, snippet.replace("9000", port ?? "")));
      try {
        const get = async (path: string, init?: RequestInit) => (await fetch(`${nginx.base}${path}`, init)).text();
        expect(await get("/", { headers: { "user-agent": "a test" } })).toBe("hello from hono, a test");
        // Debian's fastcgi_params sets HTTP_HOST to the name alone.
        expect(JSON.parse(await get("/where?a=1"))).toEqual({
          url: "http://127.0.0.1/where?a=1",
          visitor: "127.0.0.1",
        });
        expect(await get("/echo", { method: "POST", body: "x".repeat(1_000_000) })).toHaveLength(1_000_000);
      } finally {
        await nginx.program.stop();
      }
      // A connection that nginx or anybody keeps does not hold the server up.
      const idle = createConnection({ port: Number(port), host: "127.0.0.1" });
      await new Promise((resolve) => idle.once("connect", resolve));
      idle.on("error", () => {});
    } finally {
      await app.stop("SIGTERM");
    }
    expect(app.exit).toEqual({ code: 0, signal: null });
  });
});

async function startNginx(folder: string, port: number, snippet: string): Promise<{ base: string; program: Program }> {
  mkdirSync(folder, { recursive: true });
  copyFileSync("/etc/nginx/fastcgi_params", join(folder, "fastcgi_params"));
  const temp = ["client_body", "fastcgi", "proxy", "scgi", "uwsgi"].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  const file = join(folder, "nginx.conf");
  writeFileSync(
    file,
    `${process.getuid?.() === 0 ? "user root;" : ""}
daemon off;
pid ${folder}/nginx.pid;
error_log stderr warn;
events {}
http {
  ${temp.join("\n  ")}
  access_log off;
  server {
    listen 127.0.0.1:${port};
    ${snippet}
  }
}
`,
  );
  const program = new Program(peerPath("nginx"), ["-c", file, "-p", folder, "-e", "stderr"]);
  await program.waitForSocket({ port });
  return { base: `http://127.0.0.1:${port}`, program };
}

describe("the examples", () => {
  test("are all run", () => {
    expect(
      readdirSync(join(PROJECT, "examples"))
        .filter((name) => name !== "guestbook")
        .sort(),
    ).toEqual([...NAMES].sort());
  });
});
