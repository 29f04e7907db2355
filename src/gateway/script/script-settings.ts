// How the scripts of one location are run, with every default in its place.

import { type NameValue, toByteString } from "../../cgi/index.ts";
import type { ExchangeEnd, ExchangeRequest, ExchangeSink } from "../../transport/exchange.ts";
import {
  DEFAULT_LIMITS,
  DEFAULT_TIMEOUTS,
  type GatewayLimits,
  type GatewayOptions,
  type GatewayTimeouts,
} from "../options.ts";
import type { Visit } from "../request/visit.ts";
import type { Spool } from "../spool.ts";
import type { Attempt, Patience } from "../upstream/observer.ts";
import type { HeaderPolicy } from "./response-head.ts";
import type { SendFolder } from "./send-file.ts";

/** An exchange that may tell of the servers it tried, and try another one when the gateway has waited long enough. */
export type ObservedExchange = (
  request: ExchangeRequest,
  sink: ExchangeSink,
  signal: AbortSignal,
  observer?: (attempt: Attempt) => void,
  patience?: Patience,
) => Promise<ExchangeEnd>;

export interface ScriptSettings {
  readonly exchange: ObservedExchange;
  /** For the log: the name of the application, or its address. */
  readonly application: string;
  readonly limits: GatewayLimits;
  readonly timeouts: GatewayTimeouts;
  /** Byte string, as the application sees it. */
  readonly documentRoot: string;
  /** SERVER_NAME; what the Host header says when absent. */
  readonly serverName?: string | undefined;
  readonly serverSoftware: string;
  readonly underscoresInHeaders: boolean;
  /** Own params, byte strings. */
  readonly params: readonly NameValue[];
  /** Own params that differ from request to request. */
  readonly paramsOf?: ((visit: Visit) => readonly NameValue[]) | undefined;
  readonly passRequestHeaders: boolean;
  readonly passRequestBody: boolean;
  readonly policy?: HeaderPolicy | undefined;
  readonly buffering: boolean;
  readonly requestBuffering: boolean;
  readonly spool?: Spool | undefined;
  /** Bytes a second; 0 for no limit. */
  readonly limitRate: number;
  readonly ignoreClientAbort: boolean;
  readonly catchStderr?: readonly string[] | undefined;
  readonly forceRanges: boolean;
  readonly intercepted?: ((status: number) => boolean) | undefined;
  /** Where X-Sendfile may name files. */
  readonly sendFolders: readonly SendFolder[];
}

/** The settings of a gateway of one site. */
export function plainSettings(options: GatewayOptions): ScriptSettings {
  return {
    exchange: options.exchange,
    application: "application",
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    timeouts: { ...DEFAULT_TIMEOUTS, ...options.timeouts },
    documentRoot: toByteString(options.documentRoot),
    serverName: options.serverName,
    serverSoftware: options.serverSoftware ?? "edge-fpm",
    underscoresInHeaders: options.underscoresInHeaders === true,
    params: (options.params ?? []).map(([name, value]) => [toByteString(name), toByteString(value)]),
    passRequestHeaders: true,
    passRequestBody: true,
    buffering: options.buffering !== false,
    requestBuffering: options.requestBuffering !== false,
    spool: options.spool,
    limitRate: 0,
    ignoreClientAbort: false,
    forceRanges: false,
    sendFolders: [{ name: withoutSlash(toByteString(options.documentRoot)), files: options.files }],
  };
}

function withoutSlash(folder: string): string {
  return folder.length > 1 && folder.endsWith("/") ? folder.slice(0, -1) : folder;
}
