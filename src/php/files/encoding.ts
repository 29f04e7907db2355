// Paths are bytes to PHP and text to the glue. Its decoder is not strict: it takes C0 AF for a slash, gives all that is no
// UTF-8 one name, and leaves out a byte order mark. So a path could become another one, of a file that the script has never
// named. Such paths end here: the call fails with EILSEQ.

import { byteStringToBytes } from "../../codec/index.ts";
import type { PhpModule } from "../glue.ts";

type Import = (...values: number[]) => unknown;

/** The system calls that take paths, by which of their arguments these are. */
const PATHS = placesByCall([
  ["chdir chmod lstat64 rmdir stat64 statfs64 truncate64", [0]],
  ["faccessat fchmodat fchmodat2 fchownat mkdirat mknodat newfstatat openat readlinkat unlinkat utimensat", [1]],
  ["linkat renameat", [1, 3]],
  ["symlinkat", [0, 2]],
]);

/** Those without. */
const PATHLESS = new Set(
  `accept4 bind connect dup dup3 fadvise64 fallocate fchdir fchmod fchown32 fcntl64 fdatasync fstat64 fstatfs64 ftruncate64
  getcwd getdents64 getpeername getsockname getsockopt ioctl listen pipe pipe2 poll recvfrom recvmsg sendmsg sendto setsockopt
  shutdown socket socketpair`.split(/\s+/),
);

const SYSCALL = "__syscall_";

/** "Illegal byte sequence" in the numbers of WASI, which Emscripten uses. */
export const EILSEQ = 25;

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Replaces the imports that take paths, of the module that is about to be instantiated.
 *
 * @throws {Error} when the glue has a system call of which it is not known whether it takes one
 */
export function refuseOtherPaths(imports: WebAssembly.Imports, module: () => PhpModule): void {
  const env = (imports.env ?? {}) as Record<string, unknown>;
  for (const [name, original] of Object.entries(env)) {
    if (!name.startsWith(SYSCALL)) continue;
    const call = name.slice(SYSCALL.length);
    if (PATHLESS.has(call)) continue;
    const places = PATHS.get(call);
    // Imports that can wait are objects of the engine's own, and not to be wrapped.
    if (places === undefined || typeof original !== "function") {
      throw new Error(`this release of PHP's glue is not known to this release of edge-fpm: ${name} may take paths`);
    }
    env[name] = (...values: number[]) => {
      const memory = module().HEAPU8;
      for (const place of places) if (!isPath(memory, values[place] ?? 0)) return -EILSEQ;
      return (original as Import)(...values);
    };
  }
}

function placesByCall(groups: readonly (readonly [calls: string, places: readonly number[]])[]) {
  return new Map(groups.flatMap(([calls, places]) => calls.split(" ").map((call) => [call, places] as const)));
}

/** Whether the glue reads these bytes, up to a zero, as what they are. */
function isPath(memory: Uint8Array, at: number): boolean {
  // No path: the call is about an open file.
  if (at === 0) return true;
  let all = 0;
  let end = at;
  for (let byte = memory[end]; byte !== undefined && byte !== 0; byte = memory[++end]) all |= byte;
  if (all < 0x80) return true;
  const text = textOf(memory.slice(at, end));
  return text !== undefined && !text.startsWith("\ufeff");
}

/**
 * The path of a byte string as the glue's functions take it.
 *
 * @returns `undefined` when it is no UTF-8: nothing is there
 */
export function pathText(path: string): string | undefined {
  return textOf(byteStringToBytes(path));
}

/** `undefined` of what is no UTF-8. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}
