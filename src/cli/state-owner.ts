// Who has a folder of pools' files open: two workerds on one would spoil it, and `edge-fpm fs` asks the one that runs.

import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The file in the folder that tells. It holds a secret: for its owner's eyes. */
const FILE = "owner.json";

/** A running workerd, and how its files are reached. */
export interface StateOwner {
  readonly pid: number;
  /** Its HTTP address; "" while it starts. */
  readonly url: string;
  /** Who knows it reaches the files. */
  readonly token: string;
}

/** No dash at its beginning: `--token` could not be followed by it. */
export function newToken(): string {
  return randomBytes(24).toString("hex");
}

/** Who has the folder open, if a process does. */
export function ownerOf(folder: string): StateOwner | undefined {
  let owner: StateOwner;
  try {
    owner = JSON.parse(readFileSync(join(folder, FILE), "utf8")) as StateOwner;
  } catch {
    return undefined;
  }
  return Number.isInteger(owner.pid) && owner.pid !== process.pid && isAlive(owner.pid) ? owner : undefined;
}

/** Says that this process has the folder open. @returns what takes it back */
export function claimState(folder: string, owner: Omit<StateOwner, "pid">): () => void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, FILE);
  // A file of before keeps its rights when it is written to.
  rmSync(path, { force: true });
  writeFileSync(path, JSON.stringify({ pid: process.pid, ...owner }), { mode: 0o600 });
  const release = () => rmSync(path, { force: true });
  // miniflare ends the process at a signal, whoever else listens.
  process.once("exit", release);
  return () => {
    process.off("exit", release);
    release();
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { readonly code?: unknown }).code === "EPERM";
  }
}
