// What a child and the store say to each other: plain data that can be cloned, or put into bytes (frame.ts).
//
// Each message is answered once. A child that gets no answer sends the same again: nothing is done twice. Order matters
// only in that a child sends one commit at a time.

import type { Errno } from "./errno.ts";
import type { Lock, LockConflict, LockPlace } from "./locks.ts";
import type { Changes } from "./node.ts";
import type { FileOperation } from "./operation.ts";

/** Inode numbers for the files that a child makes. */
export interface InodeRange {
  readonly first: number;
  readonly count: number;
}

/** What a lock is to be taken with. */
export interface LockWish {
  readonly lock: Lock;
  /** Milliseconds to wait at most, within the store's own bound; 0: only try. */
  readonly wait: number;
  /**
   * The version of the content that the child has, 0 for none: if the file has another one by then, and it is of one piece,
   * the answer brings it along.
   */
  readonly have?: number;
}

/** Bytes of a content. `length` is bounded by the store's `readBytes`. */
export interface ContentRange {
  readonly ino: number;
  readonly offset: number;
  readonly length: number;
}

export type ChildMessage =
  /**
   * A child begins. `key` is unique among the children of now, such as the master's process id for it: a hello that is
   * sent again ends the life that the first one began.
   */
  | { readonly type: "hello"; readonly key: string }
  /**
   * What is new? `basis` as the answer before had it. `want`: bytes to come along, as they are then. A file that others
   * change all the time could not be read otherwise.
   */
  | { readonly type: "sync"; readonly since: number; readonly basis?: number; readonly want?: ContentRange }
  /** Bytes of a content that the child knows of. */
  | ({ readonly type: "read"; readonly version: number } & ContentRange)
  /** Bytes for a batch to come. */
  | { readonly type: "stage"; readonly stage: number; readonly index: number; readonly data: Uint8Array }
  | { readonly type: "discard"; readonly stage: number }
  /** Pieces that were staged: each filled up with zeros, as are those that were not. Bounded by the store's `readBytes`. */
  | { readonly type: "read-stage"; readonly stage: number; readonly index: number; readonly count: number }
  /**
   * A batch of changes; then locks to give back; then a lock to take. `batch` grows with each: the last one may be sent
   * again, and is then answered but not applied again. When the batch fails no lock is given back: the child sends what is
   * left of it with them, or `unlock`.
   */
  | {
      readonly type: "commit";
      readonly batch: number;
      readonly since: number;
      /** When, milliseconds since 1970. */
      readonly time: number;
      readonly operations: readonly FileOperation[];
      /** Unlinked files, of `gone` or of this batch, that the child does not have open. */
      readonly drop?: readonly number[];
      readonly unlock?: readonly LockPlace[];
      readonly lock?: LockWish;
    }
  /** Takes a lock, after locks were given back: what others changed before comes with the answer. */
  | { readonly type: "lock"; readonly since: number; readonly wish: LockWish; readonly unlock?: readonly LockPlace[] }
  /** Gives locks back. What was written under them must have been committed. */
  | { readonly type: "unlock"; readonly unlock: readonly LockPlace[]; readonly drop?: readonly number[] }
  /** Which lock stands in the way (F_GETLK)? */
  | { readonly type: "test-lock"; readonly lock: Lock }
  /** More inode numbers. */
  | { readonly type: "reserve" }
  /** The child has no file open and wants nothing: between requests. */
  | { readonly type: "rest" }
  /** The child ends: as if it had died. */
  | { readonly type: "bye" };

/** How a lock was taken. */
export interface LockAnswer {
  /** "EAGAIN" busy, "EDEADLK", "ENOLCK" too many locks, "ETIMEDOUT" waited long enough. */
  readonly outcome: "granted" | "EAGAIN" | "EDEADLK" | "ENOLCK" | "ETIMEDOUT";
  /** The whole content, if it was asked for, is new, and is of one piece. */
  readonly content?: { readonly version: number; readonly bytes: Uint8Array };
}

export type StoreAnswer =
  | {
      readonly type: "welcome";
      readonly life: number;
      readonly seq: number;
      readonly inodes: InodeRange;
      /** Bytes of a piece, of a message, of an answer; of a file, of all. */
      readonly pieceBytes: number;
      readonly messageBytes: number;
      readonly readBytes: number;
      readonly fileBytes: number;
      readonly totalBytes: number;
      /** Bytes of a name and of a path, and directories above a file. */
      readonly nameBytes: number;
      readonly pathBytes: number;
      readonly depth: number;
      /** No other child has these files for as long as this life lasts: locks on bytes need not be asked for. */
      readonly alone?: boolean;
    }
  /** `bytes`: as they were asked for, unless there is more to tell or the file is not there any more. */
  | { readonly type: "changes"; readonly changes: Changes; readonly bytes?: Uint8Array }
  | { readonly type: "bytes"; readonly bytes: Uint8Array }
  | { readonly type: "done" }
  | {
      readonly type: "committed";
      readonly seq: number;
      /** Numbers that the child chose, and of the files that were there already. */
      readonly aliases: readonly (readonly [chosen: number, real: number])[];
      /** What is new since `since`, the batch's own changes too: of them no piece is called stale. */
      readonly changes: Changes;
      readonly lock?: LockAnswer;
    }
  | { readonly type: "locked"; readonly lock: LockAnswer; readonly changes: Changes }
  | { readonly type: "conflict"; readonly conflict: LockConflict | undefined }
  | { readonly type: "inodes"; readonly inodes: InodeRange }
  /** Nothing was changed, and locks are as they were. `operation`: which one of a batch, 0-based. */
  | {
      readonly type: "failed";
      readonly errno: Errno;
      /** Without the errno. */
      readonly message: string;
      readonly operation?: number;
      /** What is new, after a failed batch: the child's view was not the store's. */
      readonly changes?: Changes;
    }
  /**
   * The life is over for the store: it was restarted or put away while idle, or the child was given up. Locks are lost.
   * `applied`: what became of the commit, when this answers one that had been applied before. The child says hello again,
   * drops what it had not committed, and goes on with `sync` from the `seq` that it knew.
   */
  | {
      readonly type: "ended";
      readonly applied?: { readonly seq: number; readonly aliases: readonly (readonly [number, number])[] };
    };
