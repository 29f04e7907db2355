// The gateway of a deployment that has a configuration: its files and applications as a Worker has them.

import { memoryStore } from "../../gateway/cache/index.ts";
import { longestRead } from "../../gateway/config/applications.ts";
import { compileConfig } from "../../gateway/config/compile.ts";
import type { CacheZone, GatewayConfig, UpstreamConfig } from "../../gateway/config/config.ts";
import { paramVariables } from "../../gateway/config/param-variables.ts";
import { fromPlain } from "../../gateway/config/plain.ts";
import { compileTemplate } from "../../gateway/config/template.ts";
import {
  type CreateResponse,
  createConfiguredGateway,
  createTracing,
  DEFAULT_TIMEOUTS,
  type FileSource,
  type Gateway,
  type GatewayResources,
  type ObservedExchange,
} from "../../gateway/index.ts";
import { logFormat } from "../../gateway/observe/log-format.ts";
import { createUpstream } from "../../gateway/upstream/index.ts";
import { parseAddress } from "../../transport/address.ts";
import { connectSocket, dialTcp } from "../../transport/cloudflare/socket.ts";
import { type ConnectExchangeOptions, connectExchange } from "../../transport/connect-exchange.ts";
import type { Exchange } from "../../transport/exchange.ts";
import { filesBelow } from "./asset-files.ts";
import { cacheApiStore } from "./cache-api.ts";
import type { EdgeSettings } from "./settings.ts";

/** What the deployment has, whatever the configuration. */
export interface EdgeParts {
  readonly createResponse: CreateResponse;
  readonly onError: NonNullable<GatewayResources["onError"]>;
  readonly onStderr: NonNullable<GatewayResources["onStderr"]>;
  /** The files below the document root of the settings. */
  readonly files: FileSource;
  /** The pool of the deployment, or what takes its place. */
  readonly pool: Exchange;
}

/** @param purgeToken in the place of the configuration's; it does not allow purges by itself */
export function configuredEdge(settings: EdgeSettings, parts: EdgeParts, purgeToken?: string): Gateway {
  const config = withPurge(fromPlain(settings.config), purgeToken);
  const compiled = compileConfig(config, { root: settings.documentRoot });
  const readTimeout = longestRead(compiled, DEFAULT_TIMEOUTS.read);
  const tracing = config.tracing === false ? undefined : createTracing({ start: config.tracing?.start ?? "never" });
  const { files, pool, ...rest } = parts;
  const line = config.log === undefined ? undefined : logFormat(config.log.format ?? "combined");
  const { handle } = createConfiguredGateway(compiled, {
    ...rest,
    application: (name) => applicationOf(config, name, pool, readTimeout),
    files: (root) => filesBelow(files, settings.documentRoot, root),
    cacheStore,
    tracing,
    ...(line === undefined ? {} : { onAccess: (entry, logged) => void (logged && console.log(line(entry))) }),
  });
  return handle;
}

/** There is no "this machine" here: without a token or addresses nobody may purge. */
function withPurge(config: GatewayConfig, secret: string | undefined): GatewayConfig {
  const { purge } = config;
  if (purge === undefined) return config;
  const token = secret ?? purge.token;
  const { allow = token === undefined ? [] : ["all"] } = purge;
  return { ...config, purge: { allow, ...(token !== undefined && { token }) } };
}

function applicationOf(
  config: GatewayConfig,
  name: string | undefined,
  pool: Exchange,
  readTimeout: number,
): ObservedExchange {
  if (name === undefined || name in (config.pools ?? {})) return pool;
  return upstreamOf(name, config.upstreams?.[name] ?? { servers: [name] }, readTimeout);
}

/** Connections are opened for each request: what was made in one cannot be used in another. */
function upstreamOf(name: string, config: UpstreamConfig, longestRead: number): ObservedExchange {
  const { connectTimeout, sendTimeout, readTimeout = longestRead, balance, nextUpstream } = config;
  const options: ConnectExchangeOptions = {
    ...(connectTimeout === undefined ? {} : { connectTimeout }),
    ...(sendTimeout === undefined ? {} : { sendTimeout }),
    readTimeout,
  };
  const key = typeof balance === "object" ? compileTemplate(balance.hash) : undefined;
  return createUpstream({
    name,
    servers: config.servers.map((written) => {
      const { address: text, ...server } = typeof written === "string" ? { address: written } : written;
      const address = parseAddress(text);
      if (address.type !== "tcp") throw new TypeError(`${text}: a Worker reaches tcp://host:port only`);
      return { ...server, name: text, exchange: connectExchange(connectSocket(dialTcp(address), text), options) };
    }),
    ...(key !== undefined
      ? { balance: { type: "hash", key: (params) => key(paramVariables(params)) } }
      : typeof balance === "string" && { balance }),
    ...(nextUpstream === undefined ? {} : { nextUpstream }),
    queue: { size: 0 },
  }).exchange;
}

function cacheStore(zone: string, { store, maxSize, inactive }: CacheZone) {
  if (store === "cache-api") {
    return cacheApiStore({ name: `edge-fpm-${zone}`, ...(inactive === undefined ? {} : { keepStale: inactive }) });
  }
  return memoryStore(maxSize === undefined ? {} : { maxBytes: maxSize });
}
