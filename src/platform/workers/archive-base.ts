// The application's archive as the lowest layer of a pool's files, at the path where PHP sees it.

import { inflateRawSync } from "node:zlib";
import type { BaseEntry, BaseFiles } from "../../fs/index.ts";
import { type ArchiveEntry, entryData, readArchive } from "../../php/zip.ts";

export interface ArchiveBaseOptions {
  /** Changes with every build. */
  readonly version: string;
  /** Absolute path of the application. */
  readonly mount: string;
  /** Absolute paths of directories that are there from the beginning. */
  readonly directories: readonly string[];
}

/** Nothing is inflated before it is read. */
export function archiveBase(archive: Uint8Array, { version, mount, directories }: ArchiveBaseOptions): BaseFiles {
  const at = mount.slice(1);
  let known: Map<string, ArchiveEntry> | undefined;
  const entries = () => {
    known ??= new Map(readArchive(archive).map((entry) => [`${at}/${entry.path}`, entry]));
    return known;
  };
  /** The file read last: it is read in pieces. */
  let last: { readonly path: string; readonly bytes: Uint8Array } | undefined;
  return {
    version,
    *entries(): Iterable<BaseEntry> {
      for (const path of [mount, ...directories]) yield directoryEntry(path.slice(1));
      for (const [path, { directory, size, modified }] of entries()) {
        yield directory ? directoryEntry(path) : { path, type: "file", size, modified };
      }
    },
    read(path, offset, length) {
      if (last?.path !== path) {
        const entry = entries().get(path);
        const data = entry && entryData(archive, entry);
        if (entry === undefined || data === undefined) throw new Error(`${path} is not in the application's archive`);
        last = { path, bytes: entry.deflated ? new Uint8Array(inflateRawSync(data)) : data };
      }
      return last.bytes.slice(offset, offset + length);
    },
  };
}

function directoryEntry(path: string): BaseEntry {
  return { path, type: "directory", size: 0, modified: 0 };
}
