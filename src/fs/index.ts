// One durable file system for all children of a pool: the store, its locks, and what children say to it.

export { type BaseEntry, type BaseFiles, baseFromFiles, NO_BASE } from "./base.ts";
export {
  type CommitAnswer,
  CommitError,
  FileClient,
  type SendToStore,
  type Staging,
  type StoreSizes,
} from "./client.ts";
export { type Errno, FileError, FileStoreError, type FileStoreErrorCode } from "./errno.ts";
export { exportTar } from "./export.ts";
export { decodeFrame, encodeFrame, FrameReader } from "./frame.ts";
export type { BatchRecord, FileHome } from "./home.ts";
export { type ImportResult, TarImport } from "./import.ts";
export { DEFAULT_LIMITS, PIECE_BYTES, type StoreLimits } from "./limits.ts";
export {
  type Lock,
  type LockConflict,
  type LockOutcome,
  type LockPlace,
  LockTable,
  TO_END,
  type Waiting,
} from "./locks.ts";
export { MemoryHome } from "./memory-home.ts";
export { type Changes, type NodeChange, type NodeRecord, type NodeType, ROOT } from "./node.ts";
export type { FileOperation, WriteData } from "./operation.ts";
export type { ChildMessage, ContentRange, InodeRange, LockAnswer, LockWish, StoreAnswer } from "./protocol.ts";
export { FileService, type FileServiceOptions } from "./service.ts";
export { BatchError, type CommitOptions, type Committed, FileStore, type FileStoreOptions } from "./store.ts";
export { TAR_END, type TarEntry, TarReader, tarHeader, tarPadding } from "./tar.ts";
export { byteLength } from "./tree.ts";
