// edge-fpm/node: what of this package needs Node. An HTTP server, files, sockets, and PHP in worker threads.
// The pool is in edge-fpm/fpm, the gateway in edge-fpm/gateway.

export { ChildLink } from "../../dispatch/child-link.ts";
export { type ServeConnectionOptions, serveConnection } from "../../dispatch/listener.ts";
export { type MasterPagesOptions, type StatusSource, withMasterPages } from "../../dispatch/master-pages.ts";
export {
  type ChildLease,
  type ChildPool,
  type PoolExchangeLimits,
  type PoolExchangeOptions,
  poolExchange,
} from "../../dispatch/pool-exchange.ts";
export type { RequestLogOptions } from "../../dispatch/request-log.ts";
export { type Mail, MailError, type MailErrorCode, type MailLimits, type SendMail } from "../../mail/index.ts";
export { PhpError, type PhpErrorCode } from "../../php/errors.ts";
export { type Address, formatAddress, parseAddress } from "../../transport/address.ts";
export type {
  ApplicationLink,
  ApplicationLinkLimits,
  ApplicationLinkOptions,
} from "../../transport/application-link.ts";
export {
  type ConnectExchangeOptions,
  type ConnectedExchange,
  connectExchange,
} from "../../transport/connect-exchange.ts";
export {
  type Body,
  type Exchange,
  type ExchangeEnd,
  ExchangeError,
  type ExchangeErrorCode,
  type ExchangeRequest,
  type ExchangeSink,
} from "../../transport/exchange.ts";
export { connectAddress, connectTcp, connectUnix } from "../../transport/node/connect.ts";
export { listen, type NodeListener, type NodeListenOptions } from "../../transport/node/listen.ts";
export type { Connect, Transport, TransportHandler } from "../../transport/transport.ts";
export { type DiskStore, type DiskStoreOptions, diskStore } from "./cache-disk.ts";
export { nodeCompressor } from "./compress.ts";
export { type ConfigFile, ConfigFileError, findConfigFile, loadConfigFile } from "./config-file.ts";
export { type NodeFilesOptions, nodeFiles } from "./files.ts";
export {
  createHttpServer,
  createNodeResponse,
  type Handler,
  type HttpServer,
  type HttpServerOptions,
  type ListenAddress,
  type RefusedRequest,
} from "./http-server.ts";
export {
  choosePhpVersion,
  installedPhpVersions,
  PHP_VERSIONS,
  type PhpLookup,
  type PhpVersion,
} from "./php-versions.ts";
export { type SmtpOptions, smtpMailer } from "./smtp.ts";
export {
  type CompileProgress,
  createThreadSpawn,
  type PoolSettings,
  type ThreadMail,
  type ThreadOutput,
  type ThreadSpawn,
  type ThreadSpawnOptions,
} from "./spawn-thread.ts";
export { nodeSpool } from "./spool.ts";
