// Real Caddy in front of a FastCGI application: every request goes to it.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FastCgiAddress } from "./address.ts";
import { peerPath } from "./peer.ts";
import { startOnFreePort } from "./ports.ts";
import { Program } from "./program.ts";
import { makeScratch } from "./scratch.ts";

export interface Caddy {
  readonly baseUrl: string;
  readonly program: Program;
  log(): string;
  stop(): Promise<void>;
}

/** Starts Caddy on a free port of 127.0.0.1 for `root` and waits until it listens. */
export function startCaddy(root: string, fastcgi: FastCgiAddress): Promise<Caddy> {
  return startOnFreePort((port) => start(root, fastcgi, port));
}

async function start(root: string, fastcgi: FastCgiAddress, port: number): Promise<Caddy> {
  const scratch = makeScratch("caddy");
  const file = join(scratch.path, "Caddyfile");
  const upstream = fastcgi.kind === "unix" ? `unix/${fastcgi.path}` : `127.0.0.1:${fastcgi.port}`;
  writeFileSync(
    file,
    `{
  admin off
  auto_https off
  storage file_system ${scratch.path}
  log {
    level WARN
  }
}
http://:${port} {
  bind 127.0.0.1
  root * ${root}
  reverse_proxy ${upstream} {
    flush_interval -1
    transport fastcgi {
      split .php
    }
  }
}
`,
  );
  const home = { HOME: scratch.path, XDG_CONFIG_HOME: scratch.path, XDG_DATA_HOME: scratch.path };
  const program = new Program(peerPath("caddy"), ["run", "--adapter", "caddyfile", "--config", file], { env: home });
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
