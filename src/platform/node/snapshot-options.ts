// What a program says of snapshots, and is told of them.

import type { Pair } from "../../codec/index.ts";

/** How children start from one that was warmed. */
export interface SnapshotOptions {
  /**
   * Gives the CGI params (byte strings) of the requests that the first child runs before its snapshot is taken. They carry
   * no visitor's data. Default: none, so that PHP's own start is what is saved.
   */
  readonly warmUp?: () => Promise<readonly (readonly Pair[])[]>;
  /**
   * Keeps the snapshot in this file over restarts. It holds what the application's code and configuration hold, passwords
   * among it: only its owner can read it. One that was made of something else is made anew.
   */
  readonly file?: string;
  /** Milliseconds that the whole warm-up may take; the child is ended then, and there is no snapshot. Default: 30,000. */
  readonly longest?: number;
  /** Told what becomes of it. */
  readonly onEvent?: (event: SnapshotEvent) => void;
}

/** What became of a snapshot. */
export type SnapshotEvent =
  /** The first child is warm; the next ones start from it. */
  | {
      readonly type: "taken";
      readonly bytes: number;
      readonly milliseconds: number;
      readonly problems: readonly string[];
    }
  /** It was read from its file. */
  | { readonly type: "loaded"; readonly bytes: number; readonly file: string }
  /** A file is not used: it belongs to something else, or cannot be read. */
  | { readonly type: "ignored"; readonly file: string; readonly reason: string }
  /** There is none; children start as if nobody had asked for it. */
  | { readonly type: "none"; readonly problems: readonly string[] };
