// The upstreams of a configuration file, and single addresses that its locations name, as applications.

import type { UpstreamConfig, UpstreamServer } from "../gateway/config/config.ts";
import { paramVariables } from "../gateway/config/param-variables.ts";
import { compileTemplate } from "../gateway/config/template.ts";
import { type Balance, createUpstream, pingCheck, type Upstream } from "../gateway/upstream/index.ts";
import { formatAddress, parseAddress } from "../transport/address.ts";
import { type ConnectedExchange, connectExchange } from "../transport/connect-exchange.ts";
import { connectAddress } from "../transport/node/connect.ts";

export interface StartedUpstream {
  readonly upstream: Upstream;
  /** Connections to each server, by its name. */
  readonly connections: ReadonlyMap<string, ConnectedExchange>;
  close(): void;
}

/**
 * @param readTimeout longest silence when the upstream does not say, in milliseconds
 * @throws {TypeError} that names all that is wrong
 */
export function startUpstream(name: string, config: UpstreamConfig, readTimeout: number): StartedUpstream {
  const connections = new Map<string, ConnectedExchange>();
  const servers = config.servers.map((written) => {
    const server: UpstreamServer = typeof written === "string" ? { address: written } : written;
    const { address: text, ...rest } = server;
    const address = parseAddress(text);
    const exchange = connectExchange(connectAddress(address), {
      ...(config.keep === undefined ? {} : { maxIdle: config.keep }),
      ...(config.keepTimeout === undefined ? {} : { idleTimeout: config.keepTimeout }),
      ...(config.connectTimeout === undefined ? {} : { connectTimeout: config.connectTimeout }),
      ...(config.sendTimeout === undefined ? {} : { sendTimeout: config.sendTimeout }),
      readTimeout: config.readTimeout ?? readTimeout,
    });
    const known = formatAddress(address);
    connections.set(known, exchange);
    return { name: known, exchange, ...rest };
  });
  const { balance, nextUpstream, queue, healthCheck } = config;
  const upstream = createUpstream({
    name,
    servers,
    ...(balance === undefined ? {} : { balance: balanceOf(balance) }),
    ...(nextUpstream === undefined ? {} : { nextUpstream }),
    ...(queue === undefined ? {} : { queue }),
    ...(healthCheck === undefined ? {} : { healthCheck: healthCheckOf(healthCheck) }),
  });
  return {
    upstream,
    connections,
    close() {
      upstream.close();
      for (const exchange of connections.values()) exchange.close();
    },
  };
}

function balanceOf(balance: NonNullable<UpstreamConfig["balance"]>): Balance {
  if (typeof balance === "string") return balance;
  const key = compileTemplate(balance.hash);
  return { type: "hash", key: (params) => key(paramVariables(params)) };
}

function healthCheckOf({ path, ...rest }: NonNullable<UpstreamConfig["healthCheck"]>) {
  return { ...rest, check: pingCheck({ path }) };
}
