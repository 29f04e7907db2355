// The files of a pool, in its Durable Object: what children's messages come to, whatever carries them.

import {
  type BaseFiles,
  type ChildMessage,
  decodeFrame,
  encodeFrame,
  exportTar,
  FileService,
  type ImportResult,
  NO_BASE,
  type StoreAnswer,
  type StoreLimits,
  TarImport,
} from "../../fs/index.ts";
import { type BuildChanges, BuiltFiles } from "./built-files.ts";
import { type ObjectStorage, SqlHome } from "./file-store-home.ts";

export interface PoolFilesOptions {
  /** The application's files, as the build made them. */
  readonly base?: BaseFiles;
  readonly limits?: Partial<StoreLimits>;
  /** The pool has one child at a time. */
  readonly alone?: boolean;
}

/** A message with the life of the child that sends it: 0 with a hello. */
export interface Envelope {
  readonly life: number;
  readonly message: ChildMessage;
  /** See `FileService.receive`. */
  readonly turn?: number;
}

/** A file as it is at one moment. */
export interface WrittenFile {
  readonly ino: number;
  readonly version: number;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

/** What is at a path: the path is that of what links lead to, absolute. */
export type FoundFile =
  | (WrittenFile & { readonly type: "file"; readonly path: string })
  | { readonly type: "directory"; readonly path: string };

/**
 * One in an object. To be made in the object's constructor, so that no message comes before it is ready: opening reads
 * the metadata of all files, about 5 milliseconds for each 1,000.
 *
 * Answers may be sent as soon as they are there: the platform keeps them back until the change is durable.
 */
export class PoolFiles {
  readonly service: FileService;
  readonly #built: BuiltFiles;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @throws {FileStoreError} `FILE_STORE_VERSION`, `FILE_STORE_DAMAGED` */
  constructor(storage: ObjectStorage, options: PoolFilesOptions = {}) {
    this.service = new FileService(new SqlHome(storage), { ...options, time: Date.now() });
    this.#built = new BuiltFiles(this.service.store, options.base ?? NO_BASE);
  }

  /** Answers a child's message, at once but for a lock that is waited for. Never rejects. */
  handle({ life, message, turn }: Envelope): Promise<StoreAnswer> {
    if (message.type === "hello" || message.type === "stage") this.service.expire(Date.now());
    return new Promise((resolve) => {
      this.service.receive(life, message, Date.now(), resolve, turn);
      this.#watchTheClock();
    });
  }

  /** The same in bytes. @throws {FileStoreError} `FILE_STORE_MALFORMED` */
  async handleFrame(frame: Uint8Array): Promise<Uint8Array> {
    return encodeFrame(await this.handle(decodeFrame(frame) as Envelope));
  }

  /** The file or folder at an absolute path, if there is one. */
  find(path: string): FoundFile | undefined {
    const { store } = this.service;
    try {
      const { type, ino, version, size, mtime } = store.lookup(path);
      const real = `/${store.path(ino)}`;
      if (type === "directory") return { type, path: real };
      return type === "file" ? { type, path: real, ino, version, size, modified: mtime } : undefined;
    } catch {
      return undefined;
    }
  }

  /** What scripts did to the files of the build, for who knows `tag`; undefined: nothing new. */
  buildChanges(tag: string | undefined): BuildChanges | undefined {
    return this.#built.since(tag);
  }

  /** The tag of what scripts have done to the files of the build so far. */
  buildTag(): string {
    return this.#built.tag();
  }

  /** Bytes of a file that has not changed since it was found. @throws {FileError} */
  read({ ino, version }: WrittenFile, start: number, length: number): Uint8Array {
    return this.service.store.read(ino, start, length, version);
  }

  /** A tar archive of a folder, made as it is read. It errors when a long file changes meanwhile: see `exportTar`. */
  export(path = "", changedOnly = false): ReadableStream<Uint8Array> {
    const parts = exportTar(this.service.store, { path, changedOnly });
    return new ReadableStream({
      pull(controller) {
        const next = parts.next();
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
      cancel() {
        parts.return(undefined);
      },
    });
  }

  /** Brings a tar archive into a folder, as it comes. @throws {FileError | FileStoreError} what came before stays */
  async import(archive: ReadableStream<Uint8Array>, path = ""): Promise<ImportResult> {
    const { service } = this;
    const target = new TarImport(service.store, path, Date.now, () => service.holders());
    try {
      for await (const chunk of archive) target.push(chunk);
      return target.end();
    } finally {
      target.abandon();
    }
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
