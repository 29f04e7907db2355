// Files of one interpreter that are those of all: what its scripts change goes to the store, what others changed comes in.
// A child's life begins with `attach`; a request with `begin`, and it ends with `settle`.

import {
  type Changes,
  CommitError,
  FileClient,
  FileError,
  type FileOperation,
  type LockAnswer,
  type LockPlace,
  type LockWish,
  type NodeChange,
  type SendToStore,
  TO_END,
} from "../../fs/index.ts";
import type { PhpModule } from "../glue.ts";
import { ChangeLog, operationsOf, type Taken } from "./change-log.ts";
import { type LockKeeper, lockingFcntl, type RangeWish } from "./fcntl.ts";
import { FileView } from "./file-view.ts";
import { isFile, type MemoryNode, type MemoryStream, MemoryTree, type MemoryWatcher } from "./memory-files.ts";
import type { Entry, SharedNode } from "./shared-node.ts";

export interface DurableFilesOptions {
  /** Absolute paths of the directories that are shared, without a slash at the end. */
  readonly roots: readonly string[];
  /** Of them, those that are the application's: an archive is mounted there. */
  readonly application: string;
  /** Bytes of contents that are kept between requests. Default 8 MiB. */
  readonly cacheBytes?: number;
  /** Told of changes that could not be kept, in words. */
  readonly onLoss?: (message: string) => void;
}

type Import = (...values: number[]) => number | Promise<number>;

interface PromiseIntegration {
  readonly Suspending?: new (run: Import) => Import;
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
const EACCES = 2;

const O_CREAT = 0o100;

const CACHE = 8 * 1024 * 1024;

/** Milliseconds that a lock is waited for. */
const LONGEST_WAIT = 5 * 60_000;

/**
 * Milliseconds that a database's lock is waited for where its program only tries: what stands in the way is gone in a
 * moment, and it would ask again after a pause. Not for the lock of a writer to be, who has to step back for the one
 * that is before it.
 */
const PATIENCE = 200;

/** The byte that SQLite locks for it. */
const RESERVED = 0x40000001;

/** Operations and bytes of one batch, below the store's own bounds. */
const BATCH_ENTRIES = 256;
const BATCH_BYTES = 4 * 1024 * 1024;

/** Numbers that a request may need at once. */
const INODES_AT_HAND = 4096;

/** Flags of a descriptor that can write: O_WRONLY or O_RDWR. */
const O_WRITES = 3;

/** Errno of WASI. */
const ERRNO: Readonly<Record<string, number>> = { EAGAIN: 6, EDEADLK: 16, EIO: 29, ENOLCK: 46, ENOSPC: 51, EFBIG: 22 };
const EIO = 29;

/** Locks to give back with a batch, and one to take. */
interface CommitLocks {
  readonly unlock?: () => LockPlace[];
  readonly lock?: () => LockWish;
  readonly locked?: (lock: LockAnswer) => void;
}

export class DurableFiles implements MemoryWatcher, LockKeeper {
  readonly #options: DurableFilesOptions;
  readonly #log = new ChangeLog();
  #tree: MemoryTree | undefined;
  #view: FileView | undefined;
  #client: FileClient | undefined;
  /** Everything up to here is in the view; 0: nothing. */
  #known = 0;
  /** An answer had more to tell. */
  #more = false;
  /** Locks that are held: by open file, and on bytes. */
  readonly #flocks = new Map<object, SharedNode>();
  readonly #ranges = new Set<SharedNode>();
  /** Descriptors of each open file. */
  #descriptors = new WeakMap<object, { count: number; readonly handle: number }>();
  #lastHandle = 0;
  /** What went wrong behind the script's back. */
  #failure: Error | undefined;
  /** Commits that no script waits for. */
  #behind: Promise<unknown> = Promise.resolve();

  constructor(options: DurableFilesOptions) {
    this.#options = options;
  }

