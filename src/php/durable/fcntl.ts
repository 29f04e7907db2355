// fcntl() for scripts whose files are shared with other interpreters: its locks are real, and may be waited for in the
// middle of a script. flock() comes through here as well: in this build PHP makes it a lock on the whole file.

import type { PhpModule } from "../glue.ts";
import type { MemoryStream } from "./memory-node.ts";
import type { MemoryTree } from "./memory-tree.ts";

/** A lock on bytes of an open file; `end` is exclusive, and `undefined` for all that follow. */
export interface RangeWish {
  readonly type: "shared" | "exclusive";
  readonly start: number;
  readonly end: number | undefined;
}

/** Who keeps the locks. Results are 0 or a negated error number. */
export interface LockKeeper {
  lock(stream: MemoryStream, wish: RangeWish, wait: boolean): number | Promise<number>;
  unlock(stream: MemoryStream, start: number, end: number | undefined): number | Promise<number>;
  /** The lock that stands in the way, if one does. */
  test(stream: MemoryStream, wish: RangeWish): Promise<RangeWish | undefined>;
}

/** Error numbers of WASI, which Emscripten uses. */
const EBADF = 8;
const EINVAL = 28;

/** Not of the C library: see `image/php-image.ts`. Its first argument is the address of PHP's stream. */
export const STREAM_LOCK = 0x4006;

/** Commands and types of locks, in musl's numbers. */
const F_DUPFD = 0;
const F_GETFD = 1;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const F_GETLK = 12;
const F_SETLK = 13;
const F_SETLKW = 14;
const F_RDLCK = 0;
const F_WRLCK = 1;
const F_UNLCK = 2;

/** Operations of flock(), in PHP's numbers. */
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;

/** Makes the import. */
export function lockingFcntl(
  module: () => PhpModule,
  tree: () => MemoryTree,
  locks: () => LockKeeper | undefined,
): (fd: number, command: number, values: number) => number | Promise<number> {
  return (fd, command, values) => {
    if (command === STREAM_LOCK) {
      const result = lockStream(module(), tree(), locks(), fd, values);
      return typeof result === "number" ? -result : result.then((errno) => -errno);
    }
    const stream = tree().stream(fd);
    if (stream === undefined) return -EBADF;
    const memory = () => {
      const { buffer, byteOffset, byteLength } = module().HEAPU8;
      return new DataView(buffer, byteOffset, byteLength);
    };
    const argument = () => memory().getInt32(values, true);
    switch (command) {
      case F_DUPFD:
        return argument() < 0 ? -EINVAL : tree().duplicate(stream, argument());
      case F_GETFD:
      case F_SETFD:
        return 0;
      case F_GETFL:
        return stream.flags;
      case F_SETFL:
        stream.flags |= argument();
        return 0;
      case F_GETLK:
      case F_SETLK:
      case F_SETLKW: {
        const at = argument();
        const range = readLock(memory(), at, stream);
        if (range === undefined) return -EINVAL;
        const { type, start, end } = range;
        const keeper = locks();
        if (keeper === undefined) return 0;
        if (type === undefined) return command === F_GETLK ? -EINVAL : keeper.unlock(stream, start, end);
        if (command !== F_GETLK) return keeper.lock(stream, { type, start, end }, command === F_SETLKW);
        return keeper.test(stream, { type, start, end }).then((found) => {
          writeLock(memory(), at, found);
          return 0;
        });
      }
      default:
        return -EINVAL;
    }
  };
}

/** flock() on one of PHP's own streams: the image's PHP asks for it here. 0, or a negated error number. */
function lockStream(
  { HEAPU8, wasmExports }: PhpModule,
  tree: MemoryTree,
  keeper: LockKeeper | undefined,
  pointer: number,
  operation: number,
): number | Promise<number> {
  const memory = new DataView(HEAPU8.buffer, HEAPU8.byteOffset, HEAPU8.byteLength);
  const { php_stream_stdio_ops: plain } = wasmExports;
  const address = typeof plain === "number" ? plain : plain?.value;
  // `php_stream`: its operations, and what they work on; of a plain file: its FILE, and its descriptor.
  if (address === undefined || memory.getUint32(pointer, true) !== address) return 0;
  const stream = tree.stream(memory.getInt32(memory.getUint32(pointer + 4, true) + 4, true));
  if (stream === undefined || keeper === undefined) return 0;
  if ((operation & LOCK_UN) !== 0) return keeper.unlock(stream, 0, undefined);
  const kind = operation & (LOCK_SH | LOCK_EX);
  if (kind === 0) return 0;
  const type = kind === LOCK_SH ? "shared" : "exclusive";
  return keeper.lock(stream, { type, start: 0, end: undefined }, (operation & LOCK_NB) === 0);
}

interface Range {
  /** Undefined: unlock. */
  readonly type: "shared" | "exclusive" | undefined;
  readonly start: number;
  readonly end: number | undefined;
}

/** `struct flock`: type and whence of 16 bits, start and length of 64 bits at 8 and 16, the process at 24. */
function readLock(memory: DataView, at: number, { node, position }: MemoryStream): Range | undefined {
  const kind = memory.getInt16(at, true);
  const whence = memory.getInt16(at + 2, true);
  const from = [0, position, node.usedBytes ?? 0][whence];
  if (from === undefined || kind < F_RDLCK || kind > F_UNLCK) return undefined;
  const start = from + Number(memory.getBigInt64(at + 8, true));
  const length = Number(memory.getBigInt64(at + 16, true));
  if (start < 0 || length < 0) return undefined;
  const type = kind === F_RDLCK ? "shared" : kind === F_WRLCK ? "exclusive" : undefined;
  return { type, start, end: length === 0 ? undefined : start + length };
}

function writeLock(memory: DataView, at: number, found: RangeWish | undefined): void {
  if (found === undefined) {
    memory.setInt16(at, F_UNLCK, true);
    return;
  }
  memory.setInt16(at, found.type === "shared" ? F_RDLCK : F_WRLCK, true);
  memory.setInt16(at + 2, 0, true);
  memory.setBigInt64(at + 8, BigInt(found.start), true);
  memory.setBigInt64(at + 16, BigInt(found.end === undefined ? 0 : found.end - found.start), true);
  // Another machine's process has no number here.
  memory.setInt32(at + 24, 1, true);
}
