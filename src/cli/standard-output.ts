// Writing to standard output as a filter does.

import { fstatSync, statSync } from "node:fs";

/** `edge-fpm request ... | head` ends with head, as any filter does, and not with a complaint. */
export function stopWhenNobodyReads(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    // 128 + SIGPIPE, what a shell reports of cat.
    process.exit(141);
  });
}

/** Writes text or bytes; settles when there is room for more. */
export function print(text: string | Uint8Array): Promise<void> | undefined {
  if (process.stdout.write(text)) return undefined;
  return new Promise((resolve) => process.stdout.once("drain", resolve));
}

/** Whether a path is the file that this process's standard output or error goes to. */
export function isOwnOutput(path: string): boolean {
  try {
    const file = statSync(path, { throwIfNoEntry: false });
    return (
      file !== undefined &&
      [1, 2].map((fd) => fstatSync(fd)).some(({ dev, ino }) => dev === file.dev && ino === file.ino)
    );
  } catch {
    // A link to itself, such a thing.
    return false;
  }
}
