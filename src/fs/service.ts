// The store as its children see it: lives, messages, locks. One batch, one durable change, one answer.
//
// Time comes in; answers go out through a callback, at once but for locks that are waited for. Whoever carries the
// answers must not let one out before the home's last transaction is durable.

import type { Errno } from "./errno.ts";
import { asFileError, FileError } from "./errno.ts";
import type { FileHome } from "./home.ts";
import { PIECE_BYTES } from "./limits.ts";
import { type Lock, type LockOutcome, type LockPlace, LockTable } from "./locks.ts";
import type { Changes } from "./node.ts";
import type { ChildMessage, ContentRange, LockAnswer, LockWish, StoreAnswer } from "./protocol.ts";
import { BatchError, type Committed, FileStore, type FileStoreOptions } from "./store.ts";

export interface FileServiceOptions extends FileStoreOptions {
  /** There is one child at a time: a life ends all others. Default false. */
  readonly alone?: boolean;
  /** Milliseconds that a lock is waited for at most. Default 5 minutes. */
  readonly longestWait?: number;
  /** Milliseconds after which what was staged and not used is given up. Default 1 hour. */
  readonly stageAge?: number;
}

/** Inode numbers given to a child at once: few are used, and small numbers fit PHP's integers longer. */
const INODES = 4096;

/** Lives whose last batch is remembered after their end, for an answer that got lost. */
const REMEMBERED_LIVES = 1000;

interface Life {
  readonly key: string;
  readonly inodes: { readonly first: number; readonly end: number }[];
  /** It may have files open. */
  active: boolean;
  /** Number of the message that was sent last. */
  lastTurn: number;
  lastBatch: number;
  /** What became of it. */
  lastResult: Committed | BatchError | undefined;
}

type Commit = Extract<ChildMessage, { type: "commit" }>;

export class FileService {
  readonly store: FileStore;
  readonly #home: FileHome;
  readonly #locks: LockTable;
  readonly #lives = new Map<number, Life>();
  /** The last batches of lives that are over. */
  readonly #earlier = new Map<number, { readonly batch: number; readonly applied: Committed }>();
  readonly #longestWait: number;
  readonly #stageAge: number;
  readonly #alone: boolean;
  #nextLife: number;

  /** @throws {FileStoreError} `FILE_STORE_DAMAGED` */
  constructor(home: FileHome, options: FileServiceOptions) {
    const { alone = false, longestWait = 5 * 60_000, stageAge = 60 * 60_000 } = options;
    this.#alone = alone;
    this.#home = home;
    this.store = new FileStore(home, options);
    this.#locks = new LockTable(this.store.limits.locks);
    this.#longestWait = longestWait;
    this.#stageAge = stageAge;
    this.#nextLife = Number(home.getValue("nextLife") ?? 1);
    for (const { life, batch, answer } of home.batches()) {
      this.#earlier.set(life, { batch, applied: JSON.parse(answer) as Committed });
    }
  }

  get locks(): LockTable {
    return this.#locks;
  }

  get lives(): number {
    return this.#lives.size;
  }

