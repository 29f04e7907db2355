// X-Sendfile: a script names a file, and the gateway sends it.

import { GatewayError } from "../errors.ts";
import type { FileEntry, FileSource } from "../files.ts";

/** A folder that files may be sent from: as the scripts name it, and as the gateway reads it. */
export interface SendFolder {
  /** Byte string, without a slash at its end. */
  readonly name: string;
  readonly files: FileSource;
}

/**
 * The file with a name that a script gave.
 * @throws {GatewayError} `GATEWAY_NOT_FOUND`: none of the folders has it. Nothing outside of them is sent.
 */
export async function sendableFile(name: string, folders: readonly SendFolder[]): Promise<FileEntry> {
  for (const folder of folders) {
    const below = folder.name === "/" ? name : name.slice(folder.name.length);
    if (!name.startsWith(folder.name) || !below.startsWith("/")) continue;
    if (below.includes("\0") || /\/\.\.?(?:\/|$)/.test(below)) continue;
    const entry = await folder.files.find(below.replace(/\/{2,}/g, "/"));
    if (entry?.type === "file") return entry;
  }
  throw new GatewayError(
    "GATEWAY_NOT_FOUND",
    404,
    `X-Sendfile names ${name}, which is no file below the document root`,
  );
}
