// Looks at files: stat(), lstat() and access() as PHP makes them, two for each file that a page includes. The glue resolves
// a path anew each time, part by part, through layers that know nothing of each other; here the usual case is answered
// directly: an absolute path in plain words that leads through no link. Everything else is still the glue's.

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
  /**
   * The script has made another system call: what is known of files may be over. `directories`: that something is a
   * directory as well.
   */
  called?(directories: boolean): void;
}

type Import = (...values: number[]) => unknown;

/** System calls of files, and all others by which a script learns what happens outside. */
const CALLS = /^(?:__syscall_|_?fd_|_m(?:map|unmap|sync)_js$)/;
const LOOKS = /^__syscall_(?:l?stat64|newfstatat|faccessat|getcwd)$/;

/**
 * Of them, those by which a directory may be none any more, or be closed. Others cannot put anything in its place:
 * unlinkat() only where its third argument says so.
 */
const DIRECTORIES = /^__syscall_(?:f?chmod(?:at)?|renameat|rmdir)$/;
const UNLINK = "__syscall_unlinkat";

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
  if (lookUp.called === undefined) return;
  const wasi = imports.wasi_snapshot_preview1 as Record<string, unknown> | undefined;
  // The glue hands out one object under both names.
  for (const from of new Set([env, wasi ?? env])) watchCalls(from, lookUp);
}

function watchCalls(from: Record<string, unknown>, lookUp: LookUp): void {
  for (const [name, original] of Object.entries(from)) {
    if (!CALLS.test(name) || LOOKS.test(name) || typeof original !== "function") continue;
    const always = DIRECTORIES.test(name);
    from[name] = (...values: number[]) => {
      const result = (original as Import)(...values);
      lookUp.called?.(always || (name === UNLINK && values[2] !== 0));
      return result;
    };
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
