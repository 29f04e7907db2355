// The file that tells other programs the process id.

import { rmSync, writeFileSync } from "node:fs";
import { CliError, messageOf } from "./failure.ts";

/** @throws {CliError} when it cannot be written */
export function writePid(path: string | undefined): void {
  if (path === undefined) return;
  try {
    // Not through a link that somebody else put there.
    rmSync(path, { force: true });
    writeFileSync(path, String(process.pid), { mode: 0o644, flag: "wx" });
  } catch (error) {
    throw new CliError(`The pid file ${path} cannot be written: ${messageOf(error)}`, { cause: error });
  }
}

/** Safe to call twice. */
export function removePid(path: string | undefined): void {
  try {
    if (path !== undefined) rmSync(path, { force: true });
  } catch {
    // Its folder may belong to root, which we no longer are: the next start replaces it.
  }
}
