// The files of one pool: a tree in memory, its rows and contents in a home. Every change is one batch, applied whole.
//
// Knows children by the number of their life, and nothing of messages: see service.ts.

import { type BaseFiles, NO_BASE } from "./base.ts";
import { mergeBase } from "./base-merge.ts";
import { Batch } from "./batch.ts";
import { Contents } from "./contents.ts";
import { asFileError, FileError, FileStoreError } from "./errno.ts";
import { History } from "./history.ts";
import type { FileHome } from "./home.ts";
import { DEFAULT_LIMITS, PIECE_BYTES, type StoreLimits } from "./limits.ts";
import { type Changes, type Node, type NodeChange, type NodeRecord, ROOT, toRecord } from "./node.ts";
import { type FileOperation, operationBytes } from "./operation.ts";
import { Orphans } from "./orphans.ts";
import { Stages } from "./stages.ts";
import { StalePieces } from "./stale-pieces.ts";
import { Tree } from "./tree.ts";

export interface FileStoreOptions {
  /** The application's files. Default: none. */
  readonly base?: BaseFiles;
  readonly limits?: Partial<StoreLimits>;
  /** When it is opened, milliseconds since 1970. */
  readonly time: number;
}

/** Stages of one life. */
const MOST_STAGES = 256;

/** A batch, and who sends it. */
export interface CommitOptions {
  /** Whose stages and numbers are meant; 0: the store's owner. */
  readonly life: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Lives that may have a file open which goes. Default: none. */
  readonly holders?: ReadonlySet<number>;
  /** Files that this life does not have open, though it is among the holders. */
  readonly drop?: readonly number[];
  /** Whether this life may give a new file this number. Default: any that was reserved. */
  readonly mayCreate?: (ino: number) => boolean;
  /** Told before the batch is durable, in the same transaction: for what must be kept with it. */
  readonly beforeDurable?: (done: Committed) => void;
}

/** A batch that was applied. */
export interface Committed {
  readonly seq: number;
  /** Numbers that the child chose, and those of the files that were there already. */
  readonly aliases: readonly (readonly [chosen: number, real: number])[];
}

/** An operation that failed, with its place in the batch. */
export class BatchError extends FileError {
  /** 0-based; -1: the batch as a whole. */
  readonly index: number;

  constructor(error: FileError, index: number) {
    super(error.errno, error.reason);
    this.index = index;
  }
}

export class FileStore {
  readonly limits: StoreLimits;
  readonly #home: FileHome;
  readonly #tree: Tree;
  readonly #contents: Contents;
  readonly #history: History;
  readonly #stale = new StalePieces();
  readonly #stages: Stages;
  readonly #orphans: Orphans;
  #seq = 0;
  #nextIno: number;

