// An application as one zip archive, the same bytes for the same files wherever and whenever it is made. Node's side;
// `src/php/archive.ts` reads it.

import { readFileSync } from "node:fs";
import { type Zippable, zipSync } from "fflate";
import type { Application } from "./application-files.ts";
import { ImageError } from "./errors.ts";

/** Files whose formats compress already: deflating them again costs time at every read and saves nothing. */
const COMPRESSED = /\.(?:jpe?g|png|gif|webp|avif|ico|woff2?|mp[34]|m4a|webm|ogg|zip|gz|bz2|xz|br|zst|phar|7z)$/i;

/** Extra field with the time in seconds since 1970 (UTC); zip's own time is a local one, of two seconds. */
const UNIX_TIME = 0x5455;

/** Zip's own time for everything: the first day that it can tell, by any clock. */
const EPOCH = new Date(1980, 0, 1);

/** Entries that a zip archive without extensions can hold. */
const MOST_ENTRIES = 0xffff - 1;

export interface ArchiveWriterOptions {
  /** zlib's level, 1 to 9. Default 9: written once, stored and sent often. */
  readonly level?: 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;
}

/**
 * Packs an application. Folders get entries of their own, so that empty ones exist too.
 *
 * @throws {ImageError} `IMAGE_LIMIT` for more entries than a zip archive holds; `IMAGE_NAME`
 */
export function writeArchive(application: Application, options: ArchiveWriterOptions = {}): Uint8Array<ArrayBuffer> {
  const { files, directories } = application;
  if (files.length + directories.length > MOST_ENTRIES) {
    throw new ImageError(
      "IMAGE_LIMIT",
      `${files.length} files and ${directories.length} folders; an archive holds ${MOST_ENTRIES}`,
    );
  }
  const level = options.level ?? 9;
  const entries: Zippable = {};
  for (const path of directories) entries[`${path}/`] = [new Uint8Array(), { level: 0, mtime: EPOCH }];
  for (const { path, source, modified } of files) {
    if (path === "__proto__") throw new ImageError("IMAGE_NAME", "a file with the name __proto__ cannot be packed");
    const content = new Uint8Array(readFileSync(source));
    const extra = { [UNIX_TIME]: unixTime(modified) };
    entries[path] = [content, { level: COMPRESSED.test(path) ? 0 : level, mtime: EPOCH, extra }];
  }
  return zipSync(entries);
}

/** The content of the extra field: which times follow (the modification time alone), and it. */
function unixTime(milliseconds: number): Uint8Array {
  const bytes = new Uint8Array(5);
  bytes[0] = 1;
  new DataView(bytes.buffer).setInt32(1, Math.floor(milliseconds / 1000), true);
  return bytes;
}
