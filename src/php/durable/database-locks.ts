// The locks of SQLite on the bytes of a database, asked of the store with fewer messages than SQLite would make system
// calls. SQLite locks three places (os_unix.c, "locking"): PENDING keeps new readers out while a writer waits for the
// old ones; RESERVED is the writer's to be; SHARED, 510 bytes, is every reader's, and the writer's alone at the end.
//
// PENDING is never asked for: who waits at the store for SHARED as a writer stands before the readers that come later.

import type { SharedNode } from "./shared-node.ts";

const PENDING = 0x40000000;
const RESERVED = PENDING + 1;
export const SHARED: number = PENDING + 2;
export const SHARED_END: number = SHARED + 510;

export interface ByteRange {
  readonly type: "shared" | "exclusive";
  readonly start: number;
  readonly end: number;
}

const WRITER: ByteRange = { type: "exclusive", start: RESERVED, end: SHARED };

/** Asks the store for bytes, waiting for as many milliseconds. 0, or a negated error number. */
export type TakeRange = (range: ByteRange, wait: number) => Promise<number>;

/**
 * Milliseconds that a lock is waited for where SQLite only tries: what stands in the way is gone in a moment, and it would
 * ask again after a pause.
 */
const PATIENCE = 200;

/** Milliseconds that a writer stands in the queue before it goes on as SQLite does, asking now and then. */
const TURN = 2000;

/** A turn that came sooner than this, in milliseconds, was not waited for: nobody else writes. */
const AT_ONCE = 2;

interface Database {
  /** RESERVED is held at the store. */
  reserved: boolean;
  /** Another child was writing when this one wanted to: the next time it queues before it reads. */
  contended: boolean;
}

export class DatabaseLocks {
  readonly #databases = new Map<SharedNode, Database>();

  /** A life is over. */
  clear(): void {
    this.#databases.clear();
  }

  /** Whether a lock is one of SQLite's. */
  static knows(start: number, end: number): boolean {
    return start >= PENDING && end <= SHARED_END;
  }

  lock(shared: SharedNode, range: ByteRange, take: TakeRange): number | Promise<number> {
    const database = this.#database(shared);
    if (range.start === PENDING) {
      return range.type === "shared" && database.contended && !database.reserved ? this.#queue(database, take) : 0;
    }
    if (range.start === RESERVED && range.end === SHARED)
      return database.reserved ? 0 : this.#reserve(database, range, take);
    return take(range, PATIENCE);
  }

  async #reserve(database: Database, range: ByteRange, take: TakeRange): Promise<number> {
    // Who reads already must not wait: it has to step back for the writer before it.
    const failure = await take(range, 0);
    database.reserved = failure === 0;
    database.contended = failure !== 0;
    return failure;
  }

  /**
   * The part of a range to give back at the store, if there is one.
   *
   * @param end exclusive
   */
  unlock(shared: SharedNode, start: number, end: number): { readonly start: number; readonly end: number } | undefined {
    const database = this.#databases.get(shared);
    if (start === PENDING && end <= SHARED) {
      if (end <= RESERVED || database?.reserved !== true) return undefined;
      database.reserved = false;
      return { start: RESERVED, end: SHARED };
    }
    if (database !== undefined && start <= RESERVED && end >= SHARED) database.reserved = false;
    return { start, end };
  }

  /** The writer becomes a reader again: whether RESERVED is to be given back with that. SQLite does so a moment later. */
  downgraded(shared: SharedNode, { type, start, end }: ByteRange): boolean {
    const database = this.#databases.get(shared);
    if (type !== "shared" || start !== SHARED || end !== SHARED_END || database?.reserved !== true) return false;
    if (shared.dirty === undefined) return false;
    database.reserved = false;
    return true;
  }

  async #queue(database: Database, take: TakeRange): Promise<number> {
    const began = performance.now();
    database.reserved = (await take(WRITER, TURN)) === 0;
    database.contended = performance.now() - began > AT_ONCE;
    return 0;
  }

  #database(shared: SharedNode): Database {
    let database = this.#databases.get(shared);
    if (database === undefined) {
      database = { reserved: false, contended: false };
      this.#databases.set(shared, database);
    }
    return database;
  }
}

export const RESERVED_RANGE: { readonly start: number; readonly end: number } = { start: RESERVED, end: SHARED };
