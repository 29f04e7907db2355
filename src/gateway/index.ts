// HTTP in, FastCGI exchanges out: a fetch-style handler in front of any application. `gateway.ts` has one folder and one
// application, `configured-gateway.ts` a whole configuration; `createGateway` takes either. Both go the same way:
//
//   request/   what the visitor sent: target, headers, body, and who that is
//   routing/   which site and location that is, and what is to be done: a decision
//   answer/    the steps from a decision to an answer: redirects inside, error pages, compression, speed
//   script/    one exchange with an application: params, output, spools      static/   files
//   cache/  upstream/  observe/                        each by itself, without the rest
//   config/  presets/                                  what can be configured, checked and compiled

export type { Coding } from "./answer/accept-encoding.ts";
export { type Compressor, streamCompressor } from "./answer/compress.ts";
export { failureStatus } from "./answer/failures.ts";
export type { CreateResponse, ReplyBody, ReplyInit } from "./answer/reply.ts";
export { assertConfig, checkConfig } from "./config/check.ts";
export { type CompileOptions, compileConfig } from "./config/compile.ts";
export {
  type CacheZone,
  defineConfig,
  type GatewayConfig,
  type PoolConfigEntry,
  type PresetName,
  type Site,
  type UpstreamConfig,
} from "./config/config.ts";
export { ConfigError, type Problem } from "./config/errors.ts";
export type { CacheUse, FastCgi, Location, LocationSettings, Rewrite } from "./config/location.ts";
export type { CompiledGateway } from "./config/resolved.ts";
export { type ConfiguredGateway, createConfiguredGateway } from "./configured-gateway.ts";
export { type ConfigOptions, createGateway, type PurgeableGateway } from "./create-gateway.ts";
export { GatewayError, type GatewayErrorCode } from "./errors.ts";
export type { Entry, FileEntry, FileSource } from "./files.ts";
export { createFolderGateway, type Gateway } from "./gateway.ts";
export {
  type AccessEntry,
  type CacheStatus,
  createTracing,
  GatewayMetrics,
  type LogEscape,
  type LogFormat,
  LogFormatError,
  logFormat,
  type MetricsOptions,
  OPENMETRICS_TYPE,
  type ServerTimings,
  serverTiming,
  type TraceContext,
  type Tracing,
  type TracingOptions,
  type UpstreamAttempt,
  type UpstreamServerState,
  withTrace,
} from "./observe/index.ts";
export {
  DEFAULT_LIMITS,
  DEFAULT_TIMEOUTS,
  type GatewayLimits,
  type GatewayOptions,
  type GatewayTimeouts,
  type RequestInfo,
  type RequestName,
} from "./options.ts";
export { type Client, clientOf, type ForwardedOptions, type TrustedPeers, trustedPeers } from "./request/forwarded.ts";
export type { GatewayResources } from "./resources.ts";
export type { ObservedExchange } from "./script/script-settings.ts";
export type { Spool, SpooledBody } from "./spool.ts";