  /** To be called before the archive is mounted. */
  prepare(module: PhpModule): void {
    const tree = new MemoryTree(module);
    this.#tree = tree;
    for (const root of this.#options.roots) if (root !== this.#options.application) tree.mount(root);
    tree.watch(this);
    this.#view = new FileView(tree, this.#log, this.#options.roots);
  }

  /** To be called when the archive is mounted. */
  mounted(): void {
    this.#view?.adopt(this.#options.application);
  }

  /** Replaces the imports that may have to wait for the store: of the module that is about to be instantiated. */
  install(imports: WebAssembly.Imports, module: () => PhpModule): void {
    const { Suspending } = WebAssembly as PromiseIntegration;
    const env = imports.env as Record<string, Import> | undefined;
    const wasi = imports.wasi_snapshot_preview1 as Record<string, Import> | undefined;
    if (env === undefined || wasi === undefined || Suspending === undefined) return;
    const tree = () => this.#needTree();
    env.__syscall_fcntl64 = new Suspending(lockingFcntl(module, tree, this) as Import);
    const { __syscall_openat: open } = env;
    if (open !== undefined) {
      env.__syscall_openat = new Suspending((...values) => {
        const fd = open(...values) as number;
        return fd >= 0 ? this.#opened(fd, values[2] ?? 0) : fd;
      });
    }
    wasi.fd_sync = new Suspending((fd) => this.#sync(fd as number));
    env.__syscall_fdatasync = new Suspending((fd) => this.#sync(fd as number, -1));
  }

  /** A life is over: nothing that its script does from now on counts. */
  detach(): void {
    this.#client = undefined;
  }

  /** A life begins: everything that the one before left undone is gone. @throws {FileError} */
  async attach(send: SendToStore, key: string): Promise<void> {
    this.detach();
    this.#failure = undefined;
    this.#behind = Promise.resolve();
    this.#flocks.clear();
    this.#ranges.clear();
    this.#descriptors = new WeakMap();
    this.#log.clear();
    this.#view?.doubt();
    const client = await FileClient.begin(send, key);
    this.#known = 0;
    this.#more = false;
    client.seq = 0;
    this.#client = client;
    await this.#catchUp();
    await client.stock(INODES_AT_HAND);
  }

  /** A request begins. @param seq as the master knows it: nothing is asked when it is known here @throws {FileError} */
  async begin(seq: number | undefined): Promise<void> {
    if (this.#client === undefined) return;
    if (this.#failure !== undefined) throw this.#failure;
    if (seq !== this.#known || this.#more) await this.#catchUp();
  }

  /** A request ends: its changes are durable when this settles. @throws {FileError} they are not, and the life is over */
  async settle(): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    await this.#flush(this.#log.take(true));
    await this.#behind;
    if (this.#failure !== undefined) throw this.#failure;
    await client.stock(INODES_AT_HAND);
    this.#view?.shrink(this.#options.cacheBytes ?? CACHE);
  }

  // What scripts do.

  made(node: MemoryNode): void {
    const view = this.#watched();
    const dir = view?.of(node.parent);
    if (view === undefined || dir === undefined) return;
    const ino = this.#client?.takeInode();
    // Without a number it stays this child's own: a request that makes so many files at once.
    if (ino === undefined) this.#options.onLoss?.(`${node.name} is one of too many new files of one request`);
    else this.#log.made(view.add(node, ino), dir);
  }

  renamed(node: MemoryNode, from: { readonly parent: MemoryNode; readonly name: string }, over?: MemoryNode): void {
    const view = this.#watched();
    const shared = view?.of(node);
    const dir = view?.of(from.parent);
    const toDir = view?.of(node.parent);
    if (shared === undefined || dir === undefined || toDir === undefined) return;
    const replaced = over === undefined || over === node ? undefined : view?.of(over);
    if (replaced !== undefined) {
      replaced.gone = true;
      replaced.dirty = undefined;
      this.#log.forget(replaced, "content");
    }
    shared.moves++;
    this.#log.renamed(shared, dir, from.name, toDir);
  }

  removed(node: MemoryNode): void {
    const view = this.#watched();
    const shared = view?.of(node);
    const dir = view?.of(node.parent);
    if (view === undefined || shared === undefined || dir === undefined || shared.gone) return;
    shared.gone = true;
    this.#log.removed(shared, dir, node.name);
    if (shared.created) view.removed(shared);
  }

  written(node: MemoryNode, start: number, end: number, append: boolean): void {
    const shared = this.#changing(node);
    if (shared !== undefined) this.#log.content(shared).written(start, end, append);
  }

  resized(node: MemoryNode, size: number): void {
    const shared = this.#changing(node);
    if (shared === undefined) return;
    this.#log.content(shared).resized(size, shared.stale === undefined ? Number.POSITIVE_INFINITY : shared.size);
    if (size === 0) this.#view?.emptied(shared);
  }

  #changing(node: MemoryNode): SharedNode | undefined {
    const view = this.#watched();
    const shared = view?.of(node);
    if (view === undefined || shared === undefined || shared.gone) return undefined;
    view.touched(shared);
    return shared;
  }

  modeSet(node: MemoryNode): void {
    const shared = this.#watched()?.of(node);
    if (shared !== undefined && !shared.gone) this.#log.modeSet(shared);
  }

  timeSet(node: MemoryNode, mtime: number): void {
    const shared = this.#watched()?.of(node);
    if (shared !== undefined && !shared.gone) this.#log.timeSet(shared, mtime);
  }

  opened(stream: MemoryStream): void {
    const shared = this.#view?.of(stream.node);
    const known = this.#descriptors.get(stream.shared);
    if (known !== undefined) known.count++;
    else this.#descriptors.set(stream.shared, { count: 1, handle: ++this.#lastHandle });
    if (shared === undefined) return;
    shared.opens++;
    if ((stream.flags & O_WRITES) !== 0) shared.writers++;
    this.#view?.used(shared);
  }

  closed(stream: MemoryStream): void {
    const known = this.#descriptors.get(stream.shared);
    if (known !== undefined) known.count--;
    const shared = this.#view?.of(stream.node);
    if (shared !== undefined) {
      shared.opens = Math.max(0, shared.opens - 1);
      if ((stream.flags & O_WRITES) !== 0) shared.writers = Math.max(0, shared.writers - 1);
    }
    if ((known !== undefined && known.count > 0) || this.#client === undefined) return;
    // The locks of an open file end with it; those on bytes with any of the file's descriptors.
    const locked = this.#flocks.get(stream.shared) ?? (shared && this.#ranges.has(shared) ? shared : undefined);
    if (locked !== undefined) void this.#release(locked, stream, 0, TO_END);
  }

  reading(node: MemoryNode): void {
    if (!this.#needView().applying && this.#view?.lacks(node)) throw this.#needTree().error(EIO);
  }

  // Locks.

  async test(stream: MemoryStream, { type, start, end = TO_END }: RangeWish): Promise<RangeWish | undefined> {
    const shared = this.#view?.of(stream.node);
    if (shared === undefined || this.#client === undefined || shared.created) return undefined;
    const found = await this.#client.testLock({ family: "range", type, ino: shared.ino, start, end });
    return found && { type: found.type, start: found.start, end: found.end === TO_END ? undefined : found.end };
  }

  lock(stream: MemoryStream, { type, start, end = TO_END }: RangeWish, wait: boolean): number | Promise<number> {
    const shared = this.#view?.of(stream.node);
    // What is not shared has no other owner.
    if (shared === undefined || this.#client === undefined || shared.gone) return 0;
    return this.#lock(shared, stream, { type, start, end }, wait).catch((error: unknown) => this.#errno(error));
  }

  async #lock(
    shared: SharedNode,
    stream: MemoryStream,
    { type, start, end }: { readonly type: "shared" | "exclusive"; readonly start: number; readonly end: number },
    wait: boolean,
  ): Promise<number> {
    const client = this.#needClient();
    const whole = start === 0 && end === TO_END;
    const wish = (): LockWish => ({
      lock: whole
        ? { family: "flock", ino: shared.ino, handle: this.#handle(stream), type }
        : { family: "range", ino: shared.ino, start, end, type },
      wait: wait ? LONGEST_WAIT : whole || start === RESERVED ? 0 : PATIENCE,
      have: shared.stale === undefined ? shared.version : 0,
    });
    let answer: LockAnswer | undefined;
    const taken = (lock: LockAnswer, changes: Changes) => {
      if (client !== this.#client) return;
      this.#apply(changes);
      answer = lock;
      if (lock.content !== undefined) this.#view?.take(shared, lock.content.version, lock.content.bytes);
    };
    // What was written under an exclusive lock must be there before others may read; a new file needs its number.
    if (shared.created || (type === "shared" && shared.dirty !== undefined)) {
      const locked = (lock: LockAnswer) => {
        answer = lock;
        if (lock.content !== undefined) this.#view?.take(shared, lock.content.version, lock.content.bytes);
      };
      await this.#flush(this.#log.take(false, shared), { lock: wish, locked });
    } else {
      await client.lock(wish, taken);
    }
    if (answer?.outcome !== "granted") return -(ERRNO[answer?.outcome ?? "EIO"] ?? ERRNO.EAGAIN ?? 6);
    if (whole) this.#flocks.set(stream.shared, shared);
    else this.#ranges.add(shared);
    if (this.#more) await this.#catchUp();
    else await this.#refreshOpen();
    return 0;
  }

  unlock(stream: MemoryStream, start: number, end: number = TO_END): number | Promise<number> {
    const shared = this.#view?.of(stream.node) ?? this.#flocks.get(stream.shared);
    if (shared === undefined || this.#client === undefined) return 0;
    return this.#release(shared, stream, start, end);
  }

  #release(shared: SharedNode, stream: MemoryStream, start: number, end: number): number | Promise<number> {
    const client = this.#needClient();
    const whole = start === 0 && end === TO_END;
    const flock = whole && this.#flocks.delete(stream.shared);
    const range = this.#ranges.has(shared);
    if (whole) this.#ranges.delete(shared);
    if (!flock && !range) return 0;
    const places = (): LockPlace[] => [
      ...(flock ? [{ family: "flock" as const, ino: shared.ino, handle: this.#handle(stream) }] : []),
      ...(range ? [{ family: "range" as const, ino: shared.ino, start, end }] : []),
    ];
    if (this.#log.empty || (!whole && shared.dirty === undefined)) {
      this.#inBackground(client.unlock(places()));
      return 0;
    }
    const done = this.#flush(this.#log.take(false, shared), { unlock: places });
    this.#inBackground(done);
    return done.then(
      () => 0,
      (error: unknown) => this.#errno(error),
    );
  }

  #handle(stream: MemoryStream): number {
    return this.#descriptors.get(stream.shared)?.handle ?? 0;
  }

  // The store.

  #opened(fd: number, flags: number): number | Promise<number> {
    const stream = this.#tree?.stream(fd);
    const shared = stream && this.#view?.of(stream.node);
    if (stream === undefined || shared === undefined || this.#client === undefined || !isFile(stream.node)) return fd;
    if (stream.node.name.endsWith(SHARED_MEMORY)) {
      this.#tree?.close(stream);
      if (shared.created) this.#tree?.remove(stream.node);
      return -EACCES;
    }
    const session = (flags & O_CREAT) !== 0 && stream.node.name.startsWith(SESSION);
    if (!session && shared.stale === undefined) return fd;
    const whole = { type: "exclusive", start: 0, end: TO_END } as const;
    const ready = session ? this.#lock(shared, stream, whole, true) : this.#load(shared).then(() => 0);
    return ready
      .catch((error: unknown) => this.#errno(error))
      .then((failure) => {
        if (failure === 0) return fd;
        this.#tree?.close(stream);
        return failure;
      });
  }

  #sync(fd: number, sign = 1): number | Promise<number> {
    const stream = this.#tree?.stream(fd);
    const shared = stream && this.#view?.of(stream.node);
    // Under a lock on bytes a database is in the middle of a change, which goes as one when the lock is given back.
    if (shared === undefined || this.#ranges.size > 0 || this.#log.empty) return 0;
    return this.#flush(this.#log.take(false, shared)).then(
      () => 0,
      (error: unknown) => -sign * this.#errno(error),
    );
  }

  /** Sends a part of the log, and waits until it is durable. @throws {FileError} what scripts changed is lost */
  async #flush(taken: Taken, locks: CommitLocks = {}): Promise<void> {
    const client = this.#needClient();
    const { unlock, lock } = locks;
    try {
      for (const content of taken.contents.values()) await content.sendAhead((bytes) => client.stage(bytes));
      let rest = taken.entries;
      while (rest.length > 0 || unlock !== undefined || lock !== undefined) {
        const now = this.#portion(rest, taken);
        rest = rest.slice(now.length);
        const last = rest.length === 0;
        await this.#commit(now, taken, last ? locks : {});
        if (last) break;
      }
    } catch (error) {
      this.#lose(client, error);
      throw error;
    }
  }

  /** As many entries as fit one batch. */
  #portion(entries: readonly Entry[], { contents }: Taken): Entry[] {
    let bytes = 0;
    const portion: Entry[] = [];
    for (const entry of entries) {
      const more = entry.type === "content" ? (contents.get(entry.shared)?.bytes ?? 0) : 0;
      if (portion.length > 0 && (portion.length >= BATCH_ENTRIES || bytes + more > BATCH_BYTES)) break;
      bytes += more;
      portion.push(entry);
    }
    return portion;
  }

  async #commit(entries: readonly Entry[], { contents }: Taken, { unlock, lock, locked }: CommitLocks): Promise<void> {
    const client = this.#needClient();
    let rest = [...entries];
    for (;;) {
      let origins: Entry[] = [];
      try {
        await client.commit(
          () => {
            const operations: FileOperation[] = [];
            origins = [];
            // Another child's file of the same name may have come in meanwhile.
            rest = rest.filter((entry) => entry.type !== "make" || entry.shared.created);
            for (const entry of rest) {
              const made = operationsOf(entry, contents.get(entry.shared));
              operations.push(...made);
              for (const _ of made) origins.push(entry);
            }
            return { operations, ...(unlock && { unlock: unlock() }), ...(lock && { lock: lock() }) };
          },
          ({ aliases, changes, lock: answer }) => {
            if (client !== this.#client) return;
            this.#committed(rest, aliases);
            this.#apply(changes);
            for (const { shared } of rest) shared.sending = false;
            if (answer !== undefined) locked?.(answer);
          },
        );
        return;
      } catch (error) {
        const origin = error instanceof CommitError && error.operation !== undefined && origins[error.operation];
        if (!(error instanceof CommitError) || !origin || !HARMLESS.has(error.errno)) throw error;
        const adopted = origin.type === "make" && origin.shared.created;
        if (error.changes !== undefined) this.#apply(error.changes);
        // The directory that was to be made is there by now, made by another child: the changes told its number.
        if (adopted && !origin.shared.created) continue;
        rest = rest.filter((entry) => entry !== origin);
        this.#settled(origin);
      }
    }
  }

  #committed(entries: readonly Entry[], aliases: readonly (readonly [number, number])[]): void {
    const real = new Map(aliases);
    for (const entry of entries) {
      const { shared } = entry;
      if (entry.type === "make") {
        shared.created = false;
        const other = real.get(shared.ino);
        if (other !== undefined) this.#view?.renumber(shared, other);
      }
      this.#settled(entry);
    }
  }

  #settled({ type, shared }: Entry): void {
    if (type === "rename") shared.moves = Math.max(0, shared.moves - 1);
    if (type === "remove") this.#view?.removed(shared);
  }

  #apply(changes: Changes): void {
    // More than fits one answer is brought in as a whole, when it is asked for.
    this.#more = changes.more;
    if (changes.more || this.#client === undefined) return;
    this.#view?.apply(changes);
    this.#known = changes.seq;
    this.#client.seq = changes.seq;
  }

  async #catchUp(): Promise<void> {
    const client = this.#needClient();
    const nodes = new Map<number, NodeChange>();
    const gone = new Set<number>();
    let reset = false;
    let since = this.#known;
    let basis: number | undefined;
    for (;;) {
      const changes = await client.sync(since, basis);
      if (changes.reset) {
        reset = true;
        nodes.clear();
        gone.clear();
      }
      for (const ino of changes.gone) {
        gone.add(ino);
        nodes.delete(ino);
      }
      for (const node of changes.nodes) nodes.set(node.ino, node);
      since = changes.seq;
      basis = changes.basis;
      if (!changes.more) break;
    }
    if (client !== this.#client) return;
    this.#apply({ seq: since, reset, more: false, nodes: [...nodes.values()], gone: [...gone] });
    await this.#refreshOpen();
  }

  async #refreshOpen(): Promise<void> {
    for (const shared of [...(this.#view?.outdated() ?? [])]) await this.#load(shared);
  }

  #load(shared: SharedNode): Promise<void> {
    const client = this.#needClient();
    const { readBytes } = client.sizes;
    return this.#needView().load(
      shared,
      (ino, version, offset, length) => client.read(ino, version, offset, Math.min(length, readBytes)),
      async () => {
        const changes = await client.sync(client.seq, undefined);
        if (client === this.#client) this.#apply(changes);
        if (this.#more) await this.#catchUp();
      },
    );
  }

  /** What could not be kept is gone from the view as well. */
  #lose(client: FileClient, error: unknown): void {
    if (client !== this.#client) return;
    const reason = error instanceof Error ? error.message : String(error);
    this.#failure ??= new FileError(
      error instanceof FileError ? error.errno : "EIO",
      `changes of files could not be kept: ${reason}`,
    );
    this.#options.onLoss?.(this.#failure.message);
    this.#log.clear();
  }

  #inBackground(work: Promise<unknown>): void {
    const done = work.catch((error: unknown) => {
      if (this.#client !== undefined) this.#lose(this.#client, error);
    });
    this.#behind = Promise.all([this.#behind, done]);
  }

  #errno(error: unknown): number {
    const errno = error instanceof FileError ? error.errno : "EIO";
    return -(ERRNO[errno] ?? EIO);
  }

  /** Undefined while nobody is to be told. */
  #watched(): FileView | undefined {
    return this.#client === undefined || this.#view?.applying ? undefined : this.#view;
  }

  #needTree(): MemoryTree {
    if (this.#tree === undefined) throw new TypeError("prepare() comes first");
    return this.#tree;
  }

  #needView(): FileView {
    if (this.#view === undefined) throw new TypeError("prepare() comes first");
    return this.#view;
  }

  #needClient(): FileClient {
    if (this.#client === undefined) throw new FileError("EIO", "the child has no store");
    return this.#client;
  }
}

/** What another child did first: the operation is left out, the others are tried again. */
const HARMLESS = new Set(["ENOENT", "EEXIST", "ESTALE", "ENOTDIR", "EISDIR", "ENOTEMPTY", "ELOOP", "EINVAL"]);
