// File locks among the interpreters of one master: PHP's flock() (sessions, caches) and the byte ranges of fcntl()
// (SQLite). The table lies in memory that all threads share; whoever must wait sleeps in its own thread.
//
// What holds: two children of the same master exclude each other exactly as two processes would, and so does a script of
// the command line that asks this master (remote-locks.ts). What does not: other programs, and other masters, see none of
// these locks, because Node has no way to take the operating system's.

/** Shared memory of the table: see `createLockTable`. It can be sent to threads. */
export interface LockTable {
  /** Guard, generation and one number a lock: see the indexes below. */
  readonly control: SharedArrayBuffer;
  /** `FIELDS` numbers a lock. */
  readonly entries: SharedArrayBuffer;
}

/** Locks held at one time in a master. SQLite takes up to four a database and connection. */
const CAPACITY = 1024;

// One entry: eight numbers.
const TYPE = 0; // 0 free, 1 shared, 2 exclusive
const FAMILY = 1; // flock() and fcntl() locks do not see each other, as on Linux
const OWNER = 2; // process id of the interpreter
const FD = 3; // descriptor, for flock()
const DEVICE = 4;
const INODE = 5;
const START = 6;
const END = 7; // exclusive; Infinity: to the end of the file, however long
const FIELDS = 8;

const GUARD = 0; // 0, or the process id of whoever changes the table
const GENERATION = 1; // grows with every release

/** Longest sleep before a waiting lock looks again by itself, in milliseconds. */
const RECHECK = 1000;

/** Family of flock() locks. */
export const FLOCK = 1;
/** Family of fcntl() locks. */
export const FCNTL = 2;

export function createLockTable(): LockTable {
  return {
    control: new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT),
    entries: new SharedArrayBuffer(CAPACITY * FIELDS * Float64Array.BYTES_PER_ELEMENT),
  };
}

let shared: LockTable | undefined;

/** The one table of this process: its pools may work on the same files, whatever version of PHP they have. */
export function processLocks(): LockTable {
  shared ??= createLockTable();
  return shared;
}

/** A lock to take, or to give back with type 0. */
export interface LockRequest {
  readonly family: typeof FLOCK | typeof FCNTL;
  readonly type: 0 | 1 | 2;
  readonly fd: number;
  readonly device: number;
  readonly inode: number;
  readonly start: number;
  readonly end: number;
}

/** A lock that stands in the way. */
export interface Conflict {
  readonly type: 1 | 2;
  readonly owner: number;
  readonly start: number;
  readonly end: number;
}

/** The locks of one interpreter, wherever the table is. */
export interface Locks {
  readonly held: number;
  set(request: LockRequest, wait: boolean | number): LockResult;
  onlyShares(request: LockedFile): boolean;
  conflict(request: LockRequest): Conflict | undefined;
  closed(fd: number, device: number, inode: number): void;
  releaseAll(): void;
}

export type LockResult = "granted" | "busy" | "full";
export type LockedFile = Pick<LockRequest, "family" | "device" | "inode">;

/** The locks of one interpreter in the shared table. */
export class FileLocks implements Locks {
  readonly #control: Int32Array;
  readonly #entries: Float64Array;
  readonly #owner: number;
  /** Locks that this owner holds, so that closing a file costs nothing when there are none. */
  #held = 0;

  constructor(table: LockTable, owner: number) {
    this.#control = new Int32Array(table.control);
    this.#entries = new Float64Array(table.entries);
    this.#owner = owner;
  }

  get held(): number {
    return this.#held;
  }

  /**
   * Takes, changes or gives back a lock. With `wait`, sleeps until it is granted; the whole thread sleeps. A flock() that
   * is changed and must wait, or is refused, is given back first; a range stays as it was until the change is granted.
   *
   * @param wait whether to wait, or the most milliseconds to wait
   * @returns "granted", "busy" (after the wait), or "full" when the table has no room
   */
  set(request: LockRequest, wait: boolean | number): LockResult {
    const end = endOf(wait);
    for (;;) {
      const generation = Atomics.load(this.#control, GENERATION);
      const result = this.#try(request);
      const left = end - performance.now();
      if (result !== "busy" || left <= 0) return result;
      Atomics.wait(this.#control, GENERATION, generation, Math.min(left, RECHECK));
    }
  }

  /** `set` for a thread that must not sleep. Ends as "busy" when `signal` is aborted. */
  async setLater(request: LockRequest, wait: boolean | number, signal: AbortSignal): Promise<LockResult> {
    const end = endOf(wait);
    while (!signal.aborted) {
      const generation = Atomics.load(this.#control, GENERATION);
      const result = this.#try(request);
      const left = end - performance.now();
      if (result !== "busy" || left <= 0) return result;
      await Atomics.waitAsync(this.#control, GENERATION, generation, Math.min(left, RECHECK)).value;
    }
    return "busy";
  }

  #try(request: LockRequest): LockResult {
    return this.#guarded(() => {
      if (this.#conflict(request) !== undefined) {
        // As on Linux: two who share a lock and both want it alone would wait for each other for ever.
        if (request.family === FLOCK) this.#replace({ ...request, type: 0 });
        return "busy";
      }
      return this.#replace(request) ? "granted" : "full";
    });
  }

  /** Whether all that this owner holds of a file is shared, and that at least something. */
  onlyShares(request: LockedFile): boolean {
    if (this.#held === 0) return false;
    return this.#guarded(() => {
      const entries = this.#entries;
      let shares = false;
      for (let at = 0; at < entries.length; at += FIELDS) {
        if (entries[at + TYPE] === 0 || entries[at + OWNER] !== this.#owner || !this.#sameFile(at, request)) continue;
        if (entries[at + TYPE] === 2) return false;
        shares = true;
      }
      return shares;
    });
  }

  /** The first lock of another owner that stands in the way of `request`. */
  conflict(request: LockRequest): Conflict | undefined {
    return this.#guarded(() => this.#conflict(request));
  }

  /**
   * What closing a descriptor gives back: its flock(), and, by the rule of POSIX, every fcntl() lock of the owner on
   * that file.
   */
  closed(fd: number, device: number, inode: number): void {
    if (this.#held === 0) return;
    this.#release((at) => {
      const entries = this.#entries;
      if (entries[at + DEVICE] !== device || entries[at + INODE] !== inode) return false;
      return entries[at + FAMILY] === FCNTL || entries[at + FD] === fd;
    });
  }

