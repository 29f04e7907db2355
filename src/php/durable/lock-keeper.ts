// The locks of one interpreter's scripts, kept by the store: with a lock comes what others changed, and with its release
// goes what was changed under it.

import { type Changes, FileError, type LockAnswer, type LockPlace, type LockWish, TO_END } from "../../fs/index.ts";
import type { ChangeLog } from "./change-log.ts";
import { type ByteRange, DatabaseLocks, RESERVED_RANGE, SHARED, SHARED_END } from "./database-locks.ts";
import { errnoNumber, errnoOf } from "./errno.ts";
import type { LockKeeper, RangeWish } from "./fcntl.ts";
import type { MemoryStream } from "./memory-node.ts";
import type { OpenFiles } from "./open-files.ts";
import type { SharedContents } from "./shared-contents.ts";
import type { SharedNode } from "./shared-node.ts";
import type { SharedNodes } from "./shared-nodes.ts";
import type { StoreLink } from "./store-link.ts";

export interface StoreLocksParts {
  readonly log: ChangeLog;
  readonly nodes: SharedNodes;
  readonly contents: SharedContents;
  readonly link: StoreLink;
  readonly open: OpenFiles;
}

/** Milliseconds that a lock is waited for. */
const LONGEST_WAIT = 5 * 60_000;

/**
 * Statements in a row that read under one lock: what a script does without waiting does not leave the isolate, so that
 * others would not learn of a lock given back in between. After so many a writer that waits gets its turn.
 */
const MOST_STATEMENTS = 8;

const WHOLE: ByteRange = { type: "exclusive", start: 0, end: TO_END };

export class StoreLocks implements LockKeeper {
  readonly #parts: StoreLocksParts;
  /** Locks that are held: by open file, and on bytes. */
  readonly #flocks = new Map<object, SharedNode>();
  readonly #ranges = new Set<SharedNode>();
  readonly #databases = new DatabaseLocks();
  /** Locks to give back, under which nothing is to be sent: they go with the next lock, or when the script waits. */
  #returned: LockPlace[] = [];
  #sending: ReturnType<typeof setTimeout> | undefined;
  /** Databases among them that were read, and may be read on without asking. */
  readonly #read = new Map<SharedNode, LockPlace>();
  /** Files with bytes that were locked exclusively. */
  readonly #exclusive = new Set<SharedNode>();
  /** Statements that have read under the lock that is held. */
  readonly #statements = new Map<SharedNode, number>();

  constructor(parts: StoreLocksParts) {
    this.#parts = parts;
  }

