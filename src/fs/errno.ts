// What can be wrong with an operation, by the names of POSIX: a child hands them to PHP as they are.

/** Errors of operations and locks. */
export type Errno =
  | "EAGAIN"
  | "EDEADLK"
  | "EEXIST"
  | "EFBIG"
  | "EINVAL"
  | "EIO"
  | "EISDIR"
  | "ELOOP"
  | "EMSGSIZE"
  | "ENAMETOOLONG"
  | "ENOENT"
  | "ENOLCK"
  | "ENOSPC"
  | "ENOTDIR"
  | "ENOTEMPTY"
  /** What the child knows is out of date: it must take the changes and look again. */
  | "ESTALE"
  | "ETIMEDOUT";

/** An operation that cannot be done. Nothing was changed. Test `errno`. */
export class FileError extends Error {
  override readonly name = "FileError";
  readonly errno: Errno;
  /** The message without the errno before it. */
  readonly reason: string;

  constructor(errno: Errno, reason: string) {
    super(`${errno}: ${reason}`);
    this.errno = errno;
    this.reason = reason;
  }
}

/** A home that has no room left, or fails otherwise, in the words of POSIX too. */
export function asFileError(error: unknown): FileError {
  if (error instanceof FileError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new FileError(/full|quota/i.test(message) ? "ENOSPC" : "EIO", message);
}

/** Every way the store itself can fail, by stable code. Explained in docs/errors.md. */
export type FileStoreErrorCode =
  /** Written by a later release, in a form that this one does not know. */
  | "FILE_STORE_VERSION"
  /** The stored rows contradict each other. */
  | "FILE_STORE_DAMAGED"
  /** A message or an archive that is none. */
  | "FILE_STORE_MALFORMED";

/** The store cannot be opened, or was given what it cannot read. Test `error.code`, not `instanceof`. */
export class FileStoreError extends Error {
  override readonly name = "FileStoreError";
  readonly code: FileStoreErrorCode;

  constructor(code: FileStoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
