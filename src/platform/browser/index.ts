// edge-fpm/browser: PHP in a page. Children are Web Workers with one interpreter each and one file system.
// The pool is in edge-fpm/fpm, the gateway in edge-fpm/gateway.

export { ChildLink } from "../../dispatch/child-link.ts";
export { type ServeConnectionOptions, serveConnection } from "../../dispatch/listener.ts";
export {
  type ChildLease,
  type ChildPool,
  type PoolExchangeLimits,
  type PoolExchangeOptions,
  poolExchange,
} from "../../dispatch/pool-exchange.ts";
export { PhpError, type PhpErrorCode } from "../../php/errors.ts";
export type { PhpGlue } from "../../php/glue.ts";
export {
  type Exchange,
  type ExchangeEnd,
  ExchangeError,
  type ExchangeErrorCode,
  type ExchangeRequest,
  type ExchangeSink,
} from "../../transport/exchange.ts";
export type { Transport, TransportHandler } from "../../transport/transport.ts";
export type { FileChanges, FileEnvelope, SharedFile, WorkerEnd } from "./child-messages.ts";
export { bestAsyncMode, type LoadPhpOptions, type LoadProgress, loadPhp, type PhpDownload } from "./load-php.ts";
export { type NoStorage, openPageHome, type PageHome } from "./opfs/open.ts";
export type { SyncFile } from "./opfs/sync-file.ts";
export { type OpfsFiles, OpfsHome } from "./opfs-home.ts";
export { type FileFacts, PageFiles, type PageFilesOptions } from "./page-files.ts";
export { type LoadGlue, serveWorkerChild } from "./serve-worker.ts";
export {
  type ChildWorker,
  createWorkerSpawn,
  type WorkerImage,
  type WorkerSpawnOptions,
  type WorkerStart,
} from "./spawn-worker.ts";
