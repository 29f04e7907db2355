// The two applications under test: real php-fpm 8.2, and ours. Each gets the settings that php-src's own runner gives, and
// a copy of the tests' folders.

import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connectExchange } from "../../src/transport/connect-exchange.ts";
import { connectAddress } from "../../src/transport/node/connect.ts";
import { findProgram, installLine, PEERS } from "../peers/binaries.ts";
import { startFpm } from "../peers/edge-fpm.ts";
import { Program } from "../peers/program.ts";
import { makeScratch } from "../peers/scratch.ts";
import type { Application } from "./run-test.ts";
import { FOLDERS, SOURCE_TREE } from "./sources.ts";

export interface RunningApplication extends Application {
  /** Requests that it can take at the same time. */
  readonly children: number;
  log(): string;
  stop(): Promise<void>;
}

/** The settings of php-src's run-tests.php. */
const INI = `
output_buffering = 0
error_reporting = 32767
display_errors = 1
display_startup_errors = 1
log_errors = 0
html_errors = 0
report_memleaks = 1
docref_root =
docref_ext = .html
error_prepend_string =
error_append_string =
auto_prepend_file =
auto_append_file =
ignore_repeated_errors = 0
precision = 14
serialize_precision = -1
memory_limit = 128M
max_execution_time = 0
opcache.file_update_protection = 0
opcache.revalidate_freq = 0
zend.assertions = 1
zend.exception_ignore_args = 0
zend.exception_string_param_max_len = 15
short_open_tag = 0
variables_order = "EGPCS"
register_argc_argv = 1
date.timezone = UTC
`;

/** php-fpm 8.2. Each request gets a fresh process: settings sent with a request would stay in it. */
export async function startNative(timeout: number): Promise<RunningApplication> {
  const scratch = makeScratch("phpt-native");
  const children = 4;
  const socket = join(scratch.path, "fpm.sock");
  const asRoot = process.getuid?.() === 0;
  const ini = join(scratch.path, "php.ini");
  writeFileSync(ini, INI);
  const file = join(scratch.path, "php-fpm.conf");
  writeFileSync(
    file,
    [
      "[global]",
      `error_log = ${join(scratch.path, "error.log")}`,
      "daemonize = no",
      "[www]",
      ...(asRoot ? ["user = root", "group = root"] : []),
      `listen = ${socket}`,
      "listen.backlog = 512",
      "pm = static",
      `pm.max_children = ${children}`,
      "pm.max_requests = 1",
      `request_terminate_timeout = ${Math.ceil(timeout / 1000)}`,
      "",
    ].join("\n"),
  );
  const args = ["-F", "-O", "-y", file, "-c", ini, ...(asRoot ? ["-R"] : [])];
  const program = new Program(nativeProgram(), args, { env: { TZ: "UTC" } });
  await program.waitForSocket({ path: socket });
  return {
    ...running(copyTests(scratch.path), { type: "unix", path: socket }, children, timeout),
    log: () => program.output(),
    stop: async () => {
      await program.stop();
      scratch.remove();
    },
  };
}

/** Ours, with PHP 8.2. Children are kept: what one test leaves behind would show in the next one. */
export async function startOurs(timeout: number): Promise<RunningApplication> {
  const scratch = makeScratch("phpt-ours");
  const children = 2;
  const ini = join(scratch.path, "php.ini");
  writeFileSync(ini, INI);
  const folder = copyTests(scratch.path);
  const socket = join(scratch.path, "edge.sock");
  const fpm = await startFpm(
    folder,
    { kind: "unix", path: socket },
    {
      php: "8.2",
      children,
      args: ["--php-ini", ini, "--terminate-timeout", String(Math.ceil(timeout / 1000))],
    },
  );
  return {
    ...running(folder, { type: "unix", path: socket }, children, timeout),
    log: () => fpm.log(),
    stop: async () => {
      await fpm.stop();
      scratch.remove();
    },
  };
}

function nativeProgram(): string {
  const path = findProgram(PEERS["php-fpm8.2"].commands);
  if (path === undefined) throw new Error(`php-fpm8.2 is not installed; to install it: ${installLine(["php-fpm8.2"])}`);
  return path;
}

function running(
  folder: string,
  address: { readonly type: "unix"; readonly path: string },
  children: number,
  timeout: number,
): Application & { readonly children: number } {
  // A little above the application's own limit, so that its answer comes first.
  const exchange = connectExchange(connectAddress(address), { readTimeout: 0 });
  return { exchange, folder, children, timeout: timeout + 5_000 };
}

function copyTests(scratch: string): string {
  const folder = join(scratch, "php-src");
  for (const path of FOLDERS) {
    mkdirSync(join(folder, path), { recursive: true });
    cpSync(join(SOURCE_TREE, path), join(folder, path), { recursive: true });
  }
  return folder;
}