  /**
   * Opens what the home has, or begins. What was staged, and unlinked files that were open, are gone.
   *
   * @throws {FileStoreError} `FILE_STORE_DAMAGED`
   */
  constructor(home: FileHome, { base = NO_BASE, limits = {}, time }: FileStoreOptions) {
    this.#home = home;
    this.limits = { ...DEFAULT_LIMITS, ...limits };
    this.#contents = new Contents(home, base);
    this.#stages = new Stages(home);
    this.#orphans = new Orphans(home, this.limits.orphanBytes);
    this.#nextIno = Number(home.getValue("nextIno") ?? ROOT + 1);
    home.transaction(() => {
      home.removeUnowned();
      this.#begin(base, time);
    });
    const records = [...home.nodes()];
    const removed = [...home.removed()];
    this.#tree = new Tree(this.limits, records);
    this.#check(records);
    for (const { seq } of [...records, ...removed]) this.#seq = Math.max(this.#seq, seq);
    this.#history = new History(records, removed, {
      from: Number(home.getValue("historyFrom") ?? 0),
      mostRemoved: this.limits.removedRemembered,
    });
  }

  /** Grows with every batch that changes something. A child that knows it knows everything. */
  get seq(): number {
    return this.#seq;
  }

  /** Bytes of all contents, staged and unlinked ones too. */
  get bytes(): number {
    return this.#home.bytes;
  }

  /** Files, directories and links, the root too. */
  get nodes(): number {
    return this.#tree.size;
  }

  /** Unlinked files that are kept for children. */
  get orphans(): number {
    return this.#orphans.size;
  }

  /** Sets inode numbers aside for new files, durably. @returns the first; `count` follow each other */
  reserve(count: number): number {
    const first = this.#nextIno;
    this.#home.transaction(() => this.#home.setValue("nextIno", String(first + count)));
    this.#nextIno = first + count;
    return first;
  }

  /**
   * Applies a batch: all of it, or nothing.
   *
   * @throws {BatchError} what was wrong, and with which operation
   */
  commit(operations: readonly FileOperation[], options: CommitOptions): Committed {
    const { life, time, holders, drop = [], beforeDurable } = options;
    const seq = this.#seq + 1;
    const batch = new Batch({
      tree: this.#tree,
      contents: this.#contents,
      limits: this.limits,
      orphan: (ino) => this.#orphans.get(ino),
      mayCreate: (ino) => this.#isFree(ino) && (options.mayCreate?.(ino) ?? true),
      staged: (stage) => this.#stages.get(life, stage),
      bytes: () => this.#home.bytes,
      seq,
      time,
    });
    let index = -1;
    const kept: Node[] = [];
    const result = { seq, aliases: batch.aliases };
    const done = (): Committed => ({ seq: result.seq, aliases: [...result.aliases] });
    try {
      this.#home.transaction(() => {
        this.#checkBatch(operations, time);
        for (const operation of operations) {
          index += 1;
          batch.apply(operation);
        }
        index = -1;
        if (batch.dirty.size === 0 && batch.removed.size === 0) result.seq = this.#seq;
        this.#keepRows(batch, seq);
        for (const node of batch.removed) {
          const held = new Set(holders);
          if (drop.includes(node.ino)) held.delete(life);
          if (node.type === "file" && held.size > 0) kept.push(node);
          else this.#home.removePieces(node.ino, 0);
        }
        for (const stage of batch.usedStages) {
          const owner = this.#stages.get(life, stage)?.owner;
          if (owner !== undefined) this.#home.removePieces(owner, 0);
        }
        beforeDurable?.(done());
      });
    } catch (error) {
      this.#tree.rollback();
      throw asBatchError(error, index);
    }
    this.#tree.keep();
    this.#seq = result.seq;
    this.#remember(batch, seq);
    for (const stage of batch.usedStages) this.#stages.forget(life, stage);
    this.#orphans.add(kept, holders ?? new Set());
    if (drop.length > 0) this.#orphans.drop(life, drop);
    this.#forgetRemoved();
    return done();
  }

  /**
   * Sends bytes ahead, for a batch to come: `index` counts pieces of `PIECE_BYTES`, and all but the last piece are full.
   * Sending a piece again replaces it.
   *
   * @throws {FileError} ENOSPC, EMSGSIZE, EINVAL
   */
  stage(life: number, id: number, index: number, data: Uint8Array, time: number): void {
    const { messageBytes, fileBytes, totalBytes } = this.limits;
    if (data.length > messageBytes) {
      throw new FileError("EMSGSIZE", `${data.length} bytes in one message; ${messageBytes} are allowed`);
    }
    if (!Number.isSafeInteger(index) || index < 0) throw new FileError("EINVAL", `${index} is no piece`);
    if (index * PIECE_BYTES + data.length > fileBytes) throw new FileError("EFBIG", `${fileBytes} bytes are allowed`);
    if (this.#stages.get(life, id) === undefined && this.#stages.count(life) >= MOST_STAGES) {
      throw new FileError("ENOSPC", `${MOST_STAGES} stages are open already`);
    }
    const stage = this.#stages.open(life, id);
    try {
      this.#home.transaction(() => {
        for (let at = 0; at < data.length; at += PIECE_BYTES) {
          this.#home.putPiece(stage.owner, index + at / PIECE_BYTES, data.subarray(at, at + PIECE_BYTES));
        }
        if (this.#home.bytes > totalBytes) {
          throw new FileError("ENOSPC", `${this.#home.bytes} bytes would be used; ${totalBytes} are allowed`);
        }
      });
    } catch (error) {
      throw asFileError(error);
    }
    stage.time = time;
  }

  /**
   * Pieces that were staged, each filled up with zeros; as many as `readBytes` allow. The caller owns them.
   *
   * @throws {FileError} ENOENT when nothing is staged under that number, EINVAL
   */
  readStaged(life: number, id: number, index: number, count: number): Uint8Array {
    const stage = this.#stages.get(life, id);
    if (stage === undefined) throw new FileError("ENOENT", `nothing is staged as ${id}`);
    if (!Number.isSafeInteger(index) || index < 0 || !Number.isSafeInteger(count) || count < 0) {
      throw new FileError("EINVAL", `${count} pieces from ${index} on`);
    }
    const most = Math.min(count, Math.max(1, Math.floor(this.limits.readBytes / PIECE_BYTES)));
    const bytes = new Uint8Array(most * PIECE_BYTES);
    for (let at = 0; at < most; at++) {
      const piece = this.#home.getPiece(stage.owner, index + at);
      if (piece !== undefined) bytes.set(piece, at * PIECE_BYTES);
    }
    return bytes;
  }

  /** Gives up what was staged. */
  discard(life: number, id: number): void {
    this.#stages.discard(life, id);
  }

  /** Gives up what was staged before `time` and never used. */
  discardStaged(time: number): void {
    this.#stages.discardOlder(time);
  }

  /** A child has none of these unlinked files open. */
  drop(life: number, inos: Iterable<number>): void {
    this.#orphans.drop(life, inos);
  }

  /** A child has no file open. */
  rest(life: number): void {
    this.#orphans.dropAll(life);
  }

  /** A child is gone. */
  end(life: number): void {
    this.#stages.discardAll(life);
    this.#orphans.dropAll(life);
  }

  /**
   * What happened after `since`.
   *
   * @param basis the `basis` of the answer that this continues, if it had one
   * @param except a `seq` whose changes of contents the child made itself
   */
  changesSince(since: number, { basis, except }: { basis?: number; except?: number } = {}): Changes {
    const known = basis ?? since;
    const reset = known < this.#history.from || known > this.#seq || since > this.#seq;
    const from = reset ? 0 : since;
    const { inos, until } = this.#history.since(from, this.limits.changesPerAnswer);
    const nodes: NodeChange[] = [];
    const gone: number[] = [];
    for (const ino of inos) {
      const node = this.#tree.get(ino);
      if (node === undefined) gone.push(ino);
      else nodes.push(this.#told(node, reset || basis !== undefined ? 0 : since, except));
    }
    const start = reset ? this.#seq : basis;
    return {
      seq: until ?? this.#seq,
      reset,
      more: until !== undefined,
      ...(start !== undefined && until !== undefined && { basis: start }),
      nodes,
      gone: reset ? [] : gone,
      room: {
        bytes: Math.max(0, this.limits.totalBytes - this.#home.bytes),
        nodes: Math.max(0, this.limits.nodes - this.#tree.size),
      },
    };
  }

  /** @throws {FileError} ENOENT */
  stat(ino: number): NodeRecord {
    return toRecord(this.#find(ino));
  }

  /** The node of that name in a directory. @throws {FileError} ENOENT, ENOTDIR */
  child(dir: number, name: string): NodeRecord | undefined {
    const node = this.#tree.child(this.#tree.directory(dir), name);
    return node && toRecord(node);
  }

  /** Entries of a directory, by name. @throws {FileError} ENOENT, ENOTDIR */
  list(ino: number): NodeRecord[] {
    const dir = this.#tree.directory(ino);
    const found: NodeRecord[] = [];
    for (const name of dir.entries?.keys() ?? []) {
      const node = this.#tree.child(dir, name);
      if (node !== undefined) found.push(toRecord(node));
    }
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * Bytes of a file: fewer than `length` at its end, or when `readBytes` are reached. The caller owns them.
   *
   * @param version of the content that is meant; without it, whatever there is
   * @throws {FileError} ENOENT, EISDIR, EINVAL, ESTALE when the content is another one by now
   */
  read(ino: number, offset: number, length: number, version?: number): Uint8Array {
    const node = this.#find(ino);
    if (node.type === "directory") throw new FileError("EISDIR", `/${this.#tree.path(node)} is a directory`);
    if (node.type === "symlink") throw new FileError("EINVAL", `/${this.#tree.path(node)} is a link`);
    if (!Number.isSafeInteger(offset) || offset < 0 || !Number.isSafeInteger(length) || length < 0) {
      throw new FileError("EINVAL", `${length} bytes at ${offset}`);
    }
    if (version !== undefined && version !== node.version)
      throw new FileError("ESTALE", `/${this.#tree.path(node)} has changed meanwhile`);
    return this.#contents.read(node, offset, Math.min(length, this.limits.readBytes));
  }

  /**
   * Follows a path from the root, through links; "." and ".." as in a shell.
   *
   * @param follow whether a link at the end is followed; default true
   * @throws {FileError} ENOENT, ENOTDIR, ELOOP
   */
  lookup(path: string, follow = true): NodeRecord {
    const names = path.split("/").reverse();
    let at = this.#tree.directory(ROOT);
    let links = 0;
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      if (at.type !== "directory") throw new FileError("ENOTDIR", `${path}: ${at.name} is not a directory`);
      if (name === "" || name === ".") continue;
      const next: Node | undefined = name === ".." ? this.#tree.get(at.parent) : this.#tree.child(at, name);
      if (next === undefined) throw new FileError("ENOENT", `${path} does not exist`);
      if (next.type === "symlink" && (follow || names.length > 0)) {
        if (++links > this.limits.links) throw new FileError("ELOOP", `${path}: more than ${this.limits.links} links`);
        const target = next.target ?? "";
        if (target.startsWith("/")) at = this.#tree.directory(ROOT);
        names.push(...target.split("/").reverse());
      } else {
        at = next;
      }
    }
    return toRecord(at);
  }

  /** The path of a node, without a slash at its start. @throws {FileError} ENOENT */
  path(ino: number): string {
    return this.#tree.path(this.#find(ino));
  }

  #begin(base: BaseFiles, time: number): void {
    const home = this.#home;
    let seq = 0;
    let known = false;
    for (const record of home.nodes()) {
      known = true;
      seq = Math.max(seq, record.seq);
    }
    for (const { seq: at } of home.removed()) seq = Math.max(seq, at);
    if (!known) {
      seq = 1;
      const common = { mtime: time, ctime: time, version: seq, seq };
      home.putNode({ ino: ROOT, parent: ROOT, name: "", type: "directory", mode: 0o755, size: 0, ...common });
    }
    mergeBase(home, base, () => this.#nextIno++, seq + 1);
    home.setValue("nextIno", String(this.#nextIno));
  }

  #check(records: readonly NodeRecord[]): void {
    for (const { ino, parent, name } of records) {
      if (ino >= this.#nextIno) throw damaged(`inode ${ino} is not one that was given out`);
      const dir = this.#tree.get(parent);
      const right = ino === ROOT ? dir?.ino === ROOT : dir?.entries?.get(name) === ino;
      if (!right) throw damaged(`"${name}" (inode ${ino}) is not in the directory ${parent}`);
    }
  }

  #checkBatch(operations: readonly FileOperation[], time: number): void {
    const { batchOperations, messageBytes } = this.limits;
    if (operations.length > batchOperations) {
      throw new FileError("EMSGSIZE", `${operations.length} operations in a batch; ${batchOperations} are allowed`);
    }
    const bytes = operations.reduce((sum, operation) => sum + operationBytes(operation), 0);
    if (bytes > messageBytes) throw new FileError("EMSGSIZE", `${bytes} bytes in a batch; ${messageBytes} are allowed`);
    if (!Number.isFinite(time)) throw new FileError("EINVAL", `${time} is no time`);
  }

  #keepRows(batch: Batch, seq: number): void {
    for (const node of batch.dirty) {
      if (this.#tree.get(node.ino) === node) this.#home.putNode(toRecord(node));
    }
    for (const node of batch.removed) if (!batch.created.has(node)) this.#home.removeNode(node.ino, seq);
  }

  #remember(batch: Batch, seq: number): void {
    for (const [node, { version, pieces }] of batch.touched) {
      if (this.#tree.get(node.ino) === node) this.#stale.changed(node.ino, version, seq, pieces);
    }
    const changed: number[] = [];
    for (const node of batch.dirty) if (this.#tree.get(node.ino) === node) changed.push(node.ino);
    const removed: number[] = [];
    for (const node of batch.removed) {
      this.#stale.forget(node.ino);
      if (!batch.created.has(node)) removed.push(node.ino);
    }
    this.#history.removed(seq, removed);
    this.#history.changed(seq, changed);
  }

  /** Keeps the bound of the history. */
  #forgetRemoved(): void {
    const seq = this.#history.forgettable();
    if (seq === undefined) return;
    try {
      this.#home.transaction(() => {
        this.#home.forgetRemoved(seq);
        this.#home.setValue("historyFrom", String(seq));
      });
    } catch {
      // The batch before is durable and must not seem to have failed; the next one tries again.
      return;
    }
    this.#history.forget(seq);
  }

  #isFree(ino: number): boolean {
    if (!Number.isSafeInteger(ino) || ino <= ROOT || ino >= this.#nextIno) return false;
    return this.#tree.get(ino) === undefined && this.#orphans.get(ino) === undefined && !this.#history.wasRemoved(ino);
  }

  #find(ino: number): Node {
    const node = this.#tree.get(ino) ?? this.#orphans.get(ino);
    if (node === undefined) throw new FileError("ENOENT", `file ${ino} does not exist any more`);
    return node;
  }

  #told(node: Node, since: number, except: number | undefined): NodeChange {
    if (node.type !== "file") return toRecord(node);
    const stale = this.#stale.since(node.ino, node.version, since, except);
    return { ...toRecord(node), ...(stale !== undefined && { stale }) };
  }
}

function damaged(what: string): FileStoreError {
  return new FileStoreError("FILE_STORE_DAMAGED", `the file store contradicts itself: ${what}`);
}

function asBatchError(error: unknown, index: number): BatchError {
  return new BatchError(asFileError(error), index);
}
