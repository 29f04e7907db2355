// A tar archive into a store, as its bytes come: each file appears whole, in the place of one that is there.

import { FileError, FileStoreError } from "./errno.ts";
import { PIECE_BYTES } from "./limits.ts";
import { type NodeRecord, ROOT } from "./node.ts";
import type { FileOperation } from "./operation.ts";
import type { FileStore } from "./store.ts";
import { type TarEntry, TarReader } from "./tar.ts";

export interface ImportResult {
  readonly files: number;
  readonly directories: number;
  readonly links: number;
  /** Of the files' contents. */
  readonly bytes: number;
}

/** The store's owner has no life: its stages have this number, and negative ids of its own. */
const OWNER = 0;

/** Inode numbers taken at once. */
const INODES = 256;

/** One import. Push bytes, then end. Several may go on at once. */
export class TarImport {
  static #lastStage = 0;
  readonly #store: FileStore;
  readonly #root: string;
  readonly #now: () => number;
  readonly #holders: () => ReadonlySet<number>;
  #inodes = { next: 0, end: 0 };
  readonly #reader = new TarReader();
  readonly #result = { files: 0, directories: 0, links: 0, bytes: 0 };
  /** Times of directories, which change as long as files come into them. */
  readonly #times = new Map<number, number>();
  #file: { readonly entry: TarEntry; readonly stage: number; index: number } | undefined;
  #piece = new Uint8Array(0);
  #filled = 0;

  /**
   * @param root the directory that the archive's paths are below; made when missing
   * @param now milliseconds since 1970
   * @param holders children that may have a file open which is replaced; default: none
   */
  constructor(store: FileStore, root: string, now: () => number, holders: () => Set<number> = () => new Set()) {
    this.#store = store;
    this.#root = root;
    this.#now = now;
    this.#holders = holders;
  }

  /**
   * @throws {FileStoreError} `FILE_STORE_MALFORMED`: no archive, or a path that leaves the root
   * @throws {FileError} ENOSPC and others; what came before stays
   */
  push(chunk: Uint8Array): void {
    for (const event of this.#reader.push(chunk)) {
      if (event.type === "entry") this.#begin(event.entry);
      else if (event.type === "bytes") this.#bytes(event.bytes);
      else this.#finish();
    }
  }

  /** @throws {FileStoreError} `FILE_STORE_MALFORMED` when something is missing */
  end(): ImportResult {
    try {
      this.#reader.end();
    } catch (error) {
      this.abandon();
      throw error;
    }
    for (const [ino, mtime] of this.#times) {
      try {
        this.#commit([{ op: "utime", ino, mtime }]);
      } catch {
        // Removed meanwhile.
      }
    }
    return this.#result;
  }

  /** Gives up a file that has begun. Safe to call at any time. */
  abandon(): void {
    if (this.#file !== undefined) this.#store.discard(OWNER, this.#file.stage);
    this.#file = undefined;
  }

  #begin(entry: TarEntry): void {
    if (entry.type !== "file") {
      this.#link(entry);
      return;
    }
    this.#file = { entry, stage: --TarImport.#lastStage, index: 0 };
    this.#piece = new Uint8Array(Math.min(entry.size, PIECE_BYTES));
    this.#filled = 0;
  }

  #link(entry: TarEntry): void {
    const names = namesOf(entry.path);
    if (entry.type === "directory") {
      const dir = this.#directory(names);
      this.#times.set(dir.ino, entry.mtime);
      this.#commit([{ op: "chmod", ino: dir.ino, mode: entry.mode }]);
      this.#result.directories += 1;
      return;
    }
    const { dir, name, before } = this.#place(names);
    const ino = this.#inode();
    const { target = "", mtime } = entry;
    this.#commit([...before, { op: "symlink", dir, name, ino, target }, { op: "utime", ino, mtime }]);
    this.#result.links += 1;
  }

  #bytes(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) {
      const part = rest.subarray(0, this.#piece.length - this.#filled);
      this.#piece.set(part, this.#filled);
      this.#filled += part.length;
      rest = rest.subarray(part.length);
      if (this.#filled === this.#piece.length) this.#flush();
    }
  }

  #flush(): void {
    const file = this.#file;
    if (file === undefined || this.#filled === 0) return;
    try {
      this.#store.stage(OWNER, file.stage, file.index, this.#piece.subarray(0, this.#filled), this.#now());
    } catch (error) {
      this.abandon();
      throw error;
    }
    file.index += 1;
    this.#result.bytes += this.#filled;
    const left = file.entry.size - file.index * PIECE_BYTES;
    this.#piece = new Uint8Array(Math.max(0, Math.min(left, PIECE_BYTES)));
    this.#filled = 0;
  }

  /** A file in its place, in one batch. The `end-of-entry` of others comes here too. */
  #finish(): void {
    const file = this.#file;
    if (file === undefined) return;
    const { entry, stage } = file;
    try {
      const { dir, name, before } = this.#place(namesOf(entry.path));
      const ino = this.#inode();
      const { size, mode, mtime } = entry;
      const write: FileOperation[] = size > 0 ? [{ op: "write", ino, offset: 0, data: { stage, length: size } }] : [];
      this.#commit([...before, { op: "create", dir, name, ino, mode }, ...write, { op: "utime", ino, mtime }]);
    } catch (error) {
      this.abandon();
      throw error;
    }
    this.#file = undefined;
    this.#result.files += 1;
  }

  /** Where a file or link goes, and what must be removed for it. */
  #place(names: readonly string[]): { dir: number; name: string; before: FileOperation[] } {
    const name = names.at(-1);
    if (name === undefined) throw malformed("a file without a name");
    const dir = this.#directory(names.slice(0, -1)).ino;
    const found = this.#store.child(dir, name);
    if (found?.type === "directory") throw new FileError("EISDIR", `${names.join("/")} is a directory`);
    return { dir, name, before: found === undefined ? [] : [{ op: "unlink", dir, name }] };
  }

  /** Makes what is missing. Links are not followed: an archive could lead itself elsewhere with them. */
  #directory(names: readonly string[]): NodeRecord {
    let at = this.#store.stat(ROOT);
    for (const name of [...namesOf(this.#root), ...names]) {
      const found = this.#store.child(at.ino, name);
      if (found === undefined) {
        const ino = this.#inode();
        this.#commit([{ op: "mkdir", dir: at.ino, name, ino, mode: 0o755 }]);
        at = this.#store.stat(ino);
      } else if (found.type === "directory") {
        at = found;
      } else {
        throw new FileError("ENOTDIR", `${names.join("/")}: ${name} is not a directory`);
      }
    }
    return at;
  }

  #commit(operations: readonly FileOperation[]): void {
    this.#store.commit(operations, { life: OWNER, time: this.#now(), holders: this.#holders() });
  }

  #inode(): number {
    const inodes = this.#inodes;
    if (inodes.next === inodes.end) {
      inodes.next = this.#store.reserve(INODES);
      inodes.end = inodes.next + INODES;
    }
    return inodes.next++;
  }
}

function namesOf(path: string): string[] {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (names.includes("..")) throw malformed(`${JSON.stringify(path)} leaves the folder`);
  return names;
}

function malformed(what: string): FileStoreError {
  return new FileStoreError("FILE_STORE_MALFORMED", what);
}
