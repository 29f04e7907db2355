// One life of a child, seen from the child: messages to the store, one at a time and in order, sent again when no answer
// comes. Knows nothing of what the files mean to the child: see php/durable.

import { FileError } from "./errno.ts";
import type { LockPlace } from "./locks.ts";
import type { Changes } from "./node.ts";
import type { FileOperation } from "./operation.ts";
import type { ChildMessage, ContentRange, InodeRange, LockAnswer, LockWish, StoreAnswer } from "./protocol.ts";

/** Carries one message to the store, and its answer back. `life`: 0 with a hello. Rejects when it cannot. */
export type SendToStore = (envelope: { readonly life: number; readonly message: ChildMessage }) => Promise<StoreAnswer>;

/** What the store told of its sizes: bytes, and directories above one another. */
export type StoreSizes = Omit<Extract<StoreAnswer, { type: "welcome" }>, "type" | "life" | "seq" | "inodes" | "alone">;

/** Bytes that are sent ahead of a batch. */
export interface Staging {
  /** A number for a new stage. */
  readonly next: () => number;
  /** Puts whole pieces from `index` on; the last one may be shorter. @throws {FileError} */
  readonly put: (stage: number, index: number, bytes: Uint8Array) => Promise<void>;
}

/** A batch, as the store answered it. */
export interface CommitAnswer {
  /** Numbers that the child chose, and of the files that were there already. */
  readonly aliases: readonly (readonly [chosen: number, real: number])[];
  readonly changes: Changes;
  readonly lock: LockAnswer | undefined;
}

/** A batch that was refused: nothing was changed. */
export class CommitError extends FileError {
  /** Which operation, 0-based; undefined: the batch as a whole. */
  readonly operation: number | undefined;
  /** What is new: the child's view was not the store's. */
  readonly changes: Changes | undefined;

  constructor({ errno, message, operation, changes }: Extract<StoreAnswer, { type: "failed" }>) {
    super(errno, message);
    this.operation = operation;
    this.changes = changes;
  }
}

/** How often a message is sent again, and how long is waited before, in milliseconds. */
const PAUSES = [50, 500] as const;

export class FileClient {
  readonly sizes: StoreSizes;
  /** No other child has these files during this life. */
  readonly alone: boolean;
  readonly #send: SendToStore;
  readonly #pauses: readonly number[];
  readonly #life: number;
  readonly #ranges: { next: number; end: number }[] = [];
  #batch = 0;
  #stage = 0;
  /** Settles when the message before is answered. */
  #last: Promise<unknown> = Promise.resolve();
  /** Messages so far, and which of those that wait for their turn take a lock. */
  #turns = 0;
  readonly #lockTurns = new Set<number>();
  /** Locks to give back with the next of them, and who waits for that. */
  #given: (PromiseWithResolvers<void> & { readonly unlock: readonly LockPlace[] }) | undefined;
  /** Everything up to here is known. */
  seq: number;

  private constructor(
    send: SendToStore,
    pauses: readonly number[],
    { life, seq, inodes, alone = false, ...sizes }: Extract<StoreAnswer, { type: "welcome" }>,
  ) {
    this.#send = send;
    this.#pauses = pauses;
    this.#life = life;
    this.seq = seq;
    this.sizes = sizes;
    this.alone = alone;
    this.#add(inodes);
  }

  /**
   * Begins a life. `key` as in the protocol.
   *
   * @param pauses milliseconds before a message without an answer is sent again, one for each time
   * @throws {FileError}
   */
  static async begin(send: SendToStore, key: string, pauses: readonly number[] = PAUSES): Promise<FileClient> {
    const answer = await send({ life: 0, message: { type: "hello", key } });
    if (answer.type !== "welcome") throw unexpected(answer);
    return new FileClient(send, pauses, answer);
  }

  /** Settles when every message so far is answered. Never rejects. */
  async idle(): Promise<void> {
    for (let last: unknown; last !== this.#last; ) {
      last = this.#last;
      await this.#last;
    }
  }

  /** Whether a number for a new file is at hand: see `stock`. */
  get hasInode(): boolean {
    return this.#ranges.length > 0;
  }

  /** A number for a new file. */
  takeInode(): number | undefined {
    const range = this.#ranges[0];
    if (range === undefined) return undefined;
    const ino = range.next++;
    if (range.next >= range.end) this.#ranges.shift();
    return ino;
  }

  /** Makes sure that many numbers are at hand. */
  async stock(least: number): Promise<void> {
    while (this.#ranges.reduce((sum, { next, end }) => sum + end - next, 0) < least) {
      const answer = await this.#ask({ type: "reserve" });
      if (answer.type !== "inodes") throw unexpected(answer);
      this.#add(answer.inodes);
    }
  }

  /** @throws {FileError} */
  async sync(since: number, basis?: number): Promise<Changes> {
    const answer = await this.#ask({ type: "sync", since, ...(basis !== undefined && { basis }) });
    if (answer.type !== "changes") throw unexpected(answer);
    return answer.changes;
  }

