// Locks on files among the children of one pool: flock() and the byte ranges of fcntl(), which do not see each other, as
// on Linux. Pure: time comes in, grants go out through the callback of who waits.
//
// Owners are lives of children. A flock() belongs to an open file of a life, a range to the life as a whole. Who waits
// stands in a queue, the first come first, so that many readers cannot keep a writer out for ever; who only tries looks
// at what is held. A life waits for one lock at a time, because a child runs one request at a time.

import { FileError } from "./errno.ts";

/** End of a range that reaches to the end of the file, however long it gets. */
export const TO_END: number = Number.MAX_SAFE_INTEGER;

/** What a lock is on, and whose it is within a life. */
export type LockPlace =
  | {
      readonly family: "flock";
      readonly ino: number;
      /** The open file description, as the child numbers them. */
      readonly handle: number;
    }
  | {
      readonly family: "range";
      readonly ino: number;
      /** Bytes; `end` is exclusive: `TO_END` for all that follow. */
      readonly start: number;
      readonly end: number;
    };

export type Lock = LockPlace & { readonly type: "shared" | "exclusive" };

/** A lock that stands in the way: what F_GETLK tells. */
export interface LockConflict {
  readonly life: number;
  readonly type: "shared" | "exclusive";
  readonly start: number;
  readonly end: number;
}

/** How a request for a lock ended. "timeout": it waited as long as it was to. "ended": its life is over. */
export type LockOutcome = "granted" | "busy" | "deadlock" | "full" | "timeout" | "ended";

/** For who is ready to wait. */
export interface Waiting {
  /** Milliseconds since 1970: not longer than this. */
  readonly until: number;
  /** Called once, from within whatever frees the lock or ends the wait. */
  readonly tell: (outcome: LockOutcome) => void;
}

interface Held {
  readonly life: number;
  readonly family: Lock["family"];
  /** Of a flock(); 0 for ranges. */
  readonly handle: number;
  readonly type: Lock["type"];
  readonly start: number;
  readonly end: number;
}

interface Queued extends Held {
  readonly ino: number;
  readonly waiting: Waiting;
}

interface LockedFile {
  held: Held[];
  queue: Queued[];
}

export class LockTable {
  readonly #most: number;
  readonly #files = new Map<number, LockedFile>();
  /** What a life waits for. */
  readonly #waits = new Map<number, Queued>();
  #held = 0;

  /** @param most locks at one time */
  constructor(most: number) {
    this.#most = most;
  }

  /** Locks held. */
  get held(): number {
    return this.#held;
  }

  get waiting(): number {
    return this.#waits.size;
  }

  /** The first end of a wait, milliseconds since 1970. */
  get nextTimeout(): number | undefined {
    let next: number | undefined;
    for (const { waiting } of this.#waits.values()) next = Math.min(next ?? waiting.until, waiting.until);
    return next;
  }

  /**
   * Takes or changes a lock. Asking again for what is held grants it again; a life that waits and asks anew waits for
   * the new one only.
   *
   * A flock() that is changed is given back first, as on Linux: another one may come between. A range stays as it was
   * until the change is granted.
   *
   * @returns undefined: it waits, and `waiting.tell` gets the outcome
   * @throws {FileError} EINVAL
   */
  request(life: number, lock: Lock, waiting?: Waiting): LockOutcome | undefined {
    const wanted = toHeld(life, lock);
    this.#stopWaiting(life, "ended");
    const file = this.#file(lock.ino);
    if (wanted.family === "flock") {
      const mine = file.held.find((held) => isSame(held, wanted));
      if (mine?.type === wanted.type) return "granted";
      if (mine !== undefined) {
        this.#drop(file, (held) => held === mine);
        this.#serve(lock.ino, file);
        this.#files.set(lock.ino, file);
      }
    }
    const blocked = file.held.some((held) => stands(held, wanted));
    // Who holds something here already goes before those that wait for it to go.
    const ahead = file.held.some((held) => isSame(held, wanted));
    const behind = waiting !== undefined && !ahead && file.queue.some((earlier) => stands(earlier, wanted));
    if (!blocked && !behind) {
      const outcome = this.#grant(lock.ino, file, wanted);
      // What was exclusive and is shared now may let others in.
      this.#serve(lock.ino, file);
      return outcome;
    }
    if (waiting === undefined) {
      this.#tidy(lock.ino, file);
      return "busy";
    }
    const queued: Queued = { ...wanted, ino: lock.ino, waiting };
    if (this.#wouldDeadlock(file, queued, ahead ? 0 : file.queue.length)) {
      this.#tidy(lock.ino, file);
      return "deadlock";
    }
    if (ahead) file.queue.unshift(queued);
    else file.queue.push(queued);
    this.#waits.set(life, queued);
    return undefined;
  }

  /** Gives locks back: a flock() of a handle, or what is held in a range. Nothing held is no error. */
  release(life: number, place: LockPlace): void {
    const file = this.#files.get(place.ino);
    if (file === undefined) return;
    const given = toHeld(life, { ...place, type: "shared" });
    if (given.family === "flock") this.#drop(file, (held) => isSame(held, given));
    else this.#cut(file, given);
    this.#serve(place.ino, file);
  }

  /** The first lock of another owner that stands in the way. */
  conflict(life: number, lock: Lock): LockConflict | undefined {
    const wanted = toHeld(life, lock);
    const found = this.#files.get(lock.ino)?.held.find((held) => stands(held, wanted));
    if (found === undefined) return undefined;
    return { life: found.life, type: found.type, start: found.start, end: found.end };
  }

  /** A life does not want to wait any more. */
  cancel(life: number): void {
    this.#stopWaiting(life, "ended");
  }

  /** A life is over: all it holds is given back. */
  end(life: number): void {
    this.#stopWaiting(life, "ended");
    for (const [ino, file] of [...this.#files]) {
      this.#drop(file, (held) => held.life === life);
      this.#serve(ino, file);
    }
  }

  /** Ends the waits that were to last until `time`. */
  expire(time: number): void {
    for (const { life, waiting } of [...this.#waits.values()]) {
      if (waiting.until <= time) this.#stopWaiting(life, "timeout");
    }
  }

  #file(ino: number): LockedFile {
    let file = this.#files.get(ino);
    if (file === undefined) {
      file = { held: [], queue: [] };
      this.#files.set(ino, file);
    }
    return file;
  }

  #tidy(ino: number, file: LockedFile): void {
    if (file.held.length === 0 && file.queue.length === 0) this.#files.delete(ino);
  }

  #grant(ino: number, file: LockedFile, wanted: Held): LockOutcome {
    // A range may cut another one in two.
    if (this.#held + 2 > this.#most) {
      this.#tidy(ino, file);
      return "full";
    }
    if (wanted.family === "range") this.#cut(file, wanted);
    file.held.push(wanted);
    this.#held += 1;
    return "granted";
  }

