// The calls of scripts that may have to wait for the store: opening, reading, writing, closing.

import { FileError, TO_END } from "../../fs/index.ts";
import type { ChangeLog } from "./change-log.ts";
import { LONG } from "./content.ts";
import { SHARED, SHARED_END } from "./database-locks.ts";
import { EACCES, EFBIG, ENOSPC, errnoOf } from "./errno.ts";
import type { RangeWish } from "./fcntl.ts";
import type { StoreCalls } from "./imports.ts";
import type { LargeFiles } from "./large-files.ts";
import type { StoreLocks } from "./lock-keeper.ts";
import { type FileWork, mayUseLog, withoutLog } from "./logged-databases.ts";
import { isFile, type MemoryStream } from "./memory-node.ts";
import type { MemoryTree } from "./memory-tree.ts";
import type { OpenFiles } from "./open-files.ts";
import { LARGE, type SharedContents } from "./shared-contents.ts";
import type { SharedNode } from "./shared-node.ts";
import type { StoreLink } from "./store-link.ts";

export interface ScriptCallsParts {
  readonly tree: MemoryTree;
  readonly log: ChangeLog;
  readonly contents: SharedContents;
  readonly link: StoreLink;
  readonly locks: StoreLocks;
  readonly open: OpenFiles;
  readonly large: LargeFiles;
  /** Bytes of contents that are kept, beside those of open and changed files. */
  readonly cacheBytes: number;
  /** Told of what could not be done for a script, in words. */
  readonly onLoss: (message: string) => void;
}

/**
 * The session module locks a session's file as soon as it has opened it, and its lock never gets here (this build of PHP
 * has left flock() out): the file is locked as it is opened, until it is closed.
 */
const SESSION = "sess_";

/**
 * With a write-ahead log, SQLite's processes share memory through a file of this name, which children cannot: it is
 * refused, and the database keeps its journal.
 */
const SHARED_MEMORY = "-shm";

const O_CREAT = 0o100;

/** What SQLite locks where nobody else may read or write. */
const DATABASE = { type: "exclusive", start: SHARED, end: SHARED_END } as const;

/** Changes that wait in memory: of files that are held as a whole, and of all. Beyond it closing a file sends them. */
const MOST_WAITING = 4 * 1024 * 1024;
const MOST_ENTRIES = 1000;

export class ScriptCalls implements StoreCalls {
  readonly #parts: ScriptCallsParts;

  constructor(parts: ScriptCallsParts) {
    this.#parts = parts;
  }

  lock(stream: MemoryStream, wish: RangeWish, wait: boolean): number | Promise<number> {
    return this.#parts.locks.lock(stream, wish, wait);
  }

  unlock(stream: MemoryStream, start: number, end: number | undefined): number | Promise<number> {
    return this.#parts.locks.unlock(stream, start, end ?? TO_END);
  }

  test(stream: MemoryStream, wish: RangeWish): Promise<RangeWish | undefined> {
    return this.#parts.locks.test(stream, wish);
  }

  shared(stream: MemoryStream | undefined): SharedNode | undefined {
    const { link, open } = this.#parts;
    return link.client === undefined ? undefined : open.shared(stream?.node);
  }

