// The gateway of a deployment: our gateway over the assets and the pool's Durable Object, or over a FastCGI application
// elsewhere.

import { byteStringToUtf8, utf8ToByteString } from "../../codec/index.ts";
import { createPlatformResponse } from "../../gateway/answer/reply.ts";
import { type CreateResponse, createFolderGateway, type Gateway, type RequestInfo } from "../../gateway/index.ts";
import { parseAddress } from "../../transport/address.ts";
import { fetchExchange } from "../../transport/cloudflare/fetch-exchange.ts";
import { connectSocket, type Dial, dialBinding, dialTcp, splice } from "../../transport/cloudflare/socket.ts";
import { connectExchange } from "../../transport/connect-exchange.ts";
import type { Exchange } from "../../transport/exchange.ts";
import type { StreamSocket } from "../../transport/streams-socket.ts";
import { assetFiles, knownFiles } from "./asset-files.ts";
import { configuredEdge, type EdgeParts } from "./edge-config.ts";
import type { EdgeEnvironment, PoolStub } from "./environment.ts";
import { filesRoute } from "./files-route.ts";
import type { EdgeSettings } from "./settings.ts";
import { WrittenFiles } from "./written-files.ts";

/** As much of the platform's context as is used. */
export interface WorkContext {
  waitUntil(promise: Promise<unknown>): void;
}

/** Both ways in. */
export interface EdgeGateway {
  /** @param context the platform's: work that goes on behind an answer is told to it */
  fetch(request: Request, context?: WorkContext): Promise<Response>;
  /** FastCGI of a web server, over TCP: it goes through as it is. */
  connect(socket: StreamSocket): Promise<void>;
  /** Wakes the pool's object, which sees to its schedule: after a deployment nobody else may. */
  wake(): Promise<void>;
}

/** The address by which children and pools are dialled: nobody looks at it. */
const ADDRESS = "pool:9000";

/** The gateway Worker's handler: assets, scripts through the pool's object, the configuration. */
export function edgeGateway(env: EdgeEnvironment, settings: EdgeSettings, archive: ArrayBuffer): EdgeGateway {
  const { mount, documentRoot } = settings;
  const upstream = upstreamOf(env, settings.pool.name ?? "www", documentRoot);
  const { written } = upstream;
  const folder = documentRoot === mount ? "" : documentRoot.slice(mount.length + 1);
  const parts: EdgeParts = {
    files: assetFiles(knownFiles(new Uint8Array(archive), folder, settings.assets), env.ASSETS, written),
    pool: written?.watching(upstream.exchange) ?? upstream.exchange,
    createResponse: createEdgeResponse,
    onError: (error, { method, target }, status, broken) => {
      if (status < 500 && !broken) return;
      console.error(`[gateway] ${method} ${target} ${status}${broken ? " broke off" : ""}: ${describe(error)}`);
    },
    // The children of our own pool log themselves.
    onStderr: (line, { method, target }) => {
      if (upstream.foreign) console.error(`[gateway] ${method} ${target} stderr: ${line}`);
    },
  };
  const gateway =
    settings.config === undefined
      ? plainGateway(settings, parts)
      : configuredEdge(settings, parts, env.EDGE_FPM_PURGE_TOKEN);
  const files = upstream.foreign ? () => undefined : filesRoute(env.EDGE_FPM_FILES_TOKEN, upstream.stub);
  return {
    fetch: (request, context) => files(request) ?? gateway(request, infoOf(request, context)),
    connect: (socket) => splice(socket, upstream.dial()),
    async wake() {
      if (upstream.foreign) return;
      const answer = await env.POOL.get(env.POOL.idFromName(settings.pool.name ?? "www")).fetch("http://pool/cron");
      await answer.body?.cancel();
    },
  };
}

/** One folder, one application. */
function plainGateway(settings: EdgeSettings, { pool, ...parts }: EdgeParts): Gateway {
  const { documentRoot, frontController, index } = settings;
  return createFolderGateway({
    ...parts,
    documentRoot,
    exchange: pool,
    ...(frontController === undefined ? {} : { frontController }),
    ...(index === undefined ? {} : { index }),
  });
}

interface Upstream {
  readonly exchange: Exchange;
  readonly dial: Dial;
  /** What scripts have written; undefined: their files are elsewhere. */
  readonly written: WrittenFiles | undefined;
  /** Not a pool of ours. */
  readonly foreign: boolean;
  /** The pool's object. */
  readonly stub: () => PoolStub;
}

function upstreamOf(env: EdgeEnvironment, pool: string, documentRoot: string): Upstream {
  const { UPSTREAM } = env;
  // A stub belongs to the request that made it.
  const stub = () => env.POOL.get(env.POOL.idFromName(pool));
  if (UPSTREAM === undefined || UPSTREAM === "") {
    return {
      stub,
      exchange: fetchExchange(stub, `http://${pool}/`),
      dial: dialBinding(stub, ADDRESS),
      written: new WrittenFiles({ binding: stub, documentRoot }),
      foreign: false,
    };
  }
  const name = typeof UPSTREAM === "string" ? UPSTREAM : "the binding UPSTREAM";
  const dial = typeof UPSTREAM === "string" ? dialText(UPSTREAM) : dialBinding(() => UPSTREAM, ADDRESS);
  const exchange = connectExchange(connectSocket(dial, name));
  return { stub, exchange, dial, written: undefined, foreign: true };
}

function dialText(text: string): Dial {
  const address = parseAddress(text);
  if (address.type !== "tcp") throw new TypeError(`UPSTREAM is ${text}: a Worker reaches tcp://host:port only`);
  return dialTcp(address);
}

/** What the platform tells of a request beside the `Request`. */
function infoOf(request: Request, context: WorkContext | undefined): RequestInfo {
  const { headers } = request;
  const url = new URL(request.url);
  const protocol = (request as { cf?: { httpProtocol?: string } }).cf?.httpProtocol;
  const pairs: [string, string][] = [];
  // This runtime reads header values as UTF-8.
  for (const [name, value] of headers) pairs.push([name, utf8ToByteString(value)]);
  // By which the log lines of one request are found again.
  if (!headers.has("x-request-id")) pairs.push(["x-request-id", headers.get("cf-ray") ?? crypto.randomUUID()]);
  return {
    headers: pairs,
    protocol: protocol ?? "HTTP/1.1",
    remoteAddress: headers.get("cf-connecting-ip") ?? undefined,
    serverPort: url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port),
    waitUntil: context && ((promise) => context.waitUntil(promise)),
  };
}

/** This runtime writes header values as UTF-8: bytes that are UTF-8 stay as they are so. */
const createEdgeResponse: CreateResponse = (body, init) =>
  createPlatformResponse(body, {
    ...init,
    headers: init.headers.map(([name, value]) => [name, ASCII.test(value) ? value : byteStringToUtf8(value)]),
  });

// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is asked for.
const ASCII = /^[\x00-\x7f]*$/;

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
