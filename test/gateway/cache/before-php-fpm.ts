// A cache before a real php-fpm, without the rest of the gateway: for comparing it with nginx's.

import { CgiHeadParser } from "../../../src/cgi/index.ts";
import {
  type Cache,
  type CacheOptions,
  createCache,
  headersForScript,
  memoryStore,
} from "../../../src/gateway/cache/index.ts";
import { connectExchange } from "../../../src/transport/connect-exchange.ts";
import { connectTcp, connectUnix } from "../../../src/transport/node/connect.ts";
import type { FastCgiAddress } from "../../peers/address.ts";
import { scriptParams } from "../../peers/cgi-fcgi.ts";

export interface CachedScripts {
  readonly cache: Cache;
  /** Asks for a script below `root`, as a visitor would. */
  ask(request: Request): Promise<Response>;
}

/** @param root the document root, as php-fpm sees it too */
export function cachedScripts(root: string, address: FastCgiAddress, options: Partial<CacheOptions>): CachedScripts {
  const connect = address.kind === "unix" ? connectUnix(address.path) : connectTcp("127.0.0.1", address.port);
  const exchange = connectExchange(connect);
  const cache = createCache({ store: memoryStore(), statusHeader: "X-Cache-Status", ...options });

  const run = async (request: Request, method: string, headers: Iterable<[string, string]>): Promise<Response> => {
    const { pathname, search } = new URL(request.url);
    const params = scriptParams(root, pathname, {
      REQUEST_METHOD: method,
      REQUEST_URI: pathname + search,
      QUERY_STRING: search.slice(1),
    });
    for (const [name, value] of headers) params[`HTTP_${name.toUpperCase().replaceAll("-", "_")}`] = value;
    const parser = new CgiHeadParser();
    const chunks: Uint8Array[] = [];
    const sink = {
      stdout(chunk: Uint8Array) {
        const rest = parser.head === undefined ? parser.push(chunk) : chunk;
        if (rest !== undefined) chunks.push(rest.slice());
      },
      stderr() {},
    };
    await exchange({ role: "responder", params: Object.entries(params) }, sink, new AbortController().signal);
    parser.end();
    const { status = 200, headers: list = [] } = parser.head ?? {};
    const body = [204, 304].includes(status) ? null : Buffer.concat(chunks);
    return new Response(body, { status, headers: list as [string, string][] });
  };

  return {
    cache,
    async ask(request) {
      const { response } = await cache.handle(request, (conditional, { method, shared }) => {
        return run(request, method, shared ? headersForScript(request.headers, conditional) : [...request.headers]);
      });
      return response;
    },
  };
}
