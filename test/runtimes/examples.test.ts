// The examples, run as whoever copies them would: beside the packed package.

import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect } from "../../src/client/index.ts";
import { runProgram } from "../cli/run.ts";
import { addressUrl } from "../peers/address.ts";
import { describePeers, peerPath } from "../peers/peer.ts";
import { type PhpFpm, startPhpFpm } from "../peers/php-fpm.ts";
import { startOnFreePort } from "../peers/ports.ts";
import { Program } from "../peers/program.ts";
import { installPacked, type Packed } from "./packed.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const NAMES = [
  "call-php-fpm",
  "opcache-reset",
  "read-status",
  "health-check",
  "hono-behind-nginx",
  "records",
  "server",
  "php-in-a-program",
];

/** Run by tests of their own. */
const ELSEWHERE = ["guestbook", "laravel", "self-hosting", "wordpress"];

let packed: Packed;
beforeAll(async () => {
  packed = await installPacked();
  for (const name of NAMES) cpSync(join(PROJECT, "examples", name), join(packed.folder, name), { recursive: true });
  const { dependencies } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8"));
  for (const name of ["hono", "@php-wasm", ...Object.keys(dependencies)]) {
    symlinkSync(join(PROJECT, "node_modules", name), join(packed.folder, "node_modules", name));
  }
}, 120_000);
afterAll(() => packed?.remove());

const example = (name: string) => join(packed.folder, name, "main.mjs");
const bin = (name: string) => join(PROJECT, "node_modules/.bin", name);

const RUNTIMES: [string, string, string[]][] = [
  ["Node", process.execPath, []],
  ["Deno", bin("deno"), ["run", "--allow-all"]],
  ["Bun", bin("bun"), ["run"]],
];

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

  test.each(RUNTIMES)("call-php-fpm runs a script, on %s", async (_name, command, args) => {
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
  test.each(RUNTIMES)(
    "hono-behind-nginx answers through nginx with its snippet, on %s",
    async (name, command, args) => {
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
    },
  );
});

describe("examples without a web server", () => {
  test.each(RUNTIMES)("records prints both sides of a request, on %s", async (_name, command, args) => {
    const { stdout, status } = await runProgram(command, [...args, example("records")]);
    expect(stdout).toMatch(/^#1 begin request as responder\n#1 stdin, 16 bytes\nthe application is asked for \[/);
    expect(stdout).toMatch(/it answers Status: 200 OK\r\n\r\nhello\nit ends with 0 request-complete\n$/);
    expect(status).toBe(0);
  });

  test.each(RUNTIMES)("server answers the client, streams, and closes, on %s", async (_name, command, args) => {
    const app = new Program(command, [...args, example("server"), "tcp://127.0.0.1:0"]);
    try {
      const [url = ""] = await app.waitFor(/tcp:\/\/127\.0\.0\.1:\d+/);
      const client = connect(url);
      const { response, end } = await client.request("/a", { method: "POST", body: "text" });
      expect(await response.json()).toEqual({ pathname: "/a", visitor: "127.0.0.1", body: "text" });
      expect((await end).stderr).toBe("POST /a\n");
      const ticks = await (await client.fetch("/ticks")).text();
      expect(ticks.split("\n")).toHaveLength(11);
      await client.close();
    } finally {
      await app.stop("SIGTERM");
    }
    expect(app.exit).toEqual({ code: 0, signal: null });
  });

  test("php-in-a-program serves a folder, and its own page beside it", async () => {
    const folder = join(packed.folder, "site");
    mkdirSync(folder);
    writeFileSync(join(folder, "index.php"), "<?php echo 'hello ', $_GET['name'];");
    const program = new Program(process.execPath, [example("php-in-a-program"), folder, "0"]);
    try {
      const [url = ""] = await program.waitFor(/http:\/\/127\.0\.0\.1:\d+/);
      expect(await (await fetch(`${url}/?name=Ada`)).text()).toBe("hello Ada");
      expect(await (await fetch(`${url}/children`)).json()).toMatchObject([{ state: "Idle" }, { state: "Idle" }]);
    } finally {
      await program.stop("SIGINT");
    }
    expect(program.exit).toEqual({ code: 0, signal: null });
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
        .filter((name) => !ELSEWHERE.includes(name))
        .sort(),
    ).toEqual([...NAMES].sort());
  });
});
