// The configurations of docs/self-hosting.md, each with its real web server. Only addresses and folders are exchanged.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseCommandLine } from "../../src/cli/command.ts";
import { commands } from "../../src/cli/commands.ts";
import { runEdgeFpm } from "../peers/edge-fpm.ts";
import { describePeers, peerPath } from "../peers/peer.ts";
import { startOnFreePort } from "../peers/ports.ts";
import { Program } from "../peers/program.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const example = (name: string) => readFileSync(join(PROJECT, "examples/self-hosting", name), "utf8");

let scratch: Scratch;
let root: string;
let socket: string;

beforeAll(() => {
  scratch = makeScratch("self-hosting");
  root = join(scratch.path, "public");
  socket = join(scratch.path, "www.sock");
  mkdirSync(join(root, "folder"), { recursive: true });
  writeFileSync(join(root, "plain.txt"), "a static file");
  writeFileSync(
    join(root, "index.php"),
    "<?php echo json_encode(['uri' => $_SERVER['REQUEST_URI'], 'name' => $_GET['name'] ?? null, 'https' => $_SERVER['HTTPS'] ?? '', 'visitor' => $_SERVER['REMOTE_ADDR'], 'body' => strlen(file_get_contents('php://input'))]);",
  );
  writeFileSync(join(root, "folder/own.php"), "<?php echo 'own ', PHP_SAPI;");
});
afterAll(() => scratch?.remove());

/** The configuration with this test's folders and addresses. */
function here(text: string, port: number): string {
  return text
    .replaceAll("/srv/site/public", root)
    .replaceAll("/run/edge-fpm/www.sock", socket)
    .replace("listen 80;", `listen 127.0.0.1:${port};`)
    .replace("<VirtualHost *:80>", `<VirtualHost 127.0.0.1:${port}>`)
    .replace("http://example.org {", `http://:${port} {\n  bind 127.0.0.1`);
}

/** What the page promises of every web server. */
async function behaves(base: string): Promise<void> {
  const get = async (path: string, init?: RequestInit) => (await fetch(`${base}${path}`, init)).text();
  expect(await get("/plain.txt")).toBe("a static file");
  expect(await get("/folder/own.php")).toBe("own fpm-fcgi");
  expect(JSON.parse(await get("/?name=Ada"))).toMatchObject({ uri: "/?name=Ada", name: "Ada" });
  expect(JSON.parse(await get("/some/pretty/path?name=Ada"))).toMatchObject({
    uri: "/some/pretty/path?name=Ada",
    name: "Ada",
  });
  const posted = await get("/index.php", { method: "POST", body: "x".repeat(1_000_000) });
  expect(JSON.parse(posted)).toMatchObject({ body: 1_000_000 });
}

async function listening(program: Program, port: number): Promise<{ base: string; program: Program }> {
  try {
    await program.waitForSocket({ port });
    return { base: `http://127.0.0.1:${port}`, program };
  } catch (error) {
    await program.stop();
    throw error;
  }
}

async function nginx(name: string, change: (text: string) => string = (text) => text) {
  return startOnFreePort((port) => {
    const folder = join(scratch.path, `nginx-${port}`);
    mkdirSync(folder);
    const file = join(folder, "nginx.conf");
    const temp = ["client_body", "fastcgi", "proxy", "scgi", "uwsgi"].map(
      (kind) => `${kind}_temp_path ${folder}/${kind};`,
    );
    writeFileSync(join(folder, "fastcgi.conf"), readFileSync("/etc/nginx/fastcgi.conf"));
    writeFileSync(
      file,
      `${process.getuid?.() === 0 ? "user root;" : ""}
daemon off; pid ${folder}/nginx.pid; error_log stderr warn; events {}
http { ${temp.join(" ")} types { text/plain txt; } client_max_body_size 10m; access_log off;
${change(here(example(name), port))} }`,
    );
    return listening(new Program(peerPath("nginx"), ["-c", file, "-p", folder, "-e", "stderr"]), port);
  });
}

