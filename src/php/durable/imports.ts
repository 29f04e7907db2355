// What PHP's module imports to work on files, for scripts whose files are shared: each may have to wait for the store.

import { FileError } from "../../fs/index.ts";
import type { PhpModule } from "../glue.ts";
import { LONG } from "./content.ts";
import { errnoOf } from "./errno.ts";
import { type LockKeeper, lockingFcntl } from "./fcntl.ts";
import type { MemoryStream } from "./memory-node.ts";
import type { MemoryTree } from "./memory-tree.ts";
import { UMASK } from "./memory-watch.ts";
import type { SharedNode } from "./shared-node.ts";

export type Import = (...values: number[]) => number | Promise<number>;

interface PromiseIntegration {
  readonly Suspending?: new (run: Import) => Import;
}

/** What is done with files of a store. Results are 0, or error numbers: negated where the system call's are. */
export interface StoreCalls extends LockKeeper {
  /** The shared file behind an open one. */
  shared(stream: MemoryStream | undefined): SharedNode | undefined;
  /** Makes sure that there is a number for a new file. */
  stocked(): number | Promise<number>;
  /** A descriptor was opened: gives it, or a negated error number when the file cannot be had. */
  opened(fd: number, flags: number): number | Promise<number>;
  /** A descriptor was closed. */
  closed(): number | Promise<number>;
  synced(fd: number): number | Promise<number>;
  /** Whether these bytes can be read at once. */
  readable(shared: SharedNode, start: number, length: number): boolean;
  /** Makes them so. @throws {FileError} */
  bring(shared: SharedNode, start: number, length: number): Promise<void>;
  /** Whether a write can be made at once. */
  writable(shared: SharedNode, end: number): boolean;
  /** Makes it so. @throws {FileError} ENOSPC and others */
  makeWritable(shared: SharedNode, start: number, end: number): Promise<void>;
  /** Something was written. @throws {FileError} */
  wrote(shared: SharedNode): Promise<void>;
  /** Whether a file can be given a size at once. */
  resizable(shared: SharedNode, size: number): boolean;
  /** Makes it so. @throws {FileError} */
  makeResizable(shared: SharedNode, size: number): Promise<void>;
}

export interface ImportsParts {
  readonly module: () => PhpModule;
  readonly tree: () => MemoryTree;
  /** Undefined until the files are prepared. */
  readonly calls: () => StoreCalls | undefined;
}

const O_APPEND = 0o2000;

/** Replaces the imports of the module that is about to be instantiated. */
export function installImports(imports: WebAssembly.Imports, parts: ImportsParts): void {
  const { Suspending } = WebAssembly as PromiseIntegration;
  const env = imports.env as Record<string, unknown> | undefined;
  const wasi = imports.wasi_snapshot_preview1 as Record<string, unknown> | undefined;
  if (env === undefined || wasi === undefined || Suspending === undefined) return;
  const { module, tree, calls } = parts;
  const replace = (from: Record<string, unknown>, name: string, make: (original: Import) => Import) => {
    const original = from[name];
    if (typeof original !== "function") throw new FileError("EIO", `PHP's glue has no function ${name} to replace`);
    from[name] = new Suspending(make(original as Import));
  };
  const bytes = new ByteCalls(parts);
  const { fd_read: read } = wasi;
  env.__syscall_fcntl64 = new Suspending(lockingFcntl(module, tree, calls) as Import);
  const making = (make: Import): Import => {
    return (...values) => {
      const stocked = calls()?.stocked() ?? 0;
      return stocked === 0 ? make(...values) : whenStocked(stocked, make, values);
    };
  };
  replace(env, "__syscall_openat", (original) => {
    const open: Import = (...values) => {
      const fd = original(...values) as number;
      return fd >= 0 ? (calls()?.opened(fd, values[2] ?? 0) ?? fd) : fd;
    };
    const create = making(open);
    return (...values) => {
      if (((values[2] ?? 0) & O_CREAT) === 0) return open(...values);
      maskMode(module(), values[3] ?? 0);
      return create(...values);
    };
  });
  replace(env, "__syscall_mkdirat", making);
  replace(env, "__syscall_symlinkat", making);
  replace(
    env,
    "__syscall_ftruncate64",
    (original) =>
      (...values) =>
        bytes.resize(original, values),
  );
  replace(env, "__syscall_fdatasync", () => (fd) => negated(calls()?.synced(fd as number) ?? 0));
  replace(
    wasi,
    "fd_read",
    (original) =>
      (...values) =>
        bytes.read(original, values),
  );
  // The same, but for streams that may have nothing yet. The glue's own is an object of the engine by now.
  if (typeof read === "function" && env.js_fd_read !== undefined) {
    const patient = patientRead(tree, read as Import);
    env.js_fd_read = new Suspending((...values) => bytes.read(patient, values));
  }
  replace(
    wasi,
    "fd_write",
    (original) =>
      (...values) =>
        bytes.write(original, values),
  );
  // The glue's own, which waits too, is an object of the engine by now: nothing of it is needed.
  wasi.fd_sync = new Suspending((fd) => calls()?.synced(fd as number) ?? 0);
  replace(wasi, "fd_close", (original) => (...values) => {
    const result = original(...values) as number;
    return result === 0 ? (calls()?.closed() ?? 0) : result;
  });
}

async function whenStocked(stocked: number | Promise<number>, make: Import, values: number[]): Promise<number> {
  const errno = await stocked;
  return errno === 0 ? make(...values) : -errno;
}

const O_CREAT = 0o100;

