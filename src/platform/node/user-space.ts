// The system calls about locks that the glue leaves to its host (`bindUserSpace`), answered from the table that all
// children share. Errors are the negative numbers that the interpreter's C library expects.

import { fstatSync } from "node:fs";
import { FCNTL, FLOCK, type LockRequest, type Locks } from "./file-locks.ts";
import { isSharedMap, SharedMaps, type SharedMapsContext } from "./shared-maps.ts";

// Numbers of WASI's errno, which Emscripten uses.
const EAGAIN = 6;
const EBADF = 8;
const EINVAL = 28;
const ENOLCK = 46;

// flock(): sys/file.h.
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;

// fcntl(): fcntl.h of the interpreter's C library.
const F_SETFL = 4;
const F_GETLK = 12;
const F_SETLK = 13;
const F_SETLKW = 14;
const SETTABLE_FLAGS = 0o2000 | 0o4000; // O_APPEND | O_NONBLOCK
const F_RDLCK = 0;
const F_WRLCK = 1;
const F_UNLCK = 2;

// Offsets in `struct flock` on wasm32.
const L_TYPE = 0;
const L_WHENCE = 2;
const L_START = 8;
const L_LEN = 16;
const L_PID = 24;

/** The byte of a "-shm" file that is locked by who writes to a database in WAL mode (WAL_WRITE_LOCK in SQLite's wal.c). */
const SHM_WRITER = 120;

interface Heap<T> {
  get(index: number): T;
  set(index: number, value: T): void;
}

interface Stream {
  flags: number;
  readonly position?: number;
  readonly path?: string;
  readonly nfd?: number;
  readonly node?: { readonly sock?: unknown };
}

/** What the glue gives of itself, as far as it is used here. */
export interface UserSpaceContext extends SharedMapsContext {
  readonly pid: number;
  readonly memory: { readonly HEAP16: Heap<number>; readonly HEAP32: Heap<number>; readonly HEAP64: Heap<bigint> };
  readonly wasmImports: {
    builtin_fd_close(fd: number): number;
    builtin_fcntl64(fd: number, command: number, varargs: number): number;
    __syscall_socket(domain: number, type: number, protocol: number, ...unused: number[]): number;
  };
  readonly FS: { getStream(fd: number): Stream | undefined | null; close(stream: Stream): void };
}

/**
 * Milliseconds that a range is waited for where SQLite only tries. It would try again and again, and between two times the
 * interpreter does not sleep but looks at the clock, on a processor that who holds the lock may need.
 */
const PATIENCE = 250;

/** The glue calls these by name. */
export class UserSpace {
  readonly #context: UserSpaceContext;
  readonly #locksOf: (pid: number) => Locks;
  #locks: Locks;
  readonly #errnoAddress: () => number;
  readonly #maps: SharedMaps;
  readonly #onLock: () => void;

  /**
   * @param locksOf the locks of a process
   * @param errnoAddress where the interpreter's C library keeps `errno`
   * @param onLock told after each lock that was asked for: files may be different from what they were before
   */
  constructor(
    context: UserSpaceContext,
    locksOf: (pid: number) => Locks,
    errnoAddress: () => number,
    onLock: () => void,
  ) {
    this.#onLock = onLock;
    this.#maps = new SharedMaps(context);
    this.#context = context;
    this.#errnoAddress = errnoAddress;
    this.#locksOf = locksOf;
    this.#locks = locksOf(context.pid);
  }

  /** Serves another process from now on; what the one before held is given back by whoever saw it end. */
  become(pid: number): void {
    this.#locks = this.#locksOf(pid);
    this.#maps.forget();
  }

  fd_close(fd: number): number {
    if (this.#locks.held > 0 || this.#maps.some) {
      const stream = this.#context.FS.getStream(fd);
      if (stream?.nfd !== undefined) {
        this.#maps.closed(stream.nfd);
        const { dev, ino } = fstatSync(stream.nfd);
        this.#locks.closed(fd, dev, ino);
      }
    }
    return this.#context.wasmImports.builtin_fd_close(fd);
  }

  flock(fd: number, operation: number): number {
    const stream = this.#context.FS.getStream(fd);
    if (stream == null) return -EBADF;
    const wanted = operation & ~LOCK_NB;
    const type = wanted === LOCK_SH ? 1 : wanted === LOCK_EX ? 2 : wanted === LOCK_UN ? 0 : undefined;
    if (type === undefined) return -EINVAL;
    const wait = (operation & LOCK_NB) === 0;
    const result = this.#set(stream, { family: FLOCK, type, fd, start: 0, end: Number.POSITIVE_INFINITY }, wait);
    if (result === 0) return 0;
    // This one is called as a C function and not as a system call: it sets errno itself.
    this.#context.memory.HEAP32.set(this.#errnoAddress() >> 2, -result);
    return -1;
  }

