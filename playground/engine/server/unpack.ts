// A zip archive with an application, unpacked into the store. Fetched when a visitor brings one.

import { type ArchiveEntry, entryData, readArchive } from "../../../src/php/zip.ts";
import type { PageFiles } from "../../../src/platform/browser/page-files.ts";
import { EngineError, type UnpackProgress } from "../types.ts";
import { comingFolder, PUBLIC, removeFolder, takePlace } from "./unpacked.ts";

/** Bytes of the archive, which is in memory while it is unpacked. */
const MOST_ZIP = 128 * 1024 * 1024;
/** Bytes and number of what is in it. */
const MOST_BYTES = 300 * 1024 * 1024;
const MOST_FILES = 20_000;
const MOST_FILE = 64 * 1024 * 1024;

/** What packers leave in an archive, and nobody's application. */
const IGNORED = /(?:^|\/)(?:__MACOSX|\.git|\.DS_Store)(?:\/|$)/;

/**
 * Unpacks into `folder` (absolute, without a slash at its end), in the place of what is there. One folder that holds
 * everything in the archive is left out.
 *
 * @throws {EngineError} `ARCHIVE_LIMIT`, `ARCHIVE_NO_APPLICATION`; all is as before
 * @throws {ArchiveError} no zip archive @throws {FileError} no room
 */
export async function unpack(
  zip: Blob,
  files: PageFiles,
  folder: string,
  report: (progress: UnpackProgress) => void,
): Promise<UnpackProgress> {
  if (zip.size > MOST_ZIP) throw limit(`the archive has ${megabytes(zip.size)}`, megabytes(MOST_ZIP));
  const archive = new Uint8Array(await zip.arrayBuffer());
  const entries = wanted(readArchive(archive));
  const total = entries.reduce((sum, { size }) => sum + size, 0);
  check(entries, total);
  const coming = comingFolder(folder);
  removeFolder(files, coming);
  const writer = files.writer();
  const progress = { files: 0, bytes: 0, totalFiles: entries.length, totalBytes: total };
  let told = performance.now();
  try {
    writer.directory(coming);
    for (const { entry, path, size } of entries) {
      writer.file(`${coming}/${path}`, await contentOf(archive, entry), entry.modified);
      progress.files += 1;
      progress.bytes += size;
      if (performance.now() - told < 100) continue;
      told = performance.now();
      report({ ...progress });
    }
    writer.flush();
  } catch (error) {
    removeFolder(files, coming);
    throw error;
  }
  takePlace(files, folder);
  return progress;
}

interface Wanted {
  readonly entry: ArchiveEntry;
  /** Below the application's folder. */
  readonly path: string;
  readonly size: number;
}

function wanted(entries: readonly ArchiveEntry[]): Wanted[] {
  const files = entries.filter(({ directory, path }) => !directory && !IGNORED.test(path));
  const first = files[0]?.path.match(/^[^/]+\//)?.[0] ?? "";
  const common = first !== "" && files.every(({ path }) => path.startsWith(first)) ? first.length : 0;
  return files.map((entry) => ({ entry, path: entry.path.slice(common), size: entry.size }));
}

function check(entries: readonly Wanted[], total: number): void {
  if (entries.length > MOST_FILES) throw limit(`the archive has ${entries.length} files`, String(MOST_FILES));
  if (total > MOST_BYTES) throw limit(`the files have ${megabytes(total)}`, megabytes(MOST_BYTES));
  const long = entries.find(({ size }) => size > MOST_FILE);
  if (long !== undefined) throw limit(`${long.path} has ${megabytes(long.size)}`, `${megabytes(MOST_FILE)} a file`);
  if (!entries.some(({ path }) => PUBLIC.some((part) => path === `${part}index.php`))) {
    throw new EngineError(
      "ARCHIVE_NO_APPLICATION",
      "the archive has no index.php at its top, in the one folder at its top, or in public, web, htdocs or public_html",
    );
  }
}

async function contentOf(archive: Uint8Array, entry: ArchiveEntry): Promise<Uint8Array> {
  const data = entryData(archive, entry);
  if (data === undefined) throw new EngineError("ARCHIVE_MALFORMED", `${entry.path} lies beyond the archive's end`);
  if (!entry.deflated) return data;
  const into = new Uint8Array(entry.size);
  let at = 0;
  const reader = new Blob([data as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream("deflate-raw"))
    .getReader();
  for (;;) {
    const { value, done } = await reader.read().catch(() => {
      throw new EngineError("ARCHIVE_MALFORMED", `${entry.path} cannot be inflated: the archive is damaged`);
    });
    if (done) break;
    if (at + value.length > into.length) {
      void reader.cancel();
      throw new EngineError("ARCHIVE_MALFORMED", `${entry.path} has more than the ${entry.size} bytes that it claims`);
    }
    into.set(value, at);
    at += value.length;
  }
  if (at !== into.length) throw new EngineError("ARCHIVE_MALFORMED", `${entry.path} has ${at} of ${entry.size} bytes`);
  return into;
}

function limit(seen: string, allowed: string): EngineError {
  return new EngineError("ARCHIVE_LIMIT", `${seen}; at most ${allowed} can be unpacked here`);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(0)} MB`;
}
