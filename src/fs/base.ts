// The application's files, as the build made them: read-only, known to every child, and the lowest layer of the store.
//
// Their names and sizes become nodes of the tree like any other; only their contents stay in the archive, until the
// first write. When another build is deployed the trees are joined three ways: what nobody touched follows the new
// build, what was changed, moved or deleted stays so.

/** A file, directory or link of the application. */
export interface BaseEntry {
  /** Below the root, "wp-content/index.php": no slash at its ends. Directories may be left out. */
  readonly path: string;
  readonly type: "file" | "directory" | "symlink";
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
  /** Permission bits; default 0o644, 0o755 for a directory. */
  readonly mode?: number;
  /** Of a link. */
  readonly target?: string;
}

/** The application's files. */
export interface BaseFiles {
  /** Changes with every build. */
  readonly version: string;
  entries(): Iterable<BaseEntry>;
  /** Exactly these bytes of a file. */
  read(path: string, offset: number, length: number): Uint8Array;
}

/** No application: an empty store. */
export const NO_BASE: BaseFiles = { version: "", entries: () => [], read: () => new Uint8Array(0) };

/** Entries with the directories above them, each before what it contains. */
export function withDirectories(entries: Iterable<BaseEntry>): BaseEntry[] {
  const all = new Map<string, BaseEntry>();
  for (const entry of entries) {
    for (let at = entry.path.indexOf("/"); at >= 0; at = entry.path.indexOf("/", at + 1)) {
      const path = entry.path.slice(0, at);
      if (!all.has(path)) all.set(path, { path, type: "directory", size: 0, modified: entry.modified });
    }
    all.set(entry.path, entry);
  }
  return [...all.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Nodes that get one `seq` when a base comes in, so that answers with changes can be divided. */
export const BASE_STEP = 1024;

/** A fixed tree from bytes by path: for tests, and for a small application in memory. */
export function baseFromFiles(version: string, files: Readonly<Record<string, Uint8Array>>, modified = 0): BaseFiles {
  const known = new Map(Object.entries(files));
  return {
    version,
    *entries() {
      for (const [path, bytes] of known) yield { path, type: "file" as const, size: bytes.length, modified };
    },
    read: (path, offset, length) => (known.get(path) ?? new Uint8Array(0)).slice(offset, offset + length),
  };
}
