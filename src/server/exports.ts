// What every platform's entry point of edge-fpm/server exports besides `serve`.

export type { Role } from "../codec/index.ts";
export { type Address, formatAddress } from "../transport/address.ts";
export { fromStreams, type StreamPair } from "../transport/streams.ts";
export type { Opened, StreamSocket } from "../transport/streams-socket.ts";
export type { Transport, TransportHandler } from "../transport/transport.ts";
export { FastCgiApplication, handleConnection, type ServedConnection } from "./application.ts";
export {
  type ApplicationServerOptions,
  DEFAULT_SERVER_LIMITS,
  type FastCgiContext,
  type FetchHandler,
  type ServerLimits,
} from "./options.ts";
export type { ListenAt, ServeOptions, Server } from "./serve.ts";
