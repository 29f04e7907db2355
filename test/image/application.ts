// An application's folder for a test, written from a table.

import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Writes files by relative path. A name with a slash at its end is an empty folder; a `Link` becomes a symbolic link. */
export function writeFolder(root: string, files: Readonly<Record<string, string | Uint8Array | Link>>): string {
  mkdirSync(root, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    const target = join(root, path);
    if (path.endsWith("/")) {
      mkdirSync(target, { recursive: true });
      continue;
    }
    mkdirSync(dirname(target), { recursive: true });
    if (content instanceof Link) symlinkSync(content.to, target);
    else writeFileSync(target, content);
  }
  return root;
}

export class Link {
  readonly to: string;
  constructor(to: string) {
    this.to = to;
  }
}

/** Gives a file a modification time: seconds since 1970. */
export function setTime(path: string, seconds: number): void {
  utimesSync(path, seconds, seconds);
}