  /** What is new, and bytes as they are then: undefined when there is more to tell, or no such file. @throws {FileError} */
  async syncAndRead(want: ContentRange): Promise<{ changes: Changes; bytes: Uint8Array | undefined }> {
    const answer = await this.#inTurn(() => this.#insist({ type: "sync", since: this.seq, want }));
    if (answer.type !== "changes") throw unexpected(answer);
    return { changes: answer.changes, bytes: answer.bytes };
  }

  /** @throws {FileError} ESTALE when the content is another one by now */
  async read(ino: number, version: number, offset: number, length: number): Promise<Uint8Array> {
    const answer = await this.#ask({ type: "read", ino, version, offset, length });
    if (answer.type !== "bytes") throw unexpected(answer);
    return answer.bytes;
  }

  /** Bytes that are sent ahead of a batch. */
  readonly staging: Staging = {
    next: () => ++this.#stage,
    put: async (stage, index, data) => {
      const answer = await this.#ask({ type: "stage", stage, index, data });
      if (answer.type !== "done") throw unexpected(answer);
    },
  };

  /** Pieces of what was sent ahead, each filled up with zeros. @throws {FileError} */
  async readStage(stage: number, index: number, count: number): Promise<Uint8Array> {
    const answer = await this.#ask({ type: "read-stage", stage, index, count });
    if (answer.type !== "bytes") throw unexpected(answer);
    return answer.bytes;
  }

  /** Gives up what was sent ahead. @throws {FileError} */
  async discard(stage: number): Promise<void> {
    const answer = await this.#ask({ type: "discard", stage });
    if (answer.type !== "done") throw unexpected(answer);
  }

  /**
   * @param prepare called when it is this batch's turn: what was answered before is known by then
   * @throws {CommitError} nothing was changed; locks of `unlock` are still held
   */
  commit(
    prepare: () => {
      readonly operations: readonly FileOperation[];
      readonly drop?: readonly number[];
      readonly unlock?: readonly LockPlace[];
      readonly lock?: LockWish;
    },
    done: (answer: CommitAnswer) => void,
  ): Promise<void> {
    return this.#inTurn(async () => {
      const batch = ++this.#batch;
      const answer = await this.#insist({ type: "commit", batch, since: this.seq, time: Date.now(), ...prepare() });
      if (answer.type === "failed") throw new CommitError(answer);
      if (answer.type !== "committed") throw unexpected(answer);
      done({ aliases: answer.aliases, changes: answer.changes, lock: answer.lock });
    });
  }

  lock(prepare: () => LockWish, done: (lock: LockAnswer, changes: Changes) => void): Promise<void> {
    const turn = this.#turns + 1;
    this.#lockTurns.add(turn);
    return this.#inTurn(async () => {
      this.#lockTurns.delete(turn);
      const given = this.#given;
      this.#given = undefined;
      const unlock = given && { unlock: given.unlock };
      try {
        const answer = await this.#insist({ type: "lock", since: this.seq, wish: prepare(), ...unlock });
        if (answer.type !== "locked") throw unexpected(answer);
        given?.resolve();
        done(answer.lock, answer.changes);
      } catch (error) {
        given?.reject(error);
        throw error;
      }
    });
  }

  /** Where a lock is asked for right behind, it goes in one message with that. */
  unlock(unlock: readonly LockPlace[]): Promise<void> {
    const turn = this.#turns + 1;
    let given: Promise<void> | undefined;
    return this.#inTurn(async () => {
      if (this.#lockTurns.has(turn + 1)) {
        this.#given = { unlock, ...Promise.withResolvers<void>() };
        given = this.#given.promise;
        return;
      }
      const answer = await this.#insist({ type: "unlock", unlock });
      if (answer.type !== "done") throw unexpected(answer);
    }).then(() => given);
  }

  /** Which lock stands in the way. */
  async testLock(lock: LockWish["lock"]): Promise<Extract<StoreAnswer, { type: "conflict" }>["conflict"]> {
    const answer = await this.#ask({ type: "test-lock", lock });
    if (answer.type !== "conflict") throw unexpected(answer);
    return answer.conflict;
  }

  #add({ first, count }: InodeRange): void {
    this.#ranges.push({ next: first, end: first + count });
  }

  #ask(message: ChildMessage): Promise<StoreAnswer> {
    return this.#inTurn(() => this.#insist(message));
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    this.#turns += 1;
    const turn = this.#last.then(run);
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** The same message, until there is an answer. */
  async #insist(message: ChildMessage): Promise<StoreAnswer> {
    for (const pause of this.#pauses) {
      try {
        return await this.#send({ life: this.#life, message });
      } catch {
        await new Promise((resolve) => {
          setTimeout(resolve, pause);
        });
      }
    }
    return await this.#send({ life: this.#life, message });
  }
}

function unexpected(answer: StoreAnswer): FileError {
  if (answer.type === "failed") return new FileError(answer.errno, answer.message);
  if (answer.type === "ended") return new FileError("EIO", "the store takes this child for ended");
  return new FileError("EIO", `the store answered "${answer.type}"`);
}