/** Takes the permissions out of open()'s argument that a new file does not get: Emscripten sets it once more by it. */
function maskMode({ HEAPU8 }: PhpModule, at: number): void {
  const memory = new DataView(HEAPU8.buffer, HEAPU8.byteOffset, HEAPU8.byteLength);
  memory.setUint32(at, memory.getUint32(at, true) & ~UMASK, true);
}

const EAGAIN = 6;
const O_NONBLOCK = 0o4000;

/** What a stream has nothing to read for is asked again in so many milliseconds, and so often. */
const PAUSE = 50;
const TIMES = 100;

/** Reading that waits a while for streams that have nothing yet: pipes and sockets. */
function patientRead(tree: () => MemoryTree, read: Import): Import {
  return (...values) => {
    const errno = read(...values) as number;
    const stream = tree().stream(values[0] ?? -1);
    if (errno !== EAGAIN || stream === undefined || (stream.flags & O_NONBLOCK) !== 0) return errno;
    return (async () => {
      for (let time = 0; time < TIMES; time++) {
        await new Promise((resolve) => {
          setTimeout(resolve, PAUSE);
        });
        const again = read(...values) as number;
        const { pipe } = stream.node as { readonly pipe?: { readonly refcnt: number } };
        const over = tree().stream(stream.fd) !== stream || (pipe !== undefined && pipe.refcnt < 2);
        if (again !== EAGAIN || over) return again;
      }
      return EAGAIN;
    })();
  };
}

function negated(result: number | Promise<number>): number | Promise<number> {
  return typeof result === "number" ? -result : result.then((errno) => -errno);
}

/** Reading and writing: at once where it can be, piece by piece where it cannot. */
class ByteCalls {
  readonly #parts: ImportsParts;

  constructor(parts: ImportsParts) {
    this.#parts = parts;
  }

  /** A descriptor of a shared file, while a script runs; undefined for all others, which are the glue's. */
  #open(fd = -1) {
    const calls = this.#parts.calls();
    const stream = this.#parts.tree().stream(fd);
    const shared = calls?.shared(stream);
    return calls === undefined || stream === undefined || shared === undefined ? undefined : { calls, stream, shared };
  }

  /** fd_read(descriptor, vectors, their count, where the length goes). */
  read(original: Import, values: number[]): number | Promise<number> {
    const open = this.#open(values[0]);
    if (open === undefined) return original(...values);
    const { calls, stream, shared } = open;
    const [, vectors = 0, count = 0, result = 0] = values;
    const { position } = stream;
    if (calls.readable(shared, position, this.#length(vectors, count))) return original(...values);
    return this.#each(vectors, count, result, async (address, length) => {
      await calls.bring(shared, stream.position, length);
      return this.#parts.tree().read(stream, this.#parts.module().HEAPU8, address, length);
    });
  }

  /** fd_write(descriptor, vectors, their count, where the length goes). */
  write(original: Import, values: number[]): number | Promise<number> {
    const open = this.#open(values[0]);
    if (open === undefined) return original(...values);
    const { calls, stream, shared } = open;
    const [, vectors = 0, count = 0, result = 0] = values;
    if (calls.writable(shared, whereToWrite(stream) + this.#length(vectors, count))) return original(...values);
    return this.#each(vectors, count, result, async (address, length) => {
      const at = whereToWrite(stream);
      await calls.makeWritable(shared, at, at + length);
      const written = this.#parts.tree().write(stream, this.#parts.module().HEAPU8, address, length);
      await calls.wrote(shared);
      return written;
    });
  }

  /** ftruncate(descriptor, length). */
  resize(original: Import, values: number[]): number | Promise<number> {
    const open = this.#open(values[0]);
    const size = Number(values[1] ?? 0);
    if (open === undefined || size < 0 || open.calls.resizable(open.shared, size)) return original(...values);
    return open.calls.makeResizable(open.shared, size).then(
      () => original(...values),
      (error: unknown) => -errnoOf(error),
    );
  }

  /** Does a part of at most 1 MiB after the other, until one falls short. What was done counts, whatever comes after. */
  async #each(
    vectors: number,
    count: number,
    result: number,
    run: (address: number, length: number) => Promise<number>,
  ): Promise<number> {
    let sum = 0;
    try {
      parts: for (const [address, length] of this.#vectors(vectors, count)) {
        for (let at = 0; at < length; ) {
          const wanted = Math.min(LONG, length - at);
          const done = await run(address + at, wanted);
          sum += done;
          at += done;
          if (done < wanted) break parts;
        }
      }
    } catch (error) {
      if (sum === 0) return errnoOf(error);
    }
    this.#memory().setUint32(result, sum, true);
    return 0;
  }

  #vectors(at: number, count: number): [address: number, length: number][] {
    const memory = this.#memory();
    return Array.from({ length: count }, (_, n) => [
      memory.getUint32(at + 8 * n, true),
      memory.getUint32(at + 8 * n + 4, true),
    ]);
  }

  #length(at: number, count: number): number {
    const memory = this.#memory();
    let sum = 0;
    for (let n = 0; n < count; n++) sum += memory.getUint32(at + 8 * n + 4, true);
    return sum;
  }

  #memory(): DataView {
    const { buffer, byteOffset, byteLength } = this.#parts.module().HEAPU8;
    return new DataView(buffer, byteOffset, byteLength);
  }
}

function whereToWrite({ flags, node, position }: MemoryStream): number {
  return (flags & O_APPEND) !== 0 ? (node.usedBytes ?? 0) : position;
}