  fcntl64(fd: number, command: number, varargs: number): number {
    const { memory, wasmImports, FS } = this.#context;
    const stream = FS.getStream(fd);
    if (stream == null) return -EBADF;
    switch (command) {
      case F_SETFL: {
        // The glue's own version can set flags and never clear one.
        const flags = memory.HEAP32.get(varargs >> 2);
        stream.flags = (stream.flags & ~SETTABLE_FLAGS) | (flags & SETTABLE_FLAGS);
        return 0;
      }
      case F_GETLK:
        return this.#getLock(fd, stream, memory.HEAP32.get(varargs >> 2));
      case F_SETLK:
      case F_SETLKW: {
        const request = this.#read(fd, stream, memory.HEAP32.get(varargs >> 2));
        if (request === undefined) return -EINVAL;
        return this.#set(stream, request, command === F_SETLKW);
      }
      default:
        return wasmImports.builtin_fcntl64(fd, command, varargs);
    }
  }

  js_release_file_locks(): void {
    this.#locks.releaseAll();
  }

  #set(stream: Stream, request: Omit<LockRequest, "device" | "inode">, wait: boolean): number {
    // Files in memory belong to this interpreter alone.
    if (stream.nfd === undefined) return 0;
    const { dev, ino } = fstatSync(stream.nfd);
    const file = { ...request, device: dev, inode: ino };
    const shared = isSharedMap(stream);
    if (shared && request.type === 0) this.#maps.bringTogether(stream.nfd);
    // Of a write-ahead log it is the writer that is waited for. Who finds a reader does something else instead.
    const tries = !wait && request.family === FCNTL && request.type !== 0 && (!shared || request.start === SHM_WRITER);
    // Who reads already must not wait: it has to step back for the writer before it.
    const result = this.#locks.set(file, tries && !this.#locks.onlyShares(file) ? PATIENCE : wait);
    // A lock of shared memory says something of what lies in it, and nothing of which files there are.
    if (!shared) this.#onLock();
    if (result === "granted" && shared && request.type !== 0) this.#maps.bringTogether(stream.nfd);
    // The last user of a database brings the log into it, by an index that others may have gone on with: it takes no lock
    // of the index for that, but the database's own.
    if (result === "granted" && !shared && request.type === 2 && request.family === FCNTL) this.#maps.bringTogether();
    return result === "granted" ? 0 : result === "busy" ? -EAGAIN : -ENOLCK;
  }

  #getLock(fd: number, stream: Stream, pointer: number): number {
    const { HEAP16, HEAP32, HEAP64 } = this.#context.memory;
    const request = this.#read(fd, stream, pointer);
    if (request === undefined) return -EINVAL;
    let conflict: ReturnType<Locks["conflict"]>;
    if (stream.nfd !== undefined) {
      const { dev, ino } = fstatSync(stream.nfd);
      conflict = this.#locks.conflict({ ...request, device: dev, inode: ino });
    }
    if (conflict === undefined) {
      HEAP16.set((pointer + L_TYPE) >> 1, F_UNLCK);
      return 0;
    }
    const length = conflict.end === Number.POSITIVE_INFINITY ? 0 : conflict.end - conflict.start;
    HEAP16.set((pointer + L_TYPE) >> 1, conflict.type === 2 ? F_WRLCK : F_RDLCK);
    HEAP16.set((pointer + L_WHENCE) >> 1, 0);
    HEAP64.set((pointer + L_START) >> 3, BigInt(conflict.start));
    HEAP64.set((pointer + L_LEN) >> 3, BigInt(length));
    HEAP32.set((pointer + L_PID) >> 2, conflict.owner);
    return 0;
  }

  /** Reads a `struct flock`. @returns `undefined` when it makes no sense */
  #read(fd: number, stream: Stream, pointer: number): Omit<LockRequest, "device" | "inode"> | undefined {
    const { HEAP16, HEAP64 } = this.#context.memory;
    const kind = HEAP16.get((pointer + L_TYPE) >> 1);
    const type = kind === F_RDLCK ? 1 : kind === F_WRLCK ? 2 : kind === F_UNLCK ? 0 : undefined;
    const base = this.#base(stream, HEAP16.get((pointer + L_WHENCE) >> 1));
    if (type === undefined || base === undefined) return undefined;
    let start = base + Number(HEAP64.get((pointer + L_START) >> 3));
    const length = Number(HEAP64.get((pointer + L_LEN) >> 3));
    if (length < 0) start += length;
    if (start < 0) return undefined;
    const end = length === 0 ? Number.POSITIVE_INFINITY : start + Math.abs(length);
    return { family: FCNTL, type, fd, start, end };
  }

  #base(stream: Stream, whence: number): number | undefined {
    switch (whence) {
      case 0:
        return 0;
      case 1:
        return stream.position ?? 0;
      case 2:
        return stream.nfd === undefined ? 0 : fstatSync(stream.nfd).size;
      default:
        return undefined;
    }
  }
}