describe("behind a web server, over FastCGI", () => {
  let fpm: Program;
  beforeAll(async () => {
    fpm = runEdgeFpm(["fpm", "--listen", socket, "--listen-mode", "0666", "--children", "2", "--data", scratch.path]);
    await fpm.waitFor(/speaks FastCGI/);
  });
  afterAll(async () => {
    await fpm?.stop("SIGTERM");
  });

  describePeers(["nginx"], "nginx.conf", () => {
    test("serves files, scripts and the front controller", async () => {
      const { base, program } = await nginx("nginx.conf");
      await behaves(base).finally(() => program.stop());
    });
  });

  describePeers(["apache2"], "apache.conf", () => {
    test("serves files, scripts and the front controller", async () => {
      const { base, program } = await startOnFreePort((port) => {
        const folder = join(scratch.path, `apache-${port}`);
        mkdirSync(folder);
        const file = join(folder, "apache.conf");
        const modules = ["mpm_event", "authz_core", "dir", "mime", "proxy", "proxy_fcgi"];
        writeFileSync(
          file,
          `ServerRoot ${folder}
ServerName localhost
Listen 127.0.0.1:${port}
PidFile ${folder}/apache.pid
DefaultRuntimeDir ${folder}
Mutex file:${folder} default
ErrorLog "|$/bin/cat 1>&2"
${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join("\n")}
TypesConfig /dev/null
${here(example("apache.conf"), port)}`,
        );
        return listening(new Program(peerPath("apache2"), ["-f", file, "-D", "FOREGROUND"]), port);
      });
      await behaves(base).finally(() => program.stop());
    });
  });

  describePeers(["caddy"], "Caddyfile", () => {
    test("serves files, scripts and the front controller", async () => {
      const { base, program } = await startOnFreePort((port) => {
        const folder = join(scratch.path, `caddy-${port}`);
        mkdirSync(folder);
        const file = join(folder, "Caddyfile");
        writeFileSync(file, `{\n  admin off\n  auto_https off\n}\n${here(example("Caddyfile"), port)}`);
        const env = { HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder };
        return listening(
          new Program(peerPath("caddy"), ["run", "--adapter", "caddyfile", "--config", file], { env }),
          port,
        );
      });
      await behaves(base).finally(() => program.stop());
    });
  });
});

describePeers(["nginx"], "behind nginx as a proxy, with edge-fpm.config.ts", () => {
  test("serves files, scripts and the front controller, and knows the visitor's address and scheme", async () => {
    const config = join(scratch.path, "edge-fpm.config.ts");
    writeFileSync(
      config,
      example("edge-fpm.config.ts")
        .replace('"edge-fpm/gateway"', JSON.stringify(join(PROJECT, "src/gateway/index.ts")))
        .replace("8080", "0")
        .replace('php: "8.4"', 'php: "8.2"'),
    );
    const serve = runEdgeFpm(["serve", "--config", config, "--data", scratch.path]);
    try {
      const [, backend = ""] = await serve.waitFor(/(http:\/\/127\.0\.0\.1:\d+)/);
      const { base, program } = await nginx("nginx-proxy.conf", (text) =>
        text.replace("http://127.0.0.1:8080", backend),
      );
      try {
        await behaves(base);
        const answer = await fetch(base, { headers: { "x-forwarded-for": "203.0.113.7", host: "example.org" } });
        // nginx adds the address it sees itself; the one before it is the visitor's word.
        expect(await answer.json()).toMatchObject({ visitor: "203.0.113.7", https: "" });
      } finally {
        await program.stop();
      }
    } finally {
      await serve.stop("SIGTERM");
    }
  });
});

describe("edge-fpm.service", () => {
  test("starts the command with options that it has", () => {
    const [, line = ""] = /^ExecStart=\S+ \S+bin\.js (.+)$/m.exec(example("edge-fpm.service")) ?? [];
    const [name, ...args] = line.split(" ");
    const command = commands.find((candidate) => candidate.name === name);
    if (command === undefined) throw new Error(`no command in ${line}`);
    expect(parseCommandLine(command, args).text("listen-mode")).toBe("0660");
  });

  const analyze = "/usr/bin/systemd-analyze";
  test("is a unit that systemd takes", (context) => {
    try {
      execFileSync(analyze, ["--version"], { stdio: "ignore" });
    } catch {
      return context.skip("systemd-analyze is not installed: apt-get install systemd");
    }
    const file = join(scratch.path, "edge-fpm.service");
    writeFileSync(file, example("edge-fpm.service").replace("/usr/bin/node", process.execPath));
    execFileSync(analyze, ["verify", file], { stdio: "pipe" });
  });
});
