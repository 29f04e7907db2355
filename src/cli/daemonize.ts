// Going to the background. JavaScript cannot fork: the command starts itself a second time, detached and with -F, waits
// until that one is ready or has failed, and ends with its status, as php-fpm's first process does.

import { spawn } from "node:child_process";
import { CliError, messageOf } from "./failure.ts";
import { note } from "./terminal.ts";

/** Tells the second process that somebody waits for it. */
const VARIABLE = "EDGE_FPM_BACKGROUND";

/** What the second one says once. */
const READY = "ready";

/** Most that is kept of what it complains before it is ready, in characters. */
const COMPLAINT = 64 * 1024;

/**
 * Starts this command line again in the background.
 *
 * @returns 0 when it is ready, its own exit status when it failed; its complaints are printed then
 */
export function daemonize(): Promise<number> {
  const [node = process.execPath, ...rest] = process.argv;
  const child = spawn(node, [...process.execArgv, ...withForeground(rest)], {
    detached: true,
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    env: { ...process.env, [VARIABLE]: "1" },
  });
  return new Promise((resolve, reject) => {
    let complaint = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      complaint = (complaint + text).slice(-COMPLAINT);
    });
    child.once("error", (error) => {
      reject(new CliError(`Cannot go to the background: ${messageOf(error)}`, { cause: error }));
    });
    child.once("message", (message) => {
      if (message !== READY) return;
      child.stderr?.destroy();
      child.disconnect();
      child.unref();
      resolve(0);
    });
    child.once("close", (code) => {
      if (complaint !== "") note(complaint.trimEnd());
      resolve(code ?? 1);
    });
  });
}

/** The arguments with -F in place of what asked for the background; `argv` begins with the script's path. */
function withForeground(argv: readonly string[]): string[] {
  const [script = "", command = "", ...rest] = argv;
  const isLong = (argument: string) => argument === "--daemonize";
  // -D may stand in a group such as -DR.
  const options = rest
    .filter((argument) => !isLong(argument))
    .map((argument) => (/^-[tFDORneimv]*D[tFDORneimv]*$/.test(argument) ? argument.replace("D", "F") : argument));
  return [script, command, "--nodaemonize", ...options];
}

/** To be called once requests are taken: the first process ends then. Its standard error is closed from now on. */
export function announceReady(): void {
  if (process.env[VARIABLE] === undefined || process.send === undefined) return;
  delete process.env[VARIABLE];
  // Whatever is still written there goes nowhere.
  process.stderr.on("error", () => {});
  process.send(READY, () => {
    if (process.connected) process.disconnect();
  });
}
