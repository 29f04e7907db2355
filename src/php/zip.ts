// The table of contents of a zip archive, as `edge-fpm build` writes it: which files there are, and where their data lie.

export type ArchiveErrorCode =
  /** The bytes are no zip archive, or one that contradicts itself. */
  | "ARCHIVE_MALFORMED"
  /** A zip archive that uses what this reader does not know, or a name that must not become a path. */
  | "ARCHIVE_UNSUPPORTED";

/** A bad archive: made by something else than `edge-fpm build`, or damaged. Test `error.code`. */
export class ArchiveError extends Error {
  override readonly name = "ArchiveError";
  readonly code: ArchiveErrorCode;

  constructor(code: ArchiveErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A file or folder of an archive. */
export interface ArchiveEntry {
  /** Relative, with slashes; a folder's has none at its end. */
  readonly path: string;
  readonly directory: boolean;
  /** Bytes after inflating. */
  readonly size: number;
  /** Milliseconds since 1970; whole seconds. */
  readonly modified: number;
  /** Stored as it is, or deflated. */
  readonly deflated: boolean;
  /** Bytes in the archive. */
  readonly compressedSize: number;
  /** Where its local header stands. */
  readonly offset: number;
}

// The numbers below are those of APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16.

const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_SIZE = 30;
const CENTRAL_SIGNATURE = 0x02014b50;
const CENTRAL_SIZE = 46;
const END_SIGNATURE = 0x06054b50;
const END_SIZE = 22;
/** The archive's comment, behind the end record, has at most that many bytes. */
const MOST_COMMENT = 0xffff;

const STORED = 0;
const DEFLATED = 8;

/** Extra field with times in seconds since 1970, UTC: the other ones are local times of nobody knows where. */
const UNIX_TIME = 0x5455;

/**
 * The table of contents of a zip archive. Only that is read, not the files.
 *
 * @throws {ArchiveError} `ARCHIVE_MALFORMED`, `ARCHIVE_UNSUPPORTED`
 */
export function readArchive(archive: Uint8Array): ArchiveEntry[] {
  const view = viewOf(archive);
  const end = findEnd(view);
  const count = view.getUint16(end + 10, true);
  const size = view.getUint32(end + 12, true);
  let at = view.getUint32(end + 16, true);
  if (count === 0xffff || size === 0xffffffff || at === 0xffffffff) {
    throw new ArchiveError("ARCHIVE_UNSUPPORTED", "a zip archive of more than 65,534 files or 4 GiB (ZIP64)");
  }
  if (at + size > end) throw malformed("its table of contents lies beyond its end");

  const names = new Names();
  const entries: ArchiveEntry[] = [];
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL_SIZE > end || view.getUint32(at, true) !== CENTRAL_SIGNATURE) {
      throw malformed(`entry ${i} of its table of contents is missing`);
    }
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const next = at + CENTRAL_SIZE + nameLength + extraLength + view.getUint16(at + 32, true);
    if (next > end) throw malformed(`entry ${i} of its table of contents is cut short`);
    const name = names.add(archive.subarray(at + CENTRAL_SIZE, at + CENTRAL_SIZE + nameLength));
    const extra = at + CENTRAL_SIZE + nameLength;
    const entry: ArchiveEntry = {
      path: name.path,
      directory: name.directory,
      size: view.getUint32(at + 24, true),
      modified: unixTime(view, extra, extra + extraLength) ?? dosTime(view.getUint32(at + 12, true)),
      deflated: methodOf(view, at, name.path) === DEFLATED,
      compressedSize: view.getUint32(at + 20, true),
      offset: view.getUint32(at + 42, true),
    };
    checkData(view, entry);
    entries.push(entry);
    at = next;
  }
  return entries;
}

/**
 * The data of an entry, as they lie in the archive; `undefined` when they are beyond its end. They stand behind the local
 * header, whose name and extra field may differ from those of the table of contents.
 */