  opened(fd: number, flags: number): number | Promise<number> {
    const { tree, link, locks, contents } = this.#parts;
    const stream = tree.stream(fd);
    const shared = this.shared(stream);
    if (stream === undefined || shared === undefined || !isFile(stream.node)) return fd;
    if (stream.node.name.endsWith(SHARED_MEMORY)) {
      tree.close(stream);
      if (shared.created) tree.remove(stream.node);
      return -EACCES;
    }
    const database = mayUseLog(stream) ? () => withoutLog(stream, shared, this.#work) : undefined;
    const session = (flags & O_CREAT) !== 0 && stream.node.name.startsWith(SESSION);
    if (!session && database === undefined && shared.stale === undefined) return fd;
    const ready = session ? locks.lockWhole(shared, stream) : link.load(shared).then(() => 0);
    return ready
      .then((failure) => (failure !== 0 || database === undefined ? failure : database().then(() => 0)))
      .catch((error: unknown) => {
        if (!(error instanceof FileError) && error instanceof Error) this.#parts.onLoss(error.message);
        return -errnoOf(error);
      })
      .then((failure) => {
        contents.shrink(this.#parts.cacheBytes);
        if (failure === 0) return fd;
        tree.close(stream);
        return failure;
      });
  }

  stocked(): number | Promise<number> {
    const { link } = this.#parts;
    return link.client === undefined || link.client.hasInode ? 0 : link.stock().then(() => 0, errnoOf);
  }

  /** Changes of closed files do not pile up. */
  closed(): number | Promise<number> {
    const { link, log, locks } = this.#parts;
    if (link.client === undefined || log.empty || locks.inTransaction) return 0;
    if (log.size <= MOST_ENTRIES && !log.longerThan(MOST_WAITING)) return 0;
    return link.flush(log.take(false)).then(
      () => 0,
      (error: unknown) => errnoOf(error),
    );
  }

  synced(fd: number): number | Promise<number> {
    const { tree, link, log, locks } = this.#parts;
    const shared = this.shared(tree.stream(fd));
    // Under a lock on bytes a database is in the middle of a change, which goes as one when the lock is given back.
    if (shared === undefined || locks.inTransaction || log.empty) return 0;
    return link.flush(log.take(false, shared)).then(
      () => 0,
      (error: unknown) => errnoOf(error),
    );
  }

  /** An unlinked file is not open any more: what was kept of it is given up. */
  dropped(shared: SharedNode): void {
    this.#parts.link.drop(shared);
    this.#parts.contents.release(shared);
  }

  /** What is done on behalf of a program that opens a database. */
  readonly #work: FileWork = {
    shared: (node) => this.#parts.open.shared(node),
    remove: (node) => this.#parts.tree.remove(node),
    readAll: async (shared, length) => {
      await this.#parts.link.load(shared);
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; ) {
        const part = bytes.subarray(at, at + LONG);
        await this.bring(shared, at, part.length);
        const read = this.#parts.tree.readAt(shared.node, part, at);
        if (read === 0) break;
        at += read;
      }
      return bytes;
    },
    writeAt: async (shared, position, bytes) => {
      await this.makeWritable(shared, position, position + bytes.length);
      this.#parts.tree.writeAt(shared.node, bytes, position);
      await this.wrote(shared);
    },
    resize: async (shared, size) => {
      await this.makeResizable(shared, size);
      this.#parts.tree.resize(shared.node, size);
    },
    exclusively: async (stream, run) => {
      const failure = await this.#parts.locks.lock(stream, DATABASE, true);
      if (failure !== 0) throw this.#parts.tree.error(-failure);
      try {
        await run();
      } finally {
        await this.#parts.locks.unlock(stream, DATABASE.start, DATABASE.end);
      }
    },
  };

  readable(shared: SharedNode, start: number, length: number): boolean {
    return this.#parts.large.ready(shared, start, length);
  }

  bring(shared: SharedNode, start: number, length: number): Promise<void> {
    return this.#parts.large.bring(shared, start, length);
  }

  writable(shared: SharedNode, end: number): boolean {
    const { node, pages } = shared;
    const small = end <= LARGE && (node.usedBytes ?? 0) <= LARGE;
    if (pages !== undefined || !small) return false;
    return end <= this.#fileBytes && this.#parts.link.room.fits(growth(shared, end));
  }

  async makeWritable(shared: SharedNode, start: number, end: number): Promise<void> {
    const { contents, large, tree } = this.#parts;
    if (end > this.#fileBytes) throw tree.error(EFBIG);
    await this.#makeRoom(growth(shared, end));
    if (Math.max(end, shared.node.usedBytes ?? 0) > LARGE) contents.divided(shared);
    await large.prepare(shared, start, end);
  }

  wrote(shared: SharedNode): Promise<void> {
    return this.#parts.large.bound(shared);
  }

  resizable({ node, pages }: SharedNode, size: number): boolean {
    return size <= LARGE && (pages === undefined || size === 0) && (node.usedBytes ?? 0) <= LARGE;
  }

  async makeResizable(shared: SharedNode, size: number): Promise<void> {
    const { contents, large, tree } = this.#parts;
    if (size > this.#fileBytes) throw tree.error(EFBIG);
    if (size > LARGE) contents.divided(shared);
    if (size > 0) await large.prepare(shared, 0, size);
  }

  get #fileBytes(): number {
    return this.#parts.link.client?.sizes.fileBytes ?? Number.POSITIVE_INFINITY;
  }

  /** What others have removed meanwhile may have made room. @throws an `ErrnoError` ENOSPC */
  async #makeRoom(bytes: number): Promise<void> {
    const { link, log, locks, tree } = this.#parts;
    const { room } = link;
    if (room.fits(bytes)) return;
    if (!locks.inTransaction) await link.flush(log.take(false));
    await link.sync();
    if (!room.fits(bytes)) throw tree.error(ENOSPC);
  }
}

function growth({ node }: SharedNode, end: number): number {
  return Math.max(0, end - (node.usedBytes ?? 0));
}
