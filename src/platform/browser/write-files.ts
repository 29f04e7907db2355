// Whole files written by the store's owner, many in a batch.

import { type FileOperation, type FileService, PIECE_BYTES, ROOT } from "../../fs/index.ts";

/** Bytes and operations of one batch, below the store's own bounds. */
const BATCH_BYTES = 4 * 1024 * 1024;
const BATCH_OPERATIONS = 800;

/** Inode numbers taken at once. */
const INODES = 256;

/** The store's owner has no life: what it stages has this number, and negative ids of its own. */
const OWNER = 0;

/** One after the other: what is added is there when `flush` returns, or with a batch before. */
export class FileWriter {
  static #lastStage = -1_000_000;
  readonly #service: FileService;
  #operations: FileOperation[] = [];
  #bytes = 0;
  /** Directories by path, of this batch too. */
  readonly #directories = new Map<string, number>([["", ROOT]]);
  #inodes = { next: 0, end: 0 };

  constructor(service: FileService) {
    this.#service = service;
  }

  /** A directory, and those above it. @param path absolute @throws {FileError} */
  directory(path: string): number {
    const known = this.#directories.get(path);
    if (known !== undefined) return known;
    const slash = path.lastIndexOf("/");
    const dir = this.directory(path.slice(0, slash));
    const ino = this.#there(path) ?? this.#inode();
    if (this.#there(path) === undefined) {
      this.#add({ op: "mkdir", dir, name: path.slice(slash + 1), ino, mode: 0o755 });
    }
    this.#directories.set(path, ino);
    return ino;
  }

  /** A file with this content, in the place of one that is there. @throws {FileError} */
  file(path: string, bytes: Uint8Array, modified: number): void {
    const slash = path.lastIndexOf("/");
    const dir = this.directory(path.slice(0, slash));
    const ino = this.#inode();
    const long = bytes.length > BATCH_BYTES;
    if (long || this.#bytes + bytes.length > BATCH_BYTES || this.#operations.length > BATCH_OPERATIONS) this.flush();
    this.#add({ op: "create", dir, name: path.slice(slash + 1), ino, mode: 0o644 });
    this.#add({ op: "truncate", ino, size: 0 });
    const data = long ? this.#stage(bytes) : bytes;
    if (bytes.length > 0) this.#add({ op: "write", ino, offset: 0, data });
    this.#add({ op: "utime", ino, mtime: modified });
    this.#bytes += long ? 0 : bytes.length;
    if (long) this.flush();
  }

  /** Removes a file, if there is one. @throws {FileError} */
  remove(path: string): void {
    this.flush();
    const slash = path.lastIndexOf("/");
    const dir = this.#there(path.slice(0, slash));
    if (dir === undefined || this.#there(path) === undefined) return;
    this.#add({ op: "unlink", dir, name: path.slice(slash + 1) });
    this.flush();
  }

  /** @throws {FileError} nothing since the last batch was written */
  flush(): void {
    const operations = this.#operations;
    this.#operations = [];
    this.#bytes = 0;
    if (operations.length === 0) return;
    const { store } = this.#service;
    store.commit(operations, { life: OWNER, time: Date.now(), holders: this.#service.holders() });
  }

  #add(operation: FileOperation): void {
    this.#operations.push(operation);
  }

  #stage(bytes: Uint8Array): { stage: number; length: number } {
    const { store } = this.#service;
    const stage = --FileWriter.#lastStage;
    for (let at = 0; at < bytes.length; at += BATCH_BYTES) {
      store.stage(OWNER, stage, at / PIECE_BYTES, bytes.subarray(at, at + BATCH_BYTES), Date.now());
    }
    return { stage, length: bytes.length };
  }

  #there(path: string): number | undefined {
    try {
      return this.#service.store.lookup(path).ino;
    } catch {
      return undefined;
    }
  }

  #inode(): number {
    if (this.#inodes.next >= this.#inodes.end) {
      const first = this.#service.store.reserve(INODES);
      this.#inodes = { next: first, end: first + INODES };
    }
    return this.#inodes.next++;
  }
}
