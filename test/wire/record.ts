// Makes the captures of this folder: real web servers ask a real php-fpm, and `edge-fpm proxy --write` stands between.
// What none of them does, our own client and server do: shared connections, values, aborts, authorizers and filters.
//
//     node test/wire/record.ts            all of them
//     node test/wire/record.ts nginx      one
//
// Needs the Debian packages php8.2-fpm, nginx-light, apache2, haproxy, lighttpd, caddy and libfcgi-bin.

import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { connect, type RequestOptions } from "../../src/client/index.ts";
import { type FastCgiContext, serve } from "../../src/server/index.ts";
import { type FastCgiAddress, parseAddress } from "../peers/address.ts";
import { startApache } from "../peers/apache.ts";
import { startCaddy } from "../peers/caddy.ts";
import { cgiFcgi, scriptParams } from "../peers/cgi-fcgi.ts";
import { runEdgeFpm } from "../peers/edge-fpm.ts";
import { startHaproxy } from "../peers/haproxy.ts";
import { startNginx } from "../peers/nginx.ts";
import { peerPath } from "../peers/peer.ts";
import { startPhpFpm } from "../peers/php-fpm.ts";
import { startOnFreePort } from "../peers/ports.ts";
import { Program } from "../peers/program.ts";
import { makeScratch } from "../peers/scratch.ts";

/** A fixed folder, so that two recordings differ in little. */
const ROOT = "/tmp/edge-fpm-wire/www";
/** The capture of our own client and server. */
const OURSELVES = "edge-fpm";
const HERE = fileURLToPath(new URL(".", import.meta.url));

/** Largest capture that is kept, in bytes. */
const MAX_FILE = 100_000;

const SCRIPTS: Readonly<Record<string, string>> = {
  "hello.php": "<?php echo 'hello ', $_GET['who'] ?? 'nobody', \"\\n\";",
  "form.php": "<?php header('X-Length: ' . strlen(file_get_contents('php://input'))); print_r($_POST);",
  "warn.php": "<?php error_log('a line on STDERR'); http_response_code(500); echo \"warned\\n\";",
  "long.php": '<?php for ($i = 0; $i < 4; $i++) { echo str_repeat(chr(97 + $i), 3000), "\\n"; flush(); }',
};

interface WebServer {
  readonly baseUrl: string;
  stop(): Promise<void>;
}

const WEB_SERVERS: Readonly<Record<string, (fastcgi: FastCgiAddress) => Promise<WebServer>>> = {
  nginx: (fastcgi) => startNginx({ root: ROOT, fastcgi }),
  "nginx-keep": (fastcgi) => startNginx({ root: ROOT, fastcgi, keepConnection: true }),
  apache: (fastcgi) => startApache(ROOT, fastcgi),
  haproxy: (fastcgi) => startHaproxy(ROOT, fastcgi),
  lighttpd: (fastcgi) => startOnFreePort((port) => startLighttpd(fastcgi, port)),
  caddy: (fastcgi) => startCaddy(ROOT, fastcgi),
};

/** lighttpd as Debian's 15-fastcgi-php-fpm.conf has it: scripts by the end of their names. */
async function startLighttpd(fastcgi: FastCgiAddress, port: number): Promise<WebServer> {
  const scratch = makeScratch("lighttpd");
  const file = join(scratch.path, "lighttpd.conf");
  const where =
    fastcgi.kind === "unix" ? `"socket" => "${fastcgi.path}"` : `"host" => "127.0.0.1", "port" => ${fastcgi.port}`;
  writeFileSync(
    file,
    `server.modules = ("mod_fastcgi")
server.document-root = "${ROOT}"
server.bind = "127.0.0.1"
server.port = ${port}
fastcgi.server = (".php" => ((${where}, "check-local" => "disable", "broken-scriptfilename" => "enable")))
`,
  );
  const program = new Program(peerPath("lighttpd"), ["-D", "-f", file]);
  await program.waitForSocket({ port });
  return {
    baseUrl: `http://127.0.0.1:${port}`,
    async stop() {
      await program.stop();
      scratch.remove();
    },
  };
}

/** What every web server is asked. */
async function askWebServer(baseUrl: string): Promise<void> {
  const text = async (path: string, init?: RequestInit) => (await fetch(baseUrl + path, init)).text();
  await text("/hello.php?who=Ada");
  await text("/hello.php", { headers: { cookie: "long=".padEnd(400, "x"), "x-empty": "" } });
  await text("/form.php", { method: "POST", body: new URLSearchParams({ a: "1", text: "\u00e9".repeat(200) }) });
  await text("/warn.php");
  await text("/long.php");
  await text("/missing.php");
}