  /** Gives back everything of this owner. */
  releaseAll(): void {
    if (this.#held > 0) this.#release(() => true);
  }

  /** For the master: gives back everything of an owner that died, the guard too if it died with it in its hand. */
  static releaseDead(table: LockTable, owner: number): void {
    const locks = new FileLocks(table, owner);
    Atomics.compareExchange(locks.#control, GUARD, owner, 0);
    locks.#release(() => true);
  }

  #conflict(request: LockRequest): Conflict | undefined {
    if (request.type === 0) return undefined;
    const entries = this.#entries;
    for (let at = 0; at < entries.length; at += FIELDS) {
      const type = entries[at + TYPE];
      if (type === 0 || (type === 1 && request.type === 1)) continue;
      if (!this.#sameFile(at, request) || this.#isMine(at, request)) continue;
      const start = entries[at + START] ?? 0;
      const end = entries[at + END] ?? 0;
      if (start >= request.end || end <= request.start) continue;
      return { type: type === 2 ? 2 : 1, owner: entries[at + OWNER] ?? 0, start, end };
    }
    return undefined;
  }

  #sameFile(at: number, request: LockedFile): boolean {
    const entries = this.#entries;
    return (
      entries[at + FAMILY] === request.family &&
      entries[at + INODE] === request.inode &&
      entries[at + DEVICE] === request.device
    );
  }

  /** flock() belongs to a descriptor, fcntl() to the process. */
  #isMine(at: number, request: LockRequest): boolean {
    const entries = this.#entries;
    if (entries[at + OWNER] !== this.#owner) return false;
    return request.family === FCNTL || entries[at + FD] === request.fd;
  }

  /** Puts the request in the place of what the owner holds in its range. @returns false when there is no room */
  #replace(request: LockRequest): boolean {
    const entries = this.#entries;
    // A new lock may cut an old one in two: three rows at most.
    if (request.type !== 0 && !this.#hasRoom(3)) return false;
    let released = false;
    for (let at = 0; at < entries.length; at += FIELDS) {
      if (entries[at + TYPE] === 0 || !this.#sameFile(at, request) || !this.#isMine(at, request)) continue;
      const start = entries[at + START] ?? 0;
      const end = entries[at + END] ?? 0;
      if (start >= request.end || end <= request.start) continue;
      const type = entries[at + TYPE] === 2 ? 2 : 1;
      this.#clear(at);
      released = true;
      if (start < request.start) this.#add({ ...request, type, start, end: request.start });
      if (end > request.end) this.#add({ ...request, type, start: request.end, end });
    }
    if (request.type !== 0) this.#add(request);
    if (released) this.#wake();
    return true;
  }

  #hasRoom(rows: number): boolean {
    const entries = this.#entries;
    for (let at = 0; at < entries.length && rows > 0; at += FIELDS) if (entries[at + TYPE] === 0) rows--;
    return rows === 0;
  }

  #add(request: LockRequest): void {
    const entries = this.#entries;
    for (let at = 0; at < entries.length; at += FIELDS) {
      if (entries[at + TYPE] !== 0) continue;
      entries.set(
        [
          request.type,
          request.family,
          this.#owner,
          request.fd,
          request.device,
          request.inode,
          request.start,
          request.end,
        ],
        at,
      );
      this.#held++;
      return;
    }
  }

  #clear(at: number): void {
    this.#entries[at + TYPE] = 0;
    this.#held--;
  }

  #release(which: (at: number) => boolean): void {
    this.#guarded(() => {
      const entries = this.#entries;
      for (let at = 0; at < entries.length; at += FIELDS) {
        if (entries[at + TYPE] !== 0 && entries[at + OWNER] === this.#owner && which(at)) this.#clear(at);
      }
      this.#wake();
    });
  }

  #wake(): void {
    Atomics.add(this.#control, GENERATION, 1);
    Atomics.notify(this.#control, GENERATION);
  }

  /** Runs a short change alone. The guard is held for microseconds. */
  #guarded<T>(change: () => T): T {
    const control = this.#control;
    for (;;) {
      const holder = Atomics.compareExchange(control, GUARD, 0, this.#owner);
      if (holder === 0) break;
      Atomics.wait(control, GUARD, holder, 10);
    }
    try {
      return change();
    } finally {
      Atomics.store(control, GUARD, 0);
      Atomics.notify(control, GUARD);
    }
  }
}

function endOf(wait: boolean | number): number {
  return performance.now() + (wait === true ? Number.POSITIVE_INFINITY : Number(wait));
}