  /** A child's life begins: the answer to hello. */
  hello(key: string): StoreAnswer {
    if (this.#alone) for (const life of [...this.#lives.keys()]) this.end(life);
    this.endOf(key);
    if (this.#lives.size >= this.store.limits.lives) {
      return { type: "failed", errno: "EAGAIN", message: `${this.#lives.size} children are connected already` };
    }
    const life = this.#nextLife;
    this.#home.transaction(() => {
      this.#home.setValue("nextLife", String(life + 1));
      this.#home.forgetBatches(life - REMEMBERED_LIVES);
    });
    this.#nextLife = life + 1;
    const known: Life = { key, inodes: [], active: true, lastTurn: 0, lastBatch: 0, lastResult: undefined };
    const first = this.#reserve(known);
    this.#lives.set(life, known);
    const { messageBytes, readBytes, fileBytes, totalBytes, nameBytes, pathBytes, depth } = this.store.limits;
    const inodes = { first, count: INODES };
    const bytes = { pieceBytes: PIECE_BYTES, messageBytes, readBytes, fileBytes, totalBytes };
    const sizes = { ...bytes, nameBytes, pathBytes, depth };
    const alone = this.#alone && { alone: true };
    return { type: "welcome", life, seq: this.store.seq, inodes, ...sizes, ...alone };
  }

  /**
   * The master gives a request to a child: it may open files from now on.
   *
   * @returns the present `seq`: told to the child, it need not ask when it knows that already
   */
  begin(life: number): number {
    const known = this.#lives.get(life);
    if (known !== undefined) known.active = true;
    return this.store.seq;
  }

  /** The child has ended its request, and has no file open. */
  rest(life: number): void {
    const known = this.#lives.get(life);
    if (known !== undefined) known.active = false;
    this.store.rest(life);
  }

  /** The same by the child's key. */
  beginOf(key: string): number {
    for (const [life, known] of this.#lives) if (known.key === key) this.begin(life);
    return this.store.seq;
  }

  /** The same by the child's key. */
  restOf(key: string): void {
    for (const [life, known] of this.#lives) if (known.key === key) this.rest(life);
  }

  /** The life that a child began with this key is over, if it has not ended before. */
  endOf(key: string): void {
    for (const [life, known] of [...this.#lives]) if (known.key === key) this.end(life);
  }

  /** A child's life is over, whatever the reason: its locks are given back, what it staged is gone. */
  end(life: number): void {
    const known = this.#lives.get(life);
    if (known === undefined) return;
    this.#lives.delete(life);
    if (known.lastResult !== undefined && !(known.lastResult instanceof BatchError)) {
      this.#earlier.set(life, { batch: known.lastBatch, applied: known.lastResult });
    }
    for (const old of this.#earlier.keys()) {
      if (old >= this.#nextLife - REMEMBERED_LIVES) break;
      this.#earlier.delete(old);
    }
    this.#locks.end(life);
    this.store.end(life);
  }

  /** Lives that may have a file open: for changes that the store's owner makes. */
  holders(): Set<number> {
    const holders = new Set<number>();
    for (const [life, { active }] of this.#lives) if (active) holders.add(life);
    return holders;
  }

  /** Ends waits that were long enough, and gives up what lies staged for too long. */
  expire(time: number): void {
    this.#locks.expire(time);
    this.store.discardStaged(time - this.#stageAge);
  }

  /** When `expire` has something to do next. */
  get nextExpiry(): number | undefined {
    return this.#locks.nextTimeout;
  }

  /**
   * Does what a child's message asks for.
   *
   * @param life of the child, of the answer to its hello; of no meaning with a hello
   * @param reply called once; later than this call returns only for a lock that is waited for
   * @param turn grows with each time that the child sends something: what a broken connection brings when the child has
   *   sent it again, and has gone on, is not done. Absent: messages cannot overtake each other
   */
  receive(
    life: number,
    message: ChildMessage,
    time: number,
    reply: (answer: StoreAnswer) => void,
    turn?: number,
  ): void {
    const known = this.#lives.get(life);
    try {
      if (message.type === "hello") reply(this.hello(message.key));
      else if (known === undefined) reply(this.#afterTheEnd(life, message));
      else {
        if (turn !== undefined) {
          if (turn <= known.lastTurn) throw new FileError("EIO", "the message came late: it was sent again by then");
          known.lastTurn = turn;
        }
        this.#receive(life, known, message, time, reply);
      }
    } catch (error) {
      reply(failure(error));
    }
  }

  #receive(
    life: number,
    known: Life,
    message: Exclude<ChildMessage, { type: "hello" }>,
    time: number,
    reply: (answer: StoreAnswer) => void,
  ): void {
    const { store } = this;
    switch (message.type) {
      case "sync": {
        const { since, basis, want } = message;
        const changes = store.changesSince(since, basis === undefined ? {} : { basis });
        const bytes = want === undefined || changes.more ? undefined : this.#wanted(want);
        reply({ type: "changes", changes, ...(bytes && { bytes }) });
        return;
      }
      case "read": {
        const { ino, version, offset, length } = message;
        reply({ type: "bytes", bytes: store.read(ino, offset, length, version) });
        return;
      }
      case "stage":
        store.stage(life, message.stage, message.index, message.data, time);
        reply({ type: "done" });
        return;
      case "discard":
        store.discard(life, message.stage);
        reply({ type: "done" });
        return;
      case "read-stage": {
        const { stage, index, count } = message;
        reply({ type: "bytes", bytes: store.readStaged(life, stage, index, count) });
        return;
      }
      case "commit":
        this.#commit(life, known, message, time, reply);
        return;
      case "lock":
        for (const place of message.unlock ?? []) this.#locks.release(life, place);
        this.#lock(life, message.wish, time, (lock) => {
          reply({ type: "locked", lock, changes: store.changesSince(message.since) });
        });
        return;
      case "unlock":
        for (const place of message.unlock) this.#locks.release(life, place);
        store.drop(life, message.drop ?? []);
        reply({ type: "done" });
        return;
      case "test-lock":
        reply({ type: "conflict", conflict: this.#locks.conflict(life, message.lock) });
        return;
      case "reserve":
        reply({ type: "inodes", inodes: { first: this.#reserve(known), count: INODES } });
        return;
      case "rest":
        this.rest(life);
        reply({ type: "done" });
        return;
      case "bye":
        this.end(life);
        reply({ type: "done" });
        return;
      default:
        throw new FileError("EINVAL", `${String((message as { type?: unknown }).type)} is no message`);
    }
  }

  #commit(life: number, known: Life, message: Commit, time: number, reply: (answer: StoreAnswer) => void): void {
    const { batch, since, unlock = [], lock } = message;
    if (!Number.isSafeInteger(batch) || batch < known.lastBatch) {
      throw new FileError("EINVAL", `batch ${batch} comes after batch ${known.lastBatch}`);
    }
    const result = batch === known.lastBatch ? known.lastResult : this.#apply(life, known, message);
    if (result === undefined) throw new FileError("EINVAL", `batch ${batch}: the first one is 1`);
    known.lastBatch = batch;
    known.lastResult = result;
    if (result instanceof BatchError) {
      // The locks stay: who has one next must not come before the change, which the child may try again without what failed.
      const changes = this.store.changesSince(since);
      const { index } = result;
      reply({ ...failure(result), ...(index >= 0 && { operation: index }), changes });
      return;
    }
    for (const place of unlock) this.#locks.release(life, aliased(place, result));
    const answer = (extra: { lock?: LockAnswer }, changes: Changes): StoreAnswer => {
      return { type: "committed", seq: result.seq, aliases: result.aliases, changes, ...extra };
    };
    if (lock === undefined) {
      reply(answer({}, this.store.changesSince(since, { except: result.seq })));
      return;
    }
    const wish = { ...lock, lock: aliased(lock.lock, result) };
    this.#lock(life, wish, time, (taken) => {
      reply(answer({ lock: taken }, this.store.changesSince(since, { except: result.seq })));
    });
  }

  #apply(life: number, known: Life, { batch, operations, time, drop = [] }: Commit): Committed | BatchError {
    try {
      return this.store.commit(operations, {
        life,
        time,
        holders: this.holders(),
        drop,
        mayCreate: (ino) => known.inodes.some(({ first, end }) => ino >= first && ino < end),
        beforeDurable: (done) => {
          // Nothing changed: nothing to be told apart from being applied again.
          if (operations.length > 0) this.#home.putBatch({ life, batch, answer: JSON.stringify(done) });
        },
      });
    } catch (error) {
      if (error instanceof BatchError) return error;
      throw error;
    }
  }

  #lock(life: number, { lock, wait, have }: LockWish, time: number, reply: (answer: LockAnswer) => void): void {
    const tell = (outcome: LockOutcome) => {
      reply({ outcome: OUTCOMES[outcome], ...(outcome === "granted" && this.#content(lock, have)) });
    };
    const until = time + Math.min(wait, this.#longestWait);
    const outcome = this.#locks.request(life, lock, wait > 0 ? { until, tell } : undefined);
    if (outcome !== undefined) tell(outcome);
  }

  #content({ ino }: Lock, have: number | undefined): Pick<LockAnswer, "content"> {
    if (have === undefined) return {};
    try {
      const { version, size, type } = this.store.stat(ino);
      if (type !== "file" || version === have || size > PIECE_BYTES) return {};
      return { content: { version, bytes: this.store.read(ino, 0, size) } };
    } catch {
      // It is gone by now; the changes tell.
      return {};
    }
  }

  #wanted({ ino, offset, length }: ContentRange): Uint8Array | undefined {
    try {
      return this.store.read(ino, offset, length);
    } catch {
      // It is gone by now, or was never there; the changes tell.
      return undefined;
    }
  }

  #reserve(known: Life): number {
    const first = this.store.reserve(INODES);
    known.inodes.push({ first, end: first + INODES });
    return first;
  }

  #afterTheEnd(life: number, message: ChildMessage): StoreAnswer {
    const earlier = this.#earlier.get(life);
    if (message.type !== "commit" || earlier?.batch !== message.batch) return { type: "ended" };
    return { type: "ended", applied: earlier.applied };
  }
}

const OUTCOMES: Readonly<Record<LockOutcome, LockAnswer["outcome"]>> = {
  granted: "granted",
  busy: "EAGAIN",
  deadlock: "EDEADLK",
  full: "ENOLCK",
  timeout: "ETIMEDOUT",
  ended: "ETIMEDOUT",
};

function aliased<T extends LockPlace>(place: T, result: Committed): T {
  const real = result.aliases.find(([chosen]) => chosen === place.ino)?.[1];
  return real === undefined ? place : { ...place, ino: real };
}

function failure(error: unknown): { type: "failed"; errno: Errno; message: string } {
  const { errno, reason } = asFileError(error);
  return { type: "failed", errno, message: reason };
}
