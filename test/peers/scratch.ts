// A temporary folder that goes away with its test.

import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Scratch {
  readonly path: string;
  /** Deletes the folder. Safe to call twice. */
  remove(): void;
}

/** Makes an empty folder that every local user may enter (a web server's workers may not be ours). */
export function makeScratch(label: string): Scratch {
  const path = mkdtempSync(join(tmpdir(), `edge-fpm-${label}-`));
  chmodSync(path, 0o755);
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 3 }) };
}
