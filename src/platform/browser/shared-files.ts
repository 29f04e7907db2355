// The files that all children of a page share, seen from the master: who changed one tells it, everybody else gets it.

import { byteStringToUtf8 } from "../../codec/index.ts";
import type { Entry, FileSource } from "../../gateway/files.ts";
import type { FileChanges, SharedFile } from "./child-messages.ts";

/** Which files the children of a page share, and how many bytes of them. */
export interface SharedFilesOptions {
  /** Absolute directories that are shared: nothing outside of them is kept. */
  readonly directories: readonly string[];
  /** Bytes of all files together; changes beyond it stay with the child that made them. Default 64 MiB. */
  readonly maxBytes?: number;
  /** Told of every change, whoever made it; `pid` of the child, or 0 for the page. */
  readonly onChange?: (changes: FileChanges, pid: number) => void;
  /** Told of a file that did not fit. */
  readonly onFull?: (path: string, pid: number) => void;
}

const MOST_BYTES = 64 * 1024 * 1024;

/** A file's own cost beside its bytes, roughly: a child may make very many empty ones. */
const FILE_COST = 256;

/**
 * The last writer wins, file by file: there are no locks between children. What a script changed is told before the end
 * of its request, and sent to each other child before its next request, so who has seen an answer to its end finds
 * what the script wrote, whichever child is asked next. Two scripts that run at once do not see each other's writes.
 */
export class SharedFiles {
  readonly directories: readonly string[];
  readonly #options: SharedFilesOptions;
  readonly #files = new Map<string, SharedFile>();
  readonly #children = new Map<number, (changes: FileChanges) => void>();
  #bytes = 0;

  constructor(options: SharedFilesOptions) {
    this.directories = options.directories;
    this.#options = options;
  }

  /** Bytes of all files, and a little for each. */
  get bytes(): number {
    return this.#bytes;
  }

  /** All of them. */
  all(): FileChanges {
    return [...this.#files];
  }

  /** The content, not to be changed. */
  get(path: string): SharedFile | undefined {
    return this.#files.get(path);
  }

  /** Tells a child of all changes from now on, but its own. Returns what stops that. */
  join(pid: number, tell: (changes: FileChanges) => void): () => void {
    this.#children.set(pid, tell);
    return () => this.#children.delete(pid);
  }

  /** @param pid the child whose script made the changes; 0: the page */
  change(changes: FileChanges, pid = 0): void {
    const taken = changes.filter(([path, file]) => this.#take(path, file, pid));
    if (taken.length === 0) return;
    for (const [other, tell] of this.#children) if (other !== pid) tell(taken);
    this.#options.onChange?.(taken, pid);
  }

  /** The gateway's view of the files below `root`. */
  source(root: string): FileSource {
    return { find: (path) => this.#find(root + byteStringToUtf8(path)) };
  }

  #find(path: string): Entry | undefined {
    const file = this.#files.get(path);
    if (file !== undefined) {
      const { bytes, modified } = file;
      return { type: "file", size: bytes.length, modified, read: async (start, end) => bytes.slice(start, end) };
    }
    const folder = path.endsWith("/") ? path : `${path}/`;
    if (this.directories.some((directory) => `${directory}/` === folder)) return { type: "directory" };
    for (const known of this.#files.keys()) if (known.startsWith(folder)) return { type: "directory" };
    return undefined;
  }

  #take(path: string, file: SharedFile | null, pid: number): boolean {
    if (!this.directories.some((directory) => path.startsWith(`${directory}/`))) return false;
    const before = this.#files.get(path);
    const freed = before === undefined ? 0 : before.bytes.length + FILE_COST;
    if (file === null) {
      this.#bytes -= freed;
      return this.#files.delete(path);
    }
    const needed = file.bytes.length + FILE_COST;
    if (this.#bytes - freed + needed > (this.#options.maxBytes ?? MOST_BYTES)) {
      this.#options.onFull?.(path, pid);
      return false;
    }
    this.#bytes += needed - freed;
    this.#files.set(path, file);
    return true;
  }
}
