// The Worker that visitors reach: HTTP in, static files from the assets, FastCGI to the pool for everything else. A TCP
// connection is FastCGI already and goes through.

import type { Socket } from "cloudflare:sockets";
import settings from "edge-fpm:settings";
import archive from "app.zip";
import { type EdgeGateway, edgeGateway, type WorkContext } from "../src/platform/workers/edge-gateway.ts";
import type { EdgeEnvironment } from "../src/platform/workers/environment.ts";

export { Pool, PoolStatus } from "./pool.ts";

const gateways = new WeakMap<EdgeEnvironment, EdgeGateway>();

function gatewayFor(env: EdgeEnvironment): EdgeGateway {
  const known = gateways.get(env);
  if (known !== undefined) return known;
  const gateway = edgeGateway(env, settings, archive);
  gateways.set(env, gateway);
  return gateway;
}

export default {
  fetch: (request: Request, env: EdgeEnvironment, context: WorkContext): Promise<Response> =>
    gatewayFor(env).fetch(request, context),
  scheduled: (_event: unknown, env: EdgeEnvironment): Promise<void> => gatewayFor(env).wake(),
  connect: (socket: Socket, env: EdgeEnvironment): Promise<void> => gatewayFor(env).connect(socket),
};
