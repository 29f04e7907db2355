// Real lighttpd in front of a FastCGI application: every request goes to it.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FastCgiAddress } from "./address.ts";
import { peerPath } from "./peer.ts";
import { startOnFreePort } from "./ports.ts";
import { Program } from "./program.ts";
import { makeScratch } from "./scratch.ts";

export interface Lighttpd {
  readonly baseUrl: string;
  readonly program: Program;
  log(): string;
  stop(): Promise<void>;
}

export interface LighttpdOptions {
  /** `authorizer`: lighttpd serves the files of `root` itself, to whom the application lets in. Default `responder`. */
  readonly role?: "responder" | "authorizer";
}

/** Starts lighttpd on a free port of 127.0.0.1 for `root` and waits until it listens. */
export function startLighttpd(root: string, fastcgi: FastCgiAddress, options: LighttpdOptions = {}): Promise<Lighttpd> {
  return startOnFreePort((port) => start(root, fastcgi, options, port));
}

async function start(root: string, fastcgi: FastCgiAddress, options: LighttpdOptions, port: number): Promise<Lighttpd> {
  const scratch = makeScratch("lighttpd");
  const file = join(scratch.path, "lighttpd.conf");
  mkdirSync(join(scratch.path, "uploads"));
  const where =
    fastcgi.kind === "unix" ? `"socket" => "${fastcgi.path}"` : `"host" => "127.0.0.1", "port" => ${fastcgi.port}`;
  writeFileSync(
    file,
    `server.modules = ("mod_fastcgi")
server.document-root = "${root}"
server.bind = "127.0.0.1"
server.port = ${port}
server.upload-dirs = ("${scratch.path}/uploads")
server.max-fds = 4096
server.max-connections = 1024
server.listen-backlog = 1024
# Passes the answer on as it comes.
server.stream-response-body = 2
fastcgi.server = ("/" => ((
  ${where},
  "mode" => "${options.role ?? "responder"}",
  "check-local" => "disable",
  "fix-root-scriptname" => "enable"
)))
`,
  );
  const program = new Program(peerPath("lighttpd"), ["-D", "-f", file]);
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
