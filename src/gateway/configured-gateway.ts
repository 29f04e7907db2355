// Request -> Response by a configuration: many sites, locations and applications.

import { type Answer, answerVisit } from "./answer/answer.ts";
import { countBody } from "./answer/count-body.ts";
import { failureReply, failureStatus } from "./answer/failures.ts";
import { finishReply } from "./answer/finish.ts";
import { createPlatformResponse } from "./answer/reply.ts";
import type { Routes } from "./answer/step.ts";
import type { Purge } from "./cache/store.ts";
import type { CompiledGateway } from "./config/resolved.ts";
import type { Gateway } from "./gateway.ts";
import { OPENMETRICS_TYPE } from "./observe/openmetrics.ts";
import { Recorder } from "./observe/recorder.ts";
import { DEFAULT_LIMITS, type RequestInfo } from "./options.ts";
import { endsInStar, mayPurge, type PurgeZone, purgedVisit, purgeReply } from "./purge.ts";
import { isAllowed } from "./request/allowed.ts";
import { clientOf, type TrustedPeers } from "./request/forwarded.ts";
import { beginVisit, originLength } from "./request/request-check.ts";
import { hostName } from "./request/target.ts";
import { lookUpHeader, schemeOf, type Visit } from "./request/visit.ts";
import type { GatewayResources } from "./resources.ts";
import { configuredRoutes } from "./routing/configured-routes.ts";
import { requestVariables } from "./routing/variables.ts";
import { Caches } from "./script/cached-script.ts";
import { locationSettings } from "./script/location-settings.ts";

/** A gateway with a configuration. */
export interface ConfiguredGateway {
  /** Answers requests; may be called any number of times at once. */
  readonly handle: Gateway;
  /**
   * Forgets answers of a cache zone.
   * @returns how many; `undefined` where the store cannot know
   */
  purge(zone: string, purge: Purge): Promise<number | undefined>;
}

/** For a visitor who left: nginx's log has this number, and nobody sees the response. */
const CLIENT_CLOSED_REQUEST = 499;

/** Makes the handler of a whole configuration. */
export function createConfiguredGateway(config: CompiledGateway, resources: GatewayResources): ConfiguredGateway {
  const limits = { ...DEFAULT_LIMITS, ...config.limits };
  const create = resources.createResponse ?? createPlatformResponse;
  const caches = new Caches(config, resources);
  const purge: PurgeZone = (zone, what) => caches.purge(zone, what);
  const observes = resources.onAccess !== undefined || config.serverTiming;
  const settings = locationSettings(config, resources);

  const handle: Gateway = async (request, info = {}) => {
    let visit: Visit | undefined;
    let recorder: Recorder | undefined;
    let answer: Answer;
    try {
      const sent = beginVisit(request, info, limits);
      const isPurge = config.purge !== undefined && sent.method === "PURGE";
      visit = withClient(isPurge ? purgedVisit(sent) : sent, config.trustedProxies);
      recorder = new Recorder(resources, visit, observes);
      const metrics = config.metrics === undefined ? undefined : await metricsReply(config, resources, visit);
      const routes = configuredRoutes(config, resources, settings, caches, recorder);
      if (isPurge) {
        answer = await purged(config, routes, visit, endsInStar(sent), purge);
        visit = { ...visit, requestUri: sent.requestUri };
      } else answer = metrics ?? (await answerVisit(routes, visit, recorder, config.debug));
      const finished = finishReply(answer.reply, answer.step, visit, resources, recorder.cacheStatus);
      if (finished !== undefined) await finished;
    } catch (error) {
      if (request.signal.aborted) {
        const gone = { status: CLIENT_CLOSED_REQUEST, headers: [] as [string, string][] };
        if (visit !== undefined) recorder?.end(visit, undefined, gone, 0, true);
        return create(null, gone);
      }
      const status = failureStatus(error);
      visit ??= unreadable(request, info, limits.maxUri);
      recorder ??= new Recorder(resources, visit, observes);
      recorder.failed(error, status);
      answer = { reply: failureReply(status, request.method, config.debug ? error : undefined), step: undefined };
    }
    const { reply, step } = answer;
    const timing = config.serverTiming ? recorder.timing() : undefined;
    if (timing !== undefined) reply.headers = [...reply.headers, ["Server-Timing", timing]];
    if (observes || resources.tracing !== undefined) {
      const [seen, over] = [visit, recorder];
      reply.body = countBody(reply.body, (bytes, whole) => over.end(seen, step, reply, bytes, !whole));
    }
    return create(reply.body, reply);
  };

  return { handle, purge };
}

/** The answer to a PURGE. */
async function purged(
  config: CompiledGateway,
  routes: Routes,
  visit: Visit,
  prefix: boolean,
  purge: PurgeZone,
): Promise<Answer> {
  if (!(await mayPurge(config, visit))) return { reply: failureReply(403, "PURGE"), step: undefined };
  const step = await routes.next(visit, undefined, undefined);
  return { reply: await purgeReply(config, step, prefix, purge), step: undefined };
}

/** With what is known of the visitor, and the request's variables. */
function withClient(visit: Visit, trusted: TrustedPeers | undefined): Visit {
  const { info, headers } = visit;
  const client = trusted === undefined ? undefined : clientOf(info, headers, trusted);
  const host = hostName(client?.host ?? lookUpHeader(visit, "host"));
  const variables = requestVariables({
    method: visit.method,
    requestUri: visit.requestUri,
    headers,
    host,
    scheme: client?.scheme ?? schemeOf(visit),
    protocol: info.protocol,
    remoteAddress: client === undefined ? info.remoteAddress : client.remoteAddress,
    remotePort: client === undefined ? info.remotePort : client.remotePort,
    serverAddress: info.serverAddress,
    serverPort: client === undefined ? info.serverPort : client.port,
  });
  return { ...visit, client, host, variables };
}

/** A request that could not be read, for the log. */
function unreadable(request: Request, info: RequestInfo, maxUri: number): Visit {
  const uri = (info.target ?? request.url.slice(originLength(request.url))).slice(0, maxUri);
  const headers = info.headers ?? request.headers;
  const target = { uri, path: "/", query: "" };
  return { request, info, headers, requestUri: uri, method: request.method, target, path: "/", hasBody: false };
}

/** The page for monitors, for those who may see it; others do not learn that there is one. */
async function metricsReply(
  { metrics }: CompiledGateway,
  resources: GatewayResources,
  visit: Visit,
): Promise<Answer | undefined> {
  if (metrics === undefined || resources.metrics === undefined || visit.path !== metrics.path) return undefined;
  if (!isAllowed(metrics.allow, visit)) return undefined;
  const page = new TextEncoder().encode(await resources.metrics());
  const headers: [string, string][] = [
    ["Content-Type", OPENMETRICS_TYPE],
    ["Content-Length", String(page.length)],
    ["Cache-Control", "no-store"],
  ];
  return { reply: { status: 200, headers, body: visit.method === "HEAD" ? null : page }, step: undefined };
}
