// The command run to its end, with its two outputs apart.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const COMMAND = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

export interface Ended {
  /** Exit code, or the signal that ended it. */
  readonly status: number | NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array;
  readonly cwd?: string;
  /** A signal sent when this text has come on stdout. */
  readonly signalAt?: { readonly text: string; readonly signal: NodeJS.Signals };
}

/** Most that a command may take before it is killed, in milliseconds. */
const LONGEST = 25_000;

/** `edge-fpm <args>`, to its end. */
export function run(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return runProgram(process.execPath, [COMMAND, ...args], options);
}

export function runProgram(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd, env: { ...process.env, NO_COLOR: "1" } });
    const timer = setTimeout(() => child.kill("SIGKILL"), LONGEST);
    let stdout = "";
    let stderr = "";
    let signalled = false;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      if (options.signalAt === undefined || signalled || !stdout.includes(options.signalAt.text)) return;
      signalled = true;
      child.kill(options.signalAt.signal);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ status: code ?? signal, stdout, stderr });
    });
    // A command that does not read its input may be gone before it is written.
    child.stdin.on("error", () => {});
    child.stdin.end(options.stdin ?? "");
  });
}
