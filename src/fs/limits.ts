// How much a store takes: every one of these is checked before anything is changed.

export interface StoreLimits {
  /** Bytes of all contents together, unlinked files that are still open and staged bytes too. Default 1 GiB. */
  readonly totalBytes: number;
  /** Files, directories and links together, the application's own too: their metadata is kept in memory. Default 50,000. */
  readonly nodes: number;
  /** Bytes of one file. Default 512 MiB. */
  readonly fileBytes: number;
  /** Bytes of a name, as on Linux. Default 255. */
  readonly nameBytes: number;
  /** Bytes of a path in the store and of a link's target, as on Linux. Default 4096. */
  readonly pathBytes: number;
  /** Directories above a file. Default 128. */
  readonly depth: number;
  /** Links followed by one look-up, as on Linux. Default 40. */
  readonly links: number;
  /** Operations of one batch. Default 1024. */
  readonly batchOperations: number;
  /** Bytes that a batch or a stage message brings along. Default 8 MiB. */
  readonly messageBytes: number;
  /** Bytes of one answer to a read. Default 1 MiB. */
  readonly readBytes: number;
  /** Nodes of one answer with changes, roughly: a batch is never divided. Default 2000. */
  readonly changesPerAnswer: number;
  /** Removed nodes that are remembered; a child that slept longer begins anew. Default 10,000. */
  readonly removedRemembered: number;
  /** Bytes of unlinked files kept for children that have them open; beyond it the oldest go. Default 256 MiB. */
  readonly orphanBytes: number;
  /** Locks held at one time. Default 4096. */
  readonly locks: number;
  /** Child lives at one time. Default 256. */
  readonly lives: number;
}

export const DEFAULT_LIMITS: StoreLimits = {
  totalBytes: 1024 * 1024 * 1024,
  nodes: 50_000,
  fileBytes: 512 * 1024 * 1024,
  nameBytes: 255,
  pathBytes: 4096,
  depth: 128,
  links: 40,
  batchOperations: 1024,
  messageBytes: 8 * 1024 * 1024,
  readBytes: 1024 * 1024,
  changesPerAnswer: 2000,
  removedRemembered: 10_000,
  orphanBytes: 256 * 1024 * 1024,
  locks: 4096,
  lives: 256,
};

/**
 * Bytes of a piece of a file's content, the unit in which it is stored, cached and found stale. A row of a Durable
 * Object may have 2 MB; a page of SQLite has 4 KiB, and writing one rewrites its piece: 64 KiB is between.
 */
export const PIECE_BYTES: number = 64 * 1024;
