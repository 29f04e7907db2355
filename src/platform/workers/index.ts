// edge-fpm/workers: what of this package needs the Workers runtime. Sockets and bindings, the gateway of a deployment,
// the pool's Durable Object, the interpreter of an isolate, the Cache API. `edge-fpm build` puts them together.

export { answerFetch, connectFetch, type FetchAnswer, type FetchBinding } from "../../transport/cloudflare/fetch.ts";
export { fetchExchange } from "../../transport/cloudflare/fetch-exchange.ts";
export {
  type ConnectBinding,
  connectSocket,
  type Dial,
  dialBinding,
  dialTcp,
  socketTransport,
  splice,
  untilClosed,
} from "../../transport/cloudflare/socket.ts";
export {
  type ConnectExchangeOptions,
  type ConnectedExchange,
  connectExchange,
} from "../../transport/connect-exchange.ts";
export {
  type Exchange,
  type ExchangeEnd,
  ExchangeError,
  type ExchangeErrorCode,
  type ExchangeRequest,
  type ExchangeSink,
} from "../../transport/exchange.ts";
export type { StreamSocket } from "../../transport/streams-socket.ts";
export type { Connect, Transport, TransportHandler } from "../../transport/transport.ts";
export { type Assets, assetFiles, type KnownFile, knownFiles } from "./asset-files.ts";
export { type CacheApiOptions, cacheApiStore } from "./cache-api.ts";
export { type EdgeGateway, edgeGateway, type WorkContext } from "./edge-gateway.ts";
export { type EdgeEnvironment, type PoolNamespace, type PoolStub, scriptEnvironment } from "./environment.ts";
export { type InterpreterParts, ResidentInterpreter, type Start, type Started } from "./interpreter.ts";
export {
  type PoolConstructor,
  type PoolObject,
  type PoolObjectState,
  type PoolParts,
  PoolStatus,
  type PoolStatusConstructor,
  type PoolStatusSource,
  poolClass,
} from "./pool-object.ts";
export { type ChildOptions, serveChild } from "./serve-child.ts";
export { type ChildEnvironment, type ChildSettings, type EdgeSettings, MOST_CHILDREN } from "./settings.ts";
export { type DynamicWorkerCode, type OpenChild, openDynamicWorker, type WorkerLoader } from "./spawn-child.ts";
