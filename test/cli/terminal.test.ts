// The command on a terminal: the moving line, colours, the offer to install a version of PHP, and Ctrl-C as a key.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { runProgram } from "./run.ts";
import { writeScripts } from "./scripts.ts";

const COMMAND = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const TERMINAL = fileURLToPath(new URL("./terminal.py", import.meta.url));

const hasTerminals = (() => {
  try {
    execFileSync("python3", ["-c", "import os, pty; os.waitstatus_to_exitcode"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

let scratch: Scratch;
beforeAll(() => {
  scratch = makeScratch("terminal");
  writeScripts(scratch.path);
});
afterAll(() => scratch.remove());

/** Runs the command on a terminal; types `keys` when `wanted` is seen. */
async function onTerminal(wanted: string, keys: string, args: readonly string[], colour = false) {
  const environment = colour ? ["env", "-u", "NO_COLOR", "TERM=xterm"] : ["env", "TERM=dumb"];
  const command = [...environment, process.execPath, COMMAND, ...args];
  const { stdout } = await runProgram("python3", [TERMINAL, wanted, keys, ...command]);
  return { shown: stdout, status: Number(/status (-?\d+)\n$/.exec(stdout)?.[1]) };
}

describe.skipIf(!hasTerminals)("on a terminal (python3 3.9 or later makes one: apt-get install -y python3)", () => {
  test("a missing version of PHP is offered, and 'n' ends with the error", async () => {
    const { shown, status } = await onTerminal("[Y/n]", "n\n", ["serve", scratch.path, "-p", "0", "--php", "8.3"]);
    const install = "npm install @php-wasm/node-8-3@";
    expect(shown).toContain("PHP 8.3 is not installed. Run");
    expect(shown.slice(shown.indexOf("[Y/n]"))).toContain(install);
    expect(shown).not.toContain("Installing");
    expect(status).toBe(1);
  });

  test("Ctrl-C at the question ends the command and installs nothing", async () => {
    const { shown, status } = await onTerminal("[Y/n]", "\u0003", ["serve", scratch.path, "-p", "0", "--php", "8.3"]);
    expect(shown).not.toContain("Installing");
    expect(shown).not.toContain("    at ");
    expect(status).not.toBe(0);
  });

  test("Ctrl-D at the question does too", async () => {
    const { shown, status } = await onTerminal("[Y/n]", "\u0004", ["serve", scratch.path, "-p", "0", "--php", "8.3"]);
    expect(shown).not.toContain("Installing");
    expect(shown).not.toContain("Warning");
    expect(status).not.toBe(0);
  });

  test("progress is one moving line, and the Ctrl-C key ends with 0", async () => {
    const { shown, status } = await onTerminal("Ctrl-C stops it", "\u0003", ["serve", scratch.path, "-p", "0"], true);
    expect(shown).toContain("\r\u001b[K");
    expect(shown).toContain("MB of WebAssembly");
    expect(shown).toContain("\u001b[1m\u001b[36mhttp://127.0.0.1:");
    expect(shown).toContain("Stopped.");
    expect(status).toBe(0);
  });

  test("a dumb terminal gets neither colours nor a moving line", async () => {
    const { shown, status } = await onTerminal("Ctrl-C stops it", "\u0003", ["serve", scratch.path, "-p", "0"]);
    expect(shown).toMatch(/Preparing PHP \d\.\d \.\.\./);
    expect(shown).not.toContain("\u001b[");
    expect(status).toBe(0);
  });
});