export function entryData(archive: Uint8Array, { offset, compressedSize }: ArchiveEntry): Uint8Array | undefined {
  const view = viewOf(archive);
  const start = offset + LOCAL_SIZE + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  const end = start + compressedSize;
  return end > archive.length ? undefined : archive.subarray(start, end);
}

/** Refuses names that are no paths below the archive's folder, and two things with one name. */
class Names {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  readonly #directories = new Set<string>([""]);
  readonly #files = new Set<string>();

  add(bytes: Uint8Array): { path: string; directory: boolean } {
    const name = this.#decode(bytes);
    const directory = name.endsWith("/");
    const path = directory ? name.slice(0, -1) : name;
    const segments = path.split("/");
    if (path.includes("\0") || segments.some((segment) => segment === "" || segment === "." || segment === "..")) {
      throw new ArchiveError("ARCHIVE_UNSUPPORTED", `the name ${JSON.stringify(name)} is no path inside the archive`);
    }
    for (let parent = parentOf(path); parent !== ""; parent = parentOf(parent)) {
      if (this.#files.has(parent)) throw malformed(`${JSON.stringify(parent)} is a file and a folder`);
      this.#directories.add(parent);
    }
    if (this.#files.has(path) || (!directory && this.#directories.has(path))) {
      throw malformed(`the name ${JSON.stringify(name)} is there twice`);
    }
    (directory ? this.#directories : this.#files).add(path);
    return { path, directory };
  }

  #decode(bytes: Uint8Array): string {
    try {
      return this.#decoder.decode(bytes);
    } catch {
      throw new ArchiveError("ARCHIVE_UNSUPPORTED", "a name that is not UTF-8");
    }
  }
}

function findEnd(view: DataView): number {
  const first = Math.max(0, view.byteLength - END_SIZE - MOST_COMMENT);
  for (let at = view.byteLength - END_SIZE; at >= first; at--) {
    if (view.getUint32(at, true) === END_SIGNATURE) return at;
  }
  throw malformed("it has no end record: no zip archive, or one that was cut short");
}

function methodOf(view: DataView, at: number, path: string): number {
  const encrypted = (view.getUint16(at + 8, true) & 1) !== 0;
  const method = view.getUint16(at + 10, true);
  if (!encrypted && (method === STORED || method === DEFLATED)) return method;
  const what = encrypted ? "is encrypted" : `is compressed by method ${method}`;
  throw new ArchiveError("ARCHIVE_UNSUPPORTED", `${path} ${what}; stored and deflated files are known`);
}

function checkData(view: DataView, entry: ArchiveEntry): void {
  const { path, offset, compressedSize } = entry;
  if (offset + LOCAL_SIZE + compressedSize > view.byteLength || view.getUint32(offset, true) !== LOCAL_SIGNATURE) {
    throw malformed(`the data of ${path} are missing`);
  }
  if (!entry.deflated && compressedSize !== entry.size) throw malformed(`${path} has two different sizes`);
}

function unixTime(view: DataView, start: number, end: number): number | undefined {
  for (let at = start; at + 4 <= end; at += 4 + view.getUint16(at + 2, true)) {
    // The lowest bit of the flags: a modification time follows.
    if (view.getUint16(at, true) !== UNIX_TIME || at + 9 > end || (view.getUint8(at + 4) & 1) === 0) continue;
    return view.getInt32(at + 5, true) * 1000;
  }
  return undefined;
}

function dosTime(value: number): number {
  return Date.UTC(
    (value >>> 25) + 1980,
    ((value >>> 21) & 15) - 1,
    (value >>> 16) & 31,
    (value >>> 11) & 31,
    (value >>> 5) & 63,
    (value & 31) * 2,
  );
}

/** The folder that a path lies in; "" for the top. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function malformed(what: string): ArchiveError {
  return new ArchiveError("ARCHIVE_MALFORMED", `not an archive of an application: ${what}`);
}
