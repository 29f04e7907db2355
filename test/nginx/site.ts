// A site for imported configurations, and the same configuration in a real nginx and in ours beside it.

import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeNginxFiles } from "../../src/cli/import-nginx.ts";
import { type Imported, importNginx, writeConfig } from "../../src/nginx/index.ts";
import { addressPlain, type FastCgiAddress } from "../peers/address.ts";
import { runEdgeFpm } from "../peers/edge-fpm.ts";
import { peerPath } from "../peers/peer.ts";
import { startPhpFpm } from "../peers/php-fpm.ts";
import { startOnFreePort } from "../peers/ports.ts";
import { Program } from "../peers/program.ts";
import { makeScratch } from "../peers/scratch.ts";

const GATEWAY = fileURLToPath(new URL("../../src/gateway/index.ts", import.meta.url));
const CONF = new URL("conf/", import.meta.url);

/** Tells which script ran, and what it was told. */
const SCRIPT = `<?php
header('X-Script: ' . basename(__FILE__));
header('X-Powered-By: a test');
if (isset($_GET['status'])) http_response_code((int) $_GET['status']);
$told = [];
foreach (['REQUEST_METHOD', 'SCRIPT_NAME', 'PATH_INFO', 'QUERY_STRING', 'REQUEST_URI', 'DOCUMENT_ROOT', 'SCRIPT_FILENAME',
  'SERVER_NAME', 'HTTP_HOST', 'APP', 'APP_ENV', 'SITE'] as $name) $told[$name] = $_SERVER[$name] ?? '';
$told['DOCUMENT_ROOT'] = rtrim($told['DOCUMENT_ROOT'], '/');
// nginx says this when it has no name; ours says the visitor's.
if ($told['SERVER_NAME'] === '_') $told['SERVER_NAME'] = $told['HTTP_HOST'];
echo json_encode($told), "\\n", file_get_contents('php://input');
if (isset($_GET['unique']) || str_contains($_SERVER['REQUEST_URI'], 'count')) echo uniqid();
`;

const TREE: Readonly<Record<string, string>> = {
  "index.php": SCRIPT,
  "other.php": SCRIPT,
  "missing.html": "nothing here",
  "robots.txt": "User-agent: *\n",
  "a.css": "body {}\n",
  "note.txt": "a note\n",
  "page.html": "<p>page</p>\n",
  "folder/page.html": "<p>in a folder</p>\n",
  "app/index.php": SCRIPT,
  "uploads/evil.php": SCRIPT,
  "uploads/a.png": "png",
  "bundles/b.js": "b()\n",
  "sites/default/files/x.php": SCRIPT,
  "sites/default/private/key.txt": "key",
  "vendor/lib/x.php": SCRIPT,
  "plain/a.txt": "plain",
  "plain/b.css": "b {}",
  "shared/tool/index.php": SCRIPT,
  "shared/tool/other.php": SCRIPT,
  "shared/tool/a.css": "a {}\n",
  "shared/tool/sql/x.txt": "sql",
  ".well-known/ok.txt": "ok",
  ".hidden": "hidden",
};

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

