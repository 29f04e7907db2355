// The files that all children of a page share, as the master keeps them: one store, on whatever home the page has.

import { byteStringToUtf8 } from "../../codec/index.ts";
import {
  type ChildMessage,
  type FileHome,
  FileService,
  MemoryHome,
  type NodeRecord,
  ROOT,
  type StoreAnswer,
  type StoreLimits,
} from "../../fs/index.ts";
import type { Entry, FileSource } from "../../gateway/files.ts";
import type { FileChanges, FileEnvelope } from "./child-messages.ts";
import { FileWriter } from "./write-files.ts";

/** Which files the children of a page share, and where they are kept. */
export interface PageFilesOptions {
  /** Absolute directories that are shared; they are made when missing. */
  readonly directories: readonly string[];
  /** Default: memory, as long as the page. */
  readonly home?: FileHome;
  readonly limits?: Partial<StoreLimits>;
  /** Told of files that were changed or removed, by absolute path; `pid` of the child, or 0 for the page. */
  readonly onChange?: (paths: readonly string[], pid: number) => void;
}

/** What the page lists. */
export interface FileFacts {
  /** Absolute. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

/** What is given in one piece; longer answers are streams. Bytes. */
const WHOLE = 1024 * 1024;

/** The file system that children of a page share. The master has one, and hands messages of children to it. */
export class PageFiles {
  readonly directories: readonly string[];
  readonly service: FileService;
  readonly #options: PageFilesOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Everything up to here was told to `onChange`. */
  #told: number;
  /** Paths of files when they were told last: of what is gone, the store knows only numbers. */
  readonly #paths = new Map<number, string>();

  /** @throws {FileStoreError} `FILE_STORE_DAMAGED` @throws {FileError} no room */
  constructor(options: PageFilesOptions) {
    this.#options = options;
    this.directories = options.directories;
    const { home = new MemoryHome(), limits = {} } = options;
    this.service = new FileService(home, { time: Date.now(), limits });
    const writer = new FileWriter(this.service);
    for (const directory of options.directories) writer.directory(directory);
    writer.flush();
    for (const { path, ino } of this.#walk("", ROOT)) this.#paths.set(ino, path);
    this.#told = this.service.store.seq;
  }

  /** Bytes of all contents. */
  get bytes(): number {
    return this.service.store.bytes;
  }

  /** Answers a child's message, at once but for a lock that is waited for. Never rejects. */
  handle(pid: number, { life, message }: FileEnvelope): Promise<StoreAnswer> {
    if (message.type === "hello" || message.type === "stage") this.service.expire(Date.now());
    return new Promise((resolve) => {
      this.service.receive(life, keyed(message, pid), Date.now(), resolve);
      this.#tell(pid);
      this.#watchTheClock();
    });
  }

  /** A child is gone, whatever the reason: its locks are given back. */
  ended(pid: number): void {
    this.service.endOf(String(pid));
    this.#watchTheClock();
  }

  /** Writes files, and removes those that are `null`. What is there already is not written again. @throws {FileError} */
  change(changes: FileChanges): void {
    const writer = new FileWriter(this.service);
    for (const [path, file] of changes) {
      if (file === null) writer.remove(path);
      else if (!this.#has(path, file.bytes)) writer.file(path, file.bytes, file.modified);
    }
    writer.flush();
    this.#tell(0);
  }

  /** For many files, from whatever they come from. Call `wrote` when they are flushed. */
  writer(): FileWriter {
    return new FileWriter(this.service);
  }

  /** What a `writer` wrote is told to `onChange`. */
  wrote(): void {
    this.#tell(0);
  }

  /** All files below the shared directories. */
  list(): FileFacts[] {
    return [...this.#walk("", ROOT)].map(({ path, size, mtime }) => ({ path, size, modified: mtime }));
  }

  /** The content; `undefined` when there is no such file. */
  get(path: string): Uint8Array | undefined {
    const node = this.#find(path);
    return node?.type === "file" ? this.#read(node, 0, node.size) : undefined;
  }

  /** The gateway's view of the files below `root`. */
  source(root: string): FileSource {
    return { find: (path) => this.#entry(root, root + byteStringToUtf8(path)) };
  }

  #entry(root: string, path: string): Entry | undefined {
    const node = this.#find(path);
    if (node === undefined) return undefined;
    if (!this.#isBelow(node, root)) return { type: "refused" };
    if (node.type === "directory") return { type: "directory" };
    const { size, mtime } = node;
    const read = async (start: number, end: number) =>
      end - start <= WHOLE ? this.#read(node, start, end - start) : this.#stream(node, start, end);
    return { type: "file", size, modified: mtime, read };
  }

  /** Follows links. */
  #find(path: string): NodeRecord | undefined {
    try {
      return this.service.store.lookup(path);
    } catch {
      return undefined;
    }
  }

  #isBelow(node: NodeRecord, root: string): boolean {
    const top = this.#find(root)?.ino;
    for (let at = node; ; at = this.service.store.stat(at.parent)) {
      if (at.ino === top) return true;
      if (at.ino === ROOT) return false;
    }
  }

  /** @throws {FileError} ESTALE when it has changed since it was found */
  #read({ ino, version }: NodeRecord, start: number, length: number): Uint8Array {
    const { store } = this.service;
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      const part = store.read(ino, start + at, length - at, version);
      if (part.length === 0) throw new Error("the file is shorter than it should be");
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  #stream(node: NodeRecord, start: number, end: number): ReadableStream<Uint8Array> {
    let at = start;
    return new ReadableStream({
      pull: (controller) => {
        const part = this.#read(node, at, Math.min(WHOLE, end - at));
        controller.enqueue(part);
        at += part.length;
        if (at >= end) controller.close();
      },
    });
  }

  #has(path: string, bytes: Uint8Array): boolean {
    const node = this.#find(path);
    if (node?.type !== "file" || node.size !== bytes.length) return false;
    const kept = this.#read(node, 0, node.size);
    return bytes.every((byte, at) => kept[at] === byte);
  }

