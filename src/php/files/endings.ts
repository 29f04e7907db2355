// What stands at the end of a path. To POSIX "f/" and "f/." are the directory f, links followed, and nothing else; and "."
// and ".." can neither be removed nor renamed. The glue takes such endings off before it looks.

import type { PhpModule } from "../glue.ts";
import { textOf } from "./encoding.ts";

type Import = (...values: number[]) => unknown;

/** Calls about what is there already, by which of their arguments is the path; the one before it is a directory's. */
const LOOKS = new Map([
  ...["chdir", "chmod", "stat64", "statfs64", "truncate64"].map((name) => [name, 0] as const),
  ...["faccessat", "fchmodat", "fchmodat2", "fchownat", "openat", "utimensat"].map((name) => [name, 1] as const),
]);

// WASI's numbers of errors, which Emscripten uses.
const EBUSY = 10;
const EEXIST = 20;
const EINVAL = 28;
const EISDIR = 31;
const ENOENT = 44;
const ENOTDIR = 54;
const ENOTEMPTY = 55;

// fcntl.h of the interpreter's C library.
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_REMOVEDIR = 0x200;

const SLASH = 0x2f;
const DOT = 0x2e;

/** A path whose end says something. */
interface Ending {
  /** The path before it. */
  readonly bare: string;
  /** The last name, when it is no name. */
  readonly last: "." | ".." | undefined;
}

type Kind = "directory" | "other" | undefined;

/** Replaces the imports that take paths, of the module that is about to be instantiated. */
export function respectEndings(imports: WebAssembly.Imports, module: () => PhpModule): void {
  const env = (imports.env ?? {}) as Record<string, Import>;
  const endingOf = (directory: number, at: number): Ending | undefined => {
    const ending = at === 0 ? undefined : readEnding(module().HEAPU8, at);
    return directory === AT_FDCWD || ending?.bare.startsWith("/") ? ending : undefined;
  };
  /** What is there; with `follow`, at the end of links. */
  const kindOf = (path: string, follow: boolean): Kind => {
    const { FS } = module();
    try {
      return FS.isDir(FS.stat(path, !follow).mode) ? "directory" : "other";
    } catch {
      return undefined;
    }
  };
  const replace = (name: string, make: (original: Import) => Import) => {
    const original = env[`__syscall_${name}`];
    if (original !== undefined) env[`__syscall_${name}`] = make(original);
  };

  /** Whether a directory is asked for, and there is something else. */
  const refused = (directory: number, at: number): boolean => {
    const ending = endingOf(directory, at);
    return ending !== undefined && ending.last !== ".." && kindOf(ending.bare, true) === "other";
  };
  for (const [name, place] of LOOKS) {
    replace(name, (original) => (...values) => {
      const directory = place === 0 ? AT_FDCWD : (values[0] ?? 0);
      return refused(directory, values[place] ?? 0) ? -ENOTDIR : original(...values);
    });
  }
  const { __syscall_stat64: stat } = env;
  replace("lstat64", (original) => (path = 0, to = 0) => {
    return endingOf(AT_FDCWD, path) === undefined || stat === undefined ? original(path, to) : stat(path, to);
  });
  replace("newfstatat", (original) => (directory = 0, path = 0, to = 0, flags = 0) => {
    if (endingOf(directory, path) === undefined) return original(directory, path, to, flags);
    return refused(directory, path) ? -ENOTDIR : original(directory, path, to, flags & ~AT_SYMLINK_NOFOLLOW);
  });
  replace("readlinkat", (original) => (directory = 0, path = 0, to = 0, size = 0) => {
    const ending = endingOf(directory, path);
    const kind = ending && kindOf(ending.bare, true);
    if (kind === undefined) return original(directory, path, to, size);
    return kind === "directory" ? -EINVAL : -ENOTDIR;
  });

  const removal = (ending: Ending | undefined): number => {
    if (ending?.last !== undefined) return ending.last === "." ? EINVAL : ENOTEMPTY;
    return ending !== undefined && kindOf(ending.bare, false) === "other" ? ENOTDIR : 0;
  };
  replace(
    "rmdir",
    (original) =>
      (path = 0) =>
        -removal(endingOf(AT_FDCWD, path)) || original(path),
  );
  replace("unlinkat", (original) => (directory = 0, path = 0, flags = 0) => {
    const ending = endingOf(directory, path);
    const errno = removal(ending);
    if (errno === 0) return original(directory, path, flags);
    return (flags & AT_REMOVEDIR) === 0 && ending?.last !== undefined ? -EISDIR : -errno;
  });
  replace("renameat", (original) => (fromDirectory = 0, from = 0, toDirectory = 0, to = 0) => {
    const [source, target] = [endingOf(fromDirectory, from), endingOf(toDirectory, to)];
    if (source?.last !== undefined || target?.last !== undefined) return -EBUSY;
    const path = source?.bare ?? (target && textAt(module().HEAPU8, from));
    if (path !== undefined && kindOf(path, false) === "other") return -ENOTDIR;
    return original(fromDirectory, from, toDirectory, to);
  });
  replace("symlinkat", (original) => (target = 0, directory = 0, path = 0) => {
    const ending = endingOf(directory, path);
    if (ending === undefined) return original(target, directory, path);
    return kindOf(ending.bare, false) === undefined ? -ENOENT : -EEXIST;
  });
}

/** `undefined` of a path that ends in a name, and of the root. */
function readEnding(memory: Uint8Array, at: number): Ending | undefined {
  const end = memory.indexOf(0, at);
  const byte = memory[end - 1];
  if (end === at || (byte !== SLASH && byte !== DOT)) return undefined;
  const text = textAt(memory, at) ?? "";
  const path = text.replace(/\/+$/, "");
  if (path === "") return undefined;
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (name === "..") return { bare: path, last: name };
  if (name === ".") return { bare: path.replace(/(?:\/+\.?)+$/, "") || "/", last: name };
  return path === text ? undefined : { bare: path, last: undefined };
}

function textAt(memory: Uint8Array, at: number): string | undefined {
  return textOf(memory.slice(at, memory.indexOf(0, at)));
}
