// Real nginx in front of a FastCGI application, configured as Debian's fastcgi_params and most guides do.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { addressPlain, type FastCgiAddress } from "./address.ts";
import { peerPath } from "./peer.ts";
import { startOnFreePort } from "./ports.ts";
import { Program } from "./program.ts";
import { makeScratch } from "./scratch.ts";

export interface NginxOptions {
  /** Document root, absolute. */
  readonly root: string;
  readonly fastcgi: FastCgiAddress;
  /** Ask the application to keep connections open, and reuse them; a number: how many idle ones. Default: false, nginx's own. */
  readonly keepConnection?: boolean | number;
  /** Lines added to the PHP location. */
  readonly locationLines?: readonly string[];
  /** Lines added to the `http` block; `%folder%` stands for a folder of this nginx. */
  readonly httpLines?: readonly string[];
  /** Lines added to the server, before its own locations; `%params%` stands for the params of a PHP location. */
  readonly serverLines?: readonly string[];
  /** What a path gets that leads to no file: a script with its query, such as "/index.php?$args". Default: 404. */
  readonly front?: string;
  /** Where requests are logged, and in which format. Default: nowhere. */
  readonly accessLog?: string;
}

export interface Nginx {
  readonly baseUrl: string;
  readonly program: Program;
  log(): string;
  stop(): Promise<void>;
}

const FASTCGI_PARAMS: readonly (readonly [string, string])[] = [
  ["SCRIPT_FILENAME", "$document_root$fastcgi_script_name"],
  ["PATH_INFO", "$fastcgi_path_info"],
  ["QUERY_STRING", "$query_string"],
  ["REQUEST_METHOD", "$request_method"],
  ["CONTENT_TYPE", "$content_type"],
  ["CONTENT_LENGTH", "$content_length"],
  ["SCRIPT_NAME", "$fastcgi_script_name"],
  ["REQUEST_URI", "$request_uri"],
  ["DOCUMENT_URI", "$document_uri"],
  ["DOCUMENT_ROOT", "$document_root"],
  ["SERVER_PROTOCOL", "$server_protocol"],
  ["REQUEST_SCHEME", "$scheme"],
  ["GATEWAY_INTERFACE", "CGI/1.1"],
  ["SERVER_SOFTWARE", "nginx/$nginx_version"],
  ["REMOTE_ADDR", "$remote_addr"],
  ["REMOTE_PORT", "$remote_port"],
  ["SERVER_ADDR", "$server_addr"],
  ["SERVER_PORT", "$server_port"],
  ["SERVER_NAME", "$host"],
  ["REDIRECT_STATUS", "200"],
];

/** Starts nginx on a free port of 127.0.0.1 and waits until it listens. */
export function startNginx(options: NginxOptions): Promise<Nginx> {
  return startOnFreePort((port) => start(options, port));
}

/** nginx with servers of the test's own, which listen on Unix sockets in `folder`. */
export interface NginxServers {
  /** Absolute; holds the sockets. */
  readonly folder: string;
  readonly program: Program;
  stop(): Promise<void>;
}

/**
 * Starts nginx with `server` blocks.
 *
 * @param servers text of the blocks; each listens on `unix:<folder>/<name>.sock`
 * @param names of the sockets to wait for
 */
export async function startNginxServers(
  servers: (folder: string) => string,
  names: readonly string[],
): Promise<NginxServers> {
  const scratch = makeScratch("nginx");
  const { path: folder } = scratch;
  const file = join(folder, "nginx.conf");
  mkdirSync(join(folder, "temp"));
  const head = `
${process.getuid?.() === 0 ? "user root;" : ""}
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr crit;
events { worker_connections 4096; }
http {
  ${tempPaths(folder)}
  access_log off;
  default_type application/octet-stream;
  server_names_hash_bucket_size 128;
`;
  writeFileSync(file, `${head}${servers(folder)}\n}\n`);
  const program = new Program(peerPath("nginx"), ["-c", file, "-p", folder, "-e", "stderr"]);
  const stop = async (): Promise<void> => {
    await program.stop();
    scratch.remove();
  };
  try {
    for (const name of names) await program.waitForSocket({ path: join(folder, `${name}.sock`) });
  } catch (error) {
    await stop();
    throw error;
  }
  return { folder, program, stop };
}

function tempPaths(folder: string): string {
  return ["client_body", "fastcgi", "proxy", "scgi", "uwsgi"]
    .map((kind) => `${kind}_temp_path ${folder}/temp/${kind};`)
    .join("\n  ");
}

async function start(options: NginxOptions, port: number): Promise<Nginx> {
  const scratch = makeScratch("nginx");
  const file = join(scratch.path, "nginx.conf");
  mkdirSync(join(scratch.path, "temp"));
  writeFileSync(file, configText(options, port, scratch.path));
  const program = new Program(peerPath("nginx"), ["-c", file, "-p", scratch.path, "-e", "stderr"]);
  const stop = async (): Promise<void> => {
    await program.stop();
    scratch.remove();
  };
  try {
    await program.waitForSocket({ port });
  } catch (error) {
    await stop();
    throw error;
  }
  return { baseUrl: `http://127.0.0.1:${port}`, program, log: () => program.output(), stop };
}

function configText(options: NginxOptions, port: number, folder: string): string {
  const upstream = options.fastcgi.kind === "unix" ? `unix:${options.fastcgi.path}` : addressPlain(options.fastcgi);
  const keep = options.keepConnection === true ? 16 : Number(options.keepConnection ?? 0);
  const params = FASTCGI_PARAMS.map(([name, value]) => `fastcgi_param ${name} ${value};`).join("\n      ");
  return `
${process.getuid?.() === 0 ? "user root;" : ""}
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 4096; }
http {
  ${tempPaths(folder)}
  ${(options.httpLines ?? []).join("\n  ").replaceAll("%folder%", folder)}
  access_log ${options.accessLog ?? "off"};
  default_type application/octet-stream;
  types { text/html html; text/css css; text/plain txt; image/png png; text/javascript js; }
  client_max_body_size 64m;
  upstream application {
    server ${upstream};
    ${keep > 0 ? `keepalive ${keep};` : ""}
  }
  server {
    listen 127.0.0.1:${port} backlog=1024;
    root ${options.root};
    index index.php index.html;
    ${(options.serverLines ?? []).join("\n    ").replaceAll("%params%", params)}
    location ~ /\\. { return 403; }
    location / { try_files $uri $uri/ ${options.front ?? "=404"}; }
    location ~ \\.php(/|$) {
      fastcgi_split_path_info ^(.+?\\.php)(/.*)?$;
      ${params}
      fastcgi_pass application;
      fastcgi_buffering off;
      fastcgi_buffer_size 64k;
      fastcgi_buffers 8 64k;
      fastcgi_keep_conn ${keep > 0 ? "on" : "off"};
      ${(options.locationLines ?? []).join("\n      ")}
    }
  }
}
`;
}