  /** A life is over. */
  clear(): void {
    this.#flocks.clear();
    this.#ranges.clear();
    this.#databases.clear();
    clearTimeout(this.#sending);
    this.#returned = [];
    this.#read.clear();
    this.#statements.clear();
    this.#exclusive.clear();
  }

  /** Whether a program is in the middle of a change that goes as one: a database has bytes locked. */
  get inTransaction(): boolean {
    return this.#ranges.size > 0;
  }

  async test(stream: MemoryStream, { type, start, end = TO_END }: RangeWish): Promise<RangeWish | undefined> {
    const { open, link } = this.#parts;
    const shared = open.shared(stream.node);
    if (shared === undefined || link.client === undefined || shared.created || link.client.alone) return undefined;
    const found = await link.client.testLock({ family: "range", type, ino: shared.ino, start, end });
    return found && { type: found.type, start: found.start, end: found.end === TO_END ? undefined : found.end };
  }

  lock(stream: MemoryStream, { type, start, end = TO_END }: RangeWish, wait: boolean): number | Promise<number> {
    const { nodes, open, link } = this.#parts;
    const shared = open.shared(stream.node);
    // What was in a lock file that its holder has removed is not known: whoever only tries is to open it anew.
    const tries = !wait && start === 0 && end === TO_END;
    if (tries && nodes.lost(stream.node)) return -errnoNumber("EAGAIN");
    // What is not shared, or was never told, has no other owner. A file that is in no directory any more may have.
    if (shared === undefined || link.client === undefined || (shared.gone && shared.created)) return 0;
    if (link.client.alone && !(start === 0 && end === TO_END)) return this.#lockAlone(shared, type);
    if (type === "shared" && start === SHARED && end === SHARED_END && this.#readOn(shared)) return 0;
    const range = { type, start, end };
    const take = (some: ByteRange, longest: number) => this.#lock(shared, stream, some, wait ? LONGEST_WAIT : longest);
    const done = DatabaseLocks.knows(start, end) ? this.#databases.lock(shared, range, take) : take(range, 0);
    if (typeof done === "number") return done;
    if (tries) return done.then((result) => this.#unlessLost(result, shared, stream)).catch(failed);
    return done.catch(failed);
  }

  /** The lock brought the news that the file was removed. */
  async #unlessLost(result: number, shared: SharedNode, stream: MemoryStream): Promise<number> {
    if (result !== 0 || !this.#parts.nodes.lost(stream.node)) return result;
    await this.#release(shared, stream, 0, TO_END);
    return -errnoNumber("EAGAIN");
  }

  /** flock(LOCK_EX) on a file that was just opened. 0, or a negated error number. */
  lockWhole(shared: SharedNode, stream: MemoryStream): Promise<number> {
    return this.#lock(shared, stream, WHOLE, LONGEST_WAIT).catch((error: unknown) => -errnoOf(error));
  }

  async #lock(shared: SharedNode, stream: MemoryStream, range: ByteRange, wait: number): Promise<number> {
    const { type, start, end } = range;
    const { link, contents, log, open } = this.#parts;
    const client = link.needClient();
    // Who waits holds nothing that it does not need.
    this.giveBack();
    // A release that is on its way would take the new lock along.
    if (link.flushing) await link.flushed();
    const whole = start === 0 && end === TO_END;
    const wish = (): LockWish => ({
      lock: whole
        ? { family: "flock", ino: shared.ino, handle: open.handle(stream), type }
        : { family: "range", ino: shared.ino, start, end, type },
      wait,
      have: shared.stale === undefined ? shared.version : 0,
    });
    let answer: LockAnswer | undefined;
    const locked = (lock: LockAnswer) => {
      answer = lock;
      if (lock.content !== undefined) contents.take(shared, lock.content.version, lock.content.bytes);
    };
    const taken = (lock: LockAnswer, changes: Changes) => {
      if (client !== link.client) return;
      link.apply(changes);
      locked(lock);
    };
    // What was written under an exclusive lock must be there before others may read; a new file needs its number.
    if (shared.created || (type === "shared" && shared.dirty !== undefined)) {
      const reserved = this.#databases.downgraded(shared, range);
      const places = () => [{ family: "range" as const, ino: shared.ino, ...RESERVED_RANGE }];
      await link.flush(log.take(false, shared), { lock: wish, locked, ...(reserved && { unlock: places }) });
    } else {
      await client.lock(wish, taken).catch((error: unknown) => {
        // Without an answer nobody knows whether it is held: it would keep others out for as long as the life lasts.
        if (!(error instanceof FileError)) link.lose(client, error);
        throw error;
      });
    }
    if (answer?.outcome !== "granted") {
      const outcome = answer?.outcome ?? "EIO";
      // Who only tries is told so, however long it was waited for: SQLite takes all else for a broken disk.
      const busy = wait < LONGEST_WAIT && (outcome === "ETIMEDOUT" || outcome === "EDEADLK");
      return -errnoNumber(busy ? "EAGAIN" : outcome);
    }
    if (whole) this.#flocks.set(stream.shared, shared);
    else this.#ranges.add(shared);
    if (!whole && type === "exclusive") this.#exclusive.add(shared);
    await link.refreshOpen();
    return 0;
  }

  /**
   * A child's locks on bytes never stand in its own way: where no other child can have any, nobody is asked. What was
   * written under an exclusive one is committed with its end all the same.
   */
  #lockAlone(shared: SharedNode, type: ByteRange["type"]): number | Promise<number> {
    const { link, log } = this.#parts;
    const downgraded = type === "shared" && shared.dirty !== undefined;
    this.#ranges.add(shared);
    if (!downgraded && shared.stale === undefined) return 0;
    const done = downgraded ? link.flush(log.take(false, shared)) : Promise.resolve();
    return done
      .then(() => link.refreshOpen())
      .then(() => 0)
      .catch(failed);
  }

  unlock(stream: MemoryStream, start: number, end: number = TO_END): number | Promise<number> {
    const { open, link } = this.#parts;
    const shared = open.shared(stream.node) ?? this.#flocks.get(stream.shared);
    if (shared === undefined || link.client === undefined) return 0;
    const range = this.#databases.unlock(shared, start, end);
    return range === undefined ? 0 : this.#release(shared, stream, range.start, range.end);
  }

  /** The last descriptor of an open file was closed: its locks end with it, those on bytes with any of the file's. */
  closed(stream: MemoryStream, shared: SharedNode | undefined): void {
    const locked = this.#flocks.get(stream.shared) ?? (shared && this.#ranges.has(shared) ? shared : undefined);
    if (locked !== undefined) void this.#release(locked, stream, 0, TO_END);
  }

  /** Sends what was to be given back. */
  giveBack(): void {
    const { link } = this.#parts;
    clearTimeout(this.#sending);
    for (const shared of this.#read.keys()) this.#statements.delete(shared);
    this.#read.clear();
    const places = this.#returned.splice(0);
    if (places.length > 0 && link.client !== undefined) link.unlock(link.client, places);
  }

  #return(places: readonly LockPlace[]): void {
    this.#returned.push(...places);
    clearTimeout(this.#sending);
    this.#sending = setTimeout(() => this.giveBack(), 0);
  }

  /** Takes a reader's lock that has not left yet. */
  #readOn(shared: SharedNode): boolean {
    const place = this.#read.get(shared);
    const count = (this.#statements.get(shared) ?? 1) + 1;
    if (place === undefined || count > MOST_STATEMENTS || shared.stale !== undefined) return false;
    this.#read.delete(shared);
    this.#returned = this.#returned.filter((returned) => returned !== place);
    this.#statements.set(shared, count);
    this.#ranges.add(shared);
    return true;
  }

  #release(shared: SharedNode, stream: MemoryStream, start: number, end: number): number | Promise<number> {
    const { link, log, open } = this.#parts;
    const whole = start === 0 && end === TO_END;
    const flock = whole && this.#flocks.delete(stream.shared);
    const { alone } = link.needClient();
    const held = this.#ranges.has(shared);
    const exclusive = whole && this.#exclusive.delete(shared);
    if (whole) this.#ranges.delete(shared);
    if (!flock && !held) return 0;
    const range = held && !alone;
    const places = (): LockPlace[] => [
      ...(flock ? [{ family: "flock" as const, ino: shared.ino, handle: open.handle(stream) }] : []),
      ...(range ? [{ family: "range" as const, ino: shared.ino, start, end }] : []),
    ];
    if (log.empty || (!whole && shared.dirty === undefined)) {
      if (!flock && !range) return 0;
      const client = link.needClient();
      if (!link.flushing) {
        const given = places();
        if (!flock && whole && !exclusive) for (const place of given) this.#read.set(shared, place);
        this.#return(given);
        return 0;
      }
      // Others must not have the lock before they can have the change.
      return link
        .flushed()
        .then(() => client.unlock(places()))
        .then(
          () => 0,
          (error: unknown) => -errnoOf(error),
        );
    }
    const done = link.flush(log.take(false, shared), { ...((flock || range) && { unlock: places }) });
    link.inBackground(done);
    return done.then(
      () => 0,
      (error: unknown) => -errnoOf(error),
    );
  }
}

function failed(error: unknown): number {
  return -errnoOf(error);
}
