// An interpreter's side of the store: brings in what is new, and sends what scripts changed, one flush after the other.

import {
  type Changes,
  CommitError,
  type ContentRange,
  FileClient,
  FileError,
  type LockPlace,
  type SendToStore,
} from "../../fs/index.ts";
import { Batches, type CommitLocks } from "./batches.ts";
import { gatherChanges } from "./catch-up.ts";
import type { ChangeLog, Taken } from "./change-log.ts";
import type { FileView } from "./file-view.ts";
import { Room } from "./room.ts";
import type { SharedContents } from "./shared-contents.ts";
import type { SharedNode } from "./shared-node.ts";
import type { SharedNodes } from "./shared-nodes.ts";

export interface StoreLinkParts {
  readonly log: ChangeLog;
  readonly view: FileView;
  readonly nodes: SharedNodes;
  readonly contents: SharedContents;
  /** Files that are open now. */
  readonly opened: () => Iterable<SharedNode>;
  /** Told of changes that could not be kept, in words. */
  readonly onLoss: (message: string) => void;
}

/** Numbers for new files that a request finds. One that makes more waits for them in between, where it can wait. */
const INODES_AT_HAND = 4096;

export class StoreLink {
  readonly room: Room;
  readonly #parts: StoreLinkParts;
  #client: FileClient | undefined;
  /** Everything up to here is in the view; 0: nothing. */
  #known = 0;
  /** An answer had more to tell. */
  #more = false;
  /** What went wrong behind the script's back. */
  #failure: Error | undefined;
  /** Commits that no script waits for. */
  #behind: Promise<unknown> = Promise.resolve();
  /** Settles when the last flush is over: they keep their order. Undefined: none is under way. */
  #flushed: Promise<void> | undefined;
  readonly #batches: Batches;