export interface Ask {
  readonly path: string;
  readonly host?: string;
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Pair {
  readonly imported: Imported;
  nginx(ask: Ask): Promise<Answer>;
  ours(ask: Ask): Promise<Answer>;
  stop(): Promise<void>;
}

/** Puts a configuration of conf/ into a folder, with Debian's files that it includes beside it. */
export function place(name: string, folder: string, values: Readonly<Record<string, string>>): string {
  const text = readFileSync(new URL(`${name}.conf`, CONF), "utf8");
  const file = join(folder, `${name}.conf`);
  writeFileSync(
    file,
    text.replace(/__([A-Z]+)__/g, (whole, key: string) => values[key] ?? whole),
  );
  for (const one of ["fastcgi_params", "fastcgi.conf", "snippets"]) {
    cpSync(join("/etc/nginx", one), join(folder, one), { recursive: true });
  }
  return file;
}

/** Starts nginx with a configuration of conf/, and ours with the same imported, over one php-fpm and one folder. */
export async function startPair(name: string): Promise<Pair> {
  const scratch = makeScratch(`import-${name}`);
  const stops: (() => Promise<unknown>)[] = [async () => scratch.remove()];
  const stop = async (): Promise<void> => {
    for (const one of stops.reverse()) await one();
  };
  try {
    const root = join(scratch.path, "site");
    for (const [file, text] of Object.entries(TREE)) {
      mkdirSync(join(root, file, ".."), { recursive: true });
      writeFileSync(join(root, file), text);
    }
    const fpm = await startPhpFpm({ listen: "unix", children: 4 });
    stops.push(() => fpm.stop());
    const { port, stop: stopNginx } = await startOnFreePort((free) =>
      startNginx(name, scratch.path, root, fpm.address, free),
    );
    stops.push(stopNginx);

    const folder = join(scratch.path, "nginx");
    const imported = importNginx(join(folder, `${name}.conf`), nodeNginxFiles(folder));
    const config = join(scratch.path, "edge-fpm.config.ts");
    const text = writeConfig(imported, name, (one) => one).replace('"edge-fpm/gateway"', JSON.stringify(GATEWAY));
    writeFileSync(config, text.replace(`${scratch.path}/cache`, `${scratch.path}/our-cache`));
    const program = runEdgeFpm(["serve", "--config", config, "--host", "127.0.0.1", "--port", "0"]);
    stops.push(() => program.stop("SIGINT"));
    const [, own = ""] = await program.waitFor(/http:\/\/127\.0\.0\.1:(\d+) {2}serves/);
    return {
      imported,
      nginx: (ask) => send(port, ask, root),
      ours: (ask) => send(Number(own), ask, root),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startNginx(name: string, scratch: string, root: string, php: FastCgiAddress, port: number) {
  const folder = join(scratch, "nginx");
  mkdirSync(join(folder, "temp"), { recursive: true });
  const values = {
    ROOT: root,
    PHP: php.kind === "unix" ? `unix:${php.path}` : addressPlain(php),
    LISTEN: `127.0.0.1:${port}`,
    DIR: scratch,
  };
  place(name, folder, values);
  const temp = ["client_body", "fastcgi", "proxy", "scgi", "uwsgi"].map((one) => `${one}_temp_path temp/${one};`);
  const main = join(folder, "main.conf");
  writeFileSync(
    main,
    `${process.getuid?.() === 0 ? "user root;" : ""}
daemon off; worker_processes 1; pid nginx.pid; error_log stderr error;
events { worker_connections 256; }
http { ${temp.join(" ")} access_log off; include /etc/nginx/mime.types; default_type text/plain; include ${name}.conf; }
`,
  );
  const program = new Program(peerPath("nginx"), ["-c", main, "-p", folder, "-e", "stderr"]);
  const stop = () => program.stop();
  try {
    await program.waitForSocket({ port });
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, stop };
}

/** Headers that a configuration can have made. */
const HEADERS = [
  "content-type",
  "location",
  "cache-control",
  "x-kind",
  "x-script",
  "x-powered-by",
  "x-frame-options",
  "x-cache",
];

function send(
  port: number,
  { path, host = "x.test", method = "GET", body, headers }: Ask,
  root: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { port, host: "127.0.0.1", path, method, headers: { Host: host, ...headers } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const status = response.statusCode ?? 0;
          const seen: Record<string, string | undefined> = {};
          for (const name of HEADERS) {
            const value = response.headers[name];
            if (value !== undefined) seen[name] = plain(name, String(value), port, host);
          }
          // On errors ours has headers that nginx leaves out without `always`, and is never kept by anybody.
          if (status >= 300)
            for (const name of ["content-type", "cache-control", "x-frame-options", "x-kind"]) delete seen[name];
          const text = Buffer.concat(chunks)
            .toString()
            .replaceAll(JSON.stringify(root).slice(1, -1).replaceAll("/", "\\/"), "ROOT");
          // Pages for errors and redirects are each program's own.
          const own =
            /^<html>\r?\n<head><title>\d{3} |^<!doctype html>/i.test(text) || status === 301 || status === 302;
          resolve({ status, headers: seen, body: own ? "" : text });
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.setTimeout(20_000, () => outgoing.destroy(new Error(`no answer to ${path}`)));
    outgoing.end(body);
  });
}

/** A type without its charset, and a place without what nginx makes absolute. */
function plain(name: string, value: string, port: number, host: string): string {
  if (name === "content-type") return value.replace(/;.*/, "").replace("text/javascript", "application/javascript");
  if (name === "location") return value.replace(`http://${host}:${port}/`, "/").replace(`http://${host}/`, "/");
  return value;
}
