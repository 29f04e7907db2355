// Real php-fpm with one pool of its own, on TCP or a Unix socket.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { addressPlain, type FastCgiAddress } from "./address.ts";
import { peerPath } from "./peer.ts";
import { startOnFreePort } from "./ports.ts";
import { Program } from "./program.ts";
import { makeScratch } from "./scratch.ts";

export interface PhpFpmOptions {
  readonly listen?: "tcp" | "unix";
  readonly children?: number;
  /** Lines added to the pool's section. */
  readonly poolLines?: readonly string[];
}

export interface PhpFpm {
  readonly address: FastCgiAddress;
  readonly program: Program;
  /** php-fpm's own log and what its children wrote. */
  log(): string;
  stop(): Promise<void>;
}

/** Starts php-fpm 8.2 and waits until it listens. */
export function startPhpFpm(options: PhpFpmOptions = {}): Promise<PhpFpm> {
  return startOnFreePort((port) => start(options, port));
}

async function start(options: PhpFpmOptions, port: number): Promise<PhpFpm> {
  const scratch = makeScratch("php-fpm");
  const address: FastCgiAddress =
    options.listen === "unix" ? { kind: "unix", path: join(scratch.path, "fpm.sock") } : { kind: "tcp", port };
  const sessions = join(scratch.path, "sessions");
  mkdirSync(sessions, { mode: 0o777 });
  const asRoot = process.getuid?.() === 0;
  const config = [
    "[global]",
    `error_log = ${join(scratch.path, "error.log")}`,
    "daemonize = no",
    "[www]",
    ...(asRoot ? ["user = root", "group = root"] : []),
    `listen = ${addressPlain(address)}`,
    "listen.mode = 0666",
    "pm = static",
    `pm.max_children = ${options.children ?? 2}`,
    "catch_workers_output = yes",
    // PHP's own default; Debian's php.ini has 4096, which holds back what a script flushes.
    "php_value[output_buffering] = 0",
    "php_admin_value[post_max_size] = 64M",
    "php_admin_value[upload_max_filesize] = 64M",
    // Of two lines for one setting php-fpm takes the first.
    ...(options.poolLines ?? []),
    `php_admin_value[session.save_path] = ${sessions}`,
    "",
  ];
  const file = join(scratch.path, "php-fpm.conf");
  writeFileSync(file, config.join("\n"));
  const program = new Program(peerPath("php-fpm8.2"), ["-F", "-O", "-y", file, ...(asRoot ? ["-R"] : [])]);
  const stop = async (): Promise<void> => {
    await program.stop();
    scratch.remove();
  };
  try {
    await program.waitFor(/ready to handle connections/);
    await program.waitForSocket(address);
  } catch (error) {
    await stop();
    throw error;
  }
  return { address, program, log: () => program.output(), stop };
}