  #drop(file: LockedFile, which: (held: Held) => boolean): void {
    const kept = file.held.filter((held) => !which(held));
    this.#held -= file.held.length - kept.length;
    file.held = kept;
  }

  /** Takes a range out of what the same life holds. */
  #cut(file: LockedFile, range: Held): void {
    const kept: Held[] = [];
    for (const held of file.held) {
      if (!isSame(held, range) || held.end <= range.start || held.start >= range.end) {
        kept.push(held);
        continue;
      }
      if (held.start < range.start) kept.push({ ...held, end: range.start });
      if (held.end > range.end) kept.push({ ...held, start: range.end });
    }
    this.#held += kept.length - file.held.length;
    file.held = kept;
  }

  /** Grants what can be granted, in the order of the queue. */
  #serve(ino: number, file: LockedFile): void {
    for (let at = 0; at < file.queue.length; ) {
      const next = file.queue[at];
      if (next === undefined) break;
      const blocked = file.held.some((held) => stands(held, next));
      const behind = file.queue.slice(0, at).some((earlier) => stands(earlier, next));
      if (blocked || behind) {
        at += 1;
        continue;
      }
      file.queue.splice(at, 1);
      this.#waits.delete(next.life);
      const { waiting, ino: _, ...lock } = next;
      waiting.tell(this.#grant(ino, file, lock));
      // The grant may have changed everything.
      at = 0;
    }
    this.#tidy(ino, file);
  }

  /** Whether who would have to wait is, over others, waited for by whom it waits for. */
  #wouldDeadlock(file: LockedFile, queued: Queued, place: number): boolean {
    const seen = new Set<number>();
    const open = this.#blockers(file, queued, place);
    for (let life = open.pop(); life !== undefined; life = open.pop()) {
      if (life === queued.life) return true;
      if (seen.has(life)) continue;
      seen.add(life);
      const wait = this.#waits.get(life);
      const where = wait && this.#files.get(wait.ino);
      if (wait !== undefined && where !== undefined)
        open.push(...this.#blockers(where, wait, where.queue.indexOf(wait)));
    }
    return false;
  }

  #blockers(file: LockedFile, wanted: Held, place: number): number[] {
    const before = [...file.held, ...file.queue.slice(0, place)];
    return before.filter((held) => stands(held, wanted)).map(({ life }) => life);
  }

  #stopWaiting(life: number, outcome: LockOutcome): void {
    const queued = this.#waits.get(life);
    if (queued === undefined) return;
    this.#waits.delete(life);
    const file = this.#file(queued.ino);
    file.queue = file.queue.filter((other) => other !== queued);
    queued.waiting.tell(outcome);
    this.#serve(queued.ino, file);
  }
}

function toHeld(life: number, lock: Lock): Held {
  const { family, type } = lock;
  if (type !== "shared" && type !== "exclusive") throw new FileError("EINVAL", `${String(type)} is no type of a lock`);
  if (family === "flock") return { life, family, type, handle: lock.handle, start: 0, end: TO_END };
  const { start, end } = lock;
  if (family !== "range" || !Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end <= start) {
    throw new FileError("EINVAL", `${start} to ${end} is no range of bytes`);
  }
  return { life, family, type, handle: 0, start, end };
}

/** Whether both have the same owner. */
function isSame(a: Held, b: Held): boolean {
  return a.family === b.family && a.life === b.life && a.handle === b.handle;
}

/** Whether the one keeps the other from being granted. */
function stands(held: Held, wanted: Held): boolean {
  if (held.family !== wanted.family || isSame(held, wanted)) return false;
  if (held.type === "shared" && wanted.type === "shared") return false;
  return held.start < wanted.end && wanted.start < held.end;
}
