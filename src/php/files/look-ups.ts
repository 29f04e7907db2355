// Looks at files: stat(), lstat() and access() as PHP makes them, two for each file that a page includes. The glue resolves
// a path anew each time, part by part, through layers that know nothing of each other; here the usual case is answered
// directly: an absolute path in plain words that leads through no link. Everything else is still the glue's.
//
// Nothing is answered from memory of an earlier answer: what another process has done to a file is seen at the next look.

import type { PhpModule } from "../glue.ts";
import { type Path, Paths } from "./paths.ts";

/** What lstat() tells. Times in milliseconds since 1970. */
export interface Attributes {
  readonly dev: number;
  readonly ino: number;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly size: number;
  readonly blocks: number;
  readonly atime: number;
  readonly mtime: number;
  readonly ctime: number;
}

/** Who answers. */
export interface LookUp {
  /**
   * @param path one that has names
   * @returns what is there, an error number, or `undefined` when the glue must look
   */
  look(path: Path): Attributes | number | undefined;
  /** The script changes names, links or permissions now. */
  changing?(): void;
}

type Import = (...values: number[]) => unknown;

/** System calls after which a path may lead elsewhere. */
const CHANGING = [
  "__syscall_chmod",
  "__syscall_fchmod",
  "__syscall_mkdirat",
  "__syscall_renameat",
  "__syscall_rmdir",
  "__syscall_symlinkat",
  "__syscall_unlinkat",
] as const;

// fcntl.h of the interpreter's C library.
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
/** Changes nothing here. */
const AT_NO_AUTOMOUNT = 0x800;

/** Permission bits by what access() asks for. */
const R_OK = 4;
const W_OK = 2;
const X_OK = 1;

/** "Permission denied" in the numbers of WASI, which Emscripten uses. */
const EACCES = 2;

const TYPE = 0o170000;
const LINK = 0o120000;

/** Replaces the imports that look at files, of the module that is about to be instantiated. */
export function installLookUps(imports: WebAssembly.Imports, module: () => PhpModule, lookUp: LookUp): void {
  const env = imports.env as Record<string, unknown> | undefined;
  if (env === undefined) return;
  const paths = new Paths();
  /** What is at the end of a path, links followed unless said otherwise. */
  const find = (at: number, follow: boolean): Attributes | number | undefined => {
    const path = paths.read(module().HEAPU8, at);
    if (path?.names === undefined) return undefined;
    const found = lookUp.look(path);
    return follow && typeof found === "object" && (found.mode & TYPE) === LINK ? undefined : found;
  };
  const stat = (found: Attributes | number, to: number): number => {
    if (typeof found === "number") return -found;
    writeAttributes(module().HEAPU8, to, found);
    return 0;
  };
  const replace = (name: string, make: (original: Import) => Import) => {
    const original = env[name];
    // Imports that can wait are objects of the engine's own, and not to be wrapped.
    if (typeof original === "function") env[name] = make(original as Import);
  };

  replace("__syscall_stat64", (original) => (path = 0, to = 0) => {
    const found = find(path, true);
    return found === undefined ? original(path, to) : stat(found, to);
  });
  replace("__syscall_lstat64", (original) => (path = 0, to = 0) => {
    const found = find(path, false);
    return found === undefined ? original(path, to) : stat(found, to);
  });
  replace("__syscall_newfstatat", (original) => (directory = AT_FDCWD, path = 0, to = 0, flags = 0) => {
    const known = (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT)) === 0;
    const found = known ? find(path, (flags & AT_SYMLINK_NOFOLLOW) === 0) : undefined;
    return found === undefined ? original(directory, path, to, flags) : stat(found, to);
  });
  replace("__syscall_faccessat", (original) => (directory = AT_FDCWD, path = 0, wanted = 0, flags = 0) => {
    const found = wanted <= (R_OK | W_OK | X_OK) ? find(path, true) : undefined;
    if (found === undefined) return original(directory, path, wanted, flags);
    if (typeof found === "number") return -found;
    return mayAccess(found.mode, wanted) ? 0 : -EACCES;
  });
  for (const name of CHANGING) {
    replace(name, (original) => (...values) => {
      const result = original(...values);
      lookUp.changing?.();
      return result;
    });
  }
}

/** As the glue has it: whoever has a permission, the script has it. */
function mayAccess(mode: number, wanted: number): boolean {
  if ((wanted & R_OK) !== 0 && (mode & 0o444) === 0) return false;
  if ((wanted & W_OK) !== 0 && (mode & 0o222) === 0) return false;
  return (wanted & X_OK) === 0 || (mode & 0o111) !== 0;
}

const WORDS = new Uint32Array(24);
const BYTES = new Uint8Array(WORDS.buffer);

/** `struct stat` of wasm32, 96 bytes, as the glue fills it. */
function writeAttributes(memory: Uint8Array, to: number, found: Attributes): void {
  WORDS[0] = found.dev;
  WORDS[1] = found.mode;
  WORDS[2] = found.nlink;
  WORDS[3] = found.uid;
  WORDS[4] = found.gid;
  WORDS[5] = found.rdev;
  long(6, found.size);
  WORDS[8] = 4096;
  WORDS[9] = found.blocks;
  time(10, found.atime);
  time(14, found.mtime);
  time(18, found.ctime);
  long(22, found.ino);
  memory.set(BYTES, to);
}

/** 64 bits. */
function long(word: number, value: number): void {
  WORDS[word] = value;
  WORDS[word + 1] = Math.floor(value / 2 ** 32);
}

/** Seconds in 64 bits, nanoseconds in 32, and 32 that are empty. */
function time(word: number, milliseconds: number): void {
  long(word, Math.floor(milliseconds / 1000));
  WORDS[word + 2] = (milliseconds % 1000) * 1_000_000;
  WORDS[word + 3] = 0;
}