  constructor(parts: StoreLinkParts) {
    this.#parts = parts;
    this.room = new Room(parts.log);
    this.#batches = new Batches({
      nodes: parts.nodes,
      apply: (changes) => this.apply(changes),
      isPresent: (client) => client === this.#client,
    });
  }

  /** Undefined between two lives. */
  get client(): FileClient | undefined {
    return this.#client;
  }

  /** @throws {FileError} */
  needClient(): FileClient {
    if (this.#client === undefined) throw new FileError("EIO", "the child has no store");
    return this.#client;
  }

  /** Nothing that is answered from now on counts. */
  detach(): void {
    this.#client = undefined;
  }

  /** A life begins; nothing is known. @param pauses see `FileClient.begin` @throws {FileError} */
  async attach(send: SendToStore, key: string, pauses?: readonly number[]): Promise<void> {
    this.#failure = undefined;
    this.#behind = Promise.resolve();
    this.#flushed = undefined;
    this.#batches.clear();
    const client = await FileClient.begin(send, key, pauses);
    this.#known = 0;
    this.#more = false;
    client.seq = 0;
    this.#client = client;
    await this.catchUp();
    await this.stock();
  }

  /** @param seq as the master knows it: nothing is asked when it is known here @throws {FileError} */
  async begin(seq: number | undefined): Promise<void> {
    if (this.#client === undefined) return;
    if (this.#failure !== undefined) throw this.#failure;
    if (seq !== this.#known || this.#more) await this.catchUp();
  }

  /** Everything is durable when this settles. @throws {FileError} it is not, and the life is over */
  async settle(): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    await this.flush(this.#parts.log.take(true));
    await this.#behind;
    if (this.#failure !== undefined) throw this.#failure;
    await this.stock();
  }

  /** The same, and locks are given back. @throws {FileError} the life is over */
  async rest(): Promise<void> {
    const client = this.#client;
    await this.settle();
    await client?.idle();
    if (client === this.#client && this.#failure !== undefined) throw this.#failure;
  }

  /** Sends a part of the log, and waits until it is durable. @throws {FileError} what scripts changed is lost */
  flush(taken: Taken, locks: CommitLocks = {}): Promise<void> {
    const client = this.needClient();
    if (taken.entries.length === 0 && locks.unlock === undefined && locks.lock === undefined) return Promise.resolve();
    const before = this.#flushed ?? Promise.resolve();
    const done = before.then(() => this.#flush(client, taken, locks));
    const over = () => {
      if (this.#flushed === flushed) this.#flushed = undefined;
    };
    const flushed: Promise<void> = done.then(over, over);
    this.#flushed = flushed;
    return done;
  }

  /** Whether anything is on its way. */
  get flushing(): boolean {
    return this.#flushed !== undefined;
  }

  /** Settles when numbers for new files are at hand. @throws {FileError} */
  async stock(): Promise<void> {
    await this.needClient().stock(INODES_AT_HAND);
  }

  /** A file is in no directory any more, and not open here. */
  drop(shared: SharedNode): void {
    if (!shared.created) this.#batches.drop(shared);
  }

  /** Settles when nothing of what was taken so far is under way. */
  async flushed(): Promise<void> {
    await this.#flushed;
  }

  async #flush(client: FileClient, taken: Taken, locks: CommitLocks): Promise<void> {
    const { unlock } = locks;
    try {
      if (client !== this.#client) throw new FileError("EIO", "the child's life is over");
      await this.#batches.send(client, taken, locks);
    } catch (error) {
      this.lose(client, error);
      // The script takes its locks for given back: others need not wait for the end of the request.
      if (error instanceof CommitError && unlock !== undefined) this.unlock(client, unlock());
      throw error;
    }
  }

  /** Brings in an answer's changes. */
  apply(changes: Changes): void {
    this.room.learn(changes.room);
    // More than fits one answer is brought in as a whole, when it is asked for.
    this.#more = changes.more;
    if (changes.more || this.#client === undefined) return;
    this.#parts.view.apply(changes);
    this.#known = changes.seq;
    this.#client.seq = changes.seq;
  }

  /** Brings in everything that is new. @throws {FileError} */
  async catchUp(): Promise<void> {
    const client = this.needClient();
    const changes = await gatherChanges(client, this.#known);
    if (client !== this.#client) return;
    this.apply(changes);
    await this.refreshOpen();
  }

  /** Brings files up to date that are open, and everything that is new if an answer was too long. @throws {FileError} */
  async refreshOpen(): Promise<void> {
    if (this.#more) return this.catchUp();
    for (const shared of [...this.#parts.opened()]) {
      if (shared.stale !== undefined && shared.dirty === undefined) await this.load(shared);
    }
  }

  /** Brings in a content. @throws {FileError} */
  load(shared: SharedNode): Promise<void> {
    const client = this.needClient();
    const { readBytes } = client.sizes;
    return this.#parts.contents.load(
      shared,
      (ino, version, offset, length) => client.read(ino, version, offset, Math.min(length, readBytes)),
      (ino) => this.syncAndRead({ ino, offset: 0, length: readBytes }),
    );
  }

  /** Brings in what is new. @throws {FileError} also when the life is over */
  async sync(): Promise<void> {
    const client = this.needClient();
    const changes = await client.sync(client.seq);
    if (client !== this.#client) throw new FileError("EIO", "the child's life is over");
    this.apply(changes);
    if (this.#more) await this.catchUp();
  }

  /**
   * The same, and bytes of a content as the view has it after that: a file that others change all the time is another one
   * whenever it is asked for what was told before.
   *
   * @returns undefined when too much is new for one answer, or the file is gone
   * @throws {FileError} also when the life is over
   */
  async syncAndRead(want: ContentRange): Promise<Uint8Array | undefined> {
    const client = this.needClient();
    const { changes, bytes } = await client.syncAndRead(want);
    if (client !== this.#client) throw new FileError("EIO", "the child's life is over");
    this.apply(changes);
    if (this.#more) await this.catchUp();
    return bytes;
  }

  /** What could not be kept is gone from the view as well. */
  lose(client: FileClient, error: unknown): void {
    if (client !== this.#client) return;
    const reason = error instanceof FileError ? error.reason : error instanceof Error ? error.message : String(error);
    this.#failure ??= new FileError(
      error instanceof FileError ? error.errno : "EIO",
      `changes of files could not be kept: ${reason}`,
    );
    this.#parts.onLoss(this.#failure.message);
    this.#parts.log.clear();
  }

  /**
   * Gives locks back under which nothing was written, or all was sent. Nobody waits for it, not even the end of the request: what went wrong is
   * told at the next one.
   */
  unlock(client: FileClient, places: readonly LockPlace[]): void {
    client.unlock(places).catch((error: unknown) => this.lose(client, error));
  }

  /** Nobody waits for it but the end of the request. */
  inBackground(work: Promise<unknown>): void {
    const client = this.#client;
    const done = work.catch((error: unknown) => {
      if (client !== undefined) this.lose(client, error);
    });
    this.#behind = Promise.all([this.#behind, done]);
  }
}
