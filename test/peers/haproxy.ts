// Real HAProxy in front of a FastCGI application: every request goes to it, on connections that are kept.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FastCgiAddress } from "./address.ts";
import { peerPath } from "./peer.ts";
import { startOnFreePort } from "./ports.ts";
import { Program } from "./program.ts";
import { makeScratch } from "./scratch.ts";

export interface HaproxyOptions {
  /** Several requests at a time on one connection. Default: false, HAProxy's own. */
  readonly multiplex?: boolean;
}

export interface Haproxy {
  readonly baseUrl: string;
  readonly program: Program;
  log(): string;
  stop(): Promise<void>;
}

/** Starts HAProxy on a free port of 127.0.0.1 for `root` and waits until it listens. */
export function startHaproxy(root: string, fastcgi: FastCgiAddress, options: HaproxyOptions = {}): Promise<Haproxy> {
  return startOnFreePort((port) => start(root, fastcgi, options, port));
}

async function start(root: string, fastcgi: FastCgiAddress, options: HaproxyOptions, port: number): Promise<Haproxy> {
  const scratch = makeScratch("haproxy");
  const file = join(scratch.path, "haproxy.cfg");
  const server = fastcgi.kind === "unix" ? `unix@${fastcgi.path}` : `127.0.0.1:${fastcgi.port}`;
  writeFileSync(
    file,
    `global
  maxconn 2000
  log stderr format raw local0 warning
defaults
  mode http
  log global
  timeout connect 10s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 5s
frontend visitors
  bind 127.0.0.1:${port} backlog 1024
  default_backend application
backend application
  use-fcgi-app application
  server one ${server} proto fcgi
fcgi-app application
  log-stderr global
  docroot ${root}
  index index.php
  path-info ^(/.+\\.php)(/.*)?$
  ${options.multiplex === true ? "option mpxs-conns" : "no option mpxs-conns"}
`,
  );
  const program = new Program(peerPath("haproxy"), ["-db", "-f", file]);
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
