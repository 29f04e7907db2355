// Bodies that are too long for memory, in temporary files.

import { randomUUID } from "node:crypto";
import { open, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Spool } from "../../gateway/index.ts";

/** Bytes read at a time. */
const CHUNK = 64 * 1024;

/**
 * Spools into files without a name: each is unlinked as soon as it is open, so that nothing stays behind, not even
 * when this process is killed. (Windows removes the file when it is closed.)
 *
 * @param folder the system's temporary folder when absent
 */
export function nodeSpool(folder: string = tmpdir()): Spool {
  return async () => {
    const path = join(folder, `edge-fpm-body-${randomUUID()}`);
    const handle = await open(path, "wx+", 0o600);
    try {
      await unlink(path);
    } catch (error) {
      await handle.close();
      throw error;
    }
    let length = 0;
    let closed: Promise<void> | undefined;
    return {
      async append(chunk) {
        for (let at = 0; at < chunk.length; ) {
          const { bytesWritten } = await handle.write(chunk, at, chunk.length - at, length);
          at += bytesWritten;
          length += bytesWritten;
        }
      },
      async *read(from = 0) {
        const buffer = new Uint8Array(Math.min(CHUNK, length - from));
        for (let at = from; at < length; ) {
          const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, length - at), at);
          if (bytesRead === 0) throw new Error("the spooled body became shorter");
          at += bytesRead;
          yield buffer.subarray(0, bytesRead);
        }
      },
      discard() {
        closed ??= handle.close();
        return closed;
      },
    };
  };
}
