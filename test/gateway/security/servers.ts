// The servers under attack: ours over a real php-fpm (over our own pool where there is none), and nginx over the same.

import { afterAll, beforeAll } from "vitest";
import { compileConfig } from "../../../src/gateway/config/compile.ts";
import {
  createConfiguredGateway,
  createGateway,
  type Gateway,
  type GatewayConfig,
  type GatewayOptions,
} from "../../../src/gateway/index.ts";
import { nodeFiles } from "../../../src/platform/node/files.ts";
import { createHttpServer, createNodeResponse, type RefusedRequest } from "../../../src/platform/node/http-server.ts";
import { nodeSpool } from "../../../src/platform/node/spool.ts";
import { parseAddress } from "../../../src/transport/address.ts";
import { connectExchange } from "../../../src/transport/connect-exchange.ts";
import { connectAddress } from "../../../src/transport/node/connect.ts";
import { addressUrl } from "../../peers/address.ts";
import { startServe } from "../../peers/edge-fpm.ts";
import { startNginx } from "../../peers/nginx.ts";
import { missingPeers } from "../../peers/peer.ts";
import { startPhpFpm } from "../../peers/php-fpm.ts";

export interface Servers {
  readonly port: number;
  /** Ours with a configuration that says nothing, and with the locations that most guides have for nginx. */
  readonly configuredPort: number;
  readonly guidePort: number;
  /** nginx before the same php-fpm; 0 where one of them is not installed. */
  readonly nginxPort: number;
  /** What our HTTP server refused by itself. Empty over our own pool, which runs in a process of its own. */
  readonly refusals: RefusedRequest[];
}

/** `location ~ \.php(/|$)` and `try_files $uri $uri/ =404`. */
const GUIDE: GatewayConfig = {
  locations: [
    { regex: /\.php(?:\/|$)/, fastcgi: { splitPathInfo: /^(.+?\.php)(\/.*)?$/ } },
    { prefix: "/", tryFiles: ["$uri", "$uri/", "=404"] },
  ],
};

const portOf = (url: string) => Number(new URL(url).port);

/** Starts them before the tests of this file and stops them after. */
export function useServers(makeRoot: () => string, options: Partial<GatewayOptions> = {}): Servers {
  const servers = { port: 0, configuredPort: 0, guidePort: 0, nginxPort: 0, refusals: [] as RefusedRequest[] };
  const stops: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    const root = makeRoot();
    if (missingPeers(["php-fpm8.2"]).length > 0) {
      const serve = await startServe(root);
      stops.push(() => serve.stop());
      servers.port = servers.configuredPort = servers.guidePort = portOf(serve.baseUrl);
      return;
    }
    const fpm = await startPhpFpm({ listen: "unix", children: 4 });
    stops.push(() => fpm.stop());
    const exchange = connectExchange(connectAddress(parseAddress(addressUrl(fpm.address))));
    const listen = async (handler: Gateway) => {
      const http = createHttpServer({ handler, onRefuse: (refusal) => servers.refusals.push(refusal) });
      stops.push(() => http.close(0));
      const bound = await http.listen({ port: 0, host: "127.0.0.1" });
      return "port" in bound ? bound.port : 0;
    };
    const configured = (config: GatewayConfig) =>
      createConfiguredGateway(compileConfig(config, { root }), {
        files: (at, { followSymlinks }) => nodeFiles(at, { followSymlinks }),
        application: () => exchange,
        spool: nodeSpool(),
        createResponse: createNodeResponse,
      }).handle;
    servers.port = await listen(
      createGateway({
        documentRoot: root,
        files: nodeFiles(root),
        exchange,
        spool: nodeSpool(),
        createResponse: createNodeResponse,
        ...options,
      }),
    );
    servers.configuredPort = await listen(configured({}));
    servers.guidePort = await listen(configured(GUIDE));
    if (missingPeers(["nginx"]).length > 0) return;
    const nginx = await startNginx({ root, fastcgi: fpm.address });
    stops.push(() => nginx.stop());
    servers.nginxPort = portOf(nginx.baseUrl);
  });
  afterAll(async () => {
    for (const stop of stops.reverse()) await stop();
  });
  return servers;
}