async function askCgiFcgi(address: FastCgiAddress): Promise<void> {
  await cgiFcgi(address, { params: scriptParams(ROOT, "/hello.php", { QUERY_STRING: "who=Ada" }) });
  const type = { REQUEST_METHOD: "POST", CONTENT_TYPE: "application/x-www-form-urlencoded" };
  const stdin = new TextEncoder().encode("a=1&text=hello");
  await cgiFcgi(address, { params: scriptParams(ROOT, "/form.php", type), stdin });
  await cgiFcgi(address, { params: scriptParams(ROOT, "/warn.php", { HTTP_COOKIE: "x".repeat(400) }) });
  await cgiFcgi(address, { params: scriptParams(ROOT, "/long.php") });
}

/** Answers as the scripts do. */
async function answer(request: Request, { role, params, data, stderr }: FastCgiContext): Promise<Response> {
  if (role === "authorizer") return new Response(null, { status: 200, headers: { "Variable-User": "Ada" } });
  if (role === "filter") return new Response((await new Response(data).text()).toUpperCase());
  switch (params.SCRIPT_NAME) {
    case "/form.php":
      return new Response(await request.text());
    case "/warn.php":
      stderr("a line on STDERR\n");
      return new Response("warned\n", { status: 500 });
    case "/long.php":
      return new Response(slowly(["a", "b", "c", "d"]));
    case "/endless.php":
      return new Response(new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(64)) }));
    default:
      return new Response(`hello ${new URL(request.url).searchParams.get("who") ?? "nobody"}\n`);
  }
}

/** A piece every 20 ms. */
function slowly(letters: string[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller) {
      await setTimeout(20);
      const letter = letters.shift();
      if (letter === undefined) controller.close();
      else controller.enqueue(new TextEncoder().encode(letter.repeat(300)));
    },
  });
}

/** Several requests at once on one connection, after a question whether that is allowed; then what is seldom seen. */
async function askOurselves(address: string): Promise<void> {
  const client = connect(address, { multiplex: true, maxIdle: 1 });
  const text = async (path: string, options?: RequestOptions) => {
    const response = await client.fetch(`http://localhost${path}`, { documentRoot: ROOT, ...options });
    return await response.text();
  };
  await text("/hello.php?who=Ada");
  await Promise.all([
    text("/long.php?1"),
    text("/form.php", { method: "POST", body: new Uint8Array(20_000).fill(0x62) }),
    text("/long.php?2"),
    text("/warn.php"),
    text("/hello.php", { headers: { cookie: "long=".padEnd(400, "x") } }),
  ]);
  const endless = await client.fetch("http://localhost/endless.php", { documentRoot: ROOT });
  const reader = endless.body?.getReader();
  await reader?.read();
  await reader?.cancel();
  await text("/hello.php", { role: "authorizer" });
  await text("/hello.php", { role: "filter", data: { content: new TextEncoder().encode("a file to filter") } });
  await client.close();
}

async function record(name: string, upstream: FastCgiAddress): Promise<void> {
  const file = join(HERE, `${name}.pcapng`);
  const to = upstream.kind === "tcp" ? `127.0.0.1:${upstream.port}` : upstream.path;
  const proxy = runEdgeFpm(["proxy", "127.0.0.1:0", to, "--quiet", "--write", file]);
  try {
    const [, address = ""] = await proxy.waitFor(/(tcp:\/\/127\.0\.0\.1:\d+) {2}passes on/);
    await proxy.waitFor(/Ctrl-C stops it/);
    const start = WEB_SERVERS[name];
    if (name === OURSELVES) {
      await askOurselves(address);
    } else if (start === undefined) {
      await askCgiFcgi(parseAddress(address));
    } else {
      const webServer = await start(parseAddress(address));
      await askWebServer(webServer.baseUrl);
      await webServer.stop();
    }
  } finally {
    await proxy.stop("SIGINT");
  }
  const { size } = statSync(file);
  if (size > MAX_FILE) throw new Error(`${file} has ${size} bytes, more than ${MAX_FILE}`);
  console.log(`${name}: ${size} bytes; ${proxy.output().trim().split("\n").at(-1)}`);
}

rmSync(ROOT, { recursive: true, force: true });
mkdirSync(ROOT, { recursive: true });
for (const [name, text] of Object.entries(SCRIPTS)) writeFileSync(join(ROOT, name), text);
const [, , ...wanted] = process.argv;
// Apache sends its PATH along: not this machine's.
process.env.PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const names = wanted.length > 0 ? wanted : [...Object.keys(WEB_SERVERS), "cgi-fcgi", OURSELVES];
const php = await startPhpFpm({ children: 8 });
const server = await serve({
  listen: "tcp://127.0.0.1:0",
  fetch: answer,
  roles: ["responder", "authorizer", "filter"],
  onError: console.error,
});
try {
  for (const name of names) await record(name, name === OURSELVES ? parseAddress(server.url) : php.address);
} finally {
  await server.close();
  await php.stop();
  rmSync(ROOT, { recursive: true, force: true });
}
