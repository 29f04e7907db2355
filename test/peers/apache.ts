// Real Apache httpd in front of a FastCGI application, by mod_proxy_fcgi as Debian's php-fpm.conf does.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FastCgiAddress } from "./address.ts";
import { peerPath } from "./peer.ts";
import { startOnFreePort } from "./ports.ts";
import { Program } from "./program.ts";
import { makeScratch } from "./scratch.ts";

export interface Apache {
  readonly baseUrl: string;
  readonly program: Program;
  log(): string;
  stop(): Promise<void>;
}

/** Where Debian keeps Apache's modules. */
const MODULES = "/usr/lib/apache2/modules";

/** Starts Apache on a free port of 127.0.0.1 for `root` and waits until it listens. */
export function startApache(root: string, fastcgi: FastCgiAddress): Promise<Apache> {
  return startOnFreePort((port) => start(root, fastcgi, port));
}

async function start(root: string, fastcgi: FastCgiAddress, port: number): Promise<Apache> {
  const scratch = makeScratch("apache");
  const file = join(scratch.path, "apache.conf");
  const worker = fastcgi.kind === "unix" ? "fcgi://localhost" : `fcgi://127.0.0.1:${fastcgi.port}`;
  const handler = fastcgi.kind === "unix" ? `proxy:unix:${fastcgi.path}|${worker}` : `proxy:${worker}`;
  writeFileSync(file, configText({ root, handler, worker, port, folder: scratch.path }));
  // `-X` would serve one request at a time; `FOREGROUND` keeps the parent attached with its usual children.
  const program = new Program(peerPath("apache2"), ["-f", file, "-D", "FOREGROUND"]);
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

function configText(options: {
  readonly root: string;
  readonly handler: string;
  readonly worker: string;
  readonly port: number;
  readonly folder: string;
}): string {
  const { root, handler, worker, port, folder } = options;
  const modules = ["mpm_event", "authz_core", "dir", "mime", "setenvif", "proxy", "proxy_fcgi"];
  return `
ServerRoot ${folder}
ServerName localhost
Listen 127.0.0.1:${port}
PidFile ${folder}/apache.pid
DefaultRuntimeDir ${folder}
Mutex file:${folder} default
ErrorLog "|$/bin/cat 1>&2"
${modules.map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join("\n")}
StartServers 1
ServerLimit 2
ThreadLimit 128
ThreadsPerChild 128
MaxRequestWorkers 256
TypesConfig /dev/null
AddType text/html .html
AddType text/plain .txt
AddType text/css .css
LimitRequestFieldSize 65536
LimitRequestLine 65536
DocumentRoot ${root}
DirectoryIndex index.php index.html
<Directory />
  AllowOverride None
  Require all granted
</Directory>
<LocationMatch "/\\.">
  Require all denied
</LocationMatch>
# Tell the application a chunked body's length, which Apache leaves out unless told.
SetEnvIf Request_URI . proxy-sendcl=1
<FilesMatch "\\.php$">
  SetHandler "${handler}"
</FilesMatch>
<Proxy "${worker}" flushpackets=on>
</Proxy>
`;
}
