// The application's archive as the lowest layer of the file store.

import type { BaseEntry, BaseFiles } from "../../fs/index.ts";
import { type ArchiveEntry, entryData, readArchive } from "../../php/zip.ts";

export interface ArchiveBaseOptions {
  /** The zip archive of the build. It is kept, and must not be changed. */
  readonly archive: Uint8Array;
  /** Changes with every build. */
  readonly version: string;
  /** The folder of the store that shows it, without a slash at its start: "app" for "/app". */
  readonly at: string;
  /** Inflates raw deflate data: `inflateRawSync` of node:zlib. */
  readonly inflate: (compressed: Uint8Array) => Uint8Array;
}

/**
 * The file that was read last is kept inflated, because a copy is made piece by piece.
 *
 * @throws {ArchiveError} `ARCHIVE_MALFORMED`, `ARCHIVE_UNSUPPORTED`
 */
export function archiveBase({ archive, version, at, inflate }: ArchiveBaseOptions): BaseFiles {
  const entries = new Map<string, ArchiveEntry>();
  for (const entry of readArchive(archive)) entries.set(at === "" ? entry.path : `${at}/${entry.path}`, entry);
  let last: { readonly path: string; readonly bytes: Uint8Array } | undefined;
  return {
    version,
    *entries(): Iterable<BaseEntry> {
      for (const [path, { directory, size, modified }] of entries) {
        yield { path, type: directory ? "directory" : "file", size: directory ? 0 : size, modified };
      }
    },
    read(path, offset, length) {
      if (last?.path !== path) {
        const entry = entries.get(path);
        const data = entry && entryData(archive, entry);
        // Nothing, or too little: an I/O error to whoever reads.
        if (entry === undefined || data === undefined) return new Uint8Array(0);
        last = { path, bytes: entry.deflated ? inflate(data) : data };
      }
      return new Uint8Array(last.bytes.subarray(offset, offset + length));
    },
  };
}
