// What a child can have changed: plain data. A batch of these is applied whole or not at all.

/** Bytes to write: brought along, or staged before. */
export type WriteData =
  | Uint8Array
  | {
      /** Number of the stage, chosen by the child. */
      readonly stage: number;
      /** Bytes of it, from its beginning. */
      readonly length: number;
      /** Pieces that were not staged are left as they are in the file. Default: they must be there. */
      readonly sparse?: boolean;
    };

/**
 * One change. `dir` and `toDir` are inode numbers of directories; a new node's `ino` is one of those that the child was
 * given. Times are the batch's.
 */
export type FileOperation =
  /**
   * `open(O_CREAT)`. A file that is there already is used in its place, unless `exclusive`: the answer's `aliases` tell
   * its number, and later operations of the batch that name `ino` mean it.
   *
   * EEXIST (`exclusive`), EISDIR, ELOOP for a link.
   */
  | {
      readonly op: "create";
      readonly dir: number;
      readonly name: string;
      readonly ino: number;
      readonly mode: number;
      readonly exclusive?: boolean;
    }
  | { readonly op: "mkdir"; readonly dir: number; readonly name: string; readonly ino: number; readonly mode: number }
  | {
      readonly op: "symlink";
      readonly dir: number;
      readonly name: string;
      readonly ino: number;
      readonly target: string;
    }
  /**
   * Writes at an offset, or at the end as it then is (`O_APPEND`). A gap before it is zeros. What was staged goes to a
   * multiple of `PIECE_BYTES`. With `version`, ESTALE if the content has changed since. To an unlinked file that is
   * still open too.
   */
  | {
      readonly op: "write";
      readonly ino: number;
      readonly offset: number | "end";
      readonly data: WriteData;
      readonly version?: number;
    }
  | { readonly op: "truncate"; readonly ino: number; readonly size: number }
  /** As rename(2): replaces a file or an empty directory. With `ino`, ESTALE if another node has the name by now. */
  | {
      readonly op: "rename";
      readonly dir: number;
      readonly name: string;
      readonly toDir: number;
      readonly toName: string;
      readonly ino?: number;
    }
  /** With `ino`, ESTALE if another node has the name by now. */
  | { readonly op: "unlink"; readonly dir: number; readonly name: string; readonly ino?: number }
  | { readonly op: "rmdir"; readonly dir: number; readonly name: string }
  | { readonly op: "chmod"; readonly ino: number; readonly mode: number }
  /** Milliseconds since 1970. */
  | { readonly op: "utime"; readonly ino: number; readonly mtime: number };

/** Bytes that an operation brings along. */
export function operationBytes(operation: FileOperation): number {
  return operation.op === "write" && operation.data instanceof Uint8Array ? operation.data.length : 0;
}
