// What every platform's entry point of edge-fpm/client exports besides `connect`.

export { CgiError, type CgiErrorCode, type CgiHead, type NameValue } from "../cgi/index.ts";
export { type Address, formatAddress, parseAddress } from "../transport/address.ts";
export {
  type Body,
  type ExchangeEnd,
  ExchangeError,
  type ExchangeErrorCode,
} from "../transport/exchange.ts";
export { fromStreams, type StreamPair } from "../transport/streams.ts";
export type { Opened, StreamSocket } from "../transport/streams-socket.ts";
export type { Connect, Transport, TransportHandler } from "../transport/transport.ts";
export type { Answer, AnswerEnd } from "./answer.ts";
export type { Client, ClientOptions } from "./client.ts";
export { ClientError, type ClientErrorCode } from "./errors.ts";
export type { FastCgiInit, FilterData, HttpInit, RequestOptions } from "./request.ts";
export type { Opener, Target } from "./target.ts";
