// Errors of the store in the numbers of WASI, which Emscripten uses.

import { FileError } from "../../fs/index.ts";

/** Input/output error. */
export const EIO = 29;
export const EACCES = 2;
export const EFBIG = 22;
/** "Operation not supported by device": what maps files reads them instead. */
export const ENODEV = 43;
export const ENAMETOOLONG = 37;
export const ENOSPC = 51;

const NUMBERS: Readonly<Record<string, number>> = {
  EAGAIN: 6,
  EDEADLK: 16,
  EFBIG,
  EIO,
  ENAMETOOLONG,
  ENOENT: 44,
  ENOLCK: 46,
  ENOSPC,
  ETIMEDOUT: 73,
};

/** The number of an errno by its name; EIO for those that say nothing to a script. */
export function errnoNumber(name: string): number {
  return NUMBERS[name] ?? EIO;
}

/** The number for whatever was thrown: a `FileError`, or an `ErrnoError` of the file system. */
export function errnoOf(error: unknown): number {
  if (error instanceof FileError) return errnoNumber(error.errno);
  const { errno } = error as { readonly errno?: unknown };
  return typeof errno === "number" ? errno : EIO;
}