  *#walk(path: string, dir: number): Iterable<NodeRecord & { readonly path: string }> {
    for (const node of this.service.store.list(dir)) {
      const at = `${path}/${node.name}`;
      if (node.type === "directory") yield* this.#walk(at, node.ino);
      else if (node.type === "file") yield { ...node, path: at };
    }
  }

  #tell(pid: number): void {
    const { store } = this.service;
    const paths: string[] = [];
    while (this.#told < store.seq) {
      const { seq, nodes, gone } = store.changesSince(this.#told);
      for (const node of nodes) {
        if (node.type !== "file") continue;
        const path = this.#pathOf(node);
        this.#paths.set(node.ino, path);
        paths.push(path);
      }
      for (const ino of gone) {
        const path = this.#paths.get(ino);
        if (path !== undefined) paths.push(path);
        this.#paths.delete(ino);
      }
      this.#told = seq;
    }
    if (paths.length > 0) this.#options.onChange?.(paths, pid);
  }

  #pathOf(node: NodeRecord): string {
    const names: string[] = [];
    for (let at = node; at.ino !== ROOT; at = this.service.store.stat(at.parent)) names.unshift(at.name);
    return `/${names.join("/")}`;
  }

  /** A timer only while somebody waits for a lock. */
  #watchTheClock(): void {
    const next = this.service.nextExpiry;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (next === undefined) return;
    this.#timer = setTimeout(
      () => {
        this.service.expire(Date.now());
        this.#watchTheClock();
      },
      Math.max(0, next - Date.now()) + 1,
    );
  }
}

/** A child has one life at a time, known by its process id. */
function keyed(message: ChildMessage, pid: number): ChildMessage {
  return message.type === "hello" ? { type: "hello", key: String(pid) } : message;
}
